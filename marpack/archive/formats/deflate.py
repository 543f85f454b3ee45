"""Compressors: chunks in, chunks of one deflate stream out (spec/archive.md, Z1 and Z8).

Pure but for its threads (``marpack.disk.threads``), which change no byte and touch no file.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from types import ModuleType
from typing import TypeAlias

from marpack.archive.formats.freed_memory import keep_freed_memory
from marpack.archive.forms import Deflate
from marpack.disk.threads import ordered_map
from marpack.errors import MissingExtraError

# What is compressed, what may be referred to before it, and whether it is the last.
_Block: TypeAlias = tuple[memoryview, memoryview, bool]

DEFAULT_LEVEL = zlib.Z_DEFAULT_COMPRESSION

# Z8: what is compressed by itself, and how much of what stands before it may be referred to.
BLOCK_SIZE = 1 << 19
WINDOW_SIZE = 1 << 15
# Levels 1 and 2 take the same time, 3 takes twice as long; 2 makes the smallest of text.
FAST_LEVEL = 2

# A thread holds some two blocks and the compressor's tables: the memory stays bounded on any machine.
MAX_THREADS = 16
_AHEAD = 4


def require_available(method: Deflate) -> None:
    """Raise ``MissingExtraError`` if the method needs a package that is not installed."""
    if method == "fast":
        _isal()


def deflate(chunks: Iterable[bytes], *, method: Deflate, level: int, threads: int) -> Iterator[bytes]:
    """Compress to a raw stream; neither the cuts between chunks nor the number of threads change it.

    ``level`` is zlib's; ``fast`` has one of its own.
    """
    if method == "zlib":
        compressor = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
        for chunk in chunks:
            yield compressor.compress(chunk)
        yield compressor.flush()
    elif method == "parallel":
        yield from _deflate_blocks(chunks, zlib, level, threads)
    else:
        yield from _deflate_blocks(chunks, _isal(), FAST_LEVEL, threads)


def _isal() -> ModuleType:
    try:
        from isal import isal_zlib
    except ImportError:
        raise MissingExtraError("deflate='fast'", "fast") from None
    return isal_zlib


def _compress(library: ModuleType, level: int, block: _Block) -> tuple[bytes, bytes]:
    data, before, last = block
    options = {"zdict": before} if before else {}
    compressor = library.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, **options)
    return compressor.compress(data), compressor.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


def _deflate_blocks(chunks: Iterable[bytes], library: ModuleType, level: int, threads: int) -> Iterator[bytes]:
    blocks = _cut(chunks)
    first = next(blocks)
    if not first[-1]:
        keep_freed_memory()
    # One block needs no threads; some more blocks than threads let none wait for the reading and writing.
    threads = 1 if first[-1] else min(threads, MAX_THREADS)
    compress = partial(_compress, library, level)
    for pieces in ordered_map(compress, chain([first], blocks), threads=threads, ahead=_AHEAD):
        yield from pieces


def _cut(chunks: Iterable[bytes]) -> Iterator[_Block]:
    """Yield the blocks, at least one."""
    parts: list[memoryview] = []
    size = 0
    before = memoryview(b"")
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            if size == BLOCK_SIZE:  # and not the last
                block = parts[0] if len(parts) == 1 else memoryview(b"".join(parts))
                yield block, before, False
                before = block[-WINDOW_SIZE:]
                parts, size = [], 0
            part = rest[: BLOCK_SIZE - size]
            parts.append(part)
            size += len(part)
            rest = rest[len(part) :]
    yield memoryview(b"".join(parts)), before, True
