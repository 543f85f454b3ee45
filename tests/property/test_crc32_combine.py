"""Law: the CRC-32 of a whole comes from those of its parts."""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from marpack.archive.formats.checksums import crc32, crc32_combine


@given(first=st.binary(), second=st.binary())
def test_two_parts(first: bytes, second: bytes) -> None:
    assert crc32_combine(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


@given(crc=st.integers(0, (1 << 32) - 1), one=st.integers(0, 1 << 62), other=st.integers(0, 1 << 62))
def test_parts_of_any_length(crc: int, one: int, other: int) -> None:
    """Appending zeros twice is appending them at once; their own CRC-32 is left out by a start of 0."""
    assert crc32_combine(crc32_combine(crc, 0, one), 0, other) == crc32_combine(crc, 0, one + other)


@given(data=st.binary(max_size=3000), start=st.integers(0, (1 << 32) - 1))
def test_whoever_sums(data: bytes, start: int) -> None:
    assert crc32(data, start) == zlib.crc32(data, start)
