"""Model snapshots: built, read, changed, written, and what is found in them."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
from dataclasses import FrozenInstanceError
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import marpack
from marpack import (
    ArchiveError,
    ConfigError,
    Finding,
    Manifest,
    ManifestModel,
    ModelSnapshot,
    SnapshotEntry,
    SnapshotError,
    lint_snapshot,
)
from tests.support.vectors import codes

KAPTAIN = (
    '{"name": "startup.cfg", "modelCount": 1, "models": {"mnist": {"1.0": {"defaultVersion": true, '
    '"marName": "mnist.mar", "minWorkers": 1, "maxWorkers": 5, "batchSize": 1, "maxBatchDelay": 5000, '
    '"responseTimeout": 120}}}}'
)
ENTRY = {
    "defaultVersion": True,
    "marName": "m.mar",
    "minWorkers": 1,
    "maxWorkers": 2,
    "batchSize": 4,
    "maxBatchDelay": 50,
}


def snapshot(count: object = 1, **changes: object) -> str:
    """Return the text of a snapshot of one version, with changed settings; ... leaves one out."""
    entry = {key: value for key, value in {**ENTRY, **changes}.items() if value is not ...}
    return json.dumps({"modelCount": count, "models": {"m": {"1.0": entry}}})


def of(models: object, count: object = None, **others: object) -> str:
    return json.dumps({**({} if count is None else {"modelCount": count}), "models": models, **others})


def versions(**defaults: object) -> str:
    """Return the text of a snapshot of several versions of one model."""
    return of(
        {
            "m": {
                version: {**ENTRY, "marName": f"{version}.mar", "defaultVersion": value}
                for version, value in defaults.items()
            }
        },
        len(defaults),
    )


def manifest(name: str | None = "m", version: str | None = None) -> Manifest:
    return Manifest(model=ManifestModel(model_name=name, model_version=version))


def triples(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return sorted((finding.code, finding.severity, finding.key) for finding in findings)


class Case(NamedTuple):
    """A text with what is found in it, and one near it in which nothing is; what the model store has."""

    wrong: str
    found: set[tuple[str, str, str]]
    near: str
    archives: dict[str, Manifest] | None = None
    archives_near: dict[str, Manifest] | None = None


M = "models.m"
V = "models.m.1.0"
GOOD = snapshot()

UNTIMELY: list[object] = [True, 1.5, {}, [5], "1.5x"]

CASES = [
    # Not a snapshot
    Case("", {("snapshot-json", "error", "")}, GOOD),
    Case("[]", {("snapshot-json", "error", "")}, f" \t\r\n{GOOD}\n"),
    Case(GOOD[:-1], {("snapshot-json", "error", "")}, GOOD),
    Case(GOOD.replace('"', "'"), {("snapshot-json", "error", "")}, GOOD),
    Case(GOOD[:-1] + ",}", {("snapshot-json", "error", "")}, GOOD),
    Case(GOOD[:-1] + ', "x": NaN}', {("snapshot-json", "error", "")}, GOOD[:-1] + ', "x": "NaN"}'),
    Case(GOOD[:-1] + ', "x": 1e999}', {("snapshot-json", "error", "")}, GOOD[:-1] + ', "x": 1e99}'),
    Case(GOOD[:-1] + ', "x": 1, "x": 1}', {("snapshot-json", "error", "")}, GOOD[:-1] + ', "x": 1, "y": 1}'),
    Case(GOOD[:-1] + ', "x": ' + "9" * 5000 + "}", {("snapshot-json", "error", "")}, GOOD[:-1] + ', "x": 99}'),
    Case("[" * 100_000, {("snapshot-json", "error", "")}, GOOD[:-1] + ', "x": [[[[]]]]}'),
    # Its shape
    Case('{"modelCount": 1}', {("snapshot-models", "error", "models")}, GOOD),
    Case('{"models": null}', {("snapshot-models", "error", "models")}, GOOD),
    Case(of([]), {("snapshot-models", "error", "models")}, GOOD),
    Case(of({"m": []}, 0), {("snapshot-models", "error", M)}, GOOD),
    Case(of({"m": {"1.0": None}}, 1), {("snapshot-models", "error", V)}, GOOD),
    *[Case(snapshot(**{key: ...}), {("snapshot-missing", "error", f"{V}.{key}")}, GOOD) for key in ENTRY],
    *[Case(snapshot(**{key: None}), {("snapshot-missing", "error", f"{V}.{key}")}, GOOD) for key in ENTRY],
    Case(
        snapshot(parallelLevel=None),
        {("snapshot-missing", "error", f"{V}.parallelLevel")},
        snapshot(parallelLevel=0),
    ),
    Case(
        snapshot(runtimeType=None),
        {("snapshot-runtime", "error", f"{V}.runtimeType")},
        snapshot(responseTimeout=None),
    ),
    # Values of another type
    Case(snapshot(batchSize="x"), {("snapshot-integer", "error", f"{V}.batchSize")}, snapshot(x="x")),
    Case(
        snapshot(batchSize="4.0"), {("snapshot-integer", "error", f"{V}.batchSize")}, snapshot(batchSize=2**31 - 1)
    ),
    Case(snapshot(batchSize=True), {("snapshot-integer", "error", f"{V}.batchSize")}, GOOD),
    Case(snapshot(batchSize=2**31), {("snapshot-integer", "error", f"{V}.batchSize")}, GOOD),
    Case(snapshot(batchSize=[1, 2]), {("snapshot-integer", "error", f"{V}.batchSize")}, GOOD),
    Case(snapshot(batchSize="9" * 5000), {("snapshot-integer", "error", f"{V}.batchSize")}, GOOD),
    Case(
        snapshot(responseTimeout={}),
        {("snapshot-integer", "error", f"{V}.responseTimeout")},
        snapshot(responseTimeout=1),
    ),
    Case(snapshot(batchSize=4.7), {("snapshot-number-form", "warning", f"{V}.batchSize")}, GOOD),
    Case(snapshot(batchSize="4"), {("snapshot-number-form", "warning", f"{V}.batchSize")}, GOOD),
    Case(snapshot(batchSize=[[4]]), {("snapshot-number-form", "warning", f"{V}.batchSize")}, GOOD),
    Case(snapshot(defaultVersion="TRUE"), {("snapshot-number-form", "warning", f"{V}.defaultVersion")}, GOOD),
    Case(snapshot(defaultVersion=[True]), {("snapshot-default-type", "error", f"{V}.defaultVersion")}, GOOD),
    Case(snapshot(marName=1), {("snapshot-mar-name", "error", f"{V}.marName")}, snapshot(marName="1")),
    Case(
        snapshot(runtimeType="PYTHON"),
        {("snapshot-runtime", "error", f"{V}.runtimeType")},
        snapshot(runtimeType="python3"),
    ),
    Case(
        snapshot(runtimeType=[]),
        {("snapshot-runtime", "error", f"{V}.runtimeType")},
        snapshot(runtimeType="python"),
    ),
    Case(snapshot(count="x"), {("snapshot-count-type", "error", "modelCount")}, GOOD),
    Case(snapshot(count=1.5), {("snapshot-count-type", "error", "modelCount")}, snapshot(count=1.0)),
    Case(snapshot(count=True), {("snapshot-count-type", "error", "modelCount")}, snapshot(count="1")),
    Case(snapshot(count="9" * 5000), {("snapshot-count-type", "error", "modelCount")}, snapshot(count="1.0")),
    # Gson reads this number from no array, unlike those of the versions.
    Case(snapshot(count=[1]), {("snapshot-count-type", "error", "modelCount")}, GOOD),
    Case(snapshot(count=None), {("snapshot-count", "error", "modelCount")}, GOOD),
    Case(snapshot(count=0), {("snapshot-count", "error", "modelCount")}, GOOD),
    Case(snapshot(count=-1), {("snapshot-count", "error", "modelCount")}, GOOD),
    Case(snapshot(count=2), {("snapshot-count-differs", "warning", "modelCount")}, GOOD),
    Case(
        of({"m": {"1.0": ENTRY}}, 1, created="x"),
        {("snapshot-created", "error", "created")},
        of({"m": {"1.0": ENTRY}}, 1, created=None),
    ),
    # Gson takes no array here either.
    *[
        Case(of({"m": {"1.0": ENTRY}}, 1, created=created), {("snapshot-created", "error", "created")}, GOOD)
        for created in UNTIMELY
    ],
    *[
        Case(
            of({"m": {"1.0": ENTRY}}, 1, name=name),
            {("snapshot-own-name", "error", "name")},
            of({"m": {"1.0": ENTRY}}, 1, name=""),
        )
        for name in ({}, [], {"a": 1}, ["a"])
    ],
    # Values that mean something else
    Case(of({}), {("snapshot-empty", "warning", "models")}, GOOD),
    Case(of({}, 0), {("snapshot-empty", "warning", "models")}, GOOD),
    Case(versions(a=True, b=True), {("snapshot-defaults", "error", M)}, versions(a=True, b=False)),
    Case(versions(a=False, b=False), {("snapshot-defaults", "error", M)}, versions(a=False, b=True)),
    Case(snapshot(defaultVersion=False), {("snapshot-defaults", "error", M)}, GOOD),
    Case(of({"": {"1.0": ENTRY}}, 1), {("snapshot-name", "error", "models.")}, of({" ": {"1.0": ENTRY}}, 1)),
    Case(
        of({"a/b": {"1.0": ENTRY}}, 1), {("snapshot-name", "error", "models.a/b")}, of({"a.b": {"1.0": ENTRY}}, 1)
    ),
    Case(of({"m": {"1/0": ENTRY}}, 1), {("snapshot-name", "error", "models.m.1/0")}, of({"m": {"1-0": ENTRY}}, 1)),
    Case(of({"m": {"": ENTRY}}, 1), {("snapshot-name", "error", "models.m.")}, of({"m": {"0": ENTRY}}, 1)),
    Case(
        of({"$$NAME$$": {"1.0": ENTRY}}, 1),
        {("snapshot-variable", "error", "models.$$NAME$$")},
        of({"$$N$$": {"1.0": ENTRY}}, 1),
    ),
    Case(
        of({'a"b': {"1.0": ENTRY}}, 1),
        {("snapshot-name-unwritable", "warning", 'models.a"b')},
        of({"a'b": {"1.0": ENTRY}}, 1),
    ),
    Case(
        of({"m": {"a\\b": ENTRY}}, 1),
        {("snapshot-name-unwritable", "warning", "models.m.a\\b")},
        of({"mé": {"1.0": ENTRY}}, 1),
    ),
    Case(
        of({"a\tb": {"1.0": ENTRY}}, 1),
        {("snapshot-name-unwritable", "warning", "models.a\tb")},
        of({"日本": {"1.0": ENTRY}}, 1),
    ),
    Case(snapshot(minWorkers=3), {("snapshot-workers", "error", f"{V}.minWorkers")}, snapshot(minWorkers=2)),
    Case(snapshot(minWorkers=0), {("snapshot-no-workers", "warning", f"{V}.minWorkers")}, snapshot(minWorkers=1)),
    Case(snapshot(batchSize=0), {("snapshot-batch", "warning", f"{V}.batchSize")}, snapshot(batchSize=1)),
    Case(
        snapshot(maxBatchDelay=-1),
        {("snapshot-batch", "warning", f"{V}.maxBatchDelay")},
        snapshot(maxBatchDelay=0),
    ),
    Case(
        snapshot(responseTimeout=0),
        {("snapshot-timeout", "error", f"{V}.responseTimeout")},
        snapshot(responseTimeout=1),
    ),
    Case(
        snapshot(startupTimeout=-1),
        {("snapshot-timeout", "error", f"{V}.startupTimeout")},
        snapshot(startupTimeout=None),
    ),
    Case(
        snapshot(parallelLevel=-1),
        {("snapshot-parallel", "error", f"{V}.parallelLevel")},
        snapshot(parallelLevel=0),
    ),
    Case(snapshot(parallelLevel=1), {("snapshot-parallel", "warning", f"{V}.parallelLevel")}, GOOD),
    Case(snapshot(runtimeType="LSP"), {("snapshot-runtime-cpp", "warning", f"{V}.runtimeType")}, GOOD),
    Case(snapshot(marName=""), {("snapshot-mar-name", "error", f"{V}.marName")}, snapshot(marName="m")),
    Case(snapshot(marName="w.war"), {("snapshot-mar-name", "error", f"{V}.marName")}, snapshot(marName="war.mar")),
    Case(
        snapshot(marName="a..mar"), {("snapshot-mar-name", "error", f"{V}.marName")}, snapshot(marName="a.b.mar")
    ),
    Case(
        snapshot(marName="/m.mar"), {("snapshot-mar-name", "error", f"{V}.marName")}, snapshot(marName="m.tar.gz")
    ),
    # An archive is one version.
    Case(
        of({"m": {"1.0": ENTRY, "2.0": {**ENTRY, "defaultVersion": False}}}, 2),
        {("snapshot-same-version", "error", "models.m.2.0")},
        of({"m": {"1.0": ENTRY}, "n": {"1.0": ENTRY}}, 2),
    ),
    # The archives
    Case(GOOD, {("snapshot-archive-missing", "error", f"{V}.marName")}, GOOD, {}, {"m.mar": manifest()}),
    Case(
        GOOD,
        {("snapshot-version-differs", "error", V)},
        GOOD,
        {"m.mar": manifest("m", "2.0")},
        {"m.mar": manifest("m", "")},
    ),
    Case(
        GOOD,
        {("snapshot-name-differs", "note", V)},
        GOOD,
        {"m.mar": manifest("n", "1.0")},
        {"m.mar": manifest("m", "1.0")},
    ),
    Case(
        versions(a=True, b=False),
        {("snapshot-same-version", "error", "models.m.b"), ("snapshot-version-differs", "error", "models.m.b")},
        versions(a=True, b=False),
        {"a.mar": manifest("m", "a"), "b.mar": manifest("m", "a")},
        {"a.mar": manifest("m", "a"), "b.mar": manifest("m", "b")},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.wrong[:100])
def test_finding(case: Case) -> None:
    findings = lint_snapshot(case.wrong, case.archives)
    assert triples(findings) == sorted(case.found)
    for finding in findings:
        assert finding.message
        assert finding.fix
        assert len(str(finding)) < 400
        assert "sys.set_int_max_str_digits" not in str(finding)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.near[:100])
def test_near_miss(case: Case) -> None:
    assert lint_snapshot(case.near, case.archives_near) == ()
    read = ModelSnapshot.from_json(case.near)
    assert read.validate(case.archives_near) == ()
    assert ModelSnapshot.from_json(read.to_json()) == read


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.wrong[:100])
def test_what_cannot_be_read_is_refused_and_what_can_is_judged_alike(case: Case) -> None:
    refused, found = reading(case.wrong)
    assert found <= case.found
    errors = {each for each in case.found if each[1] == "error"}
    if refused is None:
        # Reading settles what the server takes for something else.
        settled = {"snapshot-number-form", "snapshot-count-differs"}
        expected = {each for each in case.found if each[0] not in settled}
        assert set(triples(ModelSnapshot.from_json(case.wrong).validate(case.archives))) == expected
    elif refused is ConfigError:
        assert found == errors
    else:
        assert {code for code, *_ in errors} == {"snapshot-json"}


def reading(text: str) -> tuple[type[Exception] | None, set[tuple[str, str, str]]]:
    """Return how a text is refused, if it is, and what is found."""
    try:
        ModelSnapshot.from_json(text)
    except SnapshotError:
        return SnapshotError, set()
    except ConfigError as error:
        return ConfigError, set(triples(error.findings))
    return None, set()


BUILDING = {
    "snapshot-no-name": lambda: ModelSnapshot.from_manifests({"m.mar": manifest(None)}),
    "snapshot-same-version": lambda: ModelSnapshot.from_manifests({"a.mar": manifest(), "b.mar": manifest()}),
    "snapshot-no-such-version": lambda: ModelSnapshot.from_manifests(
        {"m.mar": manifest()}, default_versions={"m": "2.0"}
    ),
}


@pytest.mark.parametrize("code", BUILDING)
def test_archives_that_make_no_snapshot(code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        BUILDING[code]()
    assert [finding.code for finding in caught.value.findings] == [code]


def test_every_code_and_severity_of_the_specification_is_shown() -> None:
    stated = {
        (code, severity)
        for code, words in codes("S10").items()
        for severity in ("error", "warning", "note")
        if severity in words
    }
    shown = {(code, severity) for case in CASES for code, severity, _ in case.found}
    assert shown | {(code, "error") for code in (*BUILDING, "snapshot-same-file")} == stated


def test_all_findings_at_once() -> None:
    text = of(
        {"m": {"1.0": {"minWorkers": "x"}, "2.0": 1}, "n": None, "o": {"3": {**ENTRY, "marName": None}}},
        created="x",
    )
    assert triples(lint_snapshot(text)) == [
        ("snapshot-count", "error", "modelCount"),
        ("snapshot-created", "error", "created"),
        ("snapshot-integer", "error", "models.m.1.0.minWorkers"),
        *[
            ("snapshot-missing", "error", f"models.m.1.0.{key}")
            for key in ("batchSize", "defaultVersion", "marName", "maxBatchDelay", "maxWorkers")
        ],
        ("snapshot-missing", "error", "models.o.3.marName"),
        ("snapshot-models", "error", "models.m.2.0"),
        ("snapshot-models", "error", "models.n"),
    ]
    with pytest.raises(ConfigError, match="11 problems:"):
        ModelSnapshot.from_json(text)


def test_messages_show_the_value_that_is_taken_otherwise() -> None:
    [finding] = lint_snapshot(snapshot(batchSize=4.7))
    assert "4.7" in finding.message
    assert "takes for 4" in finding.message
    [finding] = lint_snapshot(snapshot(batchSize="4"))
    assert "'4'" in finding.message or '"4"' in finding.message or "a string" in finding.message
    assert finding.fix == "write 4"


# -------------------------------------------------------------------------------------------------- reading


def test_both_ways() -> None:
    read = ModelSnapshot.from_json(KAPTAIN)
    assert read == ModelSnapshot(
        models={
            "mnist": {
                "1.0": SnapshotEntry(
                    mar_name="mnist.mar",
                    max_workers=5,
                    max_batch_delay=5000,
                    startup_timeout=None,
                    runtime_type=None,
                )
            }
        }
    )
    assert read.to_json() == KAPTAIN
    assert read.to_json("compact") == KAPTAIN.replace(": ", ":").replace(", ", ",")
    assert json.loads(read.to_json("server")) == json.loads(KAPTAIN)
    assert read.model_count == 1
    assert [(name, version) for name, version, _ in read] == [("mnist", "1.0")]


def test_a_new_entry_has_what_every_reader_needs() -> None:
    assert json.loads(ModelSnapshot(models={"m": {"1.0": SnapshotEntry(mar_name="m.mar")}}).to_json()) == {
        "name": "startup.cfg",
        "modelCount": 1,
        "models": {
            "m": {
                "1.0": {
                    "defaultVersion": True,
                    "marName": "m.mar",
                    "minWorkers": 1,
                    "maxWorkers": 1,
                    "batchSize": 1,
                    "maxBatchDelay": 100,
                    "responseTimeout": 120,
                    "startupTimeout": 120,
                    "runtimeType": "python",
                }
            }
        },
    }


def test_unknown_keys_survive_wherever_they_are() -> None:
    entry = {**ENTRY, "x": {"y": [1, None]}, "é": 1.5}
    document = {"z": 1, "name": "a", "modelCount": 1, "created": 5, "models": {"m": {"1.0": entry}}, "a": [{}]}
    read = ModelSnapshot.from_json(json.dumps(document))
    assert read.extra == {"z": 1, "a": [{}]}
    assert read.models["m"]["1.0"].extra == {"x": {"y": [1, None]}, "é": 1.5}
    again = json.loads(read.to_json())
    assert again == document
    assert list(again) == ["name", "modelCount", "created", "models", "z", "a"]
    assert list(again["models"]["m"]["1.0"]) == list(entry)
    changed = read.updated("m", batch_size=9)
    assert changed.extra == read.extra
    assert changed.models["m"]["1.0"].extra == read.models["m"]["1.0"].extra


def test_what_the_server_takes_otherwise_is_written_as_it_takes_it() -> None:
    text = of(
        {
            "m": {
                "1.0": {**ENTRY, "minWorkers": "1", "maxWorkers": 2.9, "batchSize": [4], "defaultVersion": "True"}
            }
        },
        "1",
    )
    [(_, _, entry)] = ModelSnapshot.from_json(text)
    assert (entry.min_workers, entry.max_workers, entry.batch_size, entry.default_version) == (1, 2, 4, True)
    assert json.loads(ModelSnapshot.from_json(text).to_json())["modelCount"] == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", (1, 1)),
        ("{\n  'a': 1}", (2, 3)),
        ('{"models": {}, "x": NaN}', (1, 1)),
        ("[]", (1, 1)),
        ("{}{}", (1, 3)),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(SnapshotError) as caught:
        ModelSnapshot.from_json(text)
    assert (caught.value.lineno, caught.value.colno) == place
    assert str(caught.value).startswith("model_snapshot: ")


# What the server's Gson was seen to do with the snapshot's own name: {} and [] end it, others are text.
@pytest.mark.parametrize(
    ("name", "taken"), [(None, "startup.cfg"), (5, "5"), (1.5, "1.5"), (True, "true"), (False, "false"), ("", "")]
)
def test_the_name(name: object, taken: str) -> None:
    assert ModelSnapshot.from_json(of({}, name=name)).name == taken


# -------------------------------------------------------------------------------------------------- values


def test_an_entry_reports_all_its_mistakes() -> None:
    with pytest.raises(ConfigError) as caught:
        SnapshotEntry(mar_name=None, min_workers="1", batch_size=2.0, runtime_type="ruby", default_version=1)  # type: ignore[arg-type]
    assert [finding.key for finding in caught.value.findings] == [
        "marName",
        "minWorkers",
        "batchSize",
        "defaultVersion",
        "runtimeType",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_workers": True},
        {"max_workers": None},
        {"batch_size": 1 << 31},
        {"response_timeout": "1"},
        {"default_version": None},
    ],
    ids=str,
)
def test_an_entry_refuses_values_of_another_type(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        SnapshotEntry(**{"mar_name": "m.mar", **wrong})


def test_a_path_is_called_by_its_name() -> None:
    with pytest.raises(ConfigError, match="must be a string") as caught:
        SnapshotEntry(mar_name=Path("m.mar"))  # type: ignore[arg-type]
    assert "a number" not in str(caught.value)


class Word(str, Enum):
    MAR = "m.mar"


def test_an_enum_of_texts_is_its_text() -> None:
    made = ModelSnapshot(models={"m": {"1.0": SnapshotEntry(mar_name=Word.MAR)}})
    assert json.loads(made.to_json())["models"]["m"]["1.0"]["marName"] == "m.mar"


def test_a_field_has_no_second_place() -> None:
    with pytest.raises(ValueError, match="'marName' has a field of its own"):
        SnapshotEntry(mar_name="m.mar", extra={"marName": "n.mar"})
    with pytest.raises(ValueError, match="'modelCount' has a field of its own"):
        ModelSnapshot(models={}, extra={"modelCount": 3})


@pytest.mark.parametrize(
    "wrong",
    [
        {"models": {"m": {"1.0": "m.mar"}}},
        {"models": {"m": SnapshotEntry(mar_name="m.mar")}},
        {"models": {"m": None}},
        {"models": []},
        {"models": {1: {"1.0": SnapshotEntry(mar_name="m.mar")}}},
        {"models": {"m": {1.0: SnapshotEntry(mar_name="m.mar")}}},
        {"models": {}, "name": 5},
        {"models": {}, "created": "now"},
        {"models": {}, "created": True},
        {"models": {}, "extra": None},
        {"models": {}, "extra": {"x": float("nan")}},
        {"models": {}, "extra": {"x": object()}},
    ],
    ids=lambda wrong: re.sub(" at 0x.*?>", ">", str(wrong))[:60],
)
def test_a_snapshot_refuses_what_it_cannot_write_and_read(wrong: dict[str, Any]) -> None:
    """What was built can be written, and what was written can be read."""
    with pytest.raises((TypeError, ValueError)):
        ModelSnapshot(**wrong)


@pytest.mark.parametrize("style", ["spaced", "compact", "server"])
def test_what_is_written_is_strict_json(style: marpack.typing.SnapshotStyle) -> None:
    with pytest.raises(SnapshotError):
        ModelSnapshot.from_json('{"models": {}, "x": 1e999}')
    with pytest.raises(ValueError):  # noqa: PT011 - whenever it is found
        ModelSnapshot(models={}, extra={"x": float("inf")}).to_json(style)


def test_an_unknown_style() -> None:
    with pytest.raises(ValueError, match="'pretty' is not one of spaced, compact, server"):
        ModelSnapshot(models={}).to_json("pretty")  # type: ignore[arg-type]


def test_nobody_changes_a_snapshot() -> None:
    models = {"m": {"1.0": SnapshotEntry(mar_name="m.mar")}}
    made = ModelSnapshot(models=models)
    models["m"]["2.0"] = SnapshotEntry(mar_name="n.mar")
    models["n"] = {}
    assert made.model_count == 1
    with pytest.raises(FrozenInstanceError):
        made.name = "x"  # type: ignore[misc]


def test_updated() -> None:
    made = ModelSnapshot.from_manifests(
        {"a.mar": manifest("m", "1"), "b.mar": manifest("m", "2"), "c.mar": manifest("n")}
    )
    assert {entry.batch_size for _, _, entry in made.updated("m", batch_size=8)} == {8, 1}
    changed = made.updated("m", "1", min_workers=0, parallel_level=None)
    assert changed.models["m"]["1"].min_workers == 0
    assert changed.models["m"]["2"] == made.models["m"]["2"]
    assert changed.models["n"] == made.models["n"]
    assert made.models["m"]["1"].min_workers == 1
    with pytest.raises(KeyError, match="'3'"):
        made.updated("m", "3", batch_size=1)
    with pytest.raises(KeyError, match="'x'"):
        made.updated("x", batch_size=1)
    with pytest.raises(ConfigError):
        made.updated("m", batch_size="8")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="colour"):
        made.updated("m", colour=1)  # type: ignore[call-arg]


def all_values() -> list[Any]:
    entry = SnapshotEntry(mar_name="m.mar", extra={"x": [1]})
    made = ModelSnapshot(models={"m": {"1.0": entry}}, created=1, extra={"y": None})
    findings = lint_snapshot("[]") + lint_snapshot(snapshot(batchSize=0))
    config = marpack.ServerConfig(
        model_snapshot=made, models={"m": {}}, load_models=["a"], debug=True, extra={"z": ""}
    )
    return [entry, made, config, *findings, marpack.properties.parse("a=1\n# b\n\n"), *marpack.KEYS.values()]


@pytest.mark.parametrize("value", all_values(), ids=lambda value: type(value).__name__)
def test_values_are_copied(value: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(value, protocol)) == value
    assert copy.deepcopy(value) == value
    assert copy.copy(value) == value
    assert repr(copy.deepcopy(value)) == repr(value)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError(lint_snapshot("[]")),
        ConfigError(lint_snapshot("[]") * 2),
        SnapshotError("no", "a\nb", 2),
        SnapshotError("no", "a\nb", 2, "c.properties"),
        marpack.PropertiesError("no", "a\rb", 2, "c.properties"),
        marpack.NotPortableError("vmargs", "launcher", "why"),
        ArchiveError("m.mar", "is none"),
        marpack.ManifestError("no", "{}"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_are_copied(error: marpack.MarpackError) -> None:
    for again in (
        *(pickle.loads(pickle.dumps(error, number)) for number in range(6)),
        copy.deepcopy(error),
        copy.copy(error),
    ):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


# ---------------------------------------------------------------------------------------------- building


def test_versions_and_their_defaults() -> None:
    made = ModelSnapshot.from_manifests(
        {
            "old.mar": manifest("m", "1.9"),
            "new.mar": manifest("m", "1.10"),
            "n.mar": manifest("n"),
            "rc.tar.gz": manifest("o", "2.0-rc1"),
            "o": manifest("o", "2.0"),
            "first.mar": manifest("p", ""),
        },
        max_workers=3,
    )
    found = [(name, version, entry.mar_name, entry.default_version) for name, version, entry in made]
    assert found == [
        ("m", "1.9", "old.mar", False),
        ("m", "1.10", "new.mar", True),
        ("n", "1.0", "n.mar", True),
        ("o", "2.0-rc1", "rc.tar.gz", False),
        ("o", "2.0", "o", True),
        ("p", "1.0", "first.mar", True),
    ]
    assert {entry.max_workers for _, _, entry in made} == {3}
    assert made.validate() == ()
    assert ModelSnapshot.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("1.9", "1.10"),
        ("2.0-rc1", "2.0"),
        ("1.10", "1.10.1"),
        ("1.0rc", "1.0.1"),
        ("0.9", "1"),
        ("1.0", "1.0.0"),
        ("1.0-rc2", "1.0-rc10"),
        ("a", "1"),
        ("9", "9" * 5000),
        ("v1", "v2"),
        ("1.²", "1.1"),
    ],
)
def test_the_highest_version(low: str, high: str) -> None:
    for pair in ([low, high], [high, low]):
        made = ModelSnapshot.from_manifests(
            {f"{number}.mar": manifest("m", each) for number, each in enumerate(pair)}
        )
        assert [version for _, version, entry in made if entry.default_version] == [high]


def test_versions_that_are_equal_as_numbers_have_one_default() -> None:
    made = ModelSnapshot.from_manifests({"a.mar": manifest("m", "1.0"), "b.mar": manifest("m", "1.00")})
    assert sum(entry.default_version for _, _, entry in made) == 1


def test_a_default_version_is_chosen() -> None:
    manifests = {"a.mar": manifest("m", "1"), "b.mar": manifest("m", "2"), "c.mar": manifest("n")}
    made = ModelSnapshot.from_manifests(manifests, default_versions={"m": "1"})
    assert [entry.default_version for _, _, entry in made] == [True, False, True]


def test_archives_that_cannot_be_served_together() -> None:
    with pytest.raises(ConfigError) as caught:
        ModelSnapshot.from_manifests(
            {"a.mar": manifest(), "b.mar": manifest("m", "1.0"), "c.mar": manifest(None), "d.mar": manifest("")},
            default_versions={"m": "2.0", "x": "1.0", "": ""},
        )
    assert [(finding.code, finding.key) for finding in caught.value.findings] == [
        ("snapshot-same-version", "models.m.1.0"),
        ("snapshot-no-name", "c.mar"),
        ("snapshot-no-name", "d.mar"),
        ("snapshot-no-such-version", "models.m"),
        ("snapshot-no-such-version", "models.x"),
        ("snapshot-no-such-version", "models."),
    ]
    assert "'a.mar' and 'b.mar'" in caught.value.findings[0].message


def test_settings_of_entries_are_checked() -> None:
    with pytest.raises(ConfigError, match="batchSize"):
        ModelSnapshot.from_manifests({"a.mar": manifest()}, batch_size="4")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="colour"):
        ModelSnapshot.from_manifests({"a.mar": manifest()}, colour="red")  # type: ignore[call-arg]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a model store with an archive of each form, and things that are none."""
    folder = tmp_path / "store"
    folder.mkdir()
    for name, version, form in (("m", "1.0", "default"), ("n", "2.0", "tgz"), ("o", "", "no-archive")):
        marpack.pack(
            model_name=name,
            version=version,
            handler="base_handler",
            export_path=folder,
            archive_format=form,  # type: ignore[arg-type]
        )
    (folder / "notes.txt").write_text("none")
    (folder / "folder").mkdir()
    (folder / ".hidden.mar").write_text("none")
    return folder


