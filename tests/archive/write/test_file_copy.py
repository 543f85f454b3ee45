"""Each way to copy makes the same bytes, sums and errors."""

from __future__ import annotations

import errno
import itertools
import os
import random
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import marpack
from marpack.archive.formats.checksums import new_sha256
from marpack.archive.forms import Compression
from marpack.archive.member import Member
from marpack.archive.sources import BytesSource, FileSource
from marpack.archive.write import file_copy, file_hasher
from marpack.archive.write.file_copy import copy_contents
from marpack.archive.write.file_hasher import FileHasher
from marpack.archive.write.member_contents import MemberContents
from marpack.disk import paced_write, range_copy, space
from marpack.disk.range_copy import LARGE_SIZE
from tests.support.processes import wait_for

# Of a part, for these tests: enough parts for every thread, in little time.
PART_SIZE = 1 << 22
SIZES = [0, 1, PART_SIZE - 1, PART_SIZE + 1, LARGE_SIZE, LARGE_SIZE * 2 + 12345]
OFFSETS = [0, 39, 4096]

pytestmark = pytest.mark.slow


def entry_of(path: Path) -> Member:
    status = path.stat()
    return Member(
        name=path.name,
        source=FileSource.from_stat(str(path), status),
        size=status.st_size,
        mode=0o644,
        mtime_ns=0,
        compression=Compression.STORED,
        origin=repr(str(path)),
    )


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(range_copy, "PART_SIZE", PART_SIZE)


@pytest.fixture(scope="module")
def noise() -> bytes:
    return random.Random(0).randbytes(max(SIZES))


@pytest.fixture
def copied(tmp_path: Path, noise: bytes) -> Callable[..., tuple[MemberContents, bytes]]:
    """Copy so many bytes; return what is known of them, and what stands in the target from the offset on."""

    def run(size: int, offset: int = 0, *, digest: bool = True, **how: Any) -> tuple[MemberContents, bytes]:
        source = tmp_path / "source"
        source.write_bytes(noise[:size])
        contents = MemberContents(entry_of(source), digest=digest, progress=how.pop("progress", None))
        with open(tmp_path / "target", "w+b") as target:
            try:
                assert copy_contents(contents, target, offset=offset, **how)
                contents.written()
            finally:
                contents.abandon()
            target.seek(offset)
            return contents, target.read()

    return run


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("size", SIZES)
def test_a_loop(
    copied: Callable[..., tuple[MemberContents, bytes]], noise: bytes, size: int, offset: int, threads: int
) -> None:
    contents, data = copied(size, offset, threads=threads)
    assert data == noise[:size]
    assert contents.crc == zlib.crc32(data)
    expected = new_sha256()
    expected.update(data)
    assert contents.written().sha256 == expected.hexdigest()


