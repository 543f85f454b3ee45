"""The contents of a regular file on their way into another: copied and summed by several threads at once.

At the odd offsets of a zip's members the kernel's own copy takes twice as long as this loop, since each page falls
into two then (benchmarks/README.md). Where pages stay whole, and nobody asks for a CRC, it is the kernel's.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO

from marpack.archive.formats.checksums import crc32, crc32_combine
from marpack.archive.member import Member
from marpack.archive.sources import StoredSource
from marpack.archive.write.file_hasher import FileHasher
from marpack.archive.write.member_contents import MemberContents
from marpack.archive.write.source_region import opened_region
from marpack.disk.clone import clone_range
from marpack.disk.paced_write import PIECE_SIZE, PacedWriter
from marpack.disk.space import reserve
from marpack.disk.threads import ordered_map
from marpack.errors import SourceChangedError

_CAN_COPY = hasattr(os, "preadv") and hasattr(os, "pwrite")  # not on Windows

_CAN_COPY_BY_KERNEL = hasattr(os, "copy_file_range")  # Linux
_PAGE_SIZE = 4096

# What one thread copies before it asks for more. Blocks end where those of the target do, so that the kernel fills
# whole pages (large ones, where it has them).
BLOCK_SIZE = 1 << 22

# More do not help: the kernel lets one thread at a time write to a file.
MAX_THREADS = 4
# Below, threads and reserving cost more than they save.
LARGE_SIZE = 1 << 24


def copy_contents(contents: MemberContents, file: BinaryIO, *, offset: int = 0, threads: int = 1) -> bool:
    """Copy contents that lie in a file to ``offset`` in ``file``; False if they come from elsewhere.

    Whole blocks are shared with the source where both files can. ``contents`` then has its CRC, how much is
    shared, and with ``digest`` a hasher that may still be at work, which the caller ends by ``abandon``. The
    position of ``file`` neither matters nor moves; ``file`` has a name. Raises ``SourceChangedError`` when the
    source is not what was planned, and ``OSError``.
    """
    member = contents.member
    if not _CAN_COPY:
        return False
    stored = member.source if isinstance(member.source, StoredSource) else None
    is_summed = stored is None or stored.is_summed
    with opened_region(member.source) as region:
        if region is None:
            return False
        source, start = region
        shared = clone_range(source, start, file.fileno(), offset, member.size)
        contents.shared = shared
        if contents.digest:
            contents.hasher = FileHasher(file.name, start=offset)
            if shared:
                contents.hasher.borrow(offset, shared, member.source)
        if member.size - shared >= LARGE_SIZE:
            reserve(file.fileno(), offset + shared, member.size - shared)
        copy = _Copy(source, file.fileno(), member, start=start, offset=offset, shared=shared, is_summed=is_summed)
        done = 0 if is_summed else shared
        contents.crc = 0
        _tell(contents, offset + done, done)
        if member.size - done < LARGE_SIZE or copy.is_by_kernel:
            threads = 1
        threads = min(threads, MAX_THREADS)
        with closing(ordered_map(copy.block, copy.blocks(done), threads=threads, ahead=threads)) as sums:
            for end, length, crc in sums:
                contents.crc = crc32_combine(contents.crc, crc, length)
                _tell(contents, end, length)
        if stored and is_summed:
            stored.require_crc(contents.crc)
        elif stored:
            contents.crc = stored.crc32
    return True


def _tell(contents: MemberContents, end: int, length: int) -> None:
    """Say that so many bytes more have been written, and where they end in the file."""
    if contents.hasher:
        contents.hasher.advance(end)
    if contents.progress and length:
        contents.progress(length)


def _cut(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the blocks of the target, each by its start and its end."""
    while start < end:
        block_end = min(start - start % BLOCK_SIZE + BLOCK_SIZE, end)
        yield start, block_end
        start = block_end


class _Copy(threading.local):
    """Copies blocks from file descriptor to file descriptor, with a buffer for each thread.

    Of what is ``shared`` already only the CRC is taken, unless it is known.
    """

    def __init__(
        self, source: int, target: int, member: Member, *, start: int, offset: int, shared: int, is_summed: bool
    ) -> None:
        self._source, self._target = source, target
        self._member = member
        self._start, self._offset = start, offset
        self._shared_end = offset + shared
        self._is_summed = is_summed
        self.is_by_kernel = _CAN_COPY_BY_KERNEL and not is_summed and (start - offset) % _PAGE_SIZE == 0
        self._buffer = memoryview(bytearray(min(PIECE_SIZE, member.size)))
        self._writer = PacedWriter()

    def blocks(self, done: int) -> Iterator[tuple[int, int]]:
        """Yield the blocks of the target, each by its start and its end, which are shared or are not."""
        yield from _cut(self._offset + done, self._shared_end)
        yield from _cut(self._shared_end, self._offset + self._member.size)

    def block(self, bounds: tuple[int, int]) -> tuple[int, int, int]:
        """Copy what stands in the target between the bounds; return its end, length and CRC-32."""
        begin, end = bounds
        start = begin
        is_shared = start < self._shared_end
        crc = 0
        if self.is_by_kernel and not is_shared:
            start = self._by_kernel(start, end)
        for position in range(start, end, PIECE_SIZE):
            piece = self._buffer[: min(PIECE_SIZE, end - position)]
            self._read(piece, position - self._offset)
            if self._is_summed:
                crc = crc32(piece, crc)
            if not is_shared:
                self._writer.write(self._target, piece, position)
        return end, end - begin, crc

    def _by_kernel(self, start: int, end: int) -> int:
        """Have the kernel copy what stands between; return where it ends, which may be at once.

        It copies from page to page, where the loop does from page to buffer to page: 512 MiB on ext4 are 0.16 s of
        a processor instead of 0.21 to 0.36.
        """
        before = self._start - self._offset
        with contextlib.suppress(OSError):  # where it cannot: what is wrong, the loop says
            while start < end:
                count = os.copy_file_range(self._source, self._target, end - start, before + start, start)
                if not count:
                    break
                start += count
        return start

    def _read(self, piece: memoryview, start: int) -> None:
        filled = 0
        while filled < len(piece):
            count = os.preadv(self._source, [piece[filled:]], self._start + start + filled)
            if count == 0:
                size = self._member.size
                reason = f"ended {size - start - filled} bytes before the planned {size}"
                raise SourceChangedError(self._member.origin, reason)
            filled += count
