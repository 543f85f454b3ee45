"""A gzip'd tar, read from its beginning as the server reads it (spec/archive.md, R clauses)."""

from __future__ import annotations

import struct
import threading
import zlib
from typing import TYPE_CHECKING

from marpack.archive.checksum import crc32
from marpack.archive.container import ArchiveEntry, Container, MemberReader
from marpack.archive.entry import CHUNK_SIZE
from marpack.archive.inflate import Inflater
from marpack.archive.layout import printable
from marpack.archive.member_names import name_issue
from marpack.archive.plan import Owner
from marpack.archive.random_access import chunks_of
from marpack.archive.tar_headers import FOLDER, read_headers
from marpack.errors import ArchiveError, Issue, LimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from marpack.archive.limits import Limits
    from marpack.archive.random_access import RandomAccess
    from marpack.archive.tar_headers import TarHeader

__all__ = ["TarContainer"]

_HEADER = struct.Struct("<2s2BL2B")
_TRAILER = struct.Struct("<2L")
_MAGIC = b"\x1f\x8b"
_DEFLATE = 8
_HAS_CRC, _HAS_EXTRA, _HAS_NAME, _HAS_COMMENT = 2, 4, 8, 16
_RESERVED = 0xE0
# Of a gzip header's texts.
_LONGEST_TEXT = 1 << 16

_LINKS = {b"1", b"2"}
_DEVICES = {b"3", b"4", b"6"}


class TarContainer(Container):
    """The members of a gzip'd tar.

    It is read once, to its end, to find them. A member that is opened by itself costs a reading of all before it,
    unless the one opened last lies before it: then the reading goes on from there.
    """

    form = "tgz"

    def __init__(self, path: str, data: RandomAccess, limits: Limits) -> None:
        self.path = path
        self.size = data.size
        self._data = data
        self._limits = limits
        self._issues: list[Issue] = []
        self._idle: _Gunzip | None = None
        # A reader that is collected as garbage gives its stream back, on whichever thread that happens.
        self._turn = threading.RLock()
        entries: list[ArchiveEntry] = []
        folders: list[str] = []
        self._offsets: dict[int, int] = {}
        stream = self._stream()
        self.timestamp = stream.mtime or None
        self._index(stream, entries, folders)
        self.entries = tuple(entries)
        self.folders = tuple(folders)

    def _stream(self) -> _Gunzip:
        return _Gunzip(self.path, self._data, self._limits)

    def _index(self, stream: _Gunzip, entries: list[ArchiveEntry], folders: list[str]) -> None:
        for header in read_headers(self.path, stream):
            if len(entries) + len(folders) >= self._limits.members:
                message = f"has more members than the limit of {self._limits.members:,}"
                raise LimitError(self.path, message, code="too-many-members")
            self._issues += _member_issues(header)
            # R4: the server drops the first folder of each name, whatever it is called.
            _, slash, name = header.name.partition("/")
            if header.kind == FOLDER:
                if name.strip("/"):
                    folders.append(name.removesuffix("/"))
                continue
            entry = ArchiveEntry(
                name=name if slash else header.name,
                size=header.size,
                compressed_size=header.size,
                mode=header.mode,
                mtime_ns=header.mtime_ns,
            )
            if not entries:
                self.owner = _owner(header)
            entries.append(entry)
            self._offsets[id(entry)] = header.offset
        if stream.has_more_than_zeros():
            message = "goes on behind the end of its tar, where TorchServe stops reading"
            self._issues.append(Issue(code="tar-trailing", argument="", message=message))
        self._issues += stream.issues()

    def issues(self) -> Iterator[Issue]:
        """Yield what the server would find otherwise, or refuse."""
        return iter(self._issues)

    def open(self, entry: ArchiveEntry) -> MemberReader:
        """Start reading a member, once all before it has been read."""
        offset = self._offsets[id(entry)]
        return _Member(self.path, entry, self._taken(offset), offset, self._stream, self._give_back)

    def _taken(self, offset: int) -> _Gunzip:
        with self._turn:
            if self._idle and self._idle.position <= offset:
                stream, self._idle = self._idle, None
                return stream
        return self._stream()

    def _give_back(self, stream: _Gunzip) -> None:
        with self._turn:
            self._idle = stream

    def contents(self, wanted: Collection[ArchiveEntry]) -> Iterator[tuple[ArchiveEntry, MemberReader]]:
        """Yield members in their order, in one reading."""
        stream = self._stream()
        for entry in self.entries:
            if entry in wanted:
                offset = self._offsets[id(entry)]
                with _Member(self.path, entry, stream, offset, self._stream, lambda _: None) as reader:
                    yield entry, reader

    def raw(self) -> Iterator[bytes]:
        """Yield the archive's own bytes."""
        return chunks_of(self._data)

    def close(self) -> None:
        """Close the file, if it was opened here."""
        self._data.close()


