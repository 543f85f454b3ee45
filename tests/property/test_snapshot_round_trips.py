from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marpack import (
    ConfigError,
    Manifest,
    ManifestModel,
    ModelSnapshot,
    SnapshotEntry,
    SnapshotError,
    lint_snapshot,
)
from marpack.config.snapshot import SnapshotStyle
from tests.property.strategies import json_values

untimed = settings(deadline=None)

names = st.text(max_size=6) | st.sampled_from(["m", "1.0", "a/b", 'a"b', "\\", "日", "Aa", "BB", "\ud800"])
numbers = st.integers(-(2**31), 2**31 - 1)
optional = st.none() | numbers
TOP = {"name", "modelCount", "created", "models"}
KNOWN = {
    *["defaultVersion", "marName", "minWorkers", "maxWorkers", "batchSize", "maxBatchDelay", "responseTimeout"],
    *["startupTimeout", "runtimeType", "parallelLevel"],
}


def others(known: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(names.filter(lambda key: key not in known), json_values, max_size=2)


entries = st.builds(
    SnapshotEntry,
    default_version=st.booleans(),
    mar_name=names,
    min_workers=numbers,
    max_workers=numbers,
    batch_size=numbers,
    max_batch_delay=numbers,
    response_timeout=optional,
    startup_timeout=optional,
    runtime_type=st.sampled_from([None, "python", "python3", "LSP"]),
    parallel_level=optional,
    extra=others(KNOWN),
)
snapshots = st.builds(
    ModelSnapshot,
    models=st.dictionaries(names, st.dictionaries(names, entries, max_size=2), max_size=2),
    name=names,
    created=st.none() | st.integers(-(2**63), 2**63 - 1),
    extra=others(TOP),
)
styles = st.sampled_from(["spaced", "compact", "server"])


@untimed
@given(snapshot=snapshots, style=styles, ensure_ascii=st.booleans())
def test_what_was_written_comes_back(snapshot: ModelSnapshot, style: SnapshotStyle, ensure_ascii: bool) -> None:
    text = snapshot.to_json(style, ensure_ascii=ensure_ascii)
    again = ModelSnapshot.from_json(text)
    assert again == snapshot
    assert again.to_json(style, ensure_ascii=ensure_ascii) == text or style == "server"
    if ensure_ascii and style != "server":
        assert text.isascii()
    if style != "server":
        assert "\n" not in text
        assert list(again.models) == list(snapshot.models)
        assert list(again.extra) == list(snapshot.extra)
    document = json.loads(text)
    assert document["modelCount"] == snapshot.model_count == sum(map(len, document["models"].values()))


@untimed
@given(snapshot=snapshots)
def test_text_and_value_have_the_same_findings(snapshot: ModelSnapshot) -> None:
    assert lint_snapshot(snapshot.to_json()) == snapshot.validate()


loose = (
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.floats()
    | st.sampled_from(
        [
            "true",
            "1",
            "+1",
            "01",
            "1.0",
            "x",
            "",
            "python",
            "LSP",
            "m.mar",
            "9" * 5000,
            [1],
            [],
            [[2]],
            {},
            2**31,
            2**63,
            10**30,
        ]
    )
)
loose_entries = st.fixed_dictionaries(
    {"marName": loose | st.just("m.mar"), "defaultVersion": loose | st.just(True)},
    optional=dict.fromkeys(sorted(KNOWN - {"marName", "defaultVersion"}), loose | st.just(1)),
)
good = {
    "marName": "m",
    "defaultVersion": True,
    "minWorkers": 1,
    "maxWorkers": 1,
    "batchSize": 1,
    "maxBatchDelay": 1,
}
loose_entries |= loose_entries.map(lambda values: {**good, **dict(list(values.items())[2:3])})
documents = st.fixed_dictionaries(
    {
        "models": st.dictionaries(
            names, st.dictionaries(names, loose_entries | loose, max_size=2) | loose, max_size=2
        )
        | loose
    },
    optional={"modelCount": loose, "created": loose, "name": loose, "x": loose},
)


@untimed
@given(document=documents | json_values)
def test_any_json_is_read_or_refused_as_lint_says(document: object) -> None:
    text = json.dumps(document)
    findings = lint_snapshot(text)
    shape = {finding.code for finding in findings if finding.severity == "error"}
    try:
        snapshot = ModelSnapshot.from_json(text)
    except (ConfigError, SnapshotError):
        assert shape
        return
    assert "snapshot-json" not in shape
    written = snapshot.to_json()
    again = ModelSnapshot.from_json(written)
    assert again == snapshot
    assert again.to_json() == written
    # What a value was taken for has no other faults than the value itself.
    settled = {"snapshot-number-form", "snapshot-count-differs"}
    assert lint_snapshot(written) == tuple(finding for finding in findings if finding.code not in settled)


@untimed
@given(text=st.text() | snapshots.map(ModelSnapshot.to_json), place=st.integers(0, 200), piece=st.text(max_size=3))
def test_any_text_is_read_or_refused(text: str, place: int, piece: str) -> None:
    changed = text[:place] + piece + text[place + 1 :]
    findings = lint_snapshot(changed)
    refused: Exception | None = None
    try:
        ModelSnapshot.from_json(changed)
    except (SnapshotError, ConfigError) as error:
        refused = error
    assert isinstance(refused, SnapshotError) == ({finding.code for finding in findings} == {"snapshot-json"})
    if isinstance(refused, SnapshotError):
        assert refused.doc == changed
        assert 0 <= refused.pos <= len(changed)
    elif isinstance(refused, ConfigError):
        assert set(refused.findings) <= set(findings)


versions = st.sampled_from([None, "", "1", "1.0", "1.9", "1.10", "2.0", "2.0-rc1", "x", "v2", "9" * 30]) | st.text(
    max_size=4
)
manifests = st.dictionaries(
    st.text("abc", min_size=1, max_size=3).map("{}.mar".format),
    st.builds(
        lambda name, version: Manifest(model=ManifestModel(model_name=name, model_version=version)),
        st.sampled_from(["m", "n", "é"]),
        versions,
    ),
)


@untimed
@given(manifests=manifests)
def test_archives_make_a_snapshot_that_agrees_with_them(manifests: dict[str, Manifest]) -> None:
    pairs = [(each.model.model_name, each.model.model_version or "1.0") for each in manifests.values()]
    if len(set(pairs)) < len(pairs):
        with pytest.raises(ConfigError):
            ModelSnapshot.from_manifests(manifests)
        return
    snapshot = ModelSnapshot.from_manifests(manifests)
    assert {(name, version) for name, version, _ in snapshot} == set(pairs)
    assert {entry.mar_name for _, _, entry in snapshot} == set(manifests)
    for found in snapshot.models.values():
        assert sum(entry.default_version for entry in found.values()) == 1
    codes = {finding.code for finding in snapshot.validate(manifests)}
    assert codes <= {"snapshot-name", "snapshot-name-unwritable", "snapshot-empty"}


@untimed
@given(
    first=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    second=st.lists(st.integers(0, 30), min_size=1, max_size=4),
)
def test_numbers_are_compared_as_numbers(first: list[int], second: list[int]) -> None:
    texts = {".".join(map(str, numbers)): numbers for numbers in (first, second)}
    made = ModelSnapshot.from_manifests(
        {
            f"{number}.mar": Manifest(model=ManifestModel(model_name="m", model_version=text))
            for number, text in enumerate(texts)
        }
    )
    [chosen] = [version for _, version, entry in made if entry.default_version]
    assert texts[chosen] == max(texts.values())