def test_from_a_model_store(store: Path) -> None:
    made = ModelSnapshot.from_model_store(store, min_workers=0, max_workers=4)
    assert [(name, version, entry.mar_name) for name, version, entry in made] == [
        ("m", "1.0", "m.mar"),
        ("n", "2.0", "n.tar.gz"),
        ("o", "1.0", "o"),
    ]
    assert {(entry.min_workers, entry.max_workers) for _, _, entry in made} == {(0, 4)}
    assert made == ModelSnapshot.from_model_store(os.fspath(store), min_workers=0, max_workers=4)


def test_from_archives(store: Path) -> None:
    made = ModelSnapshot.from_archives([store / "o", os.fspath(store / "m.mar")])
    assert [(name, entry.mar_name) for name, _, entry in made] == [("o", "o"), ("m", "m.mar")]
    assert ModelSnapshot.from_archives([]) == ModelSnapshot(models={})
    assert [entry.mar_name for *_, entry in ModelSnapshot.from_archives([f"{store}/o/"])] == ["o"]


def test_archives_of_one_file_name(store: Path, tmp_path: Path) -> None:
    marpack.pack(model_name="m", version="2.0", handler="base_handler", export_path=tmp_path)
    paths = [store / "m.mar", tmp_path / "m.mar"]
    with pytest.raises(ConfigError) as caught:
        ModelSnapshot.from_archives(paths)
    [finding] = caught.value.findings
    assert (finding.code, finding.key) == ("snapshot-same-file", "m.mar")
    assert all(repr(os.fspath(path)) in finding.message for path in paths)
    # Two names for one version are no better.
    (tmp_path / "m.mar").rename(tmp_path / "x.mar")
    assert ModelSnapshot.from_archives([store / "m.mar", tmp_path / "x.mar"]).model_count == 2


