"""Blocks are found where they begin, and what ends between two blocks is told from all else."""

from __future__ import annotations

import random
import zlib
from types import ModuleType

import pytest

from marpack.archive.formats import inflate
from marpack.archive.formats.deflate_blocks import block_starts, ends, stream_from
from marpack.archive.formats.inflate import Inflater
from marpack.archive.formats.inflate_parts import up_to_border
from tests.support.deflate_streams import blocks
from tests.support.long_streams import letters, text, weights


@pytest.fixture(params=["zlib", "zlib_ng"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Inflate by each of the libraries."""
    loaded: ModuleType = zlib if request.param == "zlib" else pytest.importorskip("zlib_ng.zlib_ng")
    monkeypatch.setattr(inflate, "_library", lambda: loaded)
    return loaded


def may_begin(data: bytes, bit: int) -> bool:
    """Read the header of a block, as RFC 1951 tells it, as far as the search looks at it."""
    bits = int.from_bytes(data[bit // 8 : bit // 8 + 11], "little") >> bit % 8
    lengths = [bits >> 17 + 3 * at & 7 for at in range((bits >> 13 & 15) + 4)]
    share = sum(128 >> length for length in lengths if length)
    return bits & 7 == 0b100 and bits >> 3 & 31 < 30 and bits >> 8 & 31 < 30 and share % 256 == 128


def test_each_place_is_found_at_which_a_block_may_begin() -> None:
    noise = random.Random(1)
    packed = zlib.compress(weights(noise, 20_000) + letters(noise, 20_000) + text(noise, 9000), wbits=-15)
    data = packed + noise.randbytes(3000) + bytes(100)
    assert len(data) > 6 << 12
    found = [*block_starts(data)]
    assert found == [bit for bit in range(8 * (len(data) - 20)) if may_begin(data, bit)]
    assert len(found) > 50
    assert not [*block_starts(b"")]


def test_a_stream_is_read_from_each_bit_on() -> None:
    noise = random.Random(2)
    contents = text(noise, 3000)
    packed = zlib.compress(contents, wbits=-15)
    assert packed[0] & 6 == 4
    for bit in range(64):
        before = noise.getrandbits(bit) if bit else 0
        moved = (int.from_bytes(packed, "little") << bit | before).to_bytes(len(packed) + 9, "little")
        first, next_byte = stream_from(moved, bit)
        pieces = iter([first, moved[next_byte:]])
        inflater = Inflater(lambda pieces=pieces: next(pieces, b""))  # type: ignore[misc]
        assert (inflater.read(9000), inflater.read(9000), inflater.ended) == (contents, b"", True)


def ends_at(data: bytes, bit: int) -> bool:
    """Tell whether who has inflated up to a bit stands between two blocks."""
    pieces = iter([data[: bit // 8]])
    inflater = Inflater(lambda: next(pieces, b""))
    while inflater.read(1 << 16):
        pass
    return up_to_border(inflater, data[bit // 8], bit % 8) is not None


@pytest.mark.parametrize("seed", range(40))
def test_only_who_stands_between_blocks_finds_both_ends(seed: int) -> None:
    """Of 10,000 other streams none was read otherwise."""
    data, borders = blocks(seed)
    data = data[:400]
    assert [bit for bit in range(8 * len(data)) if ends_at(data, bit)] == [
        bit for bit in dict.fromkeys(borders[:-1]) if bit < 8 * len(data)
    ]


def test_who_stands_before_the_length_of_stored_bytes_finds_one_end() -> None:
    inflater = Inflater(lambda: b"")
    (first, _), (second, zeros) = ends(0b001, 5)
    assert (inflater.after_end(first), inflater.after_end(second)) == (None, zeros)
    assert up_to_border(inflater, 0b001, 5) is None
    assert 8 * len(zeros) > 14 + 3 * 19 + 14 * (286 + 30)  # the longest of headers
