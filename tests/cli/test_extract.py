"""What ``marpack extract`` makes, refuses and prints."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from tests.conftest import full_disk
from tests.support import official
from tests.support.archives import CLEAR, HOSTILE, MANIFEST, TEXT, check_json, packed, tarred, zipped

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path | str) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file()
    }


def listing(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


CONTENTS = {
    "handler.py": b"def handle(data, context): return data\n",
    "weights.pt": b"weights",
    "labels/a.json": b"{}" * 500,
}


@pytest.mark.parametrize("form", ["default", "zip-store", "auto", "tgz", "no-archive"])
def test_every_form(form: Any, folder: Path, capsys: Capture) -> None:
    path = packed(folder, archive_format=form)
    assert main(["extract", path.name, "out", "--json"]) == 0
    told = check_json(capsys.readouterr().out, "extract")
    assert {name: data for name, data in files("out").items() if name != MANIFEST} == CONTENTS
    assert told["folder"] == "out"
    assert {file["name"]: file["size"] for file in told["files"]} == {
        name: len(data) for name, data in files("out").items()
    }
    assert told["size"] == sum(map(len, files("out").values()))
    assert stat.S_IMODE(Path("out/handler.py").stat().st_mode) == 0o644


@pytest.mark.parametrize("archive_format", ["default", "tgz", "no-archive"])
def test_an_official_archive(archive_format: str, folder: Path, capsys: Capture) -> None:
    official.require_official()
    world = folder / "world"
    official.write_file(world / "h.py", b"x = 1\n")
    official.write_file(world / "w.pt", os.urandom(3000))
    words = ["--model-name", "m", "--version", "1", "--handler", "h.py", "--serialized-file", "w.pt"]
    outcome = official.run_official([*words, "--archive-format", archive_format], world, official.TIMESTAMP)
    assert outcome.status == 0
    path = outcome.world / f"m{official.FORMATS[archive_format]}"
    assert main(["extract", str(path), "out"]) == 0
    assert main(["verify", str(path)]) == 0
    assert Path("out/w.pt").read_bytes() == (outcome.world / "w.pt").read_bytes()
    assert files("out").keys() == {"h.py", "w.pt", MANIFEST}


def test_the_default_folder(folder: Path, capsys: Capture) -> None:
    (folder / "store").mkdir()
    packed(folder / "store")
    packed(folder / "store", "t", archive_format="tgz")
    assert main(["extract", "store/m.mar"]) == 0
    assert capsys.readouterr().out == f"m: 4 files, {sum(map(len, files('m').values())):,} bytes\n"
    assert main(["extract", "store/t.tar.gz"]) == 0
    assert listing(folder) == ["m", "store", "t"]
    assert main(["extract", "m"]) == 1
    assert "name the folder to unpack to" in capsys.readouterr().err
    (folder / ".mar").write_bytes((folder / "store/m.mar").read_bytes())
    assert main(["extract", ".mar"]) == 1


def test_members(folder: Path, capsys: Capture) -> None:
    packed(folder)
    assert main(["extract", "m.mar", "out", "labels", "handler.py"]) == 0
    assert files("out").keys() == {"labels/a.json", "handler.py"}
    assert main(["extract", "m.mar", "other", "gone.py"]) == 1
    assert "'gone.py' is not in the archive" in capsys.readouterr().err
    assert not (folder / "other").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["m.mar", "--force", "out", "weights.pt"],
        ["--max-size", "1M", "m.mar", "out", "--max-ratio=5", "weights.pt", "-f"],
        ["m.mar", "out", "--max-members", "9", "--", "weights.pt"],
        ["-f", "--json", "--", "m.mar", "out", "weights.pt"],
    ],
)
def test_options_anywhere(words: list[str], folder: Path) -> None:
    packed(folder)
    assert main(["extract", *words]) == 0
    assert files("out") == {"weights.pt": b"weights"}


@pytest.mark.parametrize("threads", ["1", "7"])
def test_threads(threads: str, folder: Path) -> None:
    large = os.urandom(5 << 20)
    packed(folder, extra_files={f"{number}.bin": large for number in range(3)}, archive_format="auto", force=True)
    assert main(["extract", "m.mar", "--threads", threads, "out", "0.bin", "2.bin"]) == 0
    assert {path.name: path.read_bytes() for path in (folder / "out").iterdir()} == {
        "0.bin": large,
        "2.bin": large,
    }
    assert main(["extract", "m.mar", "none", "--threads", "0"]) == 2


@pytest.mark.parametrize("words", [[], ["--nonsense", "m.mar"], ["m.mar", "--max-size"]])
def test_what_cannot_be_parsed(words: list[str], folder: Path, capsys: Capture) -> None:
    packed(folder)
    assert main(["extract", *words]) == 2
    assert "usage: marpack" in capsys.readouterr().err
    assert listing(folder) == ["m.mar"]


def test_help(capsys: Capture) -> None:
    assert main(["extract", "--help"]) == 0
    assert "--max-ratio" in capsys.readouterr().out


def test_what_is_there_stays_unless_force(folder: Path, capsys: Capture) -> None:
    packed(folder)
    assert main(["extract", "m.mar"]) == 0
    (folder / "m/mine").write_text("mine")
    assert main(["extract", "m.mar"]) == 1
    assert "already exists" in capsys.readouterr().err
    assert (folder / "m/mine").exists()
    assert main(["extract", "m.mar", "--force"]) == 0
    assert files("m").keys() == {*CONTENTS, MANIFEST}
    (folder / "own").mkdir()
    (folder / "own/mine").write_text("mine")
    assert main(["extract", "m.mar", "own", "--force"]) == 1
    assert files("own") == {"mine": b"mine"}
    (folder / "empty").mkdir()
    assert main(["extract", "m.mar", "empty"]) == 0


def test_not_over_itself(folder: Path, capsys: Capture) -> None:
    packed(folder, archive_format="no-archive")
    before = files("m")
    for target in ("m", "./m/", str(folder / "m")):
        assert main(["extract", "m", target, "handler.py", "--force"]) == 1
        assert "name another folder" in capsys.readouterr().err
    assert files("m") == before


@pytest.mark.parametrize(
    ("members", "words", "why"),
    [
        ([("../up", b"1")], [], "'..'"),
        ([("/abs", b"1")], [], "absolute"),
        ([("a\\b", b"1")], [], "backslash"),
        ([("a", b"1"), ("a/b", b"1")], [], "folder"),
        ([("a", b"1"), ("A", b"1")], [], "case"),
        ([("a", bytes(10_000))], ["--max-size", "9K"], "limit of 9,216"),
        ([("a", bytes(70 << 20))], [], "more than the limit of 67,108,864"),
        ([("a", b"1"), ("b", b"1")], ["--max-members", "2"], "limit of 2"),
    ],
)
def test_refused_before_anything_is_written(
    members: list[tuple[str, bytes]], words: list[str], why: str, folder: Path, capsys: Capture
) -> None:
    zipped(folder / "m.mar", members)
    assert main(["extract", "m.mar", *words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert why in err
    assert len(err.splitlines()) == 1
    assert listing(folder) == ["m.mar"]


def test_what_can_be_allowed(folder: Path) -> None:
    zipped(folder / "m.mar", [("a", bytes(70 << 20)), ("A", b"1")])
    assert main(["extract", "m.mar", "--max-ratio", "2000", "--case-sensitive"]) == 0
    assert files("m")["A"] == b"1"


@pytest.mark.parametrize("suffix", [".mar", ".tar.gz"])
def test_damage_leaves_nothing(suffix: str, folder: Path, capsys: Capture) -> None:
    make: Any = zipped if suffix == ".mar" else tarred
    path = make(folder / f"m{suffix}", [("a", os.urandom(2000)), ("b", b"1")])
    data = bytearray(path.read_bytes())
    data[1000] ^= 0xFF
    path.write_bytes(data)
    assert main(["extract", path.name]) == 1
    assert capsys.readouterr().err.startswith("marpack: error: ")
    assert listing(folder) == [path.name]


def test_a_full_disk(folder: Path, capsys: Capture) -> None:
    packed(folder, extra_files={"large": bytes(1 << 20)})
    with full_disk(1 << 19):
        assert main(["extract", "m.mar", "out"]) == 1
    assert "'out' cannot be made: File too large; nothing is left of the attempt" in capsys.readouterr().err
    assert listing(folder) == ["m.mar"]


def test_a_folder_that_lets_nothing_go(folder: Path, capsys: Capture) -> None:
    packed(folder)
    if subprocess.run(["chattr", "+a", "."], cwd=folder, capture_output=True).returncode:
        pytest.skip("a folder is made append-only by root alone, and not on every file system")
    try:
        assert main(["extract", "m.mar", "out"]) == 1
    finally:
        subprocess.run(["chattr", "-a", "."], cwd=folder, check=True)
    [left] = set(listing(folder)) - {"m.mar"}
    error = capsys.readouterr().err.rstrip()
    assert error.endswith(f"/{left}' is left and could not be removed")
    assert "nothing is left" not in error


@pytest.mark.parametrize("words", [["gone.mar"], ["-", "out"], ["m.mar", "no/where"]])
def test_wrong_paths(words: list[str], folder: Path, capsys: Capture) -> None:
    packed(folder)
    assert main(["extract", *words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("marpack: error: ")
    assert listing(folder) == ["m.mar"]


def test_nothing_hostile_reaches_the_terminal(folder: Path, capsys: Capture) -> None:
    zipped(folder / "m.mar", [(HOSTILE, b"1")], manifest=TEXT)
    for words in (["m.mar", CLEAR], ["m.mar", f"{CLEAR}2", "--json"], ["m.mar", "out", f"{CLEAR}x"]):
        main(["extract", *words])
        for text in capsys.readouterr():
            assert "".join(text.split("\n")).isprintable()
    assert files(CLEAR)[HOSTILE] == b"1"
    assert json.loads(Path(CLEAR, MANIFEST).read_text()) == json.loads(TEXT)


def test_a_member_where_the_folder_belongs(folder: Path, capsys: Capture) -> None:
    marpack.pack(model_name="m", handler={"h.py": b"x = 1\n"}, export_path=folder)
    assert main(["extract", str(folder / "m.mar"), "h.py"]) == 1
    assert "'h.py' is a member, and the folder comes first" in capsys.readouterr().err
    assert not (folder / "h.py").exists()


def test_a_name_that_the_locale_has_not(folder: Path) -> None:
    packed(folder, extra_files={"\u65e5.txt": b"1"})
    told = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "marpack", "extract", "m.mar", "out"],
        env=os.environ | told,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "is no name of a file in the locale's encoding, ascii: set PYTHONUTF8=1" in done.stderr
    assert "Traceback" not in done.stderr
    assert listing(folder) == ["m.mar"]
