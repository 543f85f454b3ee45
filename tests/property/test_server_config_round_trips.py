from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from marpack import ConfigError, Finding, NotPortableError, PropertiesError, ServerConfig, properties
from marpack.config.settings.environment import resolve
from marpack.config.settings.keys import KEYS, Key
from tests.property.strategies import json_values
from tests.property.test_snapshot_round_trips import snapshots

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])

texts = st.text() | st.text(st.sampled_from("ab =:#!\\\t\n\r\f$,é🙂\ud800"), max_size=6) | st.just("plain")
finite = st.floats(allow_nan=False, allow_infinity=False)


def values_of(key: Key) -> st.SearchStrategy[Any]:
    if key.name == "model_snapshot":
        return snapshots
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "bool": st.booleans(),
        "int": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "double": finite,
        "json": st.dictionaries(texts, st.dictionaries(texts, json_values, max_size=2), max_size=2),
    }
    return kinds.get(key.kind, texts)


others = st.dictionaries(texts.filter(lambda name: name not in KEYS), texts, max_size=3)
configs = st.builds(
    lambda known, extra: ServerConfig(**known, extra=extra),
    st.lists(st.sampled_from(list(KEYS.values())), max_size=5, unique=True).flatmap(
        lambda keys: st.fixed_dictionaries({key.attribute: values_of(key) for key in keys})
    ),
    others,
)


@untimed
@given(config=configs)
@example(config=ServerConfig(token_expiration_min=1e-7))
@example(config=ServerConfig(token_expiration_min=1e300))
@example(config=ServerConfig(extra={"": ""}))
def test_what_was_written_comes_back(config: ServerConfig) -> None:
    text = config.dumps(style="java")
    assert text.isascii()
    for source in (text, text.encode("ascii")):
        assert ServerConfig.loads(source) == config
    assert ServerConfig.loads(text).dumps(style="java") == text
    assert ServerConfig.from_properties(config.properties()) == config


@untimed
@given(config=configs)
def test_the_portable_form_comes_back_or_is_refused(config: ServerConfig) -> None:
    try:
        text = config.dumps()
    except NotPortableError:
        assume(False)
    assert text.isascii()
    again = ServerConfig.loads(text)
    assert again == config
    assert list(again.properties().items()) == list(config.properties().items())
    assert [line.partition("=")[0] for line in text.splitlines()] == list(config.properties())


@untimed
@given(config=configs, paths=st.lists(st.text(st.characters(exclude_characters=",\0")), max_size=3))
def test_lists_are_their_text(config: ServerConfig, paths: list[str]) -> None:
    given_list = ServerConfig(load_models=paths, allowed_urls=tuple(paths))
    assert given_list.properties() == {"load_models": ",".join(paths), "allowed_urls": ",".join(paths)}


# Whatever stands in a file, in any setting.
wild = (
    texts
    | json_values.map(json.dumps)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.integers(2**63).map(str)
)


@untimed
@given(mapping=st.dictionaries(st.sampled_from(sorted(KEYS)) | texts, wild, max_size=4))
@example(mapping={"token_expiration_min": "1e999"})
@example(mapping={"models": '{"a": 1e999}'})
@example(mapping={"models": "[" * 990 + "]" * 990})
@example(mapping={"models": '{"a":' * 985 + "1" + "}" * 985})
@example(mapping={"model_snapshot": '{"models": {}, "x": 1e999}'})
@example(mapping={"model_snapshot": '{"models": {}, "modelCount": "' + "9" * 5000 + '"}'})
@example(mapping={"job_queue_size": "9" * 5000})
def test_no_text_is_lost(mapping: dict[str, str]) -> None:
    config = ServerConfig.from_properties(mapping)
    written = config.properties()
    assert set(written) == set(mapping)
    for name, text in config.extra.items():
        assert written[name] == mapping[name] == text
    assert list(config.extra) == [name for name in mapping if name in config.extra]
    again = ServerConfig.from_properties(written)
    assert again == config
    assert again.properties() == written
    text = config.dumps(style="java")
    assert properties.loads(text) == written


@untimed
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_are_no_properties(data: bytes) -> None:
    try:
        config = ServerConfig.loads(data)
    except PropertiesError:
        return
    assert ServerConfig.loads(config.dumps(style="java")) == config


@untimed
@given(value=finite)
def test_numbers_keep_their_value(value: float) -> None:
    [text] = ServerConfig(token_expiration_min=value).properties().values()
    again = ServerConfig.from_properties({"token_expiration_min": text}).token_expiration_min
    assert again == value
    assert math.copysign(1, again or 0.0) == math.copysign(1, value) or again == 0


names = st.text(st.sampled_from("AB_"), max_size=3)
mentions = st.lists(texts | names.map("$${}$$".format), max_size=4).map("".join)


@untimed
@given(
    mapping=st.dictionaries(st.sampled_from(["model_store", "a", "b"]), mentions, max_size=3),
    environ=st.dictionaries(names, texts | st.sampled_from(["\\", "$0", "$1", "$", "\\$", "$$A$$"])),
)
def test_resolving_gives_settings_or_findings(mapping: dict[str, str], environ: dict[str, str]) -> None:
    findings: tuple[Finding, ...] = ()
    resolved: dict[str, str] = {}
    try:
        resolved = resolve(mapping, environ)
    except ConfigError as error:
        findings = error.findings
    assert set(resolved) == (set() if findings else set(mapping))
    mentioning = {key for key, text in mapping.items() if "$$" in text}
    assert {finding.key for finding in findings} <= mentioning
    for key in set(resolved) - mentioning:
        assert resolved[key] == mapping[key]
