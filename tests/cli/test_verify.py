"""What ``marpack verify`` prints, and how it ends."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from tests.support.archives import CLEAR, HOSTILE, MANIFEST, TEXT, check_json, packed, tarred, zipped
from tests.support.terminals import Terminal

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def codes(path: Path | str, capsys: Capture) -> list[str]:
    """Verify for programs and for people, who are told the same."""
    capsys.readouterr()
    status = main(["verify", str(path), "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    told = check_json(out, "verify")
    assert (status, told["ok"]) == ((1, False) if told["issues"] else (0, True))
    found = [issue["code"] for issue in told["issues"]]
    assert main(["verify", str(path)]) == status
    out, err = capsys.readouterr()
    if told["form"]:
        assert [line.rpartition("[")[2].rstrip("]") for line in out.splitlines()[:-1]] == found
        assert err == ""
    else:
        assert out == ""
        assert err.startswith("marpack: error: ")
    return found


@pytest.mark.parametrize("form", ["default", "zip-store", "auto", "tgz", "no-archive"])
def test_whole(form: Any, folder: Path, capsys: Capture) -> None:
    path = packed(folder, archive_format=form)
    assert codes(path, capsys) == []
    assert main(["verify", path.name]) == 0
    with marpack.open_archive(path) as archive:
        size = 39 + 7 + 1000 + len(archive.manifest_text)
    assert capsys.readouterr().out == f"{path.name}: 4 members, {size:,} bytes: nothing is wrong\n"


def test_damage(folder: Path, capsys: Capture) -> None:
    zipped(folder / "m.mar", [("a", b"a" * 100), ("b", b"b" * 100)])
    data = bytearray((folder / "m.mar").read_bytes())
    with zipfile.ZipFile("m.mar") as archive:
        offset = archive.getinfo("b").header_offset
    data[offset + 31] ^= 0xFF
    (folder / "m.mar").write_bytes(data)
    assert main(["verify", "m.mar"]) == 1
    line, summary = capsys.readouterr().out.splitlines()
    assert line.startswith("b: is damaged: ")
    assert summary == f"m.mar: 3 members, {200 + len(TEXT)} bytes: 1 issue"
    assert len(codes("m.mar", capsys)) == 1


def test_every_byte_counts(folder: Path, capsys: Capture) -> None:
    """No byte of a member can change unseen, in any form that has sums."""
    for path in (packed(folder, archive_format="zip-store"), packed(folder, archive_format="tgz")):
        data = path.read_bytes()
        for place in (60, len(data) // 2, len(data) - 10):
            path.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
            assert main(["verify", path.name]) == 1, place
            path.write_bytes(data[:place])
            assert main(["verify", path.name]) == 1, place
    capsys.readouterr()


@pytest.mark.parametrize(
    ("members", "manifest", "expected"),
    [
        ([("../up", b"")], TEXT, ["name-traversal"]),
        ([("a", b"1"), ("a", b"2")], TEXT, ["duplicate"]),
        ([("a", b"1")], None, ["no-manifest"]),
        ([("a", b"1")], "{", ["bad-manifest"]),
        ([], json.dumps({"model": {"serializedFile": "gone.pt"}}), ["missing-file"]),
        ([("a", b"1")], json.dumps({"model": {}, "metadata": {"sha256": {"a": "0" * 64}}}), ["digest"]),
        (
            [("a", b"1")],
            json.dumps({"model": {}, "metadata": {"sha256": {"a": hashlib.sha256(b"1").hexdigest()}}}),
            [],
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_wrong(
    members: list[tuple[str, bytes]], manifest: str | None, expected: list[str], folder: Path, capsys: Capture
) -> None:
    assert codes(zipped(folder / "m.mar", members, manifest=manifest), capsys) == expected


@pytest.mark.parametrize("name", ["h.mar", "h.tar.gz", "empty.mar", "m.zip", "cut.tar.gz"])
def test_what_is_no_archive(name: str, folder: Path, capsys: Capture) -> None:
    (folder / "h.mar").write_bytes(b"hello")
    (folder / "h.tar.gz").write_bytes(b"hello")
    (folder / "empty.mar").write_bytes(b"")
    (folder / "m.zip").write_bytes(packed(folder).read_bytes())
    (folder / "cut.tar.gz").write_bytes(tarred(folder / "x.tar.gz", [("a", b"1")]).read_bytes()[:-12])
    assert len(codes(name, capsys)) == 1
    main(["verify", name, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["form"], told["members"], told["contents_size"]) == (None, None, None)


def test_a_second_gzip_member(folder: Path, capsys: Capture) -> None:
    path = tarred(folder / "m.tar.gz", [("a", b"1")])
    path.write_bytes(path.read_bytes() + gzip.compress(b"more"))
    assert codes(path, capsys) == ["gzip-members"]


@pytest.mark.parametrize("words", [["gone.mar"], ["gone.mar", "--json"], ["-"]])
def test_wrong_paths(words: list[str], capsys: Capture) -> None:
    assert main(["verify", *words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("marpack: error: ")


def test_nothing_hostile_reaches_the_terminal(folder: Path, capsys: Capture) -> None:
    values = {"model": {"modelFile": HOSTILE}, "metadata": {"sha256": {CLEAR: "0" * 64}}}
    zipped(folder / f"{CLEAR}.mar", [(f"../{HOSTILE}", b"1"), (f"/{CLEAR}", b"2")], manifest=json.dumps(values))
    for words in ([], ["--json"]):
        assert main(["verify", f"{CLEAR}.mar", *words]) == 1
        for text in capsys.readouterr():
            assert "".join(text.split("\n")).isprintable()
    (folder / f"{CLEAR}.mar").write_bytes(b"no")
    assert main(["verify", f"{CLEAR}.mar"]) == 1
    assert CLEAR not in capsys.readouterr().err


@pytest.mark.parametrize("threads", ["1", "2", "7"])
def test_threads(threads: str, folder: Path, capsys: Capture) -> None:
    large = os.urandom(5 << 20)
    packed(folder, extra_files={f"{number}.bin": large for number in range(4)}, archive_format="zip-store")
    assert main(["verify", "m.mar", "--threads", threads]) == 0
    data = bytearray((folder / "m.mar").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "m.mar").write_bytes(data)
    assert main(["verify", "m.mar", "--threads", threads]) == 1
    assert "CRC" in capsys.readouterr().out
    assert main(["verify", "m.mar", "--threads", "0"]) == 2


@pytest.mark.parametrize("with_rich", [True, False])
def test_progress_of_a_large_archive(with_rich: bool, folder: Path) -> None:
    packed(folder, extra_files={"large.bin": bytes(80 << 20)}, archive_format="zip-store")
    if not with_rich:
        (folder / "hidden/rich").mkdir(parents=True)
        (folder / "hidden/rich/__init__.py").write_text("raise ImportError('hidden')")
    terminal = Terminal(80, "utf-8")  # it is read all the while: one that is full would be waited for
    try:
        done = subprocess.run(
            [sys.executable, "-m", "marpack", "verify", "m.mar"],
            stderr=terminal.stream,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": str(folder / "hidden"), "TERM": "xterm", "COLUMNS": "80"},
        )
    finally:
        shown = terminal.written()
    assert done.returncode == 0
    assert done.stdout.endswith("nothing is wrong\n")
    assert "%" in shown or "MB" in shown
    assert MANIFEST not in shown
