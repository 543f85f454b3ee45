"""A large member is inflated by several threads, and is what it is to one."""

from __future__ import annotations

import random
import threading
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import marpack
from marpack.archive.read import verify
from marpack.archive.read.archive import Archive
from tests.support.hostile import Member, zipped
from tests.support.long_streams import long_stream, weights
from tests.support.processes import WAIT_SECONDS

MIB = 1 << 20
WEIGHTS = weights(random.Random(0), 2 * MIB)

pytestmark = pytest.mark.usefixtures("in_parts")


def deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


@pytest.fixture(scope="module")
def packed() -> bytes:
    return deflated(WEIGHTS)


def archive_of(
    folder: Path, packed: bytes, *, size: int = len(WEIGHTS), crc: int | None = None, first: Sequence[Member] = ()
) -> Path:
    """Make an archive of a member of these bytes, which states this size, and of a small one."""
    stated = {"size": size, "crc": zlib.crc32(WEIGHTS) if crc is None else crc}
    one = Member("one", packed=packed, method=8, local=stated, central=stated)
    path = folder / "m.mar"
    path.write_bytes(zipped(*first, one, Member("two", b"small", method=8)))
    return path


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(threads: int, packed: bytes, tmp_path: Path, parts_used: list[bool]) -> None:
    counts: list[int] = []
    with marpack.open_archive(archive_of(tmp_path, packed)) as archive:
        assert archive.verify(threads=threads, progress=counts.append) == ()
        assert sum(counts) == sum(member.size for member in archive.members)
        archive.extract(tmp_path / "out", threads=threads)
    assert (tmp_path / "out" / "one").read_bytes() == WEIGHTS
    assert (sum(parts_used) > 20) == (threads > 1)


def test_of_several_that_are_large_each_is_one_threads(
    packed: bytes, tmp_path: Path, parts_used: list[bool]
) -> None:
    stated = {"size": len(WEIGHTS), "crc": zlib.crc32(WEIGHTS)}
    path = tmp_path / "m.mar"
    path.write_bytes(
        zipped(*(Member(name, packed=packed, method=8, local=stated, central=stated) for name in "ab"))
    )
    with marpack.open_archive(path) as archive:
        assert archive.verify(threads=2) == ()
    assert not parts_used


def found(archive: Archive, threads: int) -> list[str]:
    """Read a member piece by piece; return what is wrong with it, by reading and by verifying."""
    issues = [str(issue) for issue in archive.verify(threads=threads)]
    try:
        with archive.open("one") as reader, closing(reader.pieces(threads=threads)) as pieces:
            for _ in pieces:
                pass
    except marpack.ArchiveError as error:
        return [*issues, str(error)]
    return issues


def require_same(path: Path) -> list[str]:
    with marpack.open_archive(path) as archive:
        one = found(archive, 1)
        assert found(archive, 2) == one
    return one


@pytest.mark.parametrize("at", [0, 1, 500_000, -200_000, -8, -1])
def test_damage_is_told_as_one_thread_tells_it(at: int, packed: bytes, tmp_path: Path) -> None:
    for bit in (0, 5):
        changed = bytearray(packed)
        changed[at] ^= 1 << bit
        assert require_same(archive_of(tmp_path, bytes(changed))) or at == -1  # behind the end there are bits


@pytest.mark.parametrize("more", [-len(WEIGHTS), -MIB, -1, 1, MIB])
def test_a_size_that_lies_is_told_as_one_thread_tells_it(more: int, packed: bytes, tmp_path: Path) -> None:
    problems = require_same(archive_of(tmp_path, packed, size=len(WEIGHTS) + more))
    assert "that it states" in problems[0]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda packed: packed[:-100_000], "breaks off"),
        (lambda packed: packed + bytes(300_000), "has bytes behind what it is deflated to"),
        (lambda packed: packed + packed, "has bytes behind what it is deflated to"),
    ],
)
def test_another_end_is_told_as_one_thread_tells_it(
    change: object, problem: str, packed: bytes, tmp_path: Path
) -> None:
    changed = change(packed)  # type: ignore[operator]
    size = len(zlib.decompressobj(-zlib.MAX_WBITS).decompress(changed))
    assert problem in require_same(archive_of(tmp_path, changed, size=size))[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 40))
def test_streams_are_told_as_one_thread_tells_them(seed: int, tmp_path: Path) -> None:
    made = long_stream(seed)
    require_same(archive_of(tmp_path, made.data, size=min(made.most, 1 << 31), crc=0))


def test_who_has_read_enough_leaves_no_thread(packed: bytes, tmp_path: Path, parts_used: list[bool]) -> None:
    """And the member can be read again, in parts."""
    before = {*threading.enumerate()}
    with marpack.open_archive(archive_of(tmp_path, packed)) as archive:
        for _ in range(3):
            parts_used.clear()
            with archive.open("one") as reader, closing(reader.pieces(threads=2)) as pieces:
                start = b""
                while len(start) < MIB:
                    start += next(pieces)
                assert WEIGHTS.startswith(start)
                assert any(parts_used)
                assert not {*threading.enumerate()} <= before
            assert {*threading.enumerate()} <= before
        assert archive.read("one") == WEIGHTS


def test_a_member_is_read_on_in_one_piece(packed: bytes, tmp_path: Path, parts_used: list[bool]) -> None:
    with marpack.open_archive(archive_of(tmp_path, packed)) as archive, archive.open("one") as reader:
        start = reader.read(10)
        with closing(reader.pieces(threads=2)) as pieces:
            assert start + b"".join(pieces) == WEIGHTS
        assert not any(parts_used)
        reader.seek(0)
        with closing(reader.pieces(threads=2)) as pieces:
            assert b"".join(pieces) == WEIGHTS
        assert any(parts_used)
        reader.seek(5)
        assert reader.read(7) == WEIGHTS[5:12]


def test_a_verification_that_is_given_up_ends(
    packed: bytes, tmp_path: Path, given_up: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever interrupts it does not wait for members that others are reading."""
    monkeypatch.setattr(verify, "_LARGE_SIZE", 0)
    path = archive_of(tmp_path, packed, first=[Member("none", b"first")])
    other_begun = threading.Event()
    read = 0

    def progress(count: int) -> None:
        nonlocal read
        if count == len(b"first"):
            assert other_begun.wait(WAIT_SECONDS)
            raise InterruptedError
        read += count
        other_begun.set()
        assert given_up.wait(WAIT_SECONDS)

    with marpack.open_archive(path) as archive, pytest.raises(InterruptedError):
        archive.verify(threads=2, progress=progress)
    assert 0 < read < MIB
