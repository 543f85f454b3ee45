"""A member of an archive, open for reading, and held against its size and CRC."""

from __future__ import annotations

import io
import os
from abc import abstractmethod
from collections.abc import Generator
from functools import partial

from marpack.archive.formats.checksums import crc32
from marpack.archive.member import ArchiveMember
from marpack.archive.read.random_access import read_whole
from marpack.archive.sources import CHUNK_SIZE
from marpack.disk.threads import taken_ahead
from marpack.errors import ArchiveError
from marpack.issue_codes import ReadCode

WRONG_CRC = "is damaged: its CRC is not the one that it states"

# Below, a thread costs more than it saves: 4 MiB are inflated in 12 ms.
_LONG_SIZE = 1 << 22
# Enough that neither side waits for the other's single pieces, and little memory.
_PIECES_AHEAD = 4


class MemberReader(io.RawIOBase):
    """The contents of one member, as a binary file.

    Read from the beginning to the end they are held against the member's size and CRC; ``ArchiveError`` is raised
    before the last of them is given when they differ.
    """

    _inflates = False

    def __init__(self, path: str, member: ArchiveMember) -> None:
        super().__init__()
        self.member = member
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
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.member.size}
        if whence not in bases:
            raise ValueError(f"whence must be 0, 1 or 2, not {whence!r}")
        position = min(max(0, bases[whence] + offset), self.member.size)
        if position == self._position:
            return position
        if position and self._jump(position):
            self._position, self._crc = position, None
        elif position < self._position:
            self._begin()
            self._position, self._crc = 0, 0
        while self._position < position:
            self.read1(min(CHUNK_SIZE, position - self._position))
        return position

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end, or all that is left."""
        self._check_open()
        # Also the end of a member that states no bytes is held against what is there: one is asked for.
        return read_whole(self.read1, max(1, self.member.size) if size is None or size < 0 else size)

    def read1(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, as many as come at once; none only at the end."""
        self._check_open()
        size = CHUNK_SIZE if size < 0 else size
        left = self.member.size - self._position
        if not size or (not left and self._position):
            return b""
        data = self._take(min(size, left)) if left else b""
        if left and not data:
            self._fail("size-lies", f"has {self._position:,} bytes, not the {self.member.size:,} that it states")
        self._count(data)
        if self._position == self.member.size:
            self._check_end()
            if self._crc is not None:
                require_crc(self._path, self.member, self._crc)
        return data

    def _count(self, data: bytes) -> None:
        self._position += len(data)
        if self._crc is not None:
            self._crc = crc32(data, self._crc)

    def pieces(self, *, threads: int = 1) -> Generator[bytes, None, None]:
        """Yield all that is left, piece by piece; what this returns is closed before the member is.

        With more than one thread, what is large and ``inflates`` does so beside the caller, who has pieces to use.
        """
        pieces = (data for data in iter(partial(self.read1, CHUNK_SIZE), b""))
        return taken_ahead(pieces, _PIECES_AHEAD) if threads > 1 and self.is_long else pieces

    @property
    def is_long(self) -> bool:
        """Whether reading takes so long that other work is to be done beside it."""
        return self._inflates and self.member.size > _LONG_SIZE

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

    def _fail(self, code: ReadCode, message: str) -> None:
        raise ArchiveError(self._path, message, code=code, member=self.member.name)


def require_crc(path: str, member: ArchiveMember, crc: int) -> None:
    """Raise ``ArchiveError`` unless the CRC is that which the member states; of a folder, it states none."""
    if member.crc32 not in (None, crc):
        raise ArchiveError(path, WRONG_CRC, code="crc", member=member.name)
