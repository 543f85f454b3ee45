"""Writing in pieces of the size that is fast."""

from __future__ import annotations

import os
import time

__all__ = ["PacedWriter"]

_LARGE = 1 << 20
_SMALL = 1 << 15
# A mebibyte takes 0.2 ms, or 2.7 where its page is not at hand; single ones are slow for other reasons.
_SLOW_SECONDS_PER_BYTE = 1e-3 / (1 << 20)
_TOO_SLOW = 12


class PacedWriter:
    """Writes to places in a file, for several threads: a mebibyte at once until that is slow, then less.

    Linux keeps what is written at once in one large page, which is fastest (512 MiB: 0.15 s, 0.19 s by 128 KiB) as
    long as large pages are at hand. A virtual machine that gives free memory back has to ask its host for them, in
    ten times the time: 4.5 GiB took 5.1 s so (a median; 0.9 to 7.9 s), and 1.5 to 1.8 s (1.1 to 4) since pages of
    32 KiB are taken then, of which the system has some in reserve. ``cp``, which copies by 64 KiB, takes 1.6 s
    (1.4 to 4).
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._size = _LARGE
        self._slow = 0

    def write(self, data: memoryview, offset: int) -> None:
        """Write all of ``data`` at ``offset``."""
        begin = time.perf_counter()
        written = 0
        while written < len(data):
            piece = data[written : written + self._size]
            written += os.pwrite(self._file, piece, offset + written)
        if len(data) > _SMALL:
            is_slow = time.perf_counter() - begin > _SLOW_SECONDS_PER_BYTE * len(data)
            self._slow = self._slow + 3 if is_slow else max(0, self._slow - 1)  # grows if one in four is
            if self._slow >= _TOO_SLOW:
                self._size = _SMALL
