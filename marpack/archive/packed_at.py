"""The time of packing (A11). Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from marpack.frozen import frozen_in_order

# The years 1 to 9999, which the manifest's text has room for.
_FIRST, _LAST = -62_135_596_800, 253_402_300_799


@frozen_in_order
class PackedAt:
    """A time in whole ``seconds`` since the epoch; ``ValueError`` outside the years 1 to 9999."""

    seconds: int

    def __post_init__(self) -> None:
        if not _FIRST <= self.seconds <= _LAST:
            raise ValueError("is not a time between the years 1 and 9999")

    @classmethod
    def of(cls, when: object) -> PackedAt:
        """Take seconds, whose parts are dropped, or an aware ``datetime``; ``TypeError`` for all else."""
        if isinstance(when, datetime):
            if when.utcoffset() is None:
                raise ValueError(f"{when} has no time zone: give an aware datetime")
            when = when.timestamp()
        if not isinstance(when, (int, float)) or isinstance(when, bool):
            raise TypeError(f"must be seconds or a datetime, not {type(when).__name__}")
        # Infinity and what is no number have no whole part; they lie outside as well.
        return cls(math.floor(when) if isinstance(when, int) or math.isfinite(when) else _LAST + 1)

    @property
    def created_on(self) -> str:
        """The manifest's text of this time, in UTC (M4)."""
        when = datetime.fromtimestamp(self.seconds, UTC)
        return f"{when:%d/%m}/{when.year:04}{when: %H:%M:%S}"

    @property
    def nanoseconds(self) -> int:
        """The same in nanoseconds, as members have it."""
        return self.seconds * 10**9
