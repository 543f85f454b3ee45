"""Run an official archiver, of models or of workflows, and marpack on equal inputs and name the first difference.

The official tools list folders in whatever order the file system gives, read the clock in several places and
stage their inputs in a shared temporary folder. `run_official` runs one unchanged but for exactly that: listings
are sorted, the clock stands still, and the temporary folder is its own.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
import importlib.util
import io
import itertools
import logging
import os
import shutil
import stat
import struct
import sys
import tarfile
import tempfile
import time
import traceback
import warnings
import zipfile
from dataclasses import dataclass
from datetime import datetime, tzinfo
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack import cli
from tests.conftest import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FORMATS = {"default": ".mar", "zip-store": ".mar", "tgz": ".tar.gz", "no-archive": ""}

#: Stands for the world's absolute path in an argument given to both tools.
ROOT = "<<world>>"

#: When archives are packed unless a test says otherwise; odd, since zip keeps even seconds only.
TIMESTAMP = 1_700_000_001

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """An official tool, and the command of marpack that takes its options."""

    project: str
    version: str
    package: str
    module: str
    function: str
    command: str


MODELS = Tool(
    project="torch-model-archiver",
    version="0.12.0",
    package="model_archiver",
    module="model_packaging",
    function="generate_model_archive",
    command="pack",
)
WORKFLOWS = Tool(
    project="torch-workflow-archiver",
    version="0.2.15",
    package="workflow_archiver",
    module="workflow_packaging",
    function="generate_workflow_archive",
    command="pack-workflow",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one run ended, and the folder that holds its inputs and whatever it wrote."""

    status: int
    stdout: str
    stderr: str
    world: Path


# ---------------------------------------------------------------------------------------------- inputs


def write_file(
    path: Path, content: bytes, *, mode: int = 0o644, mtime_ns: int = 1_600_000_000_000_000_000
) -> None:
    """Write a file whose mode and time do not depend on when or by whom the test is run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    os.utime(path, ns=(mtime_ns, mtime_ns))


# ------------------------------------------------------------------------------------------------ runs


def require_official(tool: Tool = MODELS) -> None:
    """Skip, or fail in CI, unless the official tool is installed in the version that marpack equals."""
    found = importlib.util.find_spec(tool.package)
    installed = found and official_module("version", tool).__version__ == tool.version
    require(installed, f"{tool.project} {tool.version}")


def official_module(module: str, tool: Tool = MODELS) -> Any:
    """Import a module of the official package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # importing it leaves version.txt open
        return importlib.import_module(f"{tool.package}.{module}")


def run_official(
    argv: Sequence[str],
    world: Path,
    timestamp: int,
    *,
    tool: Tool = MODELS,
    start: str = ".",
    zone: str = "UTC",
    temporary: str = "",
) -> Outcome:
    """Run the official command with sorted listings and a clock that stands at `timestamp`.

    `temporary` is the temporary folder, below the world; by default it is one outside of it.
    """
    run = getattr(official_module(tool.module, tool), tool.function)
    with tempfile.TemporaryDirectory() as staging, _frozen(timestamp, tool) as patch:
        patch.setattr(sys, "argv", [tool.project, *argv])
        patch.setattr(tempfile, "tempdir", str(world / temporary) if temporary else staging)
        return _run(run, world, start, zone, traceback_is_status_1=True)


def run_marpack(
    argv: Sequence[str],
    world: Path,
    timestamp: int,
    *,
    tool: Tool = MODELS,
    start: str = ".",
    zone: str = "UTC",
    temporary: str = "",
) -> Outcome:
    """Run marpack's command with the time of packing fixed by `SOURCE_DATE_EPOCH`."""
    with pytest.MonkeyPatch.context() as patch:
        if temporary:
            patch.setattr(tempfile, "tempdir", str(world / temporary))
        patch.setenv("SOURCE_DATE_EPOCH", str(timestamp))
        return _run(lambda: cli.main([tool.command, "--check", "off", *argv]), world, start, zone)


class Worlds:
    """The same inputs twice, one world for each tool, so that neither sees what the other wrote."""

    def __init__(
        self, folder: Path, build: Callable[[Path], object], *, start: str = ".", tool: Tool = MODELS
    ) -> None:
        self._start = start
        self._tool = tool
        self._worlds = (folder / "official", folder / "marpack")
        for world in self._worlds:
            world.mkdir()
            build(world)

    def run(
        self, argv: Sequence[str], *, timestamp: int = TIMESTAMP, zone: str = "UTC", temporary: str = ""
    ) -> tuple[Outcome, Outcome]:
        """Run both tools in their worlds; call it again to run them on what they wrote before."""
        official, marpack = (
            run(
                [argument.replace(ROOT, str(world)) for argument in argv],
                world,
                timestamp,
                tool=self._tool,
                start=self._start,
                zone=zone,
                temporary=temporary,
            )
            for run, world in zip((run_official, run_marpack), self._worlds, strict=True)
        )
        return official, marpack


