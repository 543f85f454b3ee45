"""Deflate streams of many blocks, and of all that parts of them meet: made from a seed."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from marpack.archive.formats.inflate_parts import Sizes
from tests.support.deflate_streams import stream

_Contents: TypeAlias = "Callable[[random.Random, int], bytes]"
WINDOW = 1 << 15


class Long(NamedTuple):
    """A stream, how much is asked for of what it holds, and how it is cut."""

    data: bytes
    most: int
    sizes: Sizes
    threads: int


def long_stream(seed: int) -> Long:
    """Make a stream; half are whole, the others changed or cut off."""
    noise = random.Random(seed)
    has_parts = noise.random() < 0.6
    data = _changed(noise, _weights_stream(noise) if has_parts else _any_stream(noise))
    size = _size(data)
    part = noise.choice([40_000, 60_000, 90_000] if has_parts else [200, 1000, 3000, 8000, 20_000])
    return Long(
        data,
        max(0, noise.choice([size, size, size, size + 1, size - 1, size // 2, 1 << 40])),
        Sizes(
            part=part,
            search=noise.choice([part, part, part // 2 + 60]),
            held=noise.choice([1 << 17, 1 << 20, 1 << 23]),
            marked=noise.choice([2 * WINDOW, 4 * WINDOW, 32 * WINDOW]),
        ),
        noise.choice([1, 2, 2, 3]),
    )


def weights(noise: random.Random, size: int) -> bytes:
    """Make what is like floats: three bytes of noise and one of little variety."""
    data = bytearray(noise.randbytes(size))
    data[3::4] = noise.choices(b"\x3b\x3c\x3d\xbb\xbc\xbd", k=len(data[3::4]))
    return bytes(data)


def repeating(noise: random.Random, size: int) -> bytes:
    """Make weights that repeat themselves now and then."""
    data = bytearray(weights(noise, size))
    for _ in range(noise.choice([3, 30, 300])):
        length = noise.choice([4, 30, 300, 3000])
        if size > 2 * length:
            start = noise.randrange(size - length)
            to = min(size - length, start + noise.randrange(1, WINDOW))
            data[to : to + length] = data[start : start + length]
    return bytes(data)


def text(noise: random.Random, size: int) -> bytes:
    """Make words, each of them many times."""
    words = [bytes(noise.choices(b"abcdefghijklmnop", k=noise.randint(1, 9))) for _ in range(300)]
    return b" ".join(noise.choices(words, k=size // 2 + 1))[:size]


def letters(noise: random.Random, size: int) -> bytes:
    """Make noise of few letters."""
    return bytes(noise.choices(noise.choice([b"ab", b"abcd", b"\0\1", b"abcdefgh"]), k=size))


def _again(noise: random.Random, size: int) -> bytes:
    once = noise.randbytes(noise.choice([1, 3, 300, 5000, WINDOW + 300]))
    return (once * (size // len(once) + 1))[:size]


def _packed(noise: random.Random, size: int) -> bytes:
    """Make what is deflated already, and so is stored: blocks begin in it that are none."""
    compressor = _compressor(noise)
    return compressor.compress(noise.choice([letters, weights, text])(noise, size)) + compressor.flush()


def _compressor(noise: random.Random) -> zlib._Compress:
    return zlib.compressobj(
        noise.randint(0, 9), zlib.DEFLATED, -noise.randint(9, 15), noise.randint(1, 9), noise.randrange(5)
    )


KINDS: tuple[_Contents, ...] = (
    *(text, weights, letters, repeating, _again, _packed),
    lambda noise, size: noise.randbytes(size),
    lambda noise, size: bytes(size),
)


def _weights_stream(noise: random.Random) -> bytes:
    """Deflate weights, and more, as compressors do: in such streams there are parts."""
    compressor = zlib.compressobj(
        noise.choice([1, 4, 6, 6, 9]),
        zlib.DEFLATED,
        -15,
        noise.choice([1, 3, 8, 9]),
        noise.choice([0, 0, 1, 2, 3]),
    )
    packed = b""
    for _ in range(noise.choice([1, 2, 4])):
        kind = noise.choice([repeating, repeating, weights, letters])
        packed += compressor.compress(kind(noise, noise.choice([100_000, 200_000, 300_000])))
        if noise.random() < 0.3:
            packed += compressor.flush(noise.choice([1, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, 5]))
    return packed + compressor.flush()


def _any_stream(noise: random.Random) -> bytes:
    """Deflate anything in every way that zlib knows, one way after another."""
    packed = b""
    ways = noise.choice([1, 1, 2, 3, 5])
    for way in range(ways):
        compressor = _compressor(noise)
        for _ in range(noise.choice([1, 2, 4])):
            size = noise.choice([0, 10, 1000, 30_000, 70_000, 150_000])
            packed += compressor.compress(noise.choice(KINDS)(noise, size))
            if noise.random() < 0.4:
                packed += compressor.flush(noise.choice([1, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, 5]))
        if noise.random() < 0.1:
            packed += compressor.flush(zlib.Z_SYNC_FLUSH) + stream(noise.getrandbits(40))
        else:
            is_last = way == ways - 1 or noise.random() < 0.05
            packed += compressor.flush(zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH)
    return packed


def _changed(noise: random.Random, data: bytes) -> bytes:
    kind = noise.random()
    if kind < 0.5:
        return data
    if kind < 0.65:
        return data[: noise.randrange(len(data))]
    if kind < 0.7:
        return data + noise.randbytes(noise.choice([1, 100, 5000]))
    changed = bytearray(data)
    for _ in range(noise.choice([1, 1, 2, 6])):
        at = noise.randrange(len(changed) + 1)
        match noise.randrange(5):
            case 0:
                changed[at:at] = noise.randbytes(noise.choice([1, 3, 50]))
            case 1:
                del changed[at : at + noise.choice([1, 3, 500])]
            case _ if at < len(changed):
                changed[at] ^= 1 << noise.randrange(8)
    return bytes(changed)


def _size(data: bytes) -> int:
    """Return how much comes out of a stream, as far as it is one."""
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    size = 0
    try:
        for at in range(0, len(data), 1000):
            size += len(decompressor.decompress(data[at : at + 1000]))
    except zlib.error:
        pass
    return size
