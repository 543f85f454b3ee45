"""A zip, read by its directory, and held against what a reader from its beginning would find."""

from __future__ import annotations

import stat
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from operator import attrgetter

from marpack.archive.formats.inflate import Inflater
from marpack.archive.formats.inflate_parts import PartedInflater, Sizes
from marpack.archive.formats.zip_records import ENCRYPTED
from marpack.archive.forms import Compression
from marpack.archive.member import ArchiveMember
from marpack.archive.read.container import FileContainer
from marpack.archive.read.limits import Limits
from marpack.archive.read.member_reader import MemberReader
from marpack.archive.read.random_access import RandomAccess
from marpack.archive.read.zip_directory import ZipRecord, read_directory
from marpack.archive.read.zip_local_headers import LocalHeaders
from marpack.archive.region import OpenFile, Region
from marpack.archive.sources import CHUNK_SIZE
from marpack.disk.threads import taken_ahead
from marpack.errors import ArchiveError
from marpack.findings import Issue

# Of compressed bytes: what is left of a piece is copied for each piece that comes out of it.
_PIECE_SIZE = 1 << 17
# Of compressed bytes, too: so much is read at once.
_BLOCK_SIZE = 1 << 19
_BLOCKS_AHEAD = 2
# Below, there is little to win: one thread inflates 32 MiB in a seventh of a second.
_PARTED_SIZE = 1 << 25
# A thread holds up to two parts of what it inflates.
_MOST_PARTS = 4
_PARTS = Sizes()
_COMPRESSIONS = {int(known): known for known in Compression}