def _run(
    call: Callable[[], int | None], world: Path, start: str, zone: str, *, traceback_is_status_1: bool = False
) -> Outcome:
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.chdir(world / start)
        stack.enter_context(_local_time(zone))
        stack.enter_context(contextlib.redirect_stdout(stdout))
        stack.enter_context(contextlib.redirect_stderr(stderr))
        # Both tools may set up logging as a program does; the test run's own handlers stay as they are.
        patch.setattr(logging.root, "handlers", [])
        try:
            status = call() or 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except Exception:
            if not traceback_is_status_1:
                raise
            status = 1
            traceback.print_exc()
    return Outcome(status=status, stdout=stdout.getvalue(), stderr=stderr.getvalue(), world=world)


@contextlib.contextmanager
def _frozen(timestamp: int, tool: Tool) -> Iterator[pytest.MonkeyPatch]:
    manifest = official_module("manifest_components.manifest", tool)
    walk, listdir, copy = os.walk, os.listdir, shutil.copy

    class FrozenDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> FrozenDatetime:
            return cls.fromtimestamp(timestamp, tz)

    def sorted_walk(*args: Any, **kwargs: Any) -> Iterator[tuple[str, list[str], list[str]]]:
        for root, directories, files in walk(*args, **kwargs):
            directories.sort()
            files.sort()
            yield root, directories, files

    def copy_now(source: str, target: str) -> str:
        copied = copy(source, target)
        os.utime(copied, (timestamp, timestamp))
        return copied

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's duplicate name
        patch.setattr(os, "walk", sorted_walk)
        if sys.version_info >= (3, 15):  # as the Pythons before it (T2): from there on tarfile deflates at level 6
            patch.setattr(tarfile.TarFile.gzopen.__func__, "__defaults__", ("r", None, 9))
        patch.setattr(os, "listdir", lambda path=".": sorted(listdir(path)))
        patch.setattr("glob.glob", lambda pattern: sorted(glob(pattern)))
        patch.setattr(shutil, "copy", copy_now)
        patch.setattr(time, "time", lambda: float(timestamp))
        patch.setattr(manifest, "datetime", FrozenDatetime)
        yield patch


