"""``marpack pack-workflow``."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from marpack import iter_archive
from marpack.archive.manifest import WORKFLOW_MANIFEST_NAME
from marpack.cli import main
from tests.support.archives import T
from tests.support.planned_workflows import SPEC, plan, write_inputs

BASICS = ["pack-workflow", "--workflow-name", "w", "--spec-file", "spec.yaml"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(T))
    write_inputs(tmp_path)
    return tmp_path


def test_says_where_what_and_how_large(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--handler", "steps.py", "--extra-files", "labels.json"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == f"w.war: 4 members, {Path('w.war').stat().st_size} bytes"
    with zipfile.ZipFile("w.war") as archive:
        members = [[str(info.file_size), info.filename] for info in archive.infolist()]
    assert [line.split() for line in out.splitlines()[1:]] == members
    assert err == ""
    assert Path("w.war").read_bytes() == b"".join(
        iter_archive(plan(handler="steps.py", extra_files="labels.json"))
    )


def test_json_and_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--json", "--digest", "--extra-files=*.none", "--check=off"]) == 0
    out, err = capsys.readouterr()
    printed = json.loads(out)
    assert printed["path"] == "w.war"
    assert printed["sha256"] == hashlib.sha256(Path("w.war").read_bytes()).hexdigest()
    assert printed["manifest"]["workflow"] == {"workflowName": "w", "specFile": "spec.yaml", "handler": ""}
    assert [entry["name"] for entry in printed["entries"]] == ["spec.yaml", WORKFLOW_MANIFEST_NAME]
    assert err == f"marpack: warning: {printed['warnings'][0]}\n"


@pytest.mark.parametrize("output", [["-o", "x/y.war"], ["--output=x/y.war", "--export-path="]])
def test_output(output: list[str]) -> None:
    Path("x").mkdir()
    assert main([*BASICS, *output, "--quiet"]) == 0
    assert Path("x/y.war").read_bytes() == b"".join(iter_archive(plan()))


def test_a_url(folder: Path) -> None:
    assert main([*BASICS, "-o", f"file://{folder}/by-url.war", "--quiet"]) == 0
    assert Path("by-url.war").read_bytes() == b"".join(iter_archive(plan()))


def test_standard_output() -> None:
    done = subprocess.run([sys.executable, "-m", "marpack", *BASICS, "-o", "-"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"".join(iter_archive(plan()))


def test_dry_run_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.iterdir())
    assert main([*BASICS, "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("would write w.war\nw.war: 2 members, ")
    assert sorted(folder.iterdir()) == before


def test_options_reach_the_plan() -> None:
    assert main([*BASICS, "--reproducible", "--deflate=parallel", "--threads=1", "--quiet"]) == 0
    expected = plan(reproducible=True, deflate="parallel")
    assert Path("w.war").read_bytes() == b"".join(iter_archive(expected))


def test_comma_lists() -> None:
    words = ["--spec-file=labels.json,spec.yaml", "--handler=pkg/__init__.py,steps.py", "--quiet"]
    assert main([*BASICS, *words]) == 0
    expected = plan(spec_file=["labels.json", "spec.yaml"], handler=["pkg/__init__.py", "steps.py"])
    assert Path("w.war").read_bytes() == b"".join(iter_archive(expected))


def test_a_path_with_a_line_break_is_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a\nb.yaml").write_text(SPEC)
    assert main([*BASICS, "--spec-file=a\nb.yaml", "--quiet"]) == 0
    assert main([*BASICS, "--spec-file=no\nb.yaml", "--quiet", "-f"]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_abbreviations_are_the_archivers(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["pack-workflow", "--w", "w", "--s=spec.yaml", "--ha", "steps.py", "--ext=labels.json", "--exp", "."]
    assert main([*words, "--quiet"]) == 0
    assert main([*words, "--f", "--quiet"]) == 0
    with zipfile.ZipFile("w.war") as archive:
        assert len(archive.namelist()) == 4
    assert main([*words, "--e=."]) == 2
    assert "ambiguous" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--no-such-option"], 2),
        (["--output="], 2),
        (["--threads=0"], 2),
        (["--deflate=best"], 2),
        (["--export-path=.", "-o", "x.war"], 2),
        (["--archive-format=tgz"], 2),
        (["--export-path=none"], 1),
        (["-o", "none/x.war"], 1),
        (["-o", "pkg"], 1),
        (["--workflow-name=a b"], 1),
    ],
)
def test_exit_status(words: list[str], status: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.rglob("*"))
    assert main([*BASICS, *words]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: " in err
    assert sorted(folder.rglob("*")) == before


def test_an_archive_that_exists(capsys: pytest.CaptureFixture[str]) -> None:
    Path("w.war").write_bytes(b"old")
    assert main(BASICS) == 1
    assert "already exists" in capsys.readouterr().err
    assert Path("w.war").read_bytes() == b"old"
    assert main([*BASICS, "-f"]) == 0
    assert zipfile.is_zipfile("w.war")


def test_every_problem_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    words = ["--workflow-name=a b", "--spec-file=no", "--handler=no", "--extra-files=no", "--export-path=no"]
    assert main(["pack-workflow", *words]) == 1
    starts = [
        "--workflow-name:",
        "--spec-file:",
        "--handler:",
        "--extra-files:",
        "SOURCE_DATE_EPOCH",
        "--export-path:",
    ]
    lines = capsys.readouterr().err.splitlines()
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(f"marpack: error: {start}")


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack-workflow", "--help"]) == 0
    out = capsys.readouterr().out
    for option in ("--workflow-name", "--spec-file", "--handler", "--export-path", "--force", "--extra-files"):
        assert option in out
    with contextlib.suppress(SystemExit):
        main(["--help"])
    assert "pack-workflow" in capsys.readouterr().out
