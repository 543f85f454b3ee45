"""A part of one file that becomes one of another: shared with it where the file system can, else copied.

What is shared is summed where it is read from: of the target the system has no pages, and to read those from the
disk takes longer than a copy (512 MiB on XFS: 0.85 s instead of 0.1). What is copied is summed on its way; that
whose sum nobody needs, and whose pages stay whole, is copied by the kernel, as by `cp`. At odd offsets that takes
twice as long as this loop, since each page falls into two then (benchmarks/README.md).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TypeAlias

from marpack.disk.clone import clone_range
from marpack.disk.paced_write import PIECE_SIZE, PacedWriter
from marpack.disk.space import reserve

CAN_COPY = hasattr(os, "preadv") and hasattr(os, "pwrite")  # not on Windows
_CAN_COPY_BY_KERNEL = hasattr(os, "copy_file_range")  # Linux
_PAGE_SIZE = 4096

# What one thread copies or sums before it asks for more. A part ends at a multiple of it in the target, so that
# the kernel fills whole pages (large ones, where it has them).
PART_SIZE = 1 << 25
# What is read at once to be summed alone, which stays in a processor's cache: 512 MiB by two threads take 0.038 s,
# by pieces of 128 KiB 0.050, of 4 MiB 0.048.
_SUMMED_SIZE = 1 << 19
# Below, threads and reserving cost more than they save.
LARGE_SIZE = 1 << 24

# Takes bytes and the sum of those before them; returns the sum of both.
_Checksum: TypeAlias = Callable[[memoryview, int], int]


class FileEndedError(Exception):
    """The source ended when ``done`` bytes of the range had been read."""

    def __init__(self, done: int) -> None:
        super().__init__(done)
        self.done = done


class RangeCopy:
    """Copies ``size`` bytes of one file to another one, part by part, on any thread; ``shared`` are shared.

    Files are descriptors, and a part may be copied by others of the same files than those that it was begun with.
    """

    def __init__(
        self,
        source: int,
        source_offset: int,
        target: int,
        target_offset: int,
        size: int,
        *,
        checksum: _Checksum | None,
        writer: PacedWriter,
    ) -> None:
        """Share what can be, and set room aside for the rest; raises ``OSError``."""
        self.size = size
        self.shared = clone_range(source, source_offset, target, target_offset, size)
        self._source_offset, self._target_offset = source_offset, target_offset
        self._checksum = checksum
        self._writer = writer
        shift = source_offset - target_offset
        self.is_by_kernel = _CAN_COPY_BY_KERNEL and checksum is None and shift % _PAGE_SIZE == 0
        if size - self.shared >= LARGE_SIZE:
            reserve(target, target_offset + self.shared, size - self.shared)

    def parts(self) -> Iterator[tuple[int, int]]:
        """Yield where each part begins and ends in the range; none is shared and copied."""
        start = 0
        while start < self.size:
            end = start + PART_SIZE - (self._target_offset + start) % PART_SIZE
            end = min(end, self.shared if start < self.shared else self.size)
            yield start, end
            start = end

    def part(self, source: int, target: int, start: int, end: int) -> int:
        """Copy, or sum, what lies between in the range; return its sum, or 0. Raises ``FileEndedError``."""
        if start >= self.shared:
            return self._copy(source, target, start, end)
        return self._sum(source, self._source_offset, start, end) if self._checksum else 0

    def sum_of_copy(self, target: int) -> int:
        """Return the sum of what stands in the target."""
        return self._sum(target, self._target_offset, 0, self.size)

    def _sum(self, file: int, offset: int, start: int, end: int) -> int:
        assert self._checksum
        total = 0
        for piece in _pieces(file, offset, start, end, _SUMMED_SIZE):
            total = self._checksum(piece, total)
        return total

    def _copy(self, source: int, target: int, start: int, end: int) -> int:
        if self.is_by_kernel:
            start = self._copy_by_kernel(source, target, start, end)
        total, position = 0, self._target_offset + start
        for piece in _pieces(source, self._source_offset, start, end, PIECE_SIZE):
            if self._checksum:
                total = self._checksum(piece, total)
            self._writer.write(target, piece, position)
            position += len(piece)
        return total

    def _copy_by_kernel(self, source: int, target: int, start: int, end: int) -> int:
        """Have the kernel copy what lies between; return where it ends, which may be at once.

        It copies from page to page, where the loop does from page to buffer to page: 512 MiB on ext4 are 0.16 s of
        a processor instead of 0.21 to 0.36.
        """
        with contextlib.suppress(OSError):  # where it cannot: what is wrong, the loop says
            while start < end:
                at, to = self._source_offset + start, self._target_offset + start
                count = os.copy_file_range(source, target, end - start, at, to)
                if not count:
                    break
                start += count
        return start


def _pieces(file: int, offset: int, start: int, end: int, size: int) -> Iterator[memoryview]:
    """Yield what lies between ``start`` and ``end`` behind ``offset``, each until the next is taken."""
    buffer = memoryview(bytearray(min(size, end - start)))
    while start < end:
        count = os.preadv(file, [buffer[: min(size, end - start)]], offset + start)
        if not count:
            raise FileEndedError(start)
        yield buffer[:count]
        start += count
