"""What writing an archive tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from marpack.findings import Finding
from marpack.frozen import frozen


@frozen
class WrittenMember:
    """One member as written.

    ``size`` and ``compressed_size`` are bytes; in a form that does not compress members one by one they are
    equal. ``crc32`` is that of the contents, ``sha256`` too (hexadecimal, None unless asked for).
    """

    name: str
    size: int
    compressed_size: int
    crc32: int
    sha256: str | None = None


@frozen
class WriteResult:
    """An archive that is complete under its name.

    ``size`` is the file's, or the sum of the files in a folder, in bytes. ``sha256`` is the file's in
    hexadecimal: None unless asked for, and for a folder, which has none. A result stands for its ``path``.
    ``members`` are all members in order, the manifest last. ``warnings`` are the plan's, and one of a name that
    the server takes for another form's. ``findings`` are what ``marpack.check`` says, where it was asked.
    """

    path: str
    size: int
    members: tuple[WrittenMember, ...]
    sha256: str | None = None
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __fspath__(self) -> str:
        return self.path


Progress: TypeAlias = Callable[[int], object]
"""A function that is called again and again with how many bytes were done since the call before."""