def test_what_is_no_archive(store: Path) -> None:
    (store / "broken.mar").write_bytes(b"no zip")
    with pytest.raises(ArchiveError) as caught:
        ModelSnapshot.from_model_store(store)
    assert caught.value.path == os.fspath(store / "broken.mar")
    with pytest.raises(ArchiveError):
        ModelSnapshot.from_archives([store / "m.mar", store / "broken.mar"])
    with pytest.raises(FileNotFoundError):
        ModelSnapshot.from_model_store(store / "none")
    with pytest.raises(FileNotFoundError):
        ModelSnapshot.from_archives([store / "none.mar"])


def test_a_number_that_no_float_holds_does_not_fit() -> None:
    text = f'{{"modelCount": 1{"0" * 400}, "created": 1{"0" * 400}, "models": {{}}}}'
    codes = [finding.code for finding in marpack.lint_snapshot(text)]
    assert "snapshot-count-type" in codes
    numbers = f'"minWorkers": 1{"0" * 400}, "maxWorkers": 1, "batchSize": 1, "maxBatchDelay": 1'
    entry = f'{{"defaultVersion": true, "marName": "m.mar", {numbers}}}'
    text = f'{{"modelCount": 1, "models": {{"m": {{"1.0": {entry}}}}}}}'
    [finding] = [each for each in marpack.lint_snapshot(text) if each.code == "snapshot-integer"]
    assert finding.message == "does not fit 32 bits"
