"""A stored member on its way out of its archive: blocks are shared where the file system can, else copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marpack.archive.formats.checksums import crc32
from marpack.archive.forms import Compression
from marpack.archive.read.member_reader import require_crc
from marpack.disk.range_copy import CAN_COPY, FileEndedError, RangeCopy
from marpack.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.archive.member import ArchiveMember
    from marpack.archive.read.container import Container
    from marpack.archive.region import Region
    from marpack.disk.paced_write import PacedWriter


class StoredCopy:
    """Copies a member to a new file at ``path``, in parts, on any thread; ``finish`` holds it against its CRC."""

    def __init__(
        self, container: Container, member: ArchiveMember, region: Region, path: str, writer: PacedWriter
    ) -> None:
        self.member = member
        self._container = container
        self._path = path
        checksum = None if member.crc32 is None else crc32  # a folder states none
        with open(path, "xb", buffering=0) as file:
            source, target = region.file.descriptor, file.fileno()
            self._copy = RangeCopy(source, region.offset, target, 0, member.size, checksum=checksum, writer=writer)

    @classmethod
    def begin(
        cls, container: Container, member: ArchiveMember, path: str, writer: PacedWriter
    ) -> StoredCopy | None:
        """Make the new file; None, and nothing, for a member that does not lie in a file as it is."""
        if member.compression not in (None, Compression.STORED) or not CAN_COPY:
            return None
        with container.region(member) as region:
            return None if region is None else cls(container, member, region, path, writer)

    def parts(self) -> Iterator[tuple[int, int]]:
        """Yield where each part begins and ends."""
        return self._copy.parts()

    def part(self, start: int, end: int) -> int:
        """Copy what lies between; return its CRC-32."""
        with self._container.region(self.member) as region, open(self._path, "r+b", buffering=0) as file:
            assert region is not None
            try:
                return self._copy.part(region.file.descriptor, file.fileno(), start, end)
            except FileEndedError as error:
                message = f"has {error.done:,} bytes, not the {self.member.size:,} that it states"
                raise ArchiveError(
                    self._container.path, message, code="size-lies", member=self.member.name
                ) from None

    def finish(self, crc: int) -> None:
        """Raise ``ArchiveError`` unless the CRC of all parts, put together, is the one that the archive states."""
        if self._copy.shared and self.member.crc32 is not None:
            with self._container.region(self.member) as region:
                # What is shared is what the archive was at that moment, and may not be what was summed; its writer
                # may have put its time back.
                if region is None or not region.file.is_unchanged() or crc != self.member.crc32:
                    with open(self._path, "rb", buffering=0) as file:
                        crc = self._copy.sum_of_copy(file.fileno())
        require_crc(self._container.path, self.member, crc)
