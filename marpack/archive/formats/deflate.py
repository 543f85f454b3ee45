"""Compressors: chunks in, chunks of one deflate stream out (spec/archive.md, Z1 and Z8)."""

from __future__ import annotations

import zlib
from collections import deque
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from marpack.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType
    from typing import TypeAlias

    from marpack.archive.forms import Deflate

    _Block: TypeAlias = tuple[memoryview, memoryview, bool]
    _Pieces: TypeAlias = tuple[bytes, bytes]

__all__ = ["DEFAULT_LEVEL", "MAX_THREADS", "check_available", "deflate"]

DEFAULT_LEVEL = zlib.Z_DEFAULT_COMPRESSION

# Z8: what is compressed by itself, and how much of what stands before it may be referred to.
BLOCK_SIZE = 1 << 19
WINDOW_SIZE = 1 << 15
# Levels 1 and 2 take the same time, 3 takes twice as long; 2 makes the smallest of text.
FAST_LEVEL = 2

# A thread holds some two blocks and the compressor's tables: the memory stays bounded on any machine.
MAX_THREADS = 16
_AHEAD = 4


def check_available(method: Deflate) -> None:
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
        yield from _deflate_blocks(chunks, partial(_compress, zlib, level), threads)
    else:
        yield from _deflate_blocks(chunks, partial(_compress, _isal(), FAST_LEVEL), threads)


def _isal() -> ModuleType:
    try:
        from isal import isal_zlib
    except ImportError:
        raise MissingExtraError("deflate='fast'", "fast") from None
    return isal_zlib


def _compress(library: ModuleType, level: int, block: memoryview, before: memoryview, last: bool) -> _Pieces:
    options = {"zdict": before} if before else {}
    compressor = library.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, **options)
    return compressor.compress(block), compressor.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


def _deflate_blocks(
    chunks: Iterable[bytes], compress: Callable[[memoryview, memoryview, bool], _Pieces], threads: int
) -> Iterator[bytes]:
    blocks = _cut(chunks)
    first = next(blocks)
    if first[-1]:
        yield from compress(*first)
        return
    _keep_freed_memory()
    threads = min(threads, MAX_THREADS)
    try:
        from concurrent.futures import ThreadPoolExecutor  # slow to import, and needed for large contents only

        pool = ThreadPoolExecutor(threads)
    except RuntimeError:  # Python ends, and gives no more threads
        for block in chain([first], blocks):
            yield from compress(*block)
        return

    def begin(block: _Block) -> Callable[[], _Pieces]:
        try:
            return pool.submit(compress, *block).result
        except RuntimeError:  # the system gives no more threads
            return partial(compress, *block)

    waiting: deque[Callable[[], _Pieces]] = deque()
    try:
        for block in chain([first], blocks):
            waiting.append(begin(block))
            # Some more than there are threads, so that none has to wait for the reading and writing.
            if len(waiting) > threads + _AHEAD:
                yield from waiting.popleft()()
        while waiting:
            yield from waiting.popleft()()
    finally:
        pool.shutdown(cancel_futures=True)


def _keep_freed_memory() -> None:
    """Have the allocator use for each block what the one before has freed.

    glibc gives large pieces back to the system, and each page anew is a fault: for 512 MiB of weights 100,000 of
    them, 0.8 s instead of 0.65. From a larger piece that is freed it learns otherwise (mallopt(3),
    M_MMAP_THRESHOLD); this one is never touched. Other allocators learn nothing from it.
    """
    bytes(1 << 24)


def _cut(chunks: Iterable[bytes]) -> Iterator[_Block]:
    """Yield each block, what may be referred to before it, and whether it is the last; there is at least one."""
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
