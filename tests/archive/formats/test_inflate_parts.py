"""A stream that is inflated in parts is what it is in one piece."""

from __future__ import annotations

import random
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marpack.archive.formats import inflate, inflate_parts
from marpack.archive.formats.inflate import Inflater
from marpack.archive.formats.inflate_parts import PartedInflater, Sizes
from tests.support.long_streams import long_stream, text, weights

SMALL = Sizes(part=150_000, search=50_000, held=1 << 19, marked=1 << 17)
MIB = 1 << 20


@pytest.fixture(params=["zlib", "zlib_ng"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Inflate by each of the libraries."""
    loaded: ModuleType = zlib if request.param == "zlib" else pytest.importorskip("zlib_ng.zlib_ng")
    monkeypatch.setattr(inflate, "_library", lambda: loaded)
    return loaded


class Outcome(NamedTuple):
    """What a reader finds who takes so much of a stream, and looks whether more comes."""

    data: bytes
    more: bytes
    ended: bool
    left: bytes
    error: str


def outcome(inflater: Inflater, packed: bytes, most: int, data: bytes = b"", position: int = 0) -> Outcome:
    """Go on with an inflater from a position."""
    pieces = (packed[at : at + 50_000] for at in range(position, len(packed), 50_000))
    inflater.go_on(lambda: next(pieces, b""))
    found, more = [data], b""
    try:
        while (wanted := most - sum(map(len, found))) and (piece := inflater.read(min(wanted, MIB))):
            found.append(piece)
        more = b"" if wanted else inflater.read(1)
    except zlib.error as error:
        return Outcome(b"".join(found), b"", ended=False, left=b"", error=str(error))
    # Where more comes, how much of what follows has been seen hangs on the pieces.
    ended = inflater.ended and not more
    left = inflater.left + b"".join(pieces) if ended else b""
    return Outcome(b"".join(found), more, ended, left, "")


def in_one_piece(packed: bytes, most: int) -> Outcome:
    return outcome(Inflater(lambda: b""), packed, most)


def in_parts(packed: bytes, most: int, sizes: Sizes = SMALL, threads: int = 2) -> Outcome:
    parted = PartedInflater(lambda at, size: packed[at:][:size], len(packed), threads=threads, sizes=sizes)
    found: list[bytes] = []
    try:
        for piece in parted.pieces(most):
            assert piece
            found.append(piece)
    except zlib.error as error:
        return Outcome(b"".join(found), b"", ended=False, left=b"", error=str(error))
    return outcome(parted.inflater, packed, most, b"".join(found), parted.position)


def require_same(packed: bytes, most: int, sizes: Sizes = SMALL, threads: int = 2) -> None:
    one, parts = in_one_piece(packed, most), in_parts(packed, most, sizes, threads)
    assert one[1:] == parts[1:]
    # Before an error comes what has been inflated by then, which hangs on how much is taken at once.
    first, second = sorted((one.data, parts.data), key=len)
    assert second.startswith(first) if one.error else first == second


@given(st.integers(0, 1 << 40))
def test_parts_change_nothing(seed: int) -> None:
    """Of 8,000 other streams none was read otherwise."""
    made = long_stream(seed)
    require_same(made.data, made.most, made.sizes, made.threads)


def packed_by(level: int = 6, strategy: int = 0, memory: int = 8) -> Callable[[bytes], bytes]:
    def pack(data: bytes) -> bytes:
        compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, memory, strategy)
        return compressor.compress(data) + compressor.flush()

    return pack


@pytest.mark.parametrize(
    "pack", [packed_by(), packed_by(9, memory=9), packed_by(1), packed_by(6, zlib.Z_HUFFMAN_ONLY)]
)
def test_weights_are_inflated_in_parts(pack: Callable[[bytes], bytes], parts_used: list[bool]) -> None:
    data = weights(random.Random(0), 1_500_000)
    packed = pack(data)
    assert in_parts(packed, len(data)) == (data, b"", True, b"", "")
    assert parts_used == [True] * (len(packed) // SMALL.part - 1)


def test_bytes_that_were_not_known_are_found(parts_used: list[bool]) -> None:
    """Each part begins with what lies far before it, in one run or in many."""
    data = weights(random.Random(0), 100_000)
    for step in range(1, 30_000, 977):
        data += data[-32_000:][:step] + data[-32_000:][step : step + 200] + weights(random.Random(step), 60_000)
    packed = packed_by(9)(data)
    require_same(packed, len(data))
    assert in_parts(packed, len(data)).data == data
    assert sum(parts_used) > 20


@pytest.mark.parametrize(
    "data", [text(random.Random(0), 3_000_000), bytes(60_000_000), random.Random(0).randbytes(600_000)], ids=len
)
def test_what_has_no_parts_is_inflated_in_one_piece(data: bytes, parts_used: list[bool]) -> None:
    packed = packed_by()(data)
    assert in_parts(packed, len(data), Sizes(part=16_000, search=8000, held=1 << 18, marked=1 << 17)) == (
        *(data, b"", True, b"", ""),
    )
    assert not any(parts_used)


def test_what_begins_in_stored_bytes_is_no_block(parts_used: list[bool]) -> None:
    """An archive in an archive is full of blocks that are none of the outer stream."""
    inner = packed_by()(weights(random.Random(0), 600_000))
    packed = packed_by(0)(inner)
    assert in_parts(packed, len(inner)) == (inner, b"", True, b"", "")
    assert parts_used
    assert not any(parts_used)


def test_parts_are_used_again_behind_what_has_none(parts_used: list[bool]) -> None:
    noise = random.Random(0)
    data = weights(noise, 400_000) + text(noise, 600_000) + bytes(2_000_000) + weights(noise, 2_000_000)
    packed = packed_by()(data)
    assert in_parts(packed, len(data)).data == data
    assert sum(parts_used) > 6


def test_distances_that_reach_before_the_stream_are_refused(parts_used: list[bool]) -> None:
    """A part knows of 32 KiB before it; where there are fewer, it is not asked."""
    data = weights(random.Random(0), 500_000)
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=data[:5000])
    blocks_of_nothing = b"\0\0\0\xff\xff" * (SMALL.part // 5)
    packed = blocks_of_nothing + compressor.compress(data) + compressor.flush()
    assert in_parts(packed, len(data)).error.endswith("invalid distance too far back")
    require_same(packed, len(data))
    assert parts_used[0] is False


def test_what_keeps_being_repeated_is_never_known(parts_used: list[bool]) -> None:
    """The same bytes come again in each stretch that a stream can repeat, and so does their mark."""
    noise = random.Random(0)
    again = noise.randbytes(200)
    data = b"".join(again + weights(noise, 30_000) for _ in range(80))
    packed = packed_by(9)(data)
    for search in range(45_000, 75_000, 3000):
        sizes = Sizes(part=150_000, search=search, held=1 << 19, marked=1 << 17)
        assert in_parts(packed, len(data), sizes).data == data
    assert not any(parts_used)


def test_the_end_of_a_stream_is_no_part(parts_used: list[bool]) -> None:
    """What lies behind it would not be told."""
    packed = packed_by()(weights(random.Random(0), 640_000)) + bytes(300_000)
    require_same(packed, 1 << 40, Sizes(part=250_000, search=50_000, held=1 << 19, marked=1 << 17))
    assert any(parts_used)


def test_a_part_holds_no_more_than_it_may() -> None:
    """Weights, and behind them in each part what is a thousand times as large unpacked."""
    data = (weights(random.Random(0), 200_000) + bytes(20 * MIB)) * 5
    packed = packed_by()(data)
    parted = PartedInflater(
        lambda at, size: packed[at:][:size], len(packed), threads=2, sizes=Sizes(part=150_000, held=1 << 20)
    )
    size = len(data)
    del data
    read = 0
    tracemalloc.start()
    try:
        read += sum(map(len, parted.pieces(size)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read
    assert peak < 8 * MIB


def test_who_has_read_enough_leaves_no_thread() -> None:
    before = {*threading.enumerate()}
    data = weights(random.Random(0), 900_000)
    packed = packed_by()(data)
    parted = PartedInflater(lambda at, size: packed[at:][:size], len(packed), threads=2, sizes=SMALL)
    pieces = parted.pieces(len(data))
    assert data.startswith(next(pieces))
    assert not {*threading.enumerate()} <= before
    pieces.close()
    assert {*threading.enumerate()} <= before


def test_what_looks_like_a_block_everywhere_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fourth byte a header that is right but for what is told first: to repeat the length before."""
    # Two lengths of one bit each, of 16 and of 0; and the code of 16.
    header = 0b10 << 1 | 0 << 3 | 0 << 8 | 0 << 13 | 1 << 17 | 1 << 26 | 0b1 << 29
    tried: list[Inflater] = []

    class Counted(Inflater):
        def __init__(self, *arguments: Any, **words: Any) -> None:
            super().__init__(*arguments, **words)
            tried.append(self)

    monkeypatch.setattr(inflate_parts, "Inflater", Counted)
    packed = header.to_bytes(4, "little") * (1 << 18)
    [*_] = PartedInflater(lambda at, size: packed[at:][:size], len(packed), threads=1, sizes=SMALL).pieces(MIB)
    assert 1_000 < len(tried) < 20_000
