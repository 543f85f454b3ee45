"""Whatever text comes, lint gives findings and raises nothing."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marpack import ServerConfig, lint_config, lint_snapshot, properties
from tests.config.cases.case import ENTRY, STORE, manifests, models
from tests.config.cases.table import CASES
from tests.config.shipped_files import VALUES, shipped
from tests.property.strategies import json_values

DIGITS = "9" * 5000
# Beyond any limit of depth; test_json_at_every_depth goes deeper.
NESTED = ["[" * 20 + "]" * 20, "[" * 5_000, '{"a":' * 5_000]
HOSTILE_JSON = [
    "",
    "NaN",
    "[NaN]",
    "-Infinity",
    "1e999",
    "-1e999",
    "1e-999",
    DIGITS,
    f'"{DIGITS}"',
    f'"-{DIGITS}"',
    '"٣"',
    '"²"',
    "null",
    "true",
    "{}",
    "[]",
    "[[]]",
    '""',
    '"\\ud800"',
    '"\\\\ud800"',
    '"\\u0000"',
    '{"": {"": {}}}',
    '{"a": 1, "a": 2}',
    *NESTED,
]
NUMBERS = ("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay", "responseTimeout", "startupTimeout")


def documents(value: str) -> list[str]:
    """Return texts of snapshots and models in which a JSON value stands everywhere."""
    entry = ", ".join(f'"{name}": {value}' for name in (*NUMBERS, "marName", "defaultVersion", "runtimeType"))
    one = json.dumps({**ENTRY, "maxBatchDelay": 1})
    return [
        value,
        f'{{"models": {value}, "modelCount": {value}, "name": {value}, "created": {value}}}',
        f'{{"models": {{"m": {value}}}, "modelCount": 1}}',
        f'{{"models": {{"m": {{"1.0": {value}}}}}, "modelCount": 1}}',
        f'{{"models": {{"m": {{"1.0": {{{entry}}}}}}}, "modelCount": {value}}}',
        f'{{"m": {{"1.0": {{{entry}}}}}}}',
        *[
            f'{{"models": {{"m": {{"1.0": {one[:-1]}, "{name}": {value}}}}}}}, "modelCount": 1, "x": {value}}}'
            for name in (*NUMBERS, "parallelLevel", "runtimeType", "y")
        ],
        *[f'{{"m": {{"1.0": {{"{name}": {value}}}}}}}' for name in (*NUMBERS, "runtimeType")],
    ]


def judge(data: str | bytes) -> None:
    """Hold a text against everything that may be asked of it: findings come back, nothing is raised."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    lines = raw.count(b"\n") + raw.count(b"\r") + 1
    told: list[dict[str, Any]] = [
        {},
        {"target": "kserve", "torchserve_version": "0.12.0", "file": "c.properties"},
        {"environ": {"A": "1", "AB": "\\", "TS_MODEL_STORE": "$"}, "archives": manifests(requirements_file="r")},
    ]
    for each in told:
        for finding in lint_config(data, **each):
            assert finding.code
            assert finding.severity in ("error", "warning", "note")
            assert finding.line is None or 1 <= finding.line <= lines
            str(finding).encode("utf-8")
    try:
        config = ServerConfig.loads(data)
    except properties.PropertiesError:
        return
    config.validate()
    repr(config)


@pytest.mark.parametrize(
    "text",
    [
        f"allowed_urls={'.?' * 40}x\nload_models=http://{'a' * 40}/m.mar",
        f"allowed_urls={'(.|.)' * 40}x\nload_models=http://{'a' * 40}/m.mar",
        f"allowed_urls={','.join(['a.*b.*c'] * 3000)}\nload_models={','.join(['http://' + 'ab' * 50] * 3000)}",
        f"blacklist_env_vars={'.?' * 40}x",
        f"blacklist_env_vars={'(P|Y|T|.)' * 40}x",
    ],
)
def test_patterns_that_match_for_ever(text: str) -> None:
    """Nothing is said of them: only Java can tell."""
    assert {"allowed-urls", "worker-environment"}.isdisjoint(finding.code for finding in lint_config(text))


