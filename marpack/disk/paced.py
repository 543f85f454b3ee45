"""Writing in pieces of the size that is fast."""

from __future__ import annotations

import os
import time

__all__ = ["PacedWriter"]

_LARGE = 1 << 20
_SMALL = 1 << 15
# What counts as slow, and how often it has to be: a mebibyte takes 0.2 ms, or 2.7 where its page is not at hand.
_SLOW_SECONDS_PER_BYTE = 1e-3 / (1 << 20)
_SLOW_WRITES = 4


class PacedWriter:
    """Writes to places in a file, for several threads: a mebibyte at once until that is slow, then less.

    Linux keeps what is written at once in one large page, which is fastest (512 MiB: 0.16 s, 0.19 s by 128 KiB) as
    long as large pages are at hand. A virtual machine that gives free memory back has to ask its host for them, in
    ten times the time: 4.5 GiB took 5.1 s so (medians; 0.9 to 7.9 s), and 1.5 s (1.4 to 1.9) since pages of 32 KiB
    are taken then, of which the system has some in reserve. ``cp``, which copies by 64 KiB, takes 1.6 s.
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
        if len(data) > _SMALL and time.perf_counter() - begin > _SLOW_SECONDS_PER_BYTE * len(data):
            self._slow += 1
            if self._slow >= _SLOW_WRITES:
                self._size = _SMALL
