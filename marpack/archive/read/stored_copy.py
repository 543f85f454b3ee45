"""A stored member on its way out of its archive: blocks are shared where the file system can, else copied."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marpack.archive.formats.checksums import crc32
from marpack.archive.forms import Compression
from marpack.archive.read.member_reader import require_crc
from marpack.archive.region import Region
from marpack.disk.clone import clone_range
from marpack.disk.paced_write import PIECE_SIZE, PacedWriter
from marpack.disk.space import reserve
from marpack.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.archive.member import ArchiveMember
    from marpack.archive.read.container import Container

# What one task copies or sums.
PART_SIZE = 1 << 25
# What is read at once to be summed alone, which stays in a processor's cache.
_SUMMED_SIZE = 1 << 18
# From this size on having blocks set aside saves more than it costs.
_RESERVED_SIZE = 1 << 24
_CAN_READ_INTO = hasattr(os, "preadv")  # not on Windows


class StoredCopy:
    """Copies a member to a new file at ``path``, in parts, on any thread; ``finish`` holds it against its CRC.

    Where blocks are shared, only the CRC is left to be taken: of the archive's bytes, which the system has in
    memory more often than those of a new file (512 MiB on XFS: 0.1 s, and 0.8 of the new file's).
    """

    def __init__(
        self, container: Container, member: ArchiveMember, region: Region, path: str, writer: PacedWriter
    ) -> None:
        self.member = member
        self._container = container
        self._path = path
        self._writer = writer
        with open(path, "xb", buffering=0) as file:
            self._shared = clone_range(region.file.descriptor, region.offset, file.fileno(), 0, member.size)
            if not self._shared and member.size >= _RESERVED_SIZE:
                reserve(file.fileno(), 0, member.size)

    @classmethod
    def begin(
        cls, container: Container, member: ArchiveMember, path: str, writer: PacedWriter
    ) -> StoredCopy | None:
        """Make the new file; None, and nothing, for a member that does not lie in a file as it is."""
        if member.compression not in (None, Compression.STORED) or not _CAN_READ_INTO:
            return None
        with container.region(member) as region:
            return None if region is None else cls(container, member, region, path, writer)

    def part(self, start: int) -> tuple[int, int]:
        """Copy what begins at ``start``; return its length and CRC-32."""
        end = min(start + PART_SIZE, self.member.size)
        if end <= self._shared and self.member.crc32 is None:  # of a folder
            return end - start, 0
        crc = 0
        with self._container.region(self.member) as region, open(self._path, "r+b", buffering=0) as file:
            assert region is not None
            for position, piece in self._pieces(region, start, end):
                crc = crc32(piece, crc)
                fresh = min(max(0, self._shared - position), len(piece))
                self._writer.write(file.fileno(), piece[fresh:], position + fresh)
        return end - start, crc

    def finish(self, crc: int) -> None:
        """Raise ``ArchiveError`` unless the CRC of all parts, put together, is the one that the archive states."""
        if self._shared and self.member.crc32 is not None:
            with self._container.region(self.member) as region:
                # What is shared is what the archive was at that moment, and may not be what was summed; its writer
                # may have put its time back.
                if region is None or not region.file.is_unchanged() or crc != self.member.crc32:
                    crc = self._sum_of_copy()
        require_crc(self._container.path, self.member, crc)

    def _pieces(self, region: Region, start: int, end: int) -> Iterator[tuple[int, memoryview]]:
        """Yield pieces of the member with their places; the buffer is this thread's."""
        size = _SUMMED_SIZE if end <= self._shared else PIECE_SIZE
        buffer = memoryview(bytearray(size))
        while start < end:
            count = os.preadv(region.file.descriptor, [buffer[: min(size, end - start)]], region.offset + start)
            if not count:
                message = f"has {start:,} bytes, not the {self.member.size:,} that it states"
                raise ArchiveError(self._container.path, message, code="size-lies", member=self.member.name)
            yield start, buffer[:count]
            start += count

    def _sum_of_copy(self) -> int:
        crc = 0
        with open(self._path, "rb", buffering=0) as file:
            while data := file.read(PIECE_SIZE):
                crc = crc32(data, crc)
        return crc
