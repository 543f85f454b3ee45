"""What holds the members of an archive: a zip, a gzip'd tar, or a folder."""

from __future__ import annotations

import io
import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from marpack.archive.checksum import crc32
from marpack.archive.entry import CHUNK_SIZE
from marpack.errors import ArchiveError, Issue

if TYPE_CHECKING:
    from marpack.archive.entry import Compression
    from marpack.archive.plan import Owner

WRONG_CRC = "is damaged: its CRC is not the one that it states"

__all__ = ["WRONG_CRC", "ArchiveEntry", "Container", "ContainerForm", "MemberReader"]

ContainerForm: TypeAlias = Literal["zip", "tgz", "folder"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveEntry:
    """One member of an archive, as it says of itself.

    ``name`` is the path that the server gives it below the model's folder: without the first folder, in a tgz.
    ``size`` and ``compressed_size`` are bytes; where members are not compressed one by one they are equal, and
    ``compression`` and ``crc32`` are None. ``mode`` are the Unix mode bits and ``mtime_ns`` is the time of last
    change in nanoseconds since the epoch (of a zip, whose times have no zone, taken for UTC), None where there are
    none.
    """

    name: str
    size: int
    compressed_size: int
    compression: Compression | int | None = None
    crc32: int | None = None
    mode: int | None = None
    mtime_ns: int | None = None


class Container(ABC):
    """Members in their order, which is that of the bytes; used by any number of threads at once."""

    form: ContainerForm
    path: str
    # Bytes on disk.
    size: int
    entries: tuple[ArchiveEntry, ...]
    # Names of folders that have an entry of their own, without the slash at their end.
    folders: tuple[str, ...]
    # Names of links in a folder that lead out of it, which the server follows and marpack does not.
    outside_links: tuple[str, ...] = ()
    # When it was packed, in seconds since the epoch, and whose its members are, where the form says so itself.
    timestamp: int | None = None
    owner: Owner | None = None

    @abstractmethod
    def issues(self) -> Iterator[Issue]:
        """Yield what is wrong with how the members are held, but for their contents; may read a little of each."""

    @abstractmethod
    def open(self, entry: ArchiveEntry) -> MemberReader:
        """Start reading a member."""

    def deflated(self, entry: ArchiveEntry) -> Iterator[tuple[bytes, bytes]]:
        """Yield the deflated bytes of a member that has them for itself, and what comes out of them."""
        raise ArchiveError(self.path, "is not deflated by itself", code="no-member", member=entry.name)

    def contents(self, wanted: Collection[ArchiveEntry]) -> Iterator[tuple[ArchiveEntry, MemberReader]]:
        """Yield members in their order, each with its contents, to be read before the next is asked for."""
        for entry in self.entries:
            if entry in wanted:
                with self.open(entry) as reader:
                    yield entry, reader

    def raw(self) -> Iterator[bytes]:
        """Yield the archive's own bytes; a folder has none."""
        return iter(())

    @abstractmethod
    def close(self) -> None:
        """End reading."""


class MemberReader(io.RawIOBase):
    """The contents of one member, as a binary file.

    Read from the beginning to the end they are held against the member's size and CRC; ``ArchiveError`` is raised
    before the last of them is given when they differ.
    """

    def __init__(self, path: str, entry: ArchiveEntry) -> None:
        super().__init__()
        self.entry = entry
        self._path = path
        self._position = 0
        self._crc: int | None = 0

    @abstractmethod
    def _begin(self) -> None:
        """Go back to the first byte."""

    @abstractmethod
    def _take(self, size: int) -> bytes:
        """Return the next bytes, at most ``size`` of them, none at the end."""

    def _check_end(self) -> None:
        """Raise unless the contents end here, where their size says so."""

    def _jump(self, position: int) -> bool:
        """Move without reading, if that is possible."""
        return False

    def readable(self) -> bool:
        """Return True."""
        return True

    def leave_sum_to_others(self) -> None:
        """Do not take the CRC, of which parts are taken elsewhere."""
        self._crc = None

    def seekable(self) -> bool:
        """Return True; going back may mean to begin anew, and going on to read what lies between."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move, and return the new position, which is never beyond the end."""
        self._check_open()
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.entry.size}
        if whence not in bases:
            raise ValueError(f"whence must be 0, 1 or 2, not {whence!r}")
        position = min(max(0, bases[whence] + offset), self.entry.size)
        if position == self._position:
            return position
        if position == 0:
            self._begin()
            self._position, self._crc = 0, 0
        elif self._jump(position):
            self._position, self._crc = position, None
        else:
            if position < self._position:
                self._begin()
                self._position, self._crc = 0, 0
            while self._position < position:
                self.read1(min(CHUNK_SIZE, position - self._position))
        return position

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end, or all that is left."""
        if size is None or size < 0:
            size = self.entry.size
        data = self.read1(size)
        if len(data) == size or not data:
            return data
        # As much as comes, whatever the member says of its size.
        pieces = [data]
        while (size := size - len(data)) and (data := self.read1(size)):
            pieces.append(data)
        return b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, as many as come at once; none only at the end."""
        self._check_open()
        size = CHUNK_SIZE if size < 0 else size
        left = self.entry.size - self._position
        if not size or (not left and self._position):
            return b""
        data = self._take(min(size, left)) if left else b""
        if left and not data:
            self._fail("size-lies", f"has {self._position:,} bytes, not the {self.entry.size:,} that it states")
        self._position += len(data)
        if self._crc is not None:
            self._crc = crc32(data, self._crc)
        if self._position == self.entry.size:
            self._check_end()
            if self._crc is not None and self.entry.crc32 is not None and self._crc != self.entry.crc32:
                self._fail("crc", WRONG_CRC)
        return data

    def readall(self) -> bytes:
        """Return all that is left."""
        return self.read()

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill a buffer, as far as the member reaches; return how much."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the member is closed")

    def _fail(self, code: str, message: str) -> None:
        raise ArchiveError(self._path, message, code=code, member=self.entry.name)