@pytest.mark.slow
@pytest.mark.parametrize("value", HOSTILE_JSON, ids=lambda value: value[:20])
def test_hostile_json(value: str) -> None:
    for text in documents(value):
        judge(f"{STORE}model_snapshot={text}\n")
        judge(f"{STORE}models={text}\nload_models=all\n")
        for finding in lint_snapshot(text):
            str(finding).encode("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["model_snapshot", "models", "colour"])
@pytest.mark.parametrize("shape", ["[", '{"a":'])
def test_json_at_every_depth(kind: str, shape: str) -> None:
    """Wherever Python's limit strikes: while reading, comparing, or looking at the value."""
    close = "]" if shape == "[" else "}"
    for depth in (*range(900, 1000), 5000, 20_000):
        value = shape * depth + "1" + close * depth
        texts = [value]
        if kind == "model_snapshot":
            entry = json.dumps({**ENTRY, "maxBatchDelay": 0}).replace('"batchSize": 1', f'"batchSize": {value}')
            texts.append(f'{{"models": {{"m": {{"1.0": {entry}}}}}, "modelCount": 1}}')
            texts.append(f'{{"models": {{}}, "modelCount": {value}}}')
            texts.append(f'{{"models": {{}}, "x": {value}}}')
        for text in texts:
            lint_config(f"{kind}={text}")
            ServerConfig.loads(f"{kind}={text}").validate()


MUTABLE = [
    shipped("kserve"),
    shipped("front-end"),
    shipped("custom-metrics"),
    STORE + models(minWorkers=1, maxWorkers="2", runtimeType="python", batchSize=[3]),
    "".join(case.wrong + "\n" for case in CASES[8:] if isinstance(case.wrong, str) and len(case.wrong) < 500),
]
PIECES = [
    *["\\", "\\u", "\\u0041", "\\ud800", "\\n", "\n", "\r", "\r\n", "=", ":", " ", "\t", "\f", "#", "!", ",", "/"],
    *["$$AB$$", "$$A$$", "$$NO$$", "\xff", "\xfe", "\xef\xbb\xbf", "\0", "é", "\x85", "\u2028", "🙂", "\ud800"],
    *[
        "NaN",
        "1e999",
        "-1",
        "0",
        "99999999999",
        DIGITS,
        "null",
        "true",
        "{",
        "}",
        "[",
        "]",
        '"',
        "'",
        "(?",
        "a{9}{9}",
    ],
    *["http://", "https://", "unix:/", "file://", "..", "$$", "٣", "²", "{99999999999}", "[[", "(?i)", "\\N{x}"],
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A text of settings with pieces put in, taken out or doubled."""
    text = draw(st.sampled_from(MUTABLE))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 20)))
        text = text[:start] + draw(st.sampled_from([*PIECES, text[start:end] * 2])) + text[end:]
    return text


untimed = settings(deadline=None)


@untimed
@given(data=st.binary(max_size=200))
@example(data=b"\xff\xfea\0=\x001\0")
@example(data=b"=\n==\n\\ =\\ ")
def test_any_bytes(data: bytes) -> None:
    judge(data)


@pytest.mark.slow
@untimed
@given(text=mutated())
def test_any_text(text: str) -> None:
    judge(text)
    judge(text.encode("utf-8", "surrogatepass"))
    judge(text.encode("utf-16", "surrogatepass"))


@pytest.mark.slow
@untimed
@given(value=json_values | st.dictionaries(st.text(), st.dictionaries(st.text(), json_values)))
def test_any_json(value: object) -> None:
    text = json.dumps(value)
    snapshot = io.StringIO()
    properties.dump({"model_snapshot": text, "models": text, "load_models": "all"}, snapshot, style="java")
    judge(snapshot.getvalue())


@pytest.mark.slow
@untimed
@given(
    value=st.dictionaries(
        st.text(), st.dictionaries(st.text(), st.dictionaries(st.sampled_from(NUMBERS), json_values))
    )
)
def test_any_models(value: object) -> None:
    judge(f"load_models=all\nmodels={json.dumps(value)}".replace("\\", "\\\\"))


@untimed
@given(key=st.sampled_from(sorted(VALUES)), text=st.text() | st.sampled_from(PIECES) | st.integers().map(str))
def test_any_value_of_a_setting(key: str, text: str) -> None:
    judge(properties.dumps({key: text}, style="java"))
