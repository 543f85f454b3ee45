"""What ``marpack pack`` tells of the archive, and that a name does nothing to the terminal."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from marpack.cli import main
from tests.support.pack_command import BASICS, run


def test_says_where_what_and_how_large(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--serialized-file", "w.pt"]) == 0
    out, err = capsys.readouterr()
    size = Path("m.mar").stat().st_size
    assert out.splitlines()[0] == f"m.mar: 3 members, {size} bytes"
    with zipfile.ZipFile("m.mar") as archive:
        members = [[str(info.file_size), info.filename] for info in archive.infolist()]
    assert [line.split() for line in out.splitlines()[1:]] == members
    assert members[0] == ["39", "h.py"]
    assert err == ""


def test_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--digest"]) == 0
    out = capsys.readouterr().out.splitlines()
    digest = hashlib.sha256(Path("m.mar").read_bytes()).hexdigest()
    assert out[-1].split() == ["sha256", digest, "m.mar"]
    assert out[2].split() == ["sha256", hashlib.sha256(Path("h.py").read_bytes()).hexdigest()]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--json", "--digest", "--extra-files", "*.none"]) == 0
    out, err = capsys.readouterr()
    printed = json.loads(out)
    assert printed["path"] == "m.mar"
    assert printed["archive_format"] == "default"
    assert printed["size"] == Path("m.mar").stat().st_size
    assert printed["sha256"] == hashlib.sha256(Path("m.mar").read_bytes()).hexdigest()
    assert printed["manifest"]["model"]["modelName"] == "m"
    assert [entry["name"] for entry in printed["entries"]] == ["h.py", "MAR-INF/MANIFEST.json"]
    assert set(printed["entries"][0]) == {"name", "size", "compressed_size", "crc32", "sha256"}
    assert printed["warnings"] == ["no file matches the pattern '*.none' of extra_files"]
    assert err == f"marpack: warning: {printed['warnings'][0]}\n"


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--quiet", "--extra-files", "*.none"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_dry_run_writes_nothing(extra: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.iterdir())
    assert main([*BASICS, "--dry-run", "--archive-format", "no-archive", *extra]) == 0
    out = capsys.readouterr().out
    if extra:
        printed = json.loads(out)
        assert printed["path"] == "m"
        assert printed["entries"][0] == {"name": "h.py", "size": 39}
        assert printed["size"] == sum(entry["size"] for entry in printed["entries"])
    else:
        assert out.splitlines()[0] == "would write m"
        assert out.splitlines()[1].startswith("m: 2 members, ")
    assert sorted(folder.iterdir()) == before


def test_dry_run_says_what_stands_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.mar").write_bytes(b"old")
    assert main([*BASICS, "--dry-run"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("would not write m.mar, for it exists\nm.mar: 2 members")
    assert "already exists" in err
    assert main([*BASICS, "--dry-run", "--force"]) == 0
    assert Path("m.mar").read_bytes() == b"old"


def test_existing_archive_needs_force(capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.mar").write_bytes(b"old")
    assert main(BASICS) == 1
    err = capsys.readouterr().err
    assert err.startswith("marpack: error: 'm.mar' already exists")
    assert "--force" in err
    assert Path("m.mar").read_bytes() == b"old"
    assert main([*BASICS, "-f"]) == 0
    assert Path("m.mar").read_bytes() != b"old"


def test_errors_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", "--model-name", "m/", "-v1", "--handler", "gone.py", "--export-path", "nowhere"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[2].strip() for line in lines] == ["--model-name", "--handler", "--export-path"]
    assert all(line.startswith("marpack: error: ") for line in lines)
    assert "'gone.py' does not exist" in lines[1]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *((option, "gone/x.py") for option in ("--handler", "--model-file", "--serialized-file", "--extra-files")),
        *((option, "gone.py") for option in ("--handler", "--requirements-file", "--config-file")),
        *(("--handler", "gone"), ("--model-file", "class M:\n  pass"), ("--extra-files", "h.py,gone.txt")),
        ("--serialized-file", "broken"),
    ],
)
def test_a_missing_file_is_told_in_the_systems_words_too(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Callers of the official tool look for them."""
    Path("broken").symlink_to("nowhere")
    assert main([*BASICS, option, value]) == 1
    error = capsys.readouterr().err
    assert "No such file or directory" in error
    assert error.startswith(f"marpack: error: {option}: ")


def test_name_that_the_terminal_cannot_show() -> None:
    Path("ü.txt").write_text("x")
    done = run(*BASICS, "--extra-files", "ü.txt", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert r"\xfc.txt" in done.stdout


def test_name_that_would_act_on_the_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "x").mkdir()
    (folder / "x" / "a\x1b[2Jb").write_text("x")
    assert main([*BASICS, "--extra-files", "x"]) == 0
    assert r"a\x1b[2Jb" in capsys.readouterr().out


def test_control_characters_of_the_name_are_shown_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A terminal would act on them."""
    monkeypatch.chdir(tmp_path)
    Path("h.py").write_text("def handle(data, context):\n    return data\n")
    Path("models.json").write_text('[{"model-name": "m", "handler": "h.py"}]')
    words = ["pack", "--model-name", "m", "-v", "1", "--handler", "h.py"]
    for command in (
        [*words, "-o", "a\x1b[31m.mar", "--digest"],
        [*words, "-o", "b\x1b[31m.mar", "--dry-run"],
        ["repack", "a\x1b[31m.mar", "-o", "c\x1b[31m.mar"],
        ["config", "init", "d\x1b[31m.properties"],
        ["serve-build", "models.json", "-o", "e\x1b[31m"],
    ):
        assert main(command) == 0
        shown = "".join(capsys.readouterr())
        assert "\x1b" not in shown
        assert "\\x1b[31m" in shown
