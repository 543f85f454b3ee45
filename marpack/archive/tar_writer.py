"""The ``tgz`` form: one gzip member around a PAX tar (spec/archive.md, T clauses)."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

from marpack.archive.content import Content, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.archive.entry import Entry
    from marpack.archive.plan import ArchivePlan
    from marpack.archive.result import WrittenEntry

__all__ = ["TarStream"]

_LEVEL = 9
_MAX_GZIP_TIME = (1 << 32) - 1


class TarStream:
    """Yields the bytes of an archive; ``written`` grows with each member that is complete."""

    def __init__(self, plan: ArchivePlan, *, digest: bool = False, progress: Progress | None = None) -> None:
        self.written: list[WrittenEntry] = []
        self._plan = plan
        self._digest = digest
        self._progress = progress

    def __iter__(self) -> Iterator[bytes]:
        outbox = _Outbox()
        # T2: the gzip header names the tar.
        with gzip.GzipFile(
            filename=f"{self._plan.model_name}.tar",
            mode="wb",
            compresslevel=_LEVEL,
            fileobj=outbox,
            mtime=min(max(self._plan.timestamp, 0), _MAX_GZIP_TIME),
        ) as file:
            for block in self._tar():
                file.write(block)
                yield from outbox.take()
        yield from outbox.take()

    def _tar(self) -> Iterator[bytes]:
        size = 0
        for block in self._members():
            size += len(block)
            yield block
        # T3: two empty blocks, then zeros up to a whole record.
        end = 2 * tarfile.BLOCKSIZE
        yield bytes(end + -(size + end) % tarfile.RECORDSIZE)

    def _members(self) -> Iterator[bytes]:
        manifest = self._plan.manifest_entry
        for entry in (*self._plan.entries, manifest):
            content = Content(entry, digest=self._digest, progress=self._progress)
            # T1: one folder above everything; the server drops it.
            header = tarfile.TarInfo(f"{self._plan.model_name}/{entry.name}")
            header.size = entry.source.size
            if entry is not manifest:  # T5: the manifest keeps the defaults: 0644, nobody's, of 1970
                self._describe(header, entry)
            yield header.tobuf(tarfile.PAX_FORMAT)
            yield from content
            yield bytes(-header.size % tarfile.BLOCKSIZE)
            self.written.append(content.written())

    def _describe(self, header: tarfile.TarInfo, entry: Entry) -> None:
        owner = self._plan.owner
        header.mode = entry.mode
        header.uid, header.gid, header.uname, header.gname = owner.uid, owner.gid, owner.user, owner.group
        header.mtime = entry.mtime  # T4: that it is a float makes tarfile add the PAX record


class _Outbox:
    """Takes what gzip writes until it is yielded."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces
