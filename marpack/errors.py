"""Every exception class of marpack.

One class for each reaction of a caller. ``OSError`` from the disk, and whatever a caller's own source or
progress function raises, pass through unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = [
    "ArchiveExistsError",
    "Issue",
    "ManifestError",
    "MarpackError",
    "PlanError",
    "SourceChangedError",
    "TargetError",
]


class MarpackError(Exception):
    """Base of every error that marpack itself raises."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """One thing that is wrong with the inputs of a plan.

    ``code`` is stable (spec/archive.md lists them), ``argument`` names the argument at fault, and ``message``
    says what is wrong, with which value, and what to do.
    """

    code: str
    argument: str
    message: str

    def __str__(self) -> str:
        return f"{self.argument}: {self.message}"


class PlanError(MarpackError, ValueError):
    """The inputs do not make an archive; ``issues`` holds everything that is wrong with them."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        lines = [str(issue) for issue in self.issues]
        super().__init__(lines[0] if len(lines) == 1 else "\n- ".join([f"{len(lines)} problems:", *lines]))

    def __reduce__(self) -> tuple[type[PlanError], tuple[tuple[Issue, ...]]]:
        return type(self), (self.issues,)


class ArchiveExistsError(MarpackError, FileExistsError):
    """Something stands where the archive should go, and ``force`` was not given; ``path`` names it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        super().__init__(
            f"{str(path)!r} already exists: choose another name, or overwrite it (--force, force=True)"
        )

    def __reduce__(self) -> tuple[type[ArchiveExistsError], tuple[str | os.PathLike[str]]]:
        return type(self), (self.path,)


class TargetError(MarpackError, OSError):
    """The place where the archive should go, ``path``, cannot take it."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(f"{path!r} {message}")

    def __reduce__(self) -> tuple[type[TargetError], tuple[str, str]]:
        return type(self), (self.path, self.message)


class SourceChangedError(MarpackError, RuntimeError):
    """A source is not what it was when the archive was planned; ``source`` names it."""

    def __init__(self, source: str, how: str) -> None:
        self.source = source
        self.how = how
        super().__init__(f"{source} {how}: pack again when nothing writes to it")

    def __reduce__(self) -> tuple[type[SourceChangedError], tuple[str, str]]:
        return type(self), (self.source, self.how)


class ManifestError(MarpackError, ValueError):
    """A text is not a manifest.

    ``msg`` says why, ``doc`` is the text, ``pos`` the index where it goes wrong (0 when it is the whole),
    ``lineno`` and ``colno`` the same counted from 1.
    """

    def __init__(self, msg: str, doc: str, pos: int = 0) -> None:
        self.msg, self.doc, self.pos = msg, doc, pos
        self.lineno = doc.count("\n", 0, pos) + 1
        self.colno = pos - doc.rfind("\n", 0, pos)
        super().__init__(f"MANIFEST.json: {msg} (line {self.lineno}, column {self.colno})")

    def __reduce__(self) -> tuple[type[ManifestError], tuple[str, str, int]]:
        return type(self), (self.msg, self.doc, self.pos)
