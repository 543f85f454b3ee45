"""A gzip'd file, read from its beginning, whose every part is held against its sums."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from marpack.archive import web_page
from marpack.archive.formats.checksums import crc32
from marpack.archive.formats.inflate import Inflater
from marpack.archive.read.limits import Limits
from marpack.archive.read.random_access import RandomAccess
from marpack.archive.sources import CHUNK_SIZE
from marpack.errors import ArchiveError, LimitError
from marpack.findings import Issue

_HEADER = struct.Struct("<2s2BL2B")
_TRAILER = struct.Struct("<2L")
_MAGIC = b"\x1f\x8b"
_DEFLATE = 8
_HAS_CRC, _HAS_EXTRA, _HAS_NAME, _HAS_COMMENT = 2, 4, 8, 16
_RESERVED = 0xE0
# Of a gzip header's texts.
_LONGEST_TEXT = 1 << 16


class Gunzip:
    """The contents of the first member of a gzip file, forward only."""

    def __init__(self, path: str, data: RandomAccess, limits: Limits) -> None:
        self._path = path
        self._data = data
        self._limits = limits
        self._limit = limits.largest(data.size)
        self.position = 0
        self._crc = 0
        self._next = self._read_header()
        self._inflater = Inflater(self._piece)
        self._ended = False

    def _read_header(self) -> int:
        """Return where the header ends."""
        head = self._data.read_at(0, _HEADER.size)
        if len(head) < _HEADER.size or not head.startswith(_MAGIC) or head[2] != _DEFLATE:
            message = "is not in the gzip format, as what ends in neither .mar nor .war has to be: pack it again"
            if not self._data.size:
                message = "is empty: pack it again, or get it again"
            elif web_page.begins_page(self._data.read_at(0, web_page.LONGEST_START)):
                message = f"{web_page.WHAT}: {web_page.FIX}"
            raise ArchiveError(self._path, message, code="gzip")
        flags = head[3]
        if flags & _RESERVED:
            raise ArchiveError(self._path, "has a gzip header with unknown flags", code="gzip")
        self.mtime = int.from_bytes(head[4:8], "little")
        position = _HEADER.size
        if flags & _HAS_EXTRA:
            position += 2 + int.from_bytes(self._data.read_at(position, 2), "little")
        for flag in (_HAS_NAME, _HAS_COMMENT):
            if flags & flag:
                end = self._data.read_at(position, _LONGEST_TEXT).find(b"\0")
                if end < 0:
                    raise ArchiveError(self._path, "has a gzip header that does not end", code="gzip")
                position += end + 1
        return position + (2 if flags & _HAS_CRC else 0)

    def _piece(self) -> bytes:
        piece = self._data.read_at(self._next, CHUNK_SIZE >> 2)
        self._next += len(piece)
        return piece

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes, none at the end, where sum and length are checked."""
        if self._ended:
            return b""
        try:
            data = self._inflater.read(min(size, CHUNK_SIZE))
        except zlib.error as error:
            raise ArchiveError(self._path, f"is damaged: {error}", code="gzip") from None
        if not data:
            self._end()
            return b""
        self.position += len(data)
        if self.position > self._limit:
            how = self._limits.raising_for(self._data.size)
            message = (
                f"holds more than {self._limit:,} bytes, the limit for an archive of {self._data.size:,}: {how}"
            )
            raise LimitError(self._path, message, code="too-large")
        self._crc = crc32(data, self._crc)
        return data

    def skip(self, count: int) -> None:
        """Read on, as far as there is something."""
        while count > 0 and (data := self.read(min(count, CHUNK_SIZE))):
            count -= len(data)

    def has_more_than_zeros(self) -> bool:
        """Read to the end, and tell whether anything was there but padding."""
        found = False
        while data := self.read(CHUNK_SIZE):
            found = found or data.count(0) != len(data)
        return found

    def _end(self) -> None:
        self._ended = True
        self._behind = self._next - len(self._inflater.left)
        trailer = self._data.read_at(self._behind, _TRAILER.size)
        if not self._inflater.ended or len(trailer) < _TRAILER.size:
            raise ArchiveError(self._path, "is cut off: get it again", code="gzip-truncated")
        crc, size = _TRAILER.unpack(trailer)
        if crc != self._crc or size != self.position & 0xFFFFFFFF:
            raise ArchiveError(self._path, "is damaged: its CRC or size is not the one that it states", code="crc")

    def issues(self) -> Iterator[Issue]:
        """Yield what follows the end, once it has been reached."""
        behind = self._data.read_at(self._behind + _TRAILER.size, 2)
        if behind == _MAGIC:
            what = "is compressed in several gzip members, of which TorchServe reads the first only"
            yield Issue(code="gzip-members", argument="", message=f"{what}: pack it again")
        elif behind:
            yield Issue(code="gzip-trailing", argument="", message="goes on behind its end: cut off what follows")
