"""How much an archive may make its reader do."""

from __future__ import annotations

from dataclasses import fields

from marpack.errors import LimitError
from marpack.frozen import frozen
from marpack.issue_codes import ReadCode

# Of issues: contents of such an archive are not read, which might never end.
LIMIT_CODES: tuple[ReadCode, ...] = ("too-large", "too-many-members")


@frozen
class Limits:
    """What is refused as too much, before it takes memory or disk; pass larger ones for an archive you trust.

    ``members`` is their number. ``size`` is the sum of their contents in bytes, and ``ratio`` how many times the
    archive's own size that may be, from 64 MiB on: weights shrink by a tenth, text to a tenth, bombs to a
    thousandth. ``manifest`` is the length of the manifest.
    """

    members: int = 100_000
    size: int = 1 << 40
    ratio: int = 100
    manifest: int = 1 << 20

    def __post_init__(self) -> None:
        for field in fields(self):
            value: object = getattr(self, field.name)
            if not isinstance(value, int) or value < 0:
                raise ValueError(f"{field.name} must be a whole number from 0 on, not {value!r}")

    def require_members(self, path: str, count: int) -> None:
        """Raise ``LimitError`` if an archive has more members."""
        if count > self.members:
            message = f"has more members than the limit of {self.members:,}: {raising('members')}"
            raise LimitError(path, message, code="too-many-members")

    def largest(self, archive_size: int) -> int:
        """Return how many bytes an archive of this size may hold."""
        return min(self.size, max(1 << 26, self.ratio * archive_size))

    def raising_for(self, archive_size: int, size: int | None = None) -> str:
        """Say how an archive of this size is read that holds more; ``size`` is how much, if it is known."""
        if self.largest(archive_size) == self.size:
            return raising("size", size)
        return raising("ratio", None if size is None or not archive_size else -(-size // archive_size))


def raising(name: str, value: int | None = None) -> str:
    """Say how a limit is raised, on the command line and in the library; ``value`` is what would be enough."""
    shown = "..." if value is None else value
    option = f"--max-{name} {'N' if value is None else value}"
    return f"raise it if you trust the archive ({option}, limits=marpack.Limits({name}={shown}))"
