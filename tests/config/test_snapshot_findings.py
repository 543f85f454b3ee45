"""What is found in a model snapshot, and what looks like it and is none."""

from __future__ import annotations

from typing import NamedTuple

import pytest

import marpack
from marpack import ConfigError, Finding, Manifest, ModelSnapshot, SnapshotError, lint_snapshot
from tests.support.snapshots import ENTRY, manifest, of, snapshot
from tests.support.vectors import codes


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


def test_a_number_that_no_float_holds_does_not_fit() -> None:
    text = f'{{"modelCount": 1{"0" * 400}, "created": 1{"0" * 400}, "models": {{}}}}'
    codes = [finding.code for finding in marpack.lint_snapshot(text)]
    assert "snapshot-count-type" in codes
    numbers = f'"minWorkers": 1{"0" * 400}, "maxWorkers": 1, "batchSize": 1, "maxBatchDelay": 1'
    entry = f'{{"defaultVersion": true, "marName": "m.mar", {numbers}}}'
    text = f'{{"modelCount": 1, "models": {{"m": {{"1.0": {entry}}}}}}}'
    [finding] = [each for each in marpack.lint_snapshot(text) if each.code == "snapshot-integer"]
    assert finding.message == "does not fit 32 bits"
