"""Corners of the agreed domain that made inputs seldom reach: both tools still do the same."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.support import official
from tests.support.official import FORMATS, ROOT, Worlds, disagreement, write_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BASE = ["--model-name=m", "-v1.0", "--handler=base_handler", "--export-path=out"]
ALL = tuple(FORMATS)
ZIP = ("default",)
FOLDER = ("no-archive",)


@dataclass(frozen=True, kw_only=True)
class Corner:
    """Files to make, arguments after the usual ones, the exit status of each run, and the forms it is shown in."""

    argv: list[str]
    files: dict[str, bytes] = field(default_factory=dict)
    prepare: Callable[[Path], object] = lambda world: None
    statuses: tuple[int, ...] = (0,)
    formats: tuple[str, ...] = ZIP


def link(path: str, target: str) -> Callable[[Path], None]:
    return lambda world: (world / path).symlink_to(world / target)


W = {"w.pt": b"weights"}
H = {"image_classifier.py": b"h"}
DEEP = "/".join(["f", *(letter * 60 for letter in "abcdef"), "x"])

CORNERS = {
    # The new archive holds the old one.
    "output among the inputs": Corner(
        files={"out/m.mar": b"old", "out/m.tar.gz": b"old"}, argv=["--extra-files=out/*", "-f"], formats=ALL
    ),
    "the current folder": Corner(files=W | {"a/b": b"1", ".c/d": b"2"}, argv=["--extra-files=."], formats=ALL),
    "the current folder, into itself": Corner(
        files={"m.mar": b"old", "m.tar.gz": b"old", "a/b": b"1"},
        argv=["--extra-files=.", "--export-path=", "-f"],
        formats=ALL,
    ),
    "repacked in place": Corner(
        files={"w.pt": b"new", "x": b"1", "out/m/x": b"1", "out/m/MAR-INF/MANIFEST.json": b"{}"},
        argv=["--serialized-file=w.pt", "--extra-files=out/m/x,x", "-f"],
        formats=FOLDER,
    ),
    "longest model name of a zip": Corner(argv=[f"--model-name={'n' * 251}"], formats=("default", "zip-store")),
    "longest model name of a tgz": Corner(argv=[f"--model-name={'n' * 248}"], formats=("tgz",)),
    "longest model name of a folder": Corner(argv=[f"--model-name={'n' * 255}"], formats=FOLDER),
    "too long a model name of a zip": Corner(argv=[f"--model-name={'n' * 252}"], statuses=(1,)),
    "too long a model name of a tgz": Corner(argv=[f"--model-name={'n' * 249}"], statuses=(1,), formats=("tgz",)),
    "too long a model name of a folder": Corner(argv=[f"--model-name={'n' * 256}"], statuses=(1,), formats=FOLDER),
    "folders that are left out": Corner(
        files={
            f"f/{name}": b"x" for name in ("__MACOSX/a", "__pycache__/a", ".a/a", "b/__MACOSX/a/a", "b/.c/a", ".e")
        },
        argv=["--extra-files=f"],
        formats=ALL,
    ),
    "MAR-INF below the root": Corner(
        files={"f/g/MAR-INF/MANIFEST.json": b"x"}, argv=["--extra-files=f"], formats=ALL
    ),
    "a deep folder": Corner(files={DEEP: b"x"}, argv=["--extra-files=f"], formats=ALL),
    "long names": Corner(
        files={f"f/{'é' * 127}": b"1", f"f/{'a' * 255}": b"2", f"f/d/{'b' * 97}": b"3"},
        argv=["--extra-files=f"],
        formats=ALL,
    ),
    "names of a tar block and around": Corner(
        files={f"f/{'a' * n}/{'b' * k}": b"x" for n in (1, 50, 152, 153, 154) for k in (98, 99, 100, 101)},
        argv=["--extra-files=f"],
        formats=("tgz",),
    ),
    "a folder that holds itself": Corner(
        files={"f/sub/a": b""}, argv=["--extra-files=f"], prepare=link("f/sub/up", "f"), statuses=(1,), formats=ALL
    ),
    "a built-in handler and more": Corner(files=H, argv=["--handler=image_classifier:x"]),
    "a built-in handler as a path": Corner(files=H, argv=["--handler=./image_classifier"]),
    "a built-in handler's file missing": Corner(argv=["--handler=./image_classifier"], statuses=(1,)),
    "a module of the server that is no handler": Corner(argv=["--handler=vision_handler"], statuses=(1,)),
    "a built-in LSP handler and more": Corner(
        files={"BaseHandler.so": b""}, argv=["--runtime=LSP", "--handler=BaseHandler:x"]
    ),
    "a Python file for LSP": Corner(files={"h.py.so": b""}, argv=["--runtime=LSP", "--handler=h.py"]),
    "an upper-case suffix": Corner(files={"h.PY.py": b""}, argv=["--handler=h.PY"]),
    "a line break in the handler's folder": Corner(files={"a\nb/h.py": b""}, argv=["--handler=a\nb/h"]),
    "a line break in every path": Corner(
        files={"a\nb": b"", "a\nb.py": b""},
        argv=[
            "--handler=a\nb",
            *(f"{option}=a\nb" for option in ("--model-file", "--ser", "-r", "-c", "--extra-files")),
        ],
        formats=ALL,
    ),
    "a handler named .py": Corner(files={"d/.py": b""}, argv=["--handler=d/.py"]),
    "a folder for a handler": Corner(files={"h.py/x": b""}, argv=["--handler=h.py"], statuses=(1,)),
    "a link for a file": Corner(files=W, argv=["--serialized-file=l"], prepare=link("l", "w.pt"), formats=ALL),
    "a broken link for a file": Corner(argv=["--serialized-file=l"], prepare=link("l", "none"), statuses=(1,)),
    "a broken link for an extra file": Corner(argv=["--extra-files=l"], prepare=link("l", "none"), statuses=(1,)),
    "a FIFO for a file": Corner(argv=["-rl"], prepare=lambda world: os.mkfifo(world / "l"), statuses=(1,)),
    "a FIFO for an extra file": Corner(
        argv=["--extra-files=l*"], prepare=lambda world: os.mkfifo(world / "l"), statuses=(1,)
    ),
    "a link to the export folder": Corner(argv=["--export-path=l"], prepare=link("l", "out"), formats=ALL),
    "a link to the archive": Corner(files={"old": b"old"}, argv=["-f"], prepare=link("out/m.mar", "old")),
    "a folder in the archive's place": Corner(files={"out/m.mar/x": b""}, argv=["-f"], statuses=(1,)),
    "an empty folder in the archive's place": Corner(
        argv=[], prepare=lambda world: (world / "out/m.mar").mkdir(), statuses=(1,)
    ),
    "a file in the folder's place": Corner(files={"out/m": b""}, argv=["-f"], statuses=(1,), formats=FOLDER),
    "an empty folder in the folder's place": Corner(
        argv=["-f"], prepare=lambda world: (world / "out/m").mkdir(), formats=FOLDER
    ),
    "an existing folder": Corner(
        argv=[], prepare=lambda world: (world / "out/m").mkdir(), statuses=(1,), formats=FOLDER
    ),
    "an existing archive keeps its mode": Corner(
        argv=["-f"], prepare=lambda world: write_file(world / "out/m.mar", b"old", mode=0o600)
    ),
    "the same archive twice": Corner(files=W, argv=["--serialized-file=w.pt"], statuses=(0, 1), formats=ALL),
    "joined short options": Corner(files={"r": b""}, argv=["-fv2", "-rr"], statuses=(0, 0)),
    "an option that looks like a number": Corner(argv=["-v", "-1", "--version", "-1.5"]),
    "a value with a blank that begins with a dash": Corner(argv=["-v", "-a b"]),
    "a value that is an option": Corner(argv=["--version=--force", "--version=-f"], statuses=(0, 1)),
    "a value that is missing": Corner(argv=["--version", "--force"], statuses=(2,)),
    "nothing after the short option": Corner(argv=["-v"], statuses=(2,)),
    "an equals sign after a short option": Corner(argv=["-v==", "-c="]),
    "a double dash": Corner(argv=["--", "x"], statuses=(2,)),
    "an abbreviation of help": Corner(argv=["--hel"]),
    "help before errors": Corner(argv=["-h", "--unknown"]),
    "help after errors": Corner(argv=["--runtime=java", "-h"], statuses=(2,)),
    "all options empty": Corner(
        argv=["--model-file=", "--serialized-file=", "-r=", "-c=", "--extra-files=", "--handler=", "--version="],
        formats=ALL,
    ),
    "commas only": Corner(argv=["--extra-files=,,,"]),
    "no match": Corner(argv=["--extra-files=*.none,[x]"]),
    "a wildcard in the middle": Corner(
        files={"a/1/w": b"1", "a/2/v": b"2", "b/3/u": b"3"}, argv=["--extra-files=*/[12]/?,b*/3"], formats=ALL
    ),
    "a wildcard over folders that are left out": Corner(
        files={"f/__pycache__/a": b"1", "f/__MACOSX/b": b"2", "f/.git/c": b"3"},
        argv=["--extra-files=f/*,f/.*"],
        formats=ALL,
    ),
    "a folder that would be left out": Corner(files={".git/c": b"3"}, argv=["--extra-files=.git"], formats=ALL),
    "empty folders": Corner(
        prepare=lambda world: (world / "f/g/h").mkdir(parents=True), argv=["--extra-files=f,f/g"]
    ),
    "a file in every role": Corner(
        files={"x.py": b"x"},
        argv=[
            "--model-file=x.py",
            "--serialized-file=x.py",
            "--handler=x",
            "--extra-files=x.py",
            "-rx.py",
            "-cx.py",
        ],
        formats=ALL,
    ),
    "absolute paths": Corner(
        files={"h.py": b"h", "e/x": b"x"},
        argv=[f"--handler={ROOT}/h:f", f"--extra-files={ROOT}/e,{ROOT}/[e]/*", f"--export-path={ROOT}/out/"],
        formats=ALL,
    ),
}


@pytest.fixture(autouse=True)
def _official() -> None:
    official.require_official()


def check(folder: Path, corner: Corner, archive_format: str) -> None:
    def build(world: Path) -> None:
        (world / "out").mkdir()
        for name, content in corner.files.items():
            write_file(world / name, content)
        corner.prepare(world)

    worlds = Worlds(folder, build)
    for status in corner.statuses:
        outcomes = worlds.run([*BASE, f"--archive-format={archive_format}", *corner.argv])
        assert (found := disagreement(*outcomes)) is None, found
        assert outcomes[0].status == status, outcomes[0].stderr


@pytest.mark.parametrize(
    ("name", "archive_format"), [(name, form) for name, corner in CORNERS.items() for form in corner.formats]
)
def test_corner(tmp_path: Path, name: str, archive_format: str) -> None:
    check(tmp_path, CORNERS[name], archive_format)


def test_no_arguments(tmp_path: Path) -> None:
    outcomes = Worlds(tmp_path, lambda world: None).run([])
    assert [outcome.status for outcome in outcomes] == [2, 2]


@pytest.mark.parametrize("archive_format", FORMATS)
@pytest.mark.parametrize("mask", [0, 0o077, 0o027])
def test_umask(tmp_path: Path, mask: int, archive_format: str) -> None:
    corner = Corner(files={"f/a": b"1", "f/g/b": b"2"}, argv=["--extra-files=f", "-f"], statuses=(0, 0))
    before = os.umask(mask)
    try:
        check(tmp_path, corner, archive_format)
    finally:
        os.umask(before)