class ZipContainer(FileContainer):
    """The members of a zip in the order of their bytes."""

    form = "zip"

    def __init__(self, path: str, data: RandomAccess, limits: Limits) -> None:
        super().__init__(path, data)
        records, directory = read_directory(path, data, limits)
        self._headers = LocalHeaders(data, records, directory)
        ordered = sorted(records, key=attrgetter("offset"))
        data.note_borders(record.offset for record in ordered)
        # By the index of the member.
        self._records = tuple(record for record in ordered if not record.name.endswith("/"))
        self.members = tuple(_member(index, record) for index, record in enumerate(self._records))
        self._deflated_size = sum(
            record.compressed_size for record in self._records if record.method == Compression.DEFLATED
        )
        self.folders = tuple(record.name[:-1] for record in ordered if record.name.endswith("/"))

    def issues(self) -> Iterator[Issue]:
        """Yield what the server would find otherwise, or refuse; reads the header before each member."""
        return self._headers.issues()

    def open(self, member: ArchiveMember) -> MemberReader:
        """Start reading a member; raise for one that its own header describes otherwise."""
        start = self._start(member)
        is_stored = self._records[member.index].method == Compression.STORED
        if is_stored:
            return _Stored(self.path, member, self._data, start)
        reader = _Deflated(self.path, member, self._data, start)
        # Several that are large keep all threads busy as they are.
        reader.in_parts = member.compressed_size >= max(_PARTED_SIZE, self._deflated_size // 2 + 1)
        return reader

    @contextmanager
    def region(self, member: ArchiveMember) -> Iterator[Region | None]:
        """Give where a member's bytes lie in the archive, if that is a file; raise what ``open`` raises."""
        start, file = self._start(member), self._data.file
        yield None if file is None else Region(file=file, offset=start)

    def _start(self, member: ArchiveMember) -> int:
        """Return where the bytes of a member that can be read begin."""
        record = self._records[member.index]
        if record.flags & ENCRYPTED:
            raise ArchiveError(self.path, "is encrypted", code="encrypted", member=member.name)
        start = self._headers.data_offset(self.path, record)
        if record.method == Compression.DEFLATED:
            return start
        if record.method == Compression.STORED and record.compressed_size == record.size:
            return start
        if record.method == Compression.STORED:
            code, what = "size-lies", f"is stored, and has {record.size:,} bytes in {record.compressed_size:,}"
        else:
            code, what = "zip-method", f"is compressed by method {record.method}, which TorchServe does not read"
        raise ArchiveError(self.path, what, code=code, member=member.name)

    def deflated(self, member: ArchiveMember) -> Iterator[tuple[bytes, bytes]]:
        """Yield what a member is deflated to, and what comes out of it, which is held against its size and CRC."""
        pieces: list[memoryview] = []
        start = self._headers.data_offset(self.path, self._records[member.index])
        with _Deflated(self.path, member, self._data, start) as reader:
            reader.tee = pieces.append
            while True:
                more = reader.read1(CHUNK_SIZE)
                yield b"".join(pieces), more
                if not more:
                    break
                pieces.clear()

    def packed(self, member: ArchiveMember) -> Iterator[bytes] | None:
        """Return what a member is deflated to, held against nothing; None where the zip is no file.

        Raises ``SourceChangedError`` at its end if the file has changed since it was opened.
        """
        start, file = self._start(member), self._data.file
        return None if file is None else self._packed(member, start, file)

    def _packed(self, member: ArchiveMember, start: int, file: OpenFile) -> Iterator[bytes]:
        end = start + member.compressed_size
        while start < end and (piece := self._data.read_at(start, min(CHUNK_SIZE, end - start))):
            yield piece
            start += len(piece)
        file.require_unchanged()  # and so it has not ended before


def _member(index: int, record: ZipRecord) -> ArchiveMember:
    return ArchiveMember(
        index=index,
        name=record.name,
        size=record.size,
        compressed_size=record.compressed_size,
        compression=_COMPRESSIONS.get(record.method, record.method),
        crc32=record.crc,
        mode=stat.S_IMODE(record.attributes) if record.attributes else None,
        mtime_ns=record.mtime_ns,
    )


class _InZip(MemberReader):
    def __init__(self, path: str, member: ArchiveMember, data: RandomAccess, start: int) -> None:
        super().__init__(path, member)
        self._data = data
        self._start = start
        self._begin()


class _Stored(_InZip):
    """Contents that lie in the archive as they are."""

    def _begin(self) -> None:
        pass

    def _jump(self, position: int) -> bool:
        return True

    def _take(self, size: int) -> bytes:
        return self._data.read_at(self._start + self._position, size)


class _Deflated(_InZip):
    """Contents that are deflated; what they are deflated to is given to ``tee``, piece by piece, as it is read."""

    tee: Callable[[memoryview], object] | None = None
    # Whether several threads may inflate it, each a part.
    in_parts = False
    _inflates = True

    def _begin(self) -> None:
        self._next = self._start
        self._end = self._start + self.member.compressed_size
        self._blocks: Iterator[bytes] = self._read_blocks()
        self._block = memoryview(b"")
        self._inflater = Inflater(self._piece)

    def pieces(self, *, threads: int = 1) -> Generator[bytes, None, None]:
        """Yield all that is left; a member that is long is read by one thread and inflated by another.

        Reading from the system's memory is 5 % of the time of the thread that inflates, which all others wait for.
        """
        if threads == 1 or not self.is_long:
            yield from super().pieces()
            return
        if self.in_parts and self._data.file is not None and not self._position:
            yield from self._inflated_in_parts(threads)
        with closing(taken_ahead(self._blocks, _BLOCKS_AHEAD)) as self._blocks:
            yield from super().pieces(threads=threads)

    def _inflated_in_parts(self, threads: int) -> Generator[bytes, None, None]:
        """Yield what is inflated by several threads, as far as that goes, and have the rest begin there."""
        size, threads = self.member.compressed_size, min(threads, _MOST_PARTS)
        parted = PartedInflater(self._packed_at, size, threads=threads, sizes=_PARTS)
        with closing(parted.pieces(self.member.size)) as pieces:
            while data := self._undamaged(partial(next, pieces, b"")):
                self._count(data)
                yield data
        self._next = self._start + parted.position
        self._blocks = self._read_blocks()
        self._inflater = parted.inflater
        self._inflater.go_on(self._piece)

    def _packed_at(self, offset: int, length: int) -> bytes:
        return self._data.read_at(self._start + offset, min(length, self.member.compressed_size - offset))

    def _read_blocks(self) -> Iterator[bytes]:
        position = self._next
        while block := self._data.read_at(position, min(_BLOCK_SIZE, self._end - position)):
            yield block
            position += len(block)

    def _piece(self) -> memoryview:
        if not self._block:
            self._block = memoryview(next(self._blocks, b""))
        piece, self._block = self._block[:_PIECE_SIZE], self._block[_PIECE_SIZE:]
        self._next += len(piece)
        if self.tee:
            self.tee(piece)
        return piece

    def _take(self, size: int) -> bytes:
        return self._undamaged(partial(self._inflater.read, min(size, CHUNK_SIZE)))

    def _undamaged(self, inflate: Callable[[], bytes]) -> bytes:
        try:
            return inflate()
        except zlib.error as error:
            message = f"is damaged: {error}"
            raise ArchiveError(self._path, message, code="deflate", member=self.member.name) from None

    def _check_end(self) -> None:
        if self._take(1):
            self._fail("size-lies", f"goes on behind the {self.member.size:,} bytes that it states")
        if not self._inflater.ended:
            self._fail("deflate", "is damaged: what it is deflated to breaks off")
        if self._inflater.left or self._next != self._end:
            self._fail("size-lies", "has bytes behind what it is deflated to, which belong to nothing")
