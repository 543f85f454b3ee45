"""Where the bytes of an archive go: a file that can be returned to, or anything that takes bytes."""

from __future__ import annotations

import errno
import io
from typing import BinaryIO, Protocol

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.write.file_copy import copy_contents
from marpack.archive.write.file_hasher import FileHasher
from marpack.archive.write.member_contents import MemberContents
from marpack.disk.space import reserve

# How often new bytes of a growing file are handed to its hasher.
_SETTLE_SIZE = 1 << 20


class Writable(Protocol):
    """What takes the bytes of an archive: a binary file open for writing is one."""

    def write(self, data: bytes, /) -> object:
        """Take the bytes; a number that is returned says how many were taken."""


class StreamSink:
    """Counts and hashes what it passes on."""

    def __init__(self, target: Writable, *, digest: bool) -> None:
        self.size = 0
        self._target = target
        self._is_raw = isinstance(target, io.RawIOBase)
        self._hash = new_sha256() if digest else None

    def finish(self) -> str | None:
        """Return the hexadecimal sum of all that was written, None unless asked for."""
        return self._hash.hexdigest() if self._hash else None

    def write(self, piece: bytes) -> None:
        """Pass on all of ``piece``, in parts if the target takes no more at once."""
        rest = piece
        while rest:
            taken = self._target.write(rest)
            if taken is None and not self._is_raw:
                break  # a function of the caller's that says nothing has taken all
            if not isinstance(taken, int) or not 0 < taken <= len(rest):
                raise BlockingIOError(errno.EAGAIN, f"the target took {taken} of {len(rest)} bytes")
            rest = rest[taken:]
        self.size += len(piece)
        if self._hash:
            self._hash.update(piece)


class FileSink:
    """A new file on disk: written in order, but for headers that come late; ``file`` is open for both.

    Its ``name`` is one by which it can be opened again, and need not lie in ``folder``, which has room for more.

    With ``digest`` its SHA-256 is taken by another thread, beside the writing.
    """

    def __init__(self, file: BinaryIO, *, folder: str, digest: bool, threads: int) -> None:
        self.size = 0
        self.folder = folder
        self._threads = threads
        self._file = file
        self._hasher = FileHasher(file.name) if digest else None
        self._hashed: list[MemberContents] = []
        self._settled = 0
        self._provisional = False

    def close(self) -> None:
        """End what hashes, should it still be at work."""
        for contents in self._hashed:
            contents.abandon()
        if self._hasher:
            self._hasher.abandon()

    def finish(self) -> str | None:
        """Return the hexadecimal sum of the whole file, None unless asked for."""
        if not self._hasher:
            return None
        self._settle()
        return self._hasher.finish()

    def write(self, piece: bytes) -> None:
        """Append ``piece``."""
        self._file.write(piece)
        self.size += len(piece)
        if self.size - self._settled >= _SETTLE_SIZE:
            self._settle()

    def write_provisional(self, header: bytes) -> None:
        """Append a header that ``patch`` will replace; until then nothing more is hashed."""
        self._provisional = True
        self.write(header)

    def patch(self, offset: int, header: bytes) -> None:
        """Replace the one provisional header."""
        self._file.seek(offset)
        self._file.write(header)
        self._file.seek(self.size)
        self._provisional = False
        self._settle()

    def copy(self, contents: MemberContents) -> bool:
        """Append contents that lie in a file; for what comes from elsewhere make room and return False."""
        self._file.flush()
        if contents.digest:
            self._hashed.append(contents)
        copied = copy_contents(contents, self._file, offset=self.size, threads=self._threads)
        if copied:
            if self._hasher and contents.shared:
                self._hasher.borrow(self.size, contents.shared, contents.member.source, contents.ctime_ns)
            self.size = self._file.seek(self.size + contents.member.size)
        else:
            reserve(self._file.fileno(), self.size, contents.member.size)
        return copied

    def _settle(self) -> None:
        if self._hasher and not self._provisional:
            self._file.flush()
            self._settled = self.size
            self._hasher.advance(self.size)
