"""Where blocks of a deflate stream may begin, and how one is read from there (RFC 1951, 3.2.3 and 3.2.7)."""

from __future__ import annotations

from collections.abc import Iterator

# A block of dynamic codes begins with three bits, three counts, and 4 to 19 lengths of three bits.
_HEADER_BITS = 17
_LENGTHS = 19
# What is searched at once: less wastes the time of calls, more is searched in vain behind what is found.
_SLICE = 1 << 12
_OVERLAP = (_HEADER_BITS + 3 * _LENGTHS) // 8 + 2

# More than the longest header has: 14 bits, 19 lengths of three, and 316 lengths of up to 14.
_ZEROS = bytes(1 << 10)
# Blocks that hold nothing, by their bits, the first of them lowest, and by how many these are. The first has fixed
# codes. The second is dynamic: two symbols, the end of the block one of them, and a single distance.
_EVEN = (0b0000000_01_0, 10)
_ODD = (0b1_000_1101010_1_1111111_1 << 71 | 0b1 << 68 | 0b1 << 23 | 0b1110_00000_00000_10_0, 91)


def block_starts(data: bytes) -> Iterator[int]:
    """Yield the bits of ``data`` at which a dynamic block may begin that is not the last one."""
    for at in range(0, len(data) - _OVERLAP, _SLICE):
        found = _possible(int.from_bytes(data[at : at + _SLICE + _OVERLAP], "little"))
        while found:
            lowest = found & -found
            yield 8 * at + lowest.bit_length() - 1
            found ^= lowest


def _possible(bits: int) -> int:
    """Return a number of which the bits are set where ``bits`` may have the header of a block.

    All places are looked at together: a variable holds one bit of what is computed for each of them. The lengths
    of the codes that tell lengths must use up all codes. One place in 2,000 passes. For 8 KB, in which
    a block of zlib begins, that takes 0.9 ms, and 30 where places are looked at one by one.
    """
    here = (1 << 8 * _SLICE) - 1
    plane = [bits >> at & here for at in range(_HEADER_BITS)]
    found = plane[2] & ~(plane[0] | plane[1])  # neither the last block nor one of another type
    found &= ~(plane[4] & plane[5] & plane[6] & plane[7])  # at most 286 literals and lengths
    found &= ~(plane[9] & plane[10] & plane[11] & plane[12])  # at most 30 distances
    total = [0] * 8
    for at in range(_LENGTHS):
        told = _at_least(plane[13:17], at - 3, found)
        _add(total, _share(bits >> _HEADER_BITS + 3 * at, told))
    wrong = total[0] | total[1] | total[2] | total[3] | total[4] | total[5] | total[6]
    return found & total[7] & ~wrong


def _at_least(planes: list[int], least: int, where: int) -> int:
    """Return where the number of which these are the bits is not less than ``least``."""
    if least <= 0:
        return where
    found = where
    for at, plane in enumerate(planes):
        found = found & plane if least >> at & 1 else found | plane
    return found & where


def _share(bits: int, where: int) -> list[int]:
    """Return which share of all codes those of a length have, in 128ths: a bit each, the lowest first."""
    low, middle, high = bits & where, bits >> 1 & where, bits >> 2 & where
    not_low, only_middle = where ^ low, middle & ~high
    only_high, both = high & ~middle, high & middle
    return [
        both & low,
        both & not_low,
        only_high & low,
        only_high & not_low,
        only_middle & low,
        only_middle & not_low,
        low & ~(middle | high),
    ]


def _add(total: list[int], more: list[int]) -> None:
    carry = 0
    for at, one in enumerate(more):
        old = total[at]
        either = old ^ one
        total[at] = either ^ carry
        carry = old & one | carry & either
    total[7] ^= carry  # what is twice too much is left to who inflates it


def _beginnings() -> list[tuple[bytes, int]]:
    """Return, for each bit of a byte, blocks that hold nothing and end there: whole bytes, and the rest."""
    found = []
    for bit in range(8):
        blocks, length = _ODD if bit % 2 else (0, 0)
        while length % 8 != bit:
            blocks, length = blocks | _EVEN[0] << length, length + _EVEN[1]
        whole = (length - bit) // 8
        found.append((blocks.to_bytes(whole + 1, "little")[:whole], blocks >> 8 * whole))
    return found


_BEGINNINGS = _beginnings()


def stream_from(data: bytes, start: int) -> tuple[bytes, int]:
    """Return what is inflated first, to begin at a bit of ``data``, and from which byte on the rest is inflated.

    Nothing is shifted: what lies before in the same byte becomes the end of blocks that hold nothing.
    """
    at, bit = divmod(start, 8)
    whole, rest = _BEGINNINGS[bit]
    return whole + bytes([data[at] >> bit << bit | rest]), at + 1


def ends(byte: int, bit: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield two ends for a stream that stands between two blocks at a bit of a byte, and what comes out of them.

    Only who stands there finds the end of the stream in both, right behind the last byte. A block with fixed codes
    that holds nothing is too short for a header that has begun, or for stored bytes. Of a stored block with zeros
    neither codes nor the longest of headers come to an end: to both all zeros are the same, to the last.
    """
    before = byte & (1 << bit) - 1
    yield (before | 0b011 << bit).to_bytes((bit + 17) // 8, "little"), b""
    header = (before | 0b001 << bit).to_bytes((bit + 10) // 8, "little")
    length = len(_ZEROS).to_bytes(2, "little")
    yield header + length + bytes(255 - one for one in length) + _ZEROS, _ZEROS
