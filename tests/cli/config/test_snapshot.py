"""``marpack snapshot``: built of archives, shown, and judged as text or in settings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from tests.support.folder_contents import unchanged
from tests.support.settings_commands import (
    ENTRY,
    FINDING_KEYS,
    GOOD,
    SNAPSHOT,
    as_json,
    complaint,
    output,
    strict_json,
)


@pytest.mark.parametrize("style", ["spaced", "compact", "server"])
@pytest.mark.parametrize("named", [False, True])
def test_build_says_what_the_library_says(
    style: Any, named: bool, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archives = ["store/a.mar", "store/b-old.mar", "store/b.mar"]
    source = archives if named else ["--model-store", "store"]
    out = output(capsys, "snapshot", "build", *source, "--style", style)
    assert out == marpack.ModelSnapshot.from_archives(archives).to_json(style) + "\n"
    output(capsys, "snapshot", "build", *source, "--style", style, "-o", "new.json")
    assert Path("new.json").read_text() == out


def test_build_takes_numbers_and_default_versions(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = {
        "minWorkers": 2,
        "maxWorkers": 3,
        "batchSize": 4,
        "maxBatchDelay": 5,
        "responseTimeout": 6,
        "startupTimeout": 7,
    }
    options = ["--min-workers", "2", "--max-workers", "3", "--batch-size", "4", "--max-batch-delay", "5"]
    options += ["--response-timeout", "6", "--startup-timeout", "7", "--default-version", "b=1.9"]
    document = as_json(capsys, "snapshot", "build", "--model-store", "store", *options)
    assert set(document) == {"file", "snapshot", "findings"}
    versions = document["snapshot"]["models"]["b"]
    assert {version: entry["defaultVersion"] for version, entry in versions.items()} == {
        "1.9": True,
        "1.10": False,
    }
    for entry in versions.values():
        assert {key: entry[key] for key in numbers} == numbers


def test_build_raises_the_most_workers_with_the_least(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = as_json(capsys, "snapshot", "build", "store/a.mar", "--min-workers", "4")
    assert document["snapshot"]["models"]["a"]["1.0"]["maxWorkers"] == 4
    assert document["findings"] == []


def test_build_writes_nothing_that_the_server_would_refuse(
    store: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["snapshot", "build", "store/a.mar", "--min-workers", "5", "--max-workers", "4"]
    for more in ([], ["-o", "new"], ["-o", "good.properties", "--force", "--json"]):
        with unchanged(folder):
            assert "5 is more than maxWorkers, 4" in complaint(capsys, *command, *more)


def test_build_and_show_count_versions(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, "snapshot", "build", "store/a.mar", "-o", "new") == "new: 1 model version\n"
    assert output(capsys, "snapshot", "show", "new").splitlines()[-1] == "new: 1 model version"
    count = "good.properties: 3 model versions"
    built = output(capsys, "snapshot", "build", "--model-store", "store", "-fo", "good.properties")
    assert built.splitlines() == [count]


def test_build_keeps_what_exists(store: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unchanged(folder):
        message = complaint(capsys, "snapshot", "build", "store/a.mar", "-o", "good.properties")
    assert "'good.properties' already exists" in message
    output(capsys, "snapshot", "build", "store/a.mar", "-o", "good.properties", "--force")
    strict_json((folder / "good.properties").read_text())


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ([], "--model-store"),
        (["gone.mar"], "'gone.mar'"),
        (["good.properties"], "'good.properties'"),
        (["broken.mar"], "'broken.mar'"),
        (["store"], "'store'"),
        (["--model-store", "gone"], "'gone'"),
        (["--model-store", "empty"], "empty"),
        (["--model-store", "good.properties"], "'good.properties'"),
        (["store/a.mar", "store/a.mar"], "a.mar"),
        (["store/a.mar", "copy.mar"], "copy.mar"),
        (["store/a.mar", "--default-version", "a"], "MODEL=VERSION"),
        (["store/a.mar", "--default-version", "a=2.0"], "'2.0'"),
        (["store/a.mar", "--default-version", "c=1.0"], "'1.0'"),
        (["store/a.mar", "--batch-size", "99999999999"], "batchSize"),
        (["store/a.mar", "-o", "gone/x"], "'gone'"),
        (["store/a.mar", "-o", "empty"], "'empty'"),
    ],
    ids=str,
)
def test_build_refuses_and_writes_nothing(
    command: list[str], says: str, store: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.mar").write_bytes(b"x")
    (folder / "copy.mar").write_bytes((store / "a.mar").read_bytes())
    (folder / "empty").mkdir()
    with unchanged(folder):
        assert says in complaint(
            capsys, "snapshot", "build", *command, *([] if "-o" in command else ["-o", "new"])
        )


@pytest.mark.parametrize("form", ["json", "properties"])
def test_show_and_lint_a_snapshot(form: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if form == "json":
        output(capsys, "snapshot", "build", "--model-store", "store", "--style", "server", "-o", "file")
    else:
        output(capsys, "config", "init", "file", "--archives", "store")
    lines = output(capsys, "snapshot", "show", "file").splitlines()
    assert sorted((*line.split()[:3], line.split()[-1]) for line in lines[:-1]) == [
        ("a", "1.0", "a.mar", "default"),
        ("b", "1.10", "b.mar", "default"),
        ("b", "1.9", "b-old.mar", "ms)"),
    ]
    assert lines[-1] == "file: 3 model versions"
    document = as_json(capsys, "snapshot", "show", "file")
    assert set(document) == {"file", "snapshot"}
    assert document["snapshot"]["modelCount"] == 3
    assert output(capsys, "snapshot", "lint", "file", "--model-store", "store") == "file: 0 errors, 0 warnings\n"
    os.remove("store/b.mar")
    assert "'b.mar'" in output(capsys, "snapshot", "lint", "file", "--model-store", "store", status=1)
    (store / "b.mar").write_bytes(b"x")
    assert main(["snapshot", "lint", "file", "--model-store", "store"]) == 1
    assert "b.mar" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("change", "status", "severity"),
    [
        ({}, 0, None),
        ({"minWorkers": 0}, 0, "warning"),
        ({"batchSize": 0}, 0, "warning"),
        ({"minWorkers": "many"}, 1, "error"),
        ({"marName": "../a.mar"}, 1, "error"),
        ({"defaultVersion": None}, 1, "error"),
        ({"maxBatchDelay": None}, 1, "error"),
    ],
)
@pytest.mark.parametrize("form", ["json", "properties"])
def test_lint_of_a_snapshot_fails_on_errors_only_and_names_the_place(
    change: dict[str, Any],
    status: int,
    severity: str | None,
    form: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = {key: value for key, value in {**ENTRY, **change}.items() if value is not None}
    text = json.dumps({**SNAPSHOT, "models": {"a": {"1.0": entry}}})
    (folder / "file").write_text(text if form == "json" else f"{GOOD}model_snapshot={text}\n")
    document = as_json(capsys, "snapshot", "lint", "file", status=status)
    assert set(document) == {"file", "findings"}
    assert {finding["severity"] for finding in document["findings"]} == ({severity} if severity else set())
    for finding in document["findings"]:
        assert set(finding) == FINDING_KEYS
        assert finding["key"].endswith(f"models.a.1.0.{next(iter(change))}")
        assert finding["file"] == "file"
        assert finding["line"] == (7 if form == "properties" else finding["line"])
    if status and "marName" not in change:  # which can be shown, whatever it is
        assert "file" in complaint(capsys, "snapshot", "show", "file")


def test_a_snapshots_json_is_placed_in_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").write_text(f'{GOOD}model_snapshot={{"models":\n')
    message = complaint(capsys, "snapshot", "show", "file")
    assert "'file'" in message
    assert "line 7" in message
    (folder / "file").write_text('{"models":\n {,}}')
    assert "line 2, column 3" in complaint(capsys, "snapshot", "show", "file")


def test_settings_without_a_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("show", "lint"):
        message = complaint(capsys, "snapshot", verb, "good.properties")
        assert "'good.properties' has no model_snapshot" in message
