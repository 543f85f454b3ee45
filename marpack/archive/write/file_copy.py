"""The contents of a file on their way into another: shared with it, or copied by several threads, and summed.

What is shared is summed where it is read from: of the target the system has no pages, and to read those from the
disk takes longer than a copy (512 MiB on XFS: 0.85 s instead of 0.1). What is copied is summed on its way; that of
which the CRC is known, and the pages stay whole, is copied by the kernel, as by `cp`. At odd offsets, as in
other forms, that takes twice as long as this loop, since each page falls into two then (benchmarks/README.md).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import BinaryIO

from marpack.archive.formats.checksums import crc32, crc32_combine
from marpack.archive.member import Member
from marpack.archive.sources import StoredSource, region_of
from marpack.archive.write.file_hasher import FileHasher
from marpack.archive.write.member_contents import MemberContents
from marpack.disk.clone import clone_range
from marpack.disk.paced_write import PIECE_SIZE, PacedWriter
from marpack.disk.space import reserve
from marpack.disk.threads import ordered_map
from marpack.errors import SourceChangedError

_CAN_COPY = hasattr(os, "preadv") and hasattr(os, "pwrite")  # not on Windows

_CAN_COPY_BY_KERNEL = hasattr(os, "copy_file_range")  # Linux
_PAGE_SIZE = 4096

# What one thread copies before it asks for more. A part ends at a multiple of it in the target, so that the kernel
# fills whole pages (large ones, where it has them).
PART_SIZE = 1 << 22

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
    known_crc = stored.crc32 if stored and not stored.is_summed else None
    with region_of(member.source) as region:
        if region is None:
            return False
        source, start = region.file.descriptor, region.offset
        contents.ctime_ns = os.fstat(source).st_ctime_ns
        contents.shared = clone_range(source, start, file.fileno(), offset, member.size)
        border, end = offset + contents.shared, offset + member.size
        if contents.digest:
            contents.hasher = FileHasher(file.name, start=offset)
            if contents.shared:
                contents.hasher.borrow(offset, contents.shared, member.source, contents.ctime_ns)
        if end - border >= LARGE_SIZE:
            reserve(file.fileno(), border, end - border)
        parts = [_cut(border, end)]
        if known_crc is None:
            contents.crc = 0
            parts.insert(0, _cut(offset, border))
        else:
            contents.crc = known_crc
            _settle(contents, border, contents.shared)
        how = {"shift": start - offset, "border": border, "end": end}
        copy = _Copy(source, file.fileno(), member, **how, is_summed=known_crc is None)
        threads = 1 if copy.is_by_kernel or member.size < LARGE_SIZE else min(threads, MAX_THREADS)
        with closing(ordered_map(copy.part, chain(*parts), threads=threads, ahead=threads)) as sums:
            for settled, length, crc in sums:
                if known_crc is None:
                    contents.crc = crc32_combine(contents.crc, crc, length)
                _settle(contents, settled, length)
        if contents.shared and known_crc is None and os.fstat(source).st_ctime_ns != contents.ctime_ns:
            contents.crc = _sum_of_copy(file.fileno(), member, offset)
        if stored and stored.is_summed:
            stored.require_crc(contents.crc)
    return True


def _sum_of_copy(target: int, member: Member, offset: int) -> int:
    """Return the CRC of what has been shared, from a source that was touched before it was summed.

    It may have been written to and got its mtime back, as by tools that keep times; or it has got another name or
    other permissions, which is no reason to end. What is shared is what it was.
    """
    end = offset + member.size
    copy = _Copy(target, target, member, shift=0, border=end, end=end, is_summed=True)
    total = 0
    for _, length, crc in map(copy.part, _cut(offset, end)):
        total = crc32_combine(total, crc, length)
    return total


def _settle(contents: MemberContents, settled: int, length: int) -> None:
    if contents.hasher:
        contents.hasher.advance(settled)
    if contents.progress and length:
        contents.progress(length)


def _cut(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of the target, each by its start and its end."""
    while start < end:
        part_end = min(start - start % PART_SIZE + PART_SIZE, end)
        yield start, part_end
        start = part_end


class _Copy(threading.local):
    """Copies parts from file descriptor to file descriptor, with a buffer for each thread.

    In the source they lie ``shift`` bytes behind where they lie in the target, where they ``end``. What is before
    the ``border`` is shared, and only summed.
    """

    def __init__(
        self, source: int, target: int, member: Member, *, shift: int, border: int, end: int, is_summed: bool
    ) -> None:
        self._source, self._target = source, target
        self._member = member
        self._shift, self._border, self._end = shift, border, end
        self._is_summed = is_summed
        self._buffer = memoryview(bytearray(min(PIECE_SIZE, member.size)))
        self._writer = PacedWriter()
        self.is_by_kernel = _CAN_COPY_BY_KERNEL and not is_summed and shift % _PAGE_SIZE == 0

    def part(self, bounds: tuple[int, int]) -> tuple[int, int, int]:
        """Copy what stands in the target between the bounds; return its end, length and CRC-32."""
        begin, end = bounds
        start = self._by_kernel(begin, end) if self.is_by_kernel else begin
        crc = 0
        for position in range(start, end, PIECE_SIZE):
            piece = self._buffer[: min(PIECE_SIZE, end - position)]
            self._read(piece, position)
            if self._is_summed:
                crc = crc32(piece, crc)
            if position >= self._border:
                self._writer.write(self._target, piece, position)
        return end, end - begin, crc

    def _by_kernel(self, start: int, end: int) -> int:
        """Have the kernel copy what stands between; return where it ends, which may be at once.

        It copies from page to page, where the loop does from page to buffer to page: 512 MiB on ext4 are 0.16 s of
        a processor instead of 0.21 to 0.36.
        """
        with contextlib.suppress(OSError):  # where it cannot: what is wrong, the loop says
            while start < end:
                count = os.copy_file_range(self._source, self._target, end - start, start + self._shift, start)
                if not count:
                    break
                start += count
        return start

    def _read(self, piece: memoryview, position: int) -> None:
        filled = 0
        while filled < len(piece):
            count = os.preadv(self._source, [piece[filled:]], position + filled + self._shift)
            if count == 0:
                left = self._end - position - filled
                reason = f"ended {left} bytes before the planned {self._member.size}"
                raise SourceChangedError(self._member.origin, reason)
            filled += count
