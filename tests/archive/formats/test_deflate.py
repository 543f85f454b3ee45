"""Every method of deflate makes one stream that everything reads, whatever the threads and the cuts."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import marpack
from marpack.archive.formats import deflate as module
from marpack.archive.formats.deflate import BLOCK_SIZE, WINDOW_SIZE, deflate
from tests.conftest import require

METHODS: tuple[marpack.typing.Deflate, ...] = get_args(marpack.typing.Deflate)
SIZES = [0, 1, WINDOW_SIZE, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE + 1, 3 * BLOCK_SIZE, 5 * BLOCK_SIZE + 7]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _isal() -> None:
    require(importlib.util.find_spec("isal"), "isal, the extra fast")


def text(size: int) -> bytes:
    """Make text whose repetitions reach across the blocks."""
    noise = random.Random(0)
    words = [bytes(noise.choices(b"abcdefgh ", k=noise.randint(2, 90))) for _ in range(300)]
    return b"".join(noise.choices(words, k=size // 20 + 1))[:size]


def cut(data: bytes, size: int) -> Iterator[bytes]:
    yield from (data[start : start + size] for start in range(0, len(data), size))


def compressed(data: bytes, method: marpack.typing.Deflate, *, threads: int = 1, chunk: int = 1 << 18) -> bytes:
    return b"".join(deflate(cut(data, chunk), method=method, level=6, threads=threads))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_one_stream_with_one_end(method: marpack.typing.Deflate, size: int) -> None:
    data = text(size)
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    assert decompressor.decompress(compressed(data, method)) == data
    assert decompressor.eof
    assert decompressor.unused_data == b""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_threads_and_cuts_do_not_change_it(method: marpack.typing.Deflate, size: int) -> None:
    data = text(size)
    made = {
        compressed(data, method, threads=threads, chunk=chunk)
        for threads in (1, 2, 40)
        for chunk in (1 << 18, 100_003, BLOCK_SIZE, BLOCK_SIZE + 1)
    }
    assert len(made) == 1


@given(chunks=st.lists(st.binary(max_size=40), max_size=30), size=st.integers(1, 50))
def test_any_cuts(chunks: list[bytes], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_SIZE", size)
        patch.setattr(module, "WINDOW_SIZE", 8)
        made = {
            method: b"".join(deflate(chunks, method=method, level=9, threads=threads))
            for method in ("parallel", "fast")
            for threads in (1, 3)
        }
    data = b"".join(chunks)
    assert {zlib.decompress(stream, -zlib.MAX_WBITS) for stream in made.values()} == {data}


def test_a_block_refers_to_the_one_before() -> None:
    data = text(4 * BLOCK_SIZE)
    apart = sum(len(compressed(block, "parallel")) for block in cut(data, BLOCK_SIZE))
    assert len(compressed(data, "parallel")) < apart
    assert len(compressed(data, "parallel")) < 1.001 * len(compressed(data, "zlib"))


def test_parallel_is_zlib_with_the_given_level() -> None:
    """As Z8 says, so that another implementation can make the same bytes."""
    data = text(2 * BLOCK_SIZE + 100)
    for level in (1, 6, 9):
        expected = b""
        for start in range(0, len(data), BLOCK_SIZE):
            before = data[max(start - WINDOW_SIZE, 0) : start]
            compressor = (
                zlib.compressobj(level, zlib.DEFLATED, -15, zdict=before)
                if before
                else zlib.compressobj(level, zlib.DEFLATED, -15)
            )
            expected += compressor.compress(data[start : start + BLOCK_SIZE])
            expected += compressor.flush(zlib.Z_FINISH if start + BLOCK_SIZE >= len(data) else zlib.Z_SYNC_FLUSH)
        assert b"".join(deflate([data], method="parallel", level=level, threads=2)) == expected


@pytest.mark.parametrize("method", METHODS)
def test_a_tgz_is_one_gzip_member_that_says_how_it_was_made(method: marpack.typing.Deflate) -> None:
    data = text(2 * BLOCK_SIZE)
    plan = marpack.plan_archive(
        model_name="m", handler="base_handler", extra_files={"x": data}, archive_format="tgz", deflate=method
    )
    made = b"".join(marpack.iter_archive(plan))
    assert made[8] == (4 if method == "fast" else 2)  # RFC 1952: fastest, most
    decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert data in decompressor.decompress(made)
    assert (decompressor.eof, decompressor.unused_data) == (True, b"")


def test_fast_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "isal", None)
    with pytest.raises(marpack.MissingExtraError, match=r"marpack\[fast\]"):
        marpack.plan_archive(model_name="m", handler="base_handler", deflate="fast")
    plan = marpack.plan_archive(model_name="m", handler="base_handler", deflate="parallel")
    assert plan.deflate == "parallel"


@pytest.mark.parametrize("form", ["default", "zip-store", "tgz"])
def test_without_the_extra_the_bytes_are_the_same(tmp_path: Path, form: marpack.typing.ArchiveFormat) -> None:
    (tmp_path / "w.pt").write_bytes(text(3_000_000))
    code = (
        "import sys; sys.modules['isal'] = None; import marpack\n"
        "from marpack.archive.formats import checksums; import zlib; assert checksums.crc32 is zlib.crc32\n"
        "marpack.pack(model_name='m', handler='base_handler', serialized_file='w.pt', timestamp=0, "
        f"reproducible=True, archive_format={form!r})"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    plan = marpack.plan_archive(
        model_name="m",
        handler="base_handler",
        serialized_file=tmp_path / "w.pt",
        timestamp=0,
        reproducible=True,
        archive_format=form,
    )
    assert (tmp_path / plan.file_name).read_bytes() == b"".join(marpack.iter_archive(plan))


@pytest.mark.parametrize("method", ["parallel", "fast"])
def test_what_is_left_early_ends_its_threads(method: marpack.typing.Deflate) -> None:
    before = set(threading.enumerate())  # those of other tests' servers, which may end meanwhile, among them
    pieces = deflate(cut(text(20 * BLOCK_SIZE), 1 << 18), method=method, level=6, threads=3)
    next(iter(pieces))
    pieces.close()  # type: ignore[attr-defined]
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("method", ["parallel", "fast"])
def test_what_the_source_raises_comes_out(method: marpack.typing.Deflate) -> None:
    def chunks() -> Iterator[bytes]:
        yield text(3 * BLOCK_SIZE)
        raise LookupError("gone")

    before = set(threading.enumerate())
    with pytest.raises(LookupError, match="gone"):
        list(deflate(chunks(), method=method, level=6, threads=3))
    assert set(threading.enumerate()) <= before
