"""What is checked while something is packed, and when."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import marpack
from marpack import CheckError, cli
from tests.support.checked_models import GOOD, NO_CLASS, codes


def test_pack_does_not_look_by_default(tmp_path: Path) -> None:
    assert marpack.pack(**NO_CLASS, export_path=tmp_path).findings == ()


def test_pack_warns(tmp_path: Path) -> None:
    result = marpack.pack(**NO_CLASS, export_path=tmp_path, check="warn")
    assert codes(result.findings) == ["handler-classes"]
    assert os.path.exists(result)


def test_pack_refuses(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="handler-classes") as error:
        marpack.pack(**NO_CLASS, export_path=tmp_path, check="error")
    assert codes(error.value.findings) == ["handler-classes"]
    assert list(tmp_path.iterdir()) == []
    assert codes(marpack.pack(**GOOD, export_path=tmp_path, check="error").findings) == []


def test_pack_knows_three_ways(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="error, warn, off"):
        marpack.pack(**GOOD, export_path=tmp_path, check="loudly")  # type: ignore[arg-type]


@pytest.mark.parametrize(("mode", "status", "told"), [("warn", 0, True), ("error", 1, True), ("off", 0, False)])
def test_packing_on_the_command_line(
    mode: str, status: int, told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "h.py").write_text("x = 1\n")
    words = [
        "pack",
        "--model-name",
        "m",
        "-v",
        "1",
        "--handler",
        f"{tmp_path}/h.py",
        "--export-path",
        str(tmp_path),
    ]
    assert cli.main([*words, "--check", mode]) == status
    assert ("handler-classes" in capsys.readouterr().err) == told
    assert (tmp_path / "m.mar").exists() == (status == 0)
    if mode == "warn":
        assert cli.main([*words, "--force", "--json"]) == 0
        shown = capsys.readouterr()
        assert "handler-classes" in shown.err
        assert "handler-classes" in [finding["code"] for finding in json.loads(shown.out)["findings"]]
        assert cli.main([*words, "--force", "--quiet"]) == 0
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", ["pack", "repack", "pack-workflow"])
def test_the_environment_says_what_the_option_says(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("h.py").write_text("x = 1\n")
    Path("s.yaml").write_text("models: {a: {url: a.mar}}\ndag: {a: [no_such_node]}\n")
    words = {
        "pack": ["pack", "--model-name", "m", "-v", "1", "--handler", "h.py", "-f"],
        "repack": ["repack", "m.mar", "-v", "2", "-f"],
        "pack-workflow": ["pack-workflow", "--workflow-name", "m", "--spec-file", "s.yaml", "-f"],
    }
    assert cli.main([*words["pack"], "--quiet"]) == 0
    asked = words[command]
    told = {}
    for mode in ("warn", "", "off", "error"):
        monkeypatch.setenv("MARPACK_CHECK", mode)
        capsys.readouterr()
        told[mode] = (cli.main(asked), bool(capsys.readouterr().err))
    assert told == {"warn": (0, True), "": (0, True), "off": (0, False), "error": (1, True)}
    # The option is nearer.
    assert cli.main([*asked, "--check", "off"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("MARPACK_CHECK", "off")
    assert cli.main([*asked, "--check", "error"]) == 1
    capsys.readouterr()
    monkeypatch.setenv("MARPACK_CHECK", "loudly")
    assert cli.main(asked) == 2
    assert "MARPACK_CHECK='loudly' is none of error, warn, off" in capsys.readouterr().err


def test_the_library_does_not_read_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARPACK_CHECK", "off")
    assert codes(marpack.pack(**NO_CLASS, export_path=tmp_path, check="warn").findings) == ["handler-classes"]


def test_a_check_that_fails_does_not_keep_from_packing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(plan: object, **_: object) -> None:
        raise ZeroDivisionError("a rule")

    monkeypatch.setattr("marpack.checks.examine.check", broken)
    (tmp_path / "h.py").write_text("x = 1\n")
    words = ["pack", "--model-name", "m", "-v", "1", "--handler", f"{tmp_path}/h.py"]
    assert cli.main([*words, "--export-path", str(tmp_path)]) == 0
    assert "check: could not be done: ZeroDivisionError('a rule')" in capsys.readouterr().err
    assert (tmp_path / "m.mar").exists()
