"""The zip forms: ``default``, ``zip-store`` and ``auto`` (spec/archive.md, Z clauses)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from marpack.archive.content import Content, Progress
from marpack.archive.deflate import DEFAULT_LEVEL, deflate
from marpack.archive.entry import Compression
from marpack.archive.zip_records import ZipMember, central_header, end_records, local_header
from marpack.errors import SourceChangedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from marpack.archive.entry import Entry
    from marpack.archive.plan import ArchivePlan
    from marpack.archive.result import WrittenEntry

__all__ = ["Provisional", "ZipStream"]

# A member up to this size is held in memory, so that its header is right at once.
HELD_SIZE = 1 << 20

_REGULAR_FILE = 0o100000
_MANIFEST_MODE = 0o600  # Z5: and no type of file, as zipfile gives to text


class Provisional(bytes):
    """A header whose final text comes later, by ``patch``."""

    __slots__ = ()


class ZipStream:
    """Yields the bytes of an archive; ``written`` grows with each member that is complete.

    A header holds the CRC and the compressed size, which are known only after the member's bytes. Given
    ``patch(offset, data)``, which replaces a ``Provisional`` that was yielded, a large source is read once;
    without it, twice. The bytes are the same.
    """

    def __init__(
        self,
        plan: ArchivePlan,
        *,
        digest: bool = False,
        progress: Progress | None = None,
        patch: Callable[[int, bytes], None] | None = None,
    ) -> None:
        self.written: list[WrittenEntry] = []
        self._plan = plan
        self._digest = digest
        self._progress = progress
        self._patch = patch

    def __iter__(self) -> Generator[bytes, None, None]:
        offset = 0
        directory = []
        for entry in self._plan.members:
            member = ZipMember(
                name=entry.name,
                compression=entry.compression,
                attributes=_MANIFEST_MODE if entry.mode is None else _REGULAR_FILE | entry.mode,
                mtime=math.floor(entry.mtime),
                size=entry.size,
                offset=offset,
            )
            body = _Body(entry, digest=self._digest, progress=self._progress)
            for piece in self._member(member, body):
                offset += len(piece)
                yield piece
            directory.append(central_header(body.complete(member)))
            self.written.append(body.content.written(body.compressed_size))
        central = b"".join(directory)
        yield central
        yield end_records(count=len(directory), size=len(central), offset=offset)

    def _member(self, member: ZipMember, body: _Body) -> Iterator[bytes]:
        if member.size <= HELD_SIZE:
            held = b"".join(body)
            yield local_header(body.complete(member)) + held
        # To hash a stored member in its order, reading it twice is as good as reading it back; a deflated one
        # would have to be compressed twice.
        elif self._patch and not (self._digest and member.compression is Compression.STORED):
            yield Provisional(local_header(member))
            yield from body
            self._patch(member.offset, local_header(body.complete(member)))
        else:
            measured = _Body(body.content.entry)
            for _ in measured:
                pass
            expected = measured.complete(member)
            yield local_header(expected)
            yield from body
            if body.complete(member) != expected:
                raise SourceChangedError(body.content.entry.origin, "changed while it was read")


class _Body:
    """The bytes of one member as they stand in the archive, deflated or not."""

    def __init__(self, entry: Entry, *, digest: bool = False, progress: Progress | None = None) -> None:
        self.content = Content(entry, digest=digest, progress=progress)
        self.compressed_size = 0

    def __iter__(self) -> Iterator[bytes]:
        deflated = self.content.entry.compression is Compression.DEFLATED  # Z1
        for piece in deflate(self.content, level=DEFAULT_LEVEL) if deflated else self.content:
            self.compressed_size += len(piece)
            yield piece

    def complete(self, member: ZipMember) -> ZipMember:
        return replace(member, crc=self.content.crc, compressed_size=self.compressed_size)
