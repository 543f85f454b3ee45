"""The oracle itself: it repeats its own bytes, and its comparison sees what it is meant to see."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support import official
from tests.support.official import FORMATS, TIMESTAMP, first_difference, run_official, write_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARGV = [
    "--model-name=m",
    "-v1.0",
    "--serialized-file=w.pt",
    "--handler=h:entry",
    "--extra-files=folder,*.json",
    "--export-path=out",
    "--archive-format",
]


@pytest.fixture(autouse=True)
def _official() -> None:
    official.require_official()


def build(world: Path, *, reverse: bool = False) -> None:
    (world / "out").mkdir(parents=True)
    names = ["a.json", "b.json", *(f"folder/{n}" for n in "zyx"), "folder/sub/2", "folder/sub/1", "folder/.git/x"]
    write_file(world / "w.pt", bytes(range(256)) * 100, mode=0o600, mtime_ns=1)
    write_file(world / "h.py", b"def entry(data, context): ...\n", mode=0o755)
    for name in sorted(names, reverse=reverse):
        write_file(world / name, name.encode() * 9, mtime_ns=1_500_000_001_234_567_891)


@pytest.mark.parametrize("archive_format", FORMATS)
def test_two_official_runs_are_equal(tmp_path: Path, archive_format: str) -> None:
    for number in range(2):
        build(tmp_path / str(number), reverse=bool(number))
        outcome = run_official([*ARGV, archive_format], tmp_path / str(number), TIMESTAMP)
        assert outcome.status == 0, outcome.stderr
    assert (tmp_path / "0" / "out" / f"m{FORMATS[archive_format]}").exists()
    assert first_difference(tmp_path / "0", tmp_path / "1") is None


def test_the_frozen_run_leaves_nothing_frozen(tmp_path: Path) -> None:
    before = (os.walk, os.listdir, shutil.copy, os.getcwd(), os.environ.get("TZ"))
    build(tmp_path / "w")
    run_official([*ARGV, "default"], tmp_path / "w", 0)  # fails: zip knows no 1970
    assert before == (os.walk, os.listdir, shutil.copy, os.getcwd(), os.environ.get("TZ"))


def test_exit_status_of_the_official_tool(tmp_path: Path) -> None:
    assert run_official(["--help"], tmp_path, 0).status == 0
    assert run_official(["--model-name"], tmp_path, 0).status == 2
    assert run_official(["--model-name=a b", "--handler=h", "-v1"], tmp_path, 0).status == 1


def rezip(change: Callable[[zipfile.ZipInfo], object]) -> Callable[[Path], None]:
    """Write an archive again with one field of its first member changed."""

    def rewrite(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = [(info, archive.read(info)) for info in archive.infolist()]
        change(members[0][0])
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for info, content in members:
                archive.writestr(info, content)

    return rewrite


def swap_members(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    members[0], members[1] = members[1], members[0]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, content in members:
            archive.writestr(info, content)


def poke(offset: int) -> Callable[[Path], None]:
    """Flip one bit at an offset."""

    def rewrite(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[offset] ^= 1
        path.write_bytes(data)

    return rewrite


def retar(path: Path) -> None:
    with tarfile.open(path) as archive:
        members = [(info, archive.extractfile(info)) for info in archive.getmembers()]
        members[0][0].uid += 1
        with tarfile.open(path.with_name("n"), "w:gz") as new:
            for info, content in members:
                new.addfile(info, content)
    # The header's name and time stay the original's, so that the member is what differs.
    head = path.read_bytes()
    old, fresh = head[: head.index(b"\0", 10)], path.with_name("n").read_bytes()
    path.write_bytes(old + fresh[fresh.index(b"\0", 10) :])
    path.with_name("n").unlink()


@pytest.mark.parametrize(
    ("archive_format", "change", "words"),
    [
        ("default", swap_members, "member order: number 0: official 'a.json', marpack 'b.json'"),
        (
            "default",
            rezip(lambda info: setattr(info, "external_attr", 0o600 << 16)),
            "member 'a.json': external_attr",
        ),
        ("default", rezip(lambda info: setattr(info, "date_time", (2000, 1, 1, 0, 0, 0))), "date_time"),
        ("default", rezip(lambda info: setattr(info, "compress_type", 0)), "compress_type: official 8, marpack 0"),
        ("zip-store", poke(30), "local header of 'a.json'"),  # inside the name
        ("zip-store", poke(36), "content at byte 36"),  # inside the content: a stored CRC is not looked at
        ("tgz", poke(5), "gzip header: mtime"),
        ("tgz", retar, "member 'm/a.json': uid"),
        ("no-archive", lambda path: (path / "a.json").chmod(0o600), "'out/m/a.json': mode: official -rw-r--r--"),
        ("no-archive", lambda path: (path / "a.json").unlink(), "written by the official tool only"),
        ("no-archive", lambda path: (path / "new").touch(), "written by marpack only"),
        ("no-archive", lambda path: (path / "a.json").write_bytes(b"a.jsoN"), "content at byte 5"),
    ],
)
def test_a_difference_is_named(
    tmp_path: Path, archive_format: str, change: Callable[[Path], None], words: str
) -> None:
    for name in "ab":
        build(tmp_path / name)
        run_official([*ARGV, archive_format], tmp_path / name, TIMESTAMP)
    change(tmp_path / "b" / "out" / f"m{FORMATS[archive_format]}")
    assert words in str(first_difference(tmp_path / "a", tmp_path / "b"))
