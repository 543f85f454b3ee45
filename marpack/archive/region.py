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
    ctime_ns: int

    @classmethod
    def of(cls, path: str, descriptor: int) -> OpenFile | None:
        """Describe what is open; None for what is no regular file."""
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        return cls(
            path=path,
            descriptor=descriptor,
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
        )

    def is_unchanged(self) -> bool:
        """Tell that nobody has written to the file, but for who has put its time back.

        A new file of its name is another one, and a new name or other permissions of this one are of no matter.
        """
        now = OpenFile.of(self.path, self.descriptor)
        return now is not None and (now.size, now.mtime_ns) == (self.size, self.mtime_ns)

    def require_unchanged(self) -> None:
        """Raise ``SourceChangedError`` if somebody has written to the file."""
        if not self.is_unchanged():
            raise SourceChangedError(repr(self.path), "has changed since it was opened")

    def require_untouched(self) -> None:
        """Raise ``SourceChangedError`` if anything was done to the file, by who has put its time back, too.

        Whoever writes to a file changes its ctime, which the system sets by its clock alone. So does, and is
        refused here though it changes no byte, who renames, replaces or links it, or sets its permissions.
        """
        if OpenFile.of(self.path, self.descriptor) != self:
            raise SourceChangedError(
                repr(self.path),
                "was written to, replaced, renamed or linked, or got other permissions, since it was opened, and "
                "a signature is required of it",
                "open it again when nobody touches it",
            )


@frozen
class Region:
    """Where the bytes of a member lie as they are packed: from ``offset`` on in ``file``."""

    file: OpenFile
    offset: int
