"""CRC-32 of bytes, and of a whole from its parts; SHA-256. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["crc32", "crc32_combine", "new_sha256"]

try:
    from isal.isal_zlib import crc32  # at the speed of memory; zlib's takes three times as long
except ImportError:
    from zlib import crc32

# Polynomials over GF(2) modulo CRC-32's, bits reversed as in the CRC itself: the highest bit is 1, the next x.
_MODULUS = 0xEDB88320
_ONE = 1 << 31
_X_TO_THE_8 = 1 << 23


def crc32_combine(first: int, second: int, length: int) -> int:
    """Return the CRC-32 of two parts, each of known CRC-32, where the second is ``length`` bytes long.

    Appending n bytes multiplies what came before by x to the 8n (Mark Adler, in zlib's crc32.c).
    """
    return _multiply(_shift(length), first) ^ second


@lru_cache(maxsize=64)
def _shift(length: int) -> int:
    power, square = _ONE, _X_TO_THE_8
    while length:
        if length & 1:
            power = _multiply(square, power)
        square = _multiply(square, square)
        length >>= 1
    return power


def _multiply(one: int, other: int) -> int:
    product = 0
    while one:
        if one & _ONE:
            product ^= other
        one = one << 1 & 0xFFFFFFFF
        other = other >> 1 ^ _MODULUS if other & 1 else other >> 1
    return product


def new_sha256() -> _Hash:
    """Begin a SHA-256."""
    import hashlib  # slow to import, and needed for digests only

    return hashlib.sha256()
