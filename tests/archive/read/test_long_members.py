"""Large members that are inflated by threads of their own."""

from __future__ import annotations

import random
import threading
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

import marpack

MIB = 1 << 20
NOISE = random.Random(0).randbytes(2 * MIB)
WEIGHTS = NOISE + b"the same again" * (8 * MIB // 14)


@pytest.fixture(scope="module", params=["default", "tgz"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {"w.pt": WEIGHTS, "zeros": bytes(32 * MIB)}
    plan = marpack.plan_archive(
        model_name="m", handler="base_handler", extra_files=files, archive_format=request.param, deflate="parallel"
    )
    folder = tmp_path_factory.mktemp("long")
    return Path(marpack.write_archive(plan, folder / plan.file_name).path)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(threads: int, path: Path, tmp_path: Path) -> None:
    counts: list[int] = []
    with marpack.open_archive(path) as archive:
        assert archive.verify(threads=threads, progress=counts.append) == ()
        assert sum(counts) == sum(member.size for member in archive.members)
        archive.extract(tmp_path / "out", threads=threads)
    assert (tmp_path / "out" / "w.pt").read_bytes() == WEIGHTS
    assert not (tmp_path / "out" / "zeros").read_bytes().strip(b"\0")


def test_contents_do_not_fill_the_memory(path: Path) -> None:
    """A piece of what is packed may be a thousand times as large unpacked.

    Threads hold 6 to 7 MiB of it, and 10 where no lock of Python has them wait for each other.
    """
    with marpack.open_archive(path) as archive, closing(archive):
        tracemalloc.start()
        try:
            assert archive.verify(threads=2) == ()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 16 * MIB


@pytest.mark.parametrize("threads", [1, 2])
def test_damage_is_told_and_no_thread_is_left(threads: int, path: Path, tmp_path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[MIB] ^= 0x10
    damaged = tmp_path / path.name
    damaged.write_bytes(data)
    before = {*threading.enumerate()}  # those of other tests' servers, which may end meanwhile, among them

    def read() -> None:
        with marpack.open_archive(damaged) as archive:
            [issue] = archive.verify(threads=threads)
            assert (issue.argument, issue.code) in {("w.pt", "crc"), ("w.pt", "deflate")}
            archive.extract(tmp_path / "out", threads=threads)

    with pytest.raises(marpack.ArchiveError, match="is damaged"):
        read()
    assert {*threading.enumerate()} <= before
    assert [*tmp_path.iterdir()] == [damaged]


def test_who_has_read_enough_leaves_no_thread(path: Path) -> None:
    before = {*threading.enumerate()}
    with marpack.open_archive(path) as archive:
        for _ in range(2):
            with archive.open("w.pt") as reader, closing(reader.pieces(threads=2)) as pieces:
                assert WEIGHTS.startswith(next(pieces))
                assert not {*threading.enumerate()} <= before
            assert {*threading.enumerate()} <= before
        assert archive.read("w.pt") == WEIGHTS
