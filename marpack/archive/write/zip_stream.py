"""The zip forms: ``default``, ``zip-store`` and ``auto``, and workflows (spec/archive.md, Z clauses)."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from marpack.archive.formats.deflate import DEFAULT_LEVEL, deflate
from marpack.archive.formats.zip_records import ALIGNED_ABOVE, ZipMember, central_header, end_records, local_header
from marpack.archive.forms import Compression, Deflate
from marpack.archive.member import Member
from marpack.archive.result import Progress
from marpack.archive.sources import CHUNK_SIZE, DeflatedSource, StoredSource
from marpack.archive.write.member_contents import MemberContents, Stream
from marpack.archive.write.sinks import FileSink
from marpack.errors import SourceChangedError

if TYPE_CHECKING:
    from marpack.archive.write.deflate_ahead import DeflatedAhead

# A member up to this size is held in memory, so that its header is right at once.
HELD_SIZE = 1 << 20

_REGULAR_FILE = 0o100000
_MANIFEST_MODE = 0o600  # Z5: and no type of file, as zipfile gives to text


@dataclass(kw_only=True, eq=False, repr=False)
class ZipStream(Stream):
    """Yields the bytes of a zip.

    A header holds the CRC and the compressed size, which are known only after the member's bytes. Given the
    ``file`` that the bytes go to, a large source is read once, and what lies in a file already is not yielded but
    copied; without it, a large source is read twice. The bytes are the same.
    """

    file: FileSink | None = None

    def __iter__(self) -> Generator[bytes, None, None]:
        offset = 0
        directory = []
        ahead = self._deflated_ahead()
        with closing(ahead) if ahead else nullcontext():
            for member in self.plan.members:
                if ahead and _may_be_ahead(member):
                    body, spool = ahead.take()
                    record = yield from self._spooled(body, spool, offset)
                else:
                    body = self._body(member, self.progress)
                    record = yield from self._member(body, offset)
                offset += record.local_size + record.compressed_size
                directory.append(central_header(record))
                self.written.append(body.contents.written(body.compressed_size))
        central = b"".join(directory)
        yield central
        yield end_records(count=len(directory), size=len(central), offset=offset)

    def _member(self, body: _Body, offset: int) -> Generator[bytes, None, ZipMember]:
        member = body.contents.member
        if source := _deflated_source(member):
            body.contents.crc, body.compressed_size = source.crc32, source.compressed_size
            record = body.record(offset)
            yield local_header(record)
            yield from body.contents.copied(source)
        elif member.size <= HELD_SIZE:
            held = b"".join(body)
            record = body.record(offset)
            yield local_header(record) + held
        elif isinstance(member.source, StoredSource) and member.compression is Compression.STORED:
            body.contents.crc, body.compressed_size = member.source.crc32, member.size
            record = body.record(offset)
            yield local_header(record)
            yield from self._stored(body, member.source)
        elif self.file:
            self.file.write_provisional(local_header(body.record(offset)))
            if not body.copy_to(self.file):
                yield from body
            record = body.record(offset)
            self.file.patch(offset, local_header(record))
        else:
            measured = self._described(MemberContents(member))
            for _ in measured:
                pass
            record = measured.record(offset)
            yield local_header(record)
            yield from body
            if body.record(offset) != record:
                raise SourceChangedError(member.origin, "changed while it was read")
        return record

    def _stored(self, body: _Body, source: StoredSource) -> Iterator[bytes]:
        """Copy contents whose CRC is known, or pass them on, which takes it all the same."""
        if self.file and self.file.copy(body.contents):
            return
        body.contents.crc = 0
        yield from body.contents
        source.require_crc(body.contents.crc)

    def _spooled(self, body: _Body, spool: IO[bytes], offset: int) -> Generator[bytes, None, ZipMember]:
        record = body.record(offset)
        with spool:
            yield local_header(record)
            yield from iter(lambda: spool.read(CHUNK_SIZE), b"")
        return record

    def _body(self, member: Member, progress: Progress | None) -> _Body:
        return self._described(MemberContents(member, digest=self.digest, progress=progress))

    def _described(self, contents: MemberContents) -> _Body:
        return _Body(contents, self.plan.deflate, self.threads, is_aligned=self._is_aligned(contents.member))

    def _is_aligned(self, member: Member) -> bool:
        """Tell a member whose contents can be shared with files, and mapped, where they lie (Z9)."""
        is_stored = member.compression is Compression.STORED
        return self.plan.archive_format == "auto" and is_stored and member.size > ALIGNED_ABOVE

    def _deflated_ahead(self) -> DeflatedAhead[_Body] | None:
        """Have several members deflated at once by zlib, whose stream is one thread's; this needs a disk."""
        members = [member for member in self.plan.members if _may_be_ahead(member)]
        if self.file is None or self.plan.deflate != "zlib" or self.threads == 1 or len(members) < 2:
            return None
        from marpack.archive.write.deflate_ahead import DeflatedAhead  # only large members need it

        threads = min(self.threads, len(members))
        return DeflatedAhead(members, self._body, folder=self.file.folder, threads=threads, progress=self.progress)


def _deflated_source(member: Member) -> DeflatedSource | None:
    if member.compression is Compression.DEFLATED and isinstance(member.source, DeflatedSource):
        return member.source
    return None


def _may_be_ahead(member: Member) -> bool:
    """Tell a large member that is to be deflated; of those in a tar each thread would begin anew for each."""
    large = member.size > HELD_SIZE and member.compression is Compression.DEFLATED
    return large and not _deflated_source(member) and not getattr(member.source, "in_order", False)


class _Body:
    """The bytes of one member as they stand in the archive, deflated or not."""

    def __init__(self, contents: MemberContents, method: Deflate, threads: int, *, is_aligned: bool) -> None:
        self.contents = contents
        self.compressed_size = 0
        self._is_aligned = is_aligned
        self._method = method
        self._threads = threads

    def __iter__(self) -> Iterator[bytes]:
        pieces: Iterable[bytes] = self.contents
        if self.contents.member.compression is Compression.DEFLATED:  # Z1, Z8
            pieces = deflate(pieces, method=self._method, level=DEFAULT_LEVEL, threads=self._threads)
        for piece in pieces:
            self.compressed_size += len(piece)
            yield piece

    def copy_to(self, file: FileSink) -> bool:
        """Have the file take contents that are stored, if it can."""
        if self.contents.member.compression is not Compression.STORED or not file.copy(self.contents):
            return False
        self.compressed_size = self.contents.member.size
        return True

    def record(self, offset: int) -> ZipMember:
        """Describe the member that begins at ``offset``, as far as it has been read."""
        member = self.contents.member
        record = ZipMember(
            name=member.name,
            compression=member.compression,
            attributes=_MANIFEST_MODE if member.mode is None else _REGULAR_FILE | member.mode,
            # Not of the nanoseconds: as zipfile, which is given a float that may round up to the next second.
            mtime=math.floor(member.mtime),
            size=member.size,
            compressed_size=self.compressed_size,
            crc=self.contents.crc,
            offset=offset,
        )
        return record.aligned() if self._is_aligned else record
