"""The zip forms: ``default``, ``zip-store`` and ``auto``, and workflows (spec/archive.md, Z clauses)."""

from __future__ import annotations

import math
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Protocol

from marpack.archive.formats.checksums import crc32_beside
from marpack.archive.formats.deflate import DEFAULT_LEVEL, MAX_THREADS, deflate
from marpack.archive.formats.zip_records import ZipMember, central_header, end_records, local_header
from marpack.archive.forms import Compression, deflates
from marpack.archive.result import Progress
from marpack.archive.sources import CHUNK_SIZE, DeflatedSource
from marpack.archive.write.member_contents import Content
from marpack.archive.write.sinks import Provisional
from marpack.errors import SourceChangedError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from typing import IO

    from marpack.archive.forms import Deflate
    from marpack.archive.member import Member
    from marpack.archive.plan.plan import Plan
    from marpack.archive.result import WrittenMember
    from marpack.archive.write.deflate_ahead import Ahead

__all__ = ["ZipStream"]

# A member up to this size is held in memory, so that its header is right at once.
HELD_SIZE = 1 << 20

_REGULAR_FILE = 0o100000
_MANIFEST_MODE = 0o600  # Z5: and no type of file, as zipfile gives to text


class File(Protocol):
    """What the stream uses of a file that its bytes go to."""

    folder: str

    def patch(self, offset: int, data: bytes) -> None:
        """Replace the ``Provisional`` that was yielded."""

    def copy(self, content: Content) -> bool:
        """Append contents that need not be yielded; False if they must be."""


class ZipStream:
    """Yields the bytes of an archive; ``written`` grows with each member that is complete.

    A header holds the CRC and the compressed size, which are known only after the member's bytes. Given the
    ``file`` that the bytes go to, a large source is read once, and what lies in a file already is not yielded but
    copied; without it, a large source is read twice. The bytes are the same.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        threads: int,
        digest: bool = False,
        progress: Progress | None = None,
        file: File | None = None,
    ) -> None:
        self.written: list[WrittenMember] = []
        self._plan = plan
        self._threads = threads
        self._digest = digest
        self._progress = progress
        self._file = file
        self._crc32 = crc32_beside(plan.deflate if deflates(plan.archive_format) else None)

    def __iter__(self) -> Generator[bytes, None, None]:
        offset = 0
        directory = []
        with self._deflating_ahead() as ahead:
            for member in self._plan.members:
                if source := _deflated_source(member):
                    body = self._body(member, self._progress)
                    record = yield from self._copied(body, source, offset)
                elif ahead and _is_large_and_deflated(member) and (taken := ahead.take()):
                    body, spool = taken
                    record = yield from self._spooled(body, spool, offset)
                else:
                    body = self._body(member, self._progress)
                    record = yield from self._member(body, offset)
                offset += record.local_size + record.compressed_size
                directory.append(central_header(record))
                self.written.append(body.content.written(body.compressed_size))
        central = b"".join(directory)
        yield central
        yield end_records(count=len(directory), size=len(central), offset=offset)

    def _member(self, body: _Body, offset: int) -> Generator[bytes, None, ZipMember]:
        member = body.content.member
        if member.size <= HELD_SIZE:
            held = b"".join(body)
            record = body.record(offset)
            yield local_header(record) + held
        elif self._file:
            yield Provisional(local_header(body.record(offset)))
            if not body.copy_to(self._file):
                yield from body
            record = body.record(offset)
            self._file.patch(offset, local_header(record))
        else:
            measured = _Body(Content(member), self._plan.deflate, self._threads)
            for _ in measured:
                pass
            record = measured.record(offset)
            yield local_header(record)
            yield from body
            if body.record(offset) != record:
                raise SourceChangedError(member.origin, "changed while it was read")
        return record

    def _copied(self, body: _Body, source: DeflatedSource, offset: int) -> Generator[bytes, None, ZipMember]:
        body.content.crc, body.compressed_size = source.crc32, source.compressed_size
        record = body.record(offset)
        yield local_header(record)
        yield from body.content.copied(source)
        return record

    def _spooled(self, body: _Body, spool: IO[bytes], offset: int) -> Generator[bytes, None, ZipMember]:
        record = body.record(offset)
        with spool:
            yield local_header(record)
            yield from iter(lambda: spool.read(CHUNK_SIZE), b"")
        return record

    def _body(self, member: Member, progress: Progress | None) -> _Body:
        content = Content(member, digest=self._digest, progress=progress, crc32=self._crc32)
        return _Body(content, self._plan.deflate, self._threads)

    @contextmanager
    def _deflating_ahead(self) -> Iterator[Ahead[_Body] | None]:
        """Have several members deflated at once by zlib, whose stream is one thread's; this needs a disk."""
        # From a tar each thread would begin anew for each member.
        large = [
            member
            for member in self._plan.members
            if _is_large_and_deflated(member) and not getattr(member.source, "in_order", False)
        ]
        if self._file is None or self._plan.deflate != "zlib" or self._threads == 1 or len(large) < 2:
            yield None
            return
        try:
            from marpack.archive.write.deflate_ahead import Ahead
        except RuntimeError:  # Python ends, and gives no more threads
            yield None
            return
        with closing(
            Ahead(
                large,
                self._body,
                folder=self._file.folder,
                threads=min(self._threads, len(large), MAX_THREADS),
                progress=self._progress,
            )
        ) as ahead:
            yield ahead


def _deflated_source(member: Member) -> DeflatedSource | None:
    if member.compression is Compression.DEFLATED and isinstance(member.source, DeflatedSource):
        return member.source
    return None


def _is_large_and_deflated(member: Member) -> bool:
    return member.size > HELD_SIZE and member.compression is Compression.DEFLATED and not _deflated_source(member)


class _Body:
    """The bytes of one member as they stand in the archive, deflated or not."""

    def __init__(self, content: Content, method: Deflate, threads: int) -> None:
        self.content = content
        self.compressed_size = 0
        self._method = method
        self._threads = threads

    def __iter__(self) -> Iterator[bytes]:
        pieces: Iterable[bytes] = self.content
        if self.content.member.compression is Compression.DEFLATED:  # Z1, Z8
            pieces = deflate(pieces, method=self._method, level=DEFAULT_LEVEL, threads=self._threads)
        for piece in pieces:
            self.compressed_size += len(piece)
            yield piece

    def copy_to(self, file: File) -> bool:
        """Have the file take contents that are stored, if it can."""
        if self.content.member.compression is not Compression.STORED or not file.copy(self.content):
            return False
        self.compressed_size = self.content.member.size
        return True

    def record(self, offset: int) -> ZipMember:
        """Describe the member that begins at ``offset``, as far as it has been read."""
        member = self.content.member
        return ZipMember(
            name=member.name,
            compression=member.compression,
            attributes=_MANIFEST_MODE if member.mode is None else _REGULAR_FILE | member.mode,
            mtime=math.floor(member.mtime),
            size=member.size,
            compressed_size=self.compressed_size,
            crc=self.content.crc,
            offset=offset,
        )