@pytest.mark.parametrize("form", ["zip-store", "auto", "no-archive", "default", "tgz"])
def test_where_a_system_has_none_of_these_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: bytes, form: marpack.typing.ArchiveFormat
) -> None:
    weights = tmp_path / "w.pt"
    weights.write_bytes(noise[: 3 * PART_SIZE + 5])
    plan = marpack.plan_archive(
        model_name="m", handler="base_handler", serialized_file=weights, archive_format=form, timestamp=0
    )
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    one = marpack.write_archive(plan, tmp_path / "with" / plan.file_name, digest=True)
    monkeypatch.setattr(file_copy, "CAN_COPY", False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    other = marpack.write_archive(plan, tmp_path / "without" / plan.file_name, digest=True)
    assert one.members == other.members
    assert one.sha256 == other.sha256
    read = [
        {file.name: file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()}
        for folder in (tmp_path / "with", tmp_path / "without")
    ]
    assert read[0] == read[1]


@pytest.mark.parametrize("threads", [1, 3])
def test_progress_counts_every_byte_from_the_callers_thread(
    copied: Callable[..., tuple[MemberContents, bytes]], threads: int
) -> None:
    counts: list[int] = []

    def progress(count: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        counts.append(count)

    copied(max(SIZES), 39, threads=threads, progress=progress)
    assert sum(counts) == max(SIZES)
    if threads == 1:
        assert max(counts) == PART_SIZE


@pytest.fixture
def no_threads_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


class GivenUpError(Exception):
    pass


@pytest.mark.usefixtures("no_threads_left")
@pytest.mark.parametrize("failure", [GivenUpError, KeyboardInterrupt])
def test_giving_up_ends_all_threads(
    copied: Callable[..., tuple[MemberContents, bytes]], failure: type[BaseException]
) -> None:
    def progress(_count: int) -> None:
        raise failure

    with pytest.raises(failure):
        copied(max(SIZES), threads=4, progress=progress)


@pytest.mark.usefixtures("no_threads_left")
@pytest.mark.parametrize("threads", [1, 4])
def test_what_one_thread_meets_ends_all(
    copied: Callable[..., tuple[MemberContents, bytes]], monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    given = os.pwrite

    def pwrite(file: int, data: Any, offset: int) -> int:
        if offset >= 5 * PART_SIZE:
            raise OSError(errno.EIO, "the disk is broken")
        return given(file, data[:100_000], offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(OSError, match="the disk is broken"):
        copied(max(SIZES), threads=threads)


def test_a_system_that_gives_no_more_threads(
    copied: Callable[..., tuple[MemberContents, bytes]], monkeypatch: pytest.MonkeyPatch, noise: bytes
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    contents, data = copied(max(SIZES), 39, threads=4, digest=False)
    assert data == noise[: max(SIZES)]
    assert contents.crc == zlib.crc32(data)


def test_calls_that_do_a_part_of_the_work(
    copied: Callable[..., tuple[MemberContents, bytes]], monkeypatch: pytest.MonkeyPatch, noise: bytes
) -> None:
    write, read = os.pwrite, os.preadv
    monkeypatch.setattr(os, "pwrite", lambda file, data, offset: write(file, data[:100_000], offset))
    monkeypatch.setattr(os, "preadv", lambda file, buffers, offset: read(file, [buffers[0][:70_000]], offset))
    contents, data = copied(3 * PART_SIZE + 1, 39)
    assert data == noise[: 3 * PART_SIZE + 1]
    assert contents.crc == zlib.crc32(data)


def test_a_sum_waits_for_the_slowest_block(
    copied: Callable[..., tuple[MemberContents, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies behind a block that is under way is not settled, though it may be there."""
    write = os.pwrite

    def pwrite(file: int, data: Any, offset: int) -> int:
        if offset == 0:
            time.sleep(0.2)
        return write(file, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    contents, data = copied(max(SIZES), threads=3)
    expected = new_sha256()
    expected.update(data)
    assert contents.written().sha256 == expected.hexdigest()


def test_a_source_that_ends_early(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(3 * PART_SIZE))

    def progress(_count: int) -> None:
        os.truncate(source, 2 * PART_SIZE)

    contents = MemberContents(entry_of(source), progress=progress)
    how = f"ended {PART_SIZE} bytes before the planned {3 * PART_SIZE}"
    with open(tmp_path / "target", "w+b") as target, pytest.raises(marpack.SourceChangedError, match=how):
        copy_contents(contents, target)


def test_a_hasher_that_is_abandoned_leaves_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def update(self, _data: memoryview) -> None:
            wait_for(lambda: follower._abandoned, True)

    monkeypatch.setattr(file_hasher, "new_sha256", Slow)
    file = tmp_path / "file"
    file.write_bytes(bytes(PART_SIZE))
    follower = FileHasher(str(file))
    follower.advance(PART_SIZE)
    follower.abandon()
    assert follower._position < PART_SIZE


def test_a_file_that_is_cut_short_under_a_hasher(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    follower = FileHasher(str(file))
    follower.advance(2)
    with pytest.raises(OSError, match="cannot be read"):
        follower.finish()


def test_what_lies_elsewhere_is_not_copied(tmp_path: Path) -> None:
    entry = Member(
        name="x",
        source=BytesSource(data=b"x"),
        size=1,
        mode=None,
        mtime_ns=0,
        compression=Compression.STORED,
        origin="x",
    )
    with open(tmp_path / "target", "w+b") as target:
        assert copy_contents(MemberContents(entry), target) is False


LARGE, SMALL = 1 << 20, 1 << 15


def writes(monkeypatch: pytest.MonkeyPatch, at_most: int = LARGE) -> list[int]:
    """Have each write take no more than so much; return the list that their sizes go to."""
    sizes: list[int] = []
    write = os.pwrite

    def pwrite(file: int, data: memoryview, offset: int) -> int:
        sizes.append(len(data))
        return write(file, data[:at_most], offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    return sizes


@pytest.mark.parametrize("slowly", [True, False])
def test_pieces_grow_smaller_where_writing_is_slow(
    copied: Callable[..., tuple[MemberContents, bytes]],
    noise: bytes,
    monkeypatch: pytest.MonkeyPatch,
    slowly: bool,
) -> None:
    monkeypatch.setattr(paced_write, "_SLOW_SECONDS_PER_BYTE", 0 if slowly else 1e9)
    sizes = writes(monkeypatch, 700_001)
    _, data = copied(6 * LARGE + 5)
    assert data == noise[: 6 * LARGE + 5]
    at_once = [LARGE, LARGE - 700_001]
    assert sizes == (at_once * 4 + [SMALL] * 64 if slowly else at_once * 6) + [5]


@pytest.mark.parametrize(("every", "at_once"), [(6, 1 << 17), (3, SMALL)])
def test_single_writes_that_are_slow_do_not_count(
    copied: Callable[..., tuple[MemberContents, bytes]], monkeypatch: pytest.MonkeyPatch, every: int, at_once: int
) -> None:
    ticks = itertools.count()  # of no time, but for one in so many writes
    monkeypatch.setattr(paced_write, "time", SimpleNamespace(perf_counter=lambda: next(ticks) % (2 * every) == 1))
    monkeypatch.setattr(range_copy, "PIECE_SIZE", 1 << 17)
    sizes = writes(monkeypatch)
    copied(100 << 17)
    assert sizes[-1] == at_once


def test_what_is_small_is_not_timed(
    copied: Callable[..., tuple[MemberContents, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced_write, "_SLOW_SECONDS_PER_BYTE", 0)
    monkeypatch.setattr(range_copy, "PIECE_SIZE", SMALL)
    sizes = writes(monkeypatch)
    copied(10 * SMALL)
    assert set(sizes) == {SMALL}
    monkeypatch.setattr(range_copy, "PIECE_SIZE", 2 * SMALL)
    del sizes[:]
    copied(10 * SMALL)
    assert sizes == [2 * SMALL] * 4 + [SMALL] * 2


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="a system that reserves nothing")
def test_room_is_asked_for_first(
    copied: Callable[..., tuple[MemberContents, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk without room says so before anything is copied."""

    class NoRoom:
        def __init__(self, *_: object, **__: object) -> None: ...

        @staticmethod
        def fallocate64(*_: object) -> int:
            import ctypes

            ctypes.set_errno(errno.ENOSPC)
            return -1

    counts: list[int] = []
    monkeypatch.setattr("ctypes.CDLL", NoRoom)
    with pytest.raises(OSError, match="No space left on device"):
        copied(LARGE_SIZE, progress=counts.append)
    assert not counts
    # Small files take none worth asking for.
    copied(LARGE_SIZE - 1)


def test_reserving_where_there_is_no_such_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "file", "w+b") as file:
        space.reserve(file.fileno(), 10, 100)
        assert os.fstat(file.fileno()).st_size == 110
        monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: object())
        space.reserve(file.fileno(), 10, 200)
        monkeypatch.setattr("sys.platform", "darwin")
        space.reserve(file.fileno(), 10, 300)
        assert os.fstat(file.fileno()).st_size == 110
