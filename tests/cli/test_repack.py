"""``marpack repack``."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from marpack import cli
from tests.support.repacked import contents, packed

if TYPE_CHECKING:
    from pathlib import Path


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = packed(tmp_path, "default")
    (tmp_path / "new.pt").write_bytes(b"new")
    words = ["repack", str(path), "--model-name", "n", "-v", "2", "--put", f"weights.pt={tmp_path}/new.pt"]
    assert cli.main([*words, "--drop", "words", "--archive-format", "tgz", "--json", "--check", "off"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["path"] == str(tmp_path / "n.tar.gz")
    assert set(contents(tmp_path / "n.tar.gz")) == {"weights.pt", "handler.py", "MAR-INF/MANIFEST.json"}


def test_the_command_replaces_the_archive_when_it_is_forced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = packed(tmp_path, "default")
    before = path.read_bytes()
    assert cli.main(["repack", str(path), "-v", "2", "--check", "off"]) == 1
    assert "already exists" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert cli.main(["repack", str(path), "-v", "2", "--force", "--check", "off"]) == 0
    assert json.loads(contents(path)["MAR-INF/MANIFEST.json"])["model"]["modelVersion"] == "2"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["gone.mar"], "gone.mar"),
        (["m.mar", "--drop", "absent"], "--drop: 'absent' is not in the archive"),
        (["m.mar", "--model-name", "a b"], "--model-name: the model name 'a b' is not allowed"),
        (["m.mar", "--put", "a=gone"], "--put: "),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    packed(tmp_path, "default")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["repack", *words, "-o", "new.mar", "--check", "off"]) == 1
    assert says in capsys.readouterr().err
    assert not (tmp_path / "new.mar").exists()


def test_the_command_takes_each_name_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = packed(tmp_path, "default")
    words = ["repack", str(path), "--put", f"n={path}", "--put", f"n={path}", "-o", str(tmp_path / "new.mar")]
    assert cli.main(words) == 2
    assert "'n' is given twice" in capsys.readouterr().err


def test_nothing_of_an_archive_reaches_the_terminal_raw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.mar"
    manifest = json.dumps({"model": {"modelName": "m", "handler": "\x1b[31mh\x1b[2J.py"}})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", manifest)
    assert cli.main(["repack", str(path), "-v", "2", "--check", "error", "--force"]) == 1
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert "handler" in shown.err
