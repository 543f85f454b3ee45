"""Writing large files at the pace at which the system has memory at hand."""

from __future__ import annotations

import os
import threading
import time

# What is best written at once where all is well.
PIECE_SIZE = 1 << 20

# Linux keeps what is written at once in one large page, which is fastest (512 MiB: 0.15 s, 0.19 by 128 KiB) while
# large pages are at hand. A virtual machine that gives free memory back has to ask its host for them, in ten times
# the time: there a thread goes on with small ones. So 4.5 GiB take 1.5 to 1.8 s, as by `cp`, and 5.1 without it;
# 512 MiB up to 1.8 times as long without it.
_SMALL_SIZE = 1 << 15
# A mebibyte takes 0.2 ms, or 2.7 where its page is not at hand; single ones are slow for other reasons.
_SLOW_SECONDS_PER_BYTE = 1e-3 / (1 << 20)
_TOO_SLOW = 12


class PacedWriter(threading.local):
    """Writes pieces to places in files, each thread at a pace of its own."""

    def __init__(self) -> None:
        self._at_once = PIECE_SIZE
        self._slow = 0

    def write(self, file: int, piece: memoryview, position: int) -> None:
        """Write all of ``piece``, which stays as it is meanwhile, at ``position`` of an open file."""
        begin = time.perf_counter()
        written = 0
        while written < len(piece):
            written += os.pwrite(file, piece[written : written + self._at_once], position + written)
        if len(piece) > _SMALL_SIZE:
            is_slow = time.perf_counter() - begin > _SLOW_SECONDS_PER_BYTE * len(piece)
            self._slow = self._slow + 3 if is_slow else max(0, self._slow - 1)  # grows if one in four is
            if self._slow >= _TOO_SLOW:
                self._at_once = _SMALL_SIZE
