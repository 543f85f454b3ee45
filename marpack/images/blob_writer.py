"""One blob on its way into an open file: written once, and hashed beside the writing."""

from __future__ import annotations

import os
from contextlib import closing
from typing import BinaryIO

from marpack.archive.forms import Compression
from marpack.archive.member import Member
from marpack.archive.result import Progress
from marpack.archive.sources import Source, region_of
from marpack.archive.write.file_hasher import FileHasher
from marpack.disk.paced_write import PacedWriter
from marpack.disk.range_copy import CAN_COPY, FileEndedError, RangeCopy
from marpack.errors import SourceChangedError

# How often what has been written is handed to the hasher.
_SETTLE_SIZE = 1 << 20


class BlobWriter:
    """Writes a blob to ``file`` from ``start`` on; the file has a name, by which it can be opened again.

    Its SHA-256 is taken of what has been written, on another thread. After ``finish`` it has its ``digest`` and
    its ``size``; whoever makes one calls ``close`` in the end, whatever happens.
    """

    def __init__(self, file: BinaryIO, start: int, *, progress: Progress | None = None) -> None:
        self.digest = ""
        self.size = 0
        self._file = file
        self._start = start
        self._progress = progress
        self._settled = 0
        self._hasher = FileHasher(file.name, start=start)
        file.seek(start)

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._file.write(data)
        self.size += len(data)
        if self.size - self._settled >= _SETTLE_SIZE:
            self._settle()

    def copy(self, source: Source, size: int, origin: str) -> None:
        """Append the ``size`` bytes of a source, which ``origin`` names in messages.

        What lies in a file is copied from there, or its blocks are shared where both files can and both offsets
        are whole blocks. Raises ``SourceChangedError`` for a source that is not as long, or not as it was planned.
        """
        self._settle()
        if CAN_COPY and self._copy_region(source, size, origin):
            return
        member = Member(
            name=origin,
            source=source,
            size=size,
            mode=None,
            mtime_ns=0,
            compression=Compression.STORED,
            origin=origin,
        )
        with closing(member.chunks()) as chunks:  # type: ignore[type-var]  # a generator, which has close()
            for chunk in chunks:
                self.write(chunk)
                self._tell(len(chunk))

    def finish(self) -> str:
        """Return the digest, once all is written."""
        self._settle()
        self.digest = f"sha256:{self._hasher.finish()}"
        return self.digest

    def close(self) -> None:
        """End the thread that hashes, should it still be at work."""
        self._hasher.abandon()

    def _copy_region(self, source: Source, size: int, origin: str) -> bool:
        with region_of(source) as region:
            if region is None:
                return False
            read, written, offset = region.file.descriptor, self._file.fileno(), self._start + self.size
            ctime_ns = os.fstat(read).st_ctime_ns
            copy = RangeCopy(read, region.offset, written, offset, size, checksum=None, writer=PacedWriter())
            if copy.shared:
                self._hasher.borrow(offset, copy.shared, source, ctime_ns)
            try:
                for start, end in copy.parts():
                    copy.part(read, written, start, end)
                    self._hasher.advance(offset + end)
                    self._tell(end - start)
            except FileEndedError as error:
                reason = f"ended {size - error.done} bytes before the planned {size}"
                raise SourceChangedError(origin, reason) from None
            self.size += size
            self._settled = self.size
            self._file.seek(self._start + self.size)
        return True

    def _settle(self) -> None:
        self._file.flush()
        self._settled = self.size
        self._hasher.advance(self._start + self.size)

    def _tell(self, size: int) -> None:
        if self._progress:
            self._progress(size)
