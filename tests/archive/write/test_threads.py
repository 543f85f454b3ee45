"""What threads must never do: share a position, write where they should not, or keep Python from ending."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.disk.range_copy import LARGE_SIZE
from tests.archive.write.test_deflate_ahead import plan, store
from tests.support.processes import WAIT_SECONDS

__all__ = ["plan", "store"]  # fixtures

LARGE = 3_000_000

pytestmark = pytest.mark.slow


def test_one_open_file_under_two_names(store: Path) -> None:
    """Members are read by several threads, and the file has one position."""
    data = random.Random(0).randbytes(LARGE)
    with io.BytesIO(data) as file:
        plan = marpack.plan_archive(
            model_name="m", handler="base_handler", extra_files=dict.fromkeys("abcd", file)
        )
        marpack.write_archive(plan, store / "m.mar", threads=4)
    with zipfile.ZipFile(store / "m.mar") as archive:
        assert {archive.read(name) for name in "abcd"} == {data}


def run(code: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )


INTERRUPTED = """
import os, signal, sys, threading
import marpack
number, form, deflate = int(sys.argv[1]), sys.argv[2], sys.argv[3]
start = threading.Thread.start
def interrupted_start(thread):
    global number
    number -= 1
    if number == 0:
        os.kill(os.getpid(), signal.SIGINT)  # while Thread.start() waits
    start(thread)
threading.Thread.start = interrupted_start
before = threading.active_count()
try:
    marpack.pack(model_name="m", handler="base_handler", extra_files="x", archive_format=form, deflate=deflate,
                 digest=True, threads=3)
except KeyboardInterrupt:
    others = [open(f"other{number}", "w+b") for number in range(6)]
    while any(thread.name != "MainThread" and not thread.daemon for thread in threading.enumerate()):
        pass
    assert not any(os.fstat(file.fileno()).st_size for file in others)
    for file in others:
        file.close()
    left = sorted(name for name in os.listdir() if not name.startswith("other"))
    print("interrupted", threading.active_count() - before, left)
else:
    print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("form", "deflate"),
    [("zip-store", "zlib"), ("no-archive", "zlib"), ("default", "zlib"), ("default", "parallel")],
)
def test_interrupted_while_a_thread_starts(tmp_path: Path, form: str, deflate: str, number: int) -> None:
    (tmp_path / "x").mkdir()
    for name in "ab":
        (tmp_path / "x" / name).write_bytes(random.Random(0).randbytes(LARGE_SIZE + 1))
    done = run(INTERRUPTED, str(number), form, deflate, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("interrupted 0 ['x']\n", "done\n")


@pytest.mark.parametrize("form", ["default", "zip-store", "no-archive", "tgz"])
@pytest.mark.parametrize("deflate", ["zlib", "parallel"])
@pytest.mark.parametrize("allowed", [0, 1])
def test_a_system_that_gives_few_threads(
    plan: marpack.ArchivePlan,
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: marpack.typing.ArchiveFormat,
    deflate: marpack.typing.Deflate,
    allowed: int,
) -> None:
    names = [entry.name for entry in plan.files]
    arguments: dict[str, Any] = {
        "model_name": "m",
        "handler": "base_handler",
        "extra_files": {name: tmp_path / name for name in names},
        "archive_format": form,
        "deflate": deflate,
        "timestamp": 0,
    }
    planned = marpack.plan_archive(**arguments)
    alone = marpack.write_archive(planned, store / f"alone-{planned.file_name}", threads=1, digest=True)
    start = threading.Thread.start
    left = allowed

    def starting(thread: threading.Thread) -> None:
        nonlocal left
        if left == 0:
            raise RuntimeError("can't start new thread")
        left -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", starting)
    result = marpack.write_archive(planned, store / planned.file_name, threads=3, digest=True)
    assert (result.members, result.sha256) == (alone.members, alone.sha256)


@pytest.mark.parametrize("deflate", ["zlib", "parallel"])
def test_packing_while_python_ends(tmp_path: Path, deflate: str) -> None:
    code = (
        "import atexit, marpack\n"
        "files = {name: bytes(3 << 20) for name in 'ab'}\n"
        "atexit.register(lambda: print(marpack.pack(model_name='m', handler='base_handler', extra_files=files, "
        f"deflate={deflate!r}, threads=3).size))"
    )
    done = run(code, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) == (tmp_path / "m.mar").stat().st_size


class Sink:
    def __init__(self, answer: Callable[[bytes], object]) -> None:
        self.answer = answer

    def write(self, data: bytes) -> object:
        return self.answer(data)


@pytest.mark.parametrize("answer", [0, -1, False, 10**9, 1.5, "all"])
def test_sinks_that_give_impossible_answers(plan: marpack.ArchivePlan, answer: object) -> None:
    with pytest.raises(BlockingIOError, match="took"):
        marpack.write_archive(plan, Sink(lambda _: answer))


def test_a_function_that_says_nothing_has_taken_all(plan: marpack.ArchivePlan) -> None:
    taken = bytearray()
    marpack.write_archive(plan, Sink(taken.extend))
    assert bytes(taken) == b"".join(marpack.iter_archive(plan))


def test_a_pipe_that_is_full_and_does_not_block(plan: marpack.ArchivePlan) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with open(reader, "rb"), open(writer, "wb", buffering=0) as sink, pytest.raises(BlockingIOError):
        marpack.write_archive(plan, sink)


@pytest.mark.parametrize("threads", [0, -1, 2.5, "2", float("nan")])
def test_numbers_of_threads_that_are_none(plan: marpack.ArchivePlan, store: Path, threads: Any) -> None:
    with pytest.raises(ValueError, match="threads"):
        marpack.write_archive(plan, store / "m.mar", threads=threads)
    with pytest.raises(ValueError, match="threads"):
        marpack.iter_archive(plan, threads=threads)


@pytest.mark.parametrize("target", [None, 5, b"m.mar"])
def test_targets_that_are_none(plan: marpack.ArchivePlan, target: Any) -> None:
    with pytest.raises(TypeError, match=r"path or have write\(\)"):
        marpack.write_archive(plan, target)


def test_modules_are_attributes_whatever_has_been_used() -> None:
    names = "marpack.checks.Rule, marpack.serving, marpack.compat, marpack.typing.Key, marpack.properties.loads"
    code = f"import marpack; print({names})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
