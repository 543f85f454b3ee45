"""Where bytes lie as they are: in an open file, from which they are shared, mapped or copied."""

from __future__ import annotations

import os
import stat

from marpack.errors import SourceChangedError
from marpack.frozen import frozen


@frozen
class OpenFile:
    """A regular file that is open as ``descriptor``, as it was when it was described."""

    path: str
    descriptor: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: str, descriptor: int) -> OpenFile | None:
        """Describe what is open; None for what is no regular file."""
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        return cls(path=path, descriptor=descriptor, size=status.st_size, mtime_ns=status.st_mtime_ns)

    def is_unchanged(self) -> bool:
        """Tell that nobody has written to the file; a new file of its name is another one, and of no matter."""
        return OpenFile.of(self.path, self.descriptor) == self

    def require_unchanged(self) -> None:
        """Raise ``SourceChangedError`` if somebody has written to the file."""
        if not self.is_unchanged():
            raise SourceChangedError(repr(self.path), "has changed since it was opened")


@frozen
class Region:
    """Where the bytes of a member lie as they are packed: from ``offset`` on in ``file``."""

    file: OpenFile
    offset: int
