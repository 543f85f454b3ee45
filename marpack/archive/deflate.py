"""Compressors: chunks in, chunks of one deflate stream out."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["DEFAULT_LEVEL", "deflate"]

DEFAULT_LEVEL = zlib.Z_DEFAULT_COMPRESSION


def deflate(chunks: Iterable[bytes], *, level: int) -> Iterator[bytes]:
    """Compress to a raw stream by zlib; where the input is cut into chunks does not change it."""
    compressor = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    for chunk in chunks:
        yield compressor.compress(chunk)
    yield compressor.flush()