@contextlib.contextmanager
def _local_time(zone: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        yield
    time.tzset()


# ------------------------------------------------------------------------------------------ comparison


def disagreement(official: Outcome, marpack: Outcome) -> str | None:
    """Say how two runs differ: exit status first, then the first difference of their worlds."""
    if official.status != marpack.status:
        return (
            f"exit status: official {official.status}, marpack {marpack.status}\n"
            f"official: {official.stderr[-500:]}\nmarpack: {marpack.stderr[-500:]}"
        )
    return first_difference(official.world, marpack.world)


def first_difference(official: Path, marpack: Path) -> str | None:
    """Name the first difference of two folders: names, kinds, modes and contents, not times."""
    ours, theirs = _names(marpack), _names(official)
    for name in sorted(theirs ^ ours):
        return f"{name!r}: written by {'the official tool' if name in theirs else 'marpack'} only"
    for name in sorted(theirs):
        a, b = official / name, marpack / name
        mode_a, mode_b = a.lstat().st_mode, b.lstat().st_mode
        if mode_a != mode_b:
            return f"{name!r}: mode: official {stat.filemode(mode_a)}, marpack {stat.filemode(mode_b)}"
        if stat.S_ISREG(mode_a) and not same_bytes(a, b):
            return f"{name!r}: {file_difference(a, b)}"
    return None


def same_bytes(a: Path, b: Path) -> bool:
    """Compare two files of any size, a piece at a time."""
    if a.stat().st_size != b.stat().st_size:
        return False
    with a.open("rb") as left, b.open("rb") as right:
        return all(x == y for x, y in zip(_chunks(left), _chunks(right), strict=True))


def file_difference(a: Path, b: Path) -> str:
    """Name the first differing field of two files that differ: `a` is the official one."""
    if zipfile.is_zipfile(a) and zipfile.is_zipfile(b):
        return _zip_difference(a, b)
    left, right = a.read_bytes(), b.read_bytes()
    if left[:2] == right[:2] == b"\x1f\x8b":
        return _tgz_difference(left, right)
    return _byte_difference(left, right)


def _names(folder: Path) -> set[str]:
    return {
        (Path(root) / name).relative_to(folder).as_posix()
        for root, directories, files in os.walk(folder)
        for name in [*directories, *files]
    }


def _chunks(file: io.BufferedReader) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


_ENTRY_FIELDS = (
    "compress_type",
    "file_size",
    "CRC",
    "date_time",
    "external_attr",
    "internal_attr",
    "flag_bits",
    "create_system",
    "create_version",
    "extract_version",
    "extra",
    "comment",
    "compress_size",
    "header_offset",
)
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_LOCAL_FIELDS = (
    "signature",
    "version",
    "flags",
    "method",
    "time",
    "date",
    "crc",
    "compressed",
    "size",
    "name_length",
    "extra_length",
)


def _zip_difference(a: Path, b: Path) -> str:
    with zipfile.ZipFile(a) as left, zipfile.ZipFile(b) as right:
        if order := _order_difference(left.namelist(), right.namelist()):
            return order
        for x, y in zip(left.infolist(), right.infolist(), strict=True):
            values = [(field, getattr(x, field), getattr(y, field)) for field in _ENTRY_FIELDS]
            if found := _field_difference(values):
                return f"member {x.filename!r}: {found}"
        for x in left.infolist():
            if found := _field_difference(_local_values(a, b, x.header_offset)):
                return f"local header of {x.filename!r}: {found}"
    with a.open("rb") as one, b.open("rb") as two:
        for number, (p, q) in enumerate(itertools.zip_longest(_chunks(one), _chunks(two), fillvalue=b"")):
            if p != q:
                return f"from byte {number * _CHUNK}: {_byte_difference(p, q)}"
    raise AssertionError("equal files were said to differ")


def _local_values(a: Path, b: Path, offset: int) -> list[tuple[str, object, object]]:
    headers = []
    for path in (a, b):
        with path.open("rb") as file:
            file.seek(offset)
            values = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
            name, extra = file.read(values[-2]), file.read(values[-1])
            headers.append([*values, name, extra])
    return list(zip([*_LOCAL_FIELDS, "name", "extra"], *headers, strict=True))


def _tgz_difference(left: bytes, right: bytes) -> str:
    end_a, end_b = left.index(b"\0", 10), right.index(b"\0", 10)
    fields = ("id", "method", "flags", "mtime", "extra_flags", "system")
    heads = zip(fields, struct.unpack("<2sBBLBB", left[:10]), struct.unpack("<2sBBLBB", right[:10]), strict=True)
    if found := _field_difference([*heads, ("name", left[10:end_a], right[10:end_b])]):
        return f"gzip header: {found}"
    plain_a, plain_b = gzip.decompress(left), gzip.decompress(right)
    if plain_a == plain_b:
        return f"equal tar, compressed differently: {_byte_difference(left, right)}"
    with tarfile.open(fileobj=io.BytesIO(plain_a)) as one, tarfile.open(fileobj=io.BytesIO(plain_b)) as two:
        if order := _order_difference(one.getnames(), two.getnames()):
            return order
        for x, y in zip(one.getmembers(), two.getmembers(), strict=True):
            info_a, info_b = x.get_info(), y.get_info()
            values = [(field, info_a[field], info_b[field]) for field in sorted(info_a) if field != "chksum"]
            values.append(("pax headers", x.pax_headers, y.pax_headers))
            content_a, content_b = one.extractfile(x), two.extractfile(y)
            if content_a and content_b:
                values.append(("content", content_a.read(), content_b.read()))
            if found := _field_difference(values):
                return f"member {x.name!r}: {found}"
    return f"tar: {_byte_difference(plain_a, plain_b)}"


def _order_difference(left: list[str], right: list[str]) -> str | None:
    for number, (x, y) in enumerate(itertools.zip_longest(left, right)):
        if x != y:
            return f"member order: number {number}: official {x!r}, marpack {y!r}"
    return None


def _field_difference(values: Sequence[tuple[str, object, object]]) -> str | None:
    for field, x, y in values:
        if x != y:
            return f"{field}: official {x!r}, marpack {y!r}"
    return None


def _byte_difference(left: bytes, right: bytes) -> str:
    offset = next(
        (i for i, (x, y) in enumerate(zip(left, right, strict=False)) if x != y), min(len(left), len(right))
    )
    near = slice(max(0, offset - 8), offset + 24)
    return f"content at byte {offset}: official {left[near]!r}, marpack {right[near]!r}"