def _owner(header: TarHeader) -> Owner | None:
    uid, gid, user, group = header.owner
    try:
        return Owner(uid=uid, gid=gid, user=user, group=group)
    except ValueError:  # negative numbers, names that cannot be shown
        return None


def _member_issues(header: TarHeader) -> Iterator[Issue]:
    name = printable(header.name)
    # By its own name too, which others unpack it under: but "./", which many tools put before all, is nothing.
    raw = name_issue(header.name.removeprefix("./")) if header.name not in (".", "./") else None
    if raw and raw.code != "name-dot":
        yield Issue(code=raw.code, argument=name, message=raw.message)
    if header.kind in _LINKS:
        yield Issue(code="link", argument=name, message="is a link, of which TorchServe makes an empty file")
    elif header.kind in _DEVICES:
        yield Issue(code="device", argument=name, message="is a device or a pipe")
    elif header.sparse:
        yield Issue(code="tar-type", argument=name, message="is a sparse file, which readers take differently")
    elif not header.is_file and header.kind != FOLDER:
        yield Issue(code="tar-type", argument=name, message=f"is of the unknown type {header.kind!r}")


class _Gunzip:
    """The contents of the first member of a gzip file, forward only."""

    def __init__(self, path: str, data: RandomAccess, limits: Limits) -> None:
        self._path = path
        self._data = data
        self._limit = limits.largest(data.size)
        self._next = 0
        self.position = 0
        self._crc = 0
        self._read_header()
        self._inflater = Inflater(self._piece)
        self._ended = False

    def _read_header(self) -> None:
        head = self._data.read_at(0, _HEADER.size)
        if len(head) < _HEADER.size or not head.startswith(_MAGIC) or head[2] != _DEFLATE:
            what = "is empty" if not self._data.size else "is not in the gzip format"
            raise ArchiveError(self._path, f"{what}: pack it again, or get it again", code="gzip")
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
        self._next = position + (2 if flags & _HAS_CRC else 0)

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
            message = f"holds more than {self._limit:,} bytes, the limit for an archive of {self._data.size:,}"
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
        if not self._inflater.ended:
            raise ArchiveError(self._path, "is cut off: get it again", code="gzip-truncated")
        self._behind = self._next - len(self._inflater.left)
        trailer = self._data.read_at(self._behind, _TRAILER.size)
        if len(trailer) < _TRAILER.size:
            raise ArchiveError(self._path, "is cut off: get it again", code="gzip-truncated")
        crc, size = _TRAILER.unpack(trailer)
        if crc != self._crc or size != self.position & 0xFFFFFFFF:
            raise ArchiveError(self._path, "is damaged: its CRC or size is not the one that it states", code="crc")

    def issues(self) -> Iterator[Issue]:
        """Yield what follows the end, once it has been reached."""
        behind = self._data.read_at(self._behind + _TRAILER.size, 2)
        if behind == _MAGIC:
            message = (
                "is compressed in several gzip members, of which TorchServe reads the first only: pack it again"
            )
            yield Issue(code="gzip-members", argument="", message=message)
        elif behind:
            yield Issue(code="gzip-trailing", argument="", message="goes on behind its end: cut off what follows")


class _Member(MemberReader):
    """A member of a stream, which others may have brought some way already."""

    def __init__(
        self,
        path: str,
        entry: ArchiveEntry,
        stream: _Gunzip,
        offset: int,
        anew: Callable[[], _Gunzip],
        give_back: Callable[[_Gunzip], None],
    ) -> None:
        super().__init__(path, entry)
        self._anew = anew
        self._give_back = give_back
        self._failed = False
        self._stream = stream
        self._offset = offset

    def _begin(self) -> None:
        self._stream = self._anew()

    def _take(self, size: int) -> bytes:
        start = self._offset + self._position
        self._failed = True
        if start > self._stream.position:
            self._stream.skip(start - self._stream.position)
        data = self._stream.read(size)
        self._failed = False
        return data

    def close(self) -> None:
        if not self.closed and not self._failed:
            self._give_back(self._stream)
        super().close()
