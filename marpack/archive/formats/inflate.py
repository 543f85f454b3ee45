"""Raw deflate streams, read a bounded piece at a time.

By zlib, which takes what Java's does: ISA-L is twice as fast, and takes codes with unused places, which the server
refuses.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable


class Inflater:
    """What a deflate stream holds, of which ``take`` gives one piece after another, ``b""`` at the end.

    Reading raises ``zlib.error`` for what is no such stream.
    """

    def __init__(self, take: Callable[[], bytes]) -> None:
        self._take = take
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        self._exhausted = False

    @property
    def ended(self) -> bool:
        """Whether the stream came to its end by itself."""
        return self._stream.eof

    @property
    def left(self) -> bytes:
        """What follows the end of the stream, as far as it has been taken."""
        return self._stream.unused_data

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes; none where the stream, or what is given of it, ends."""
        while not self._stream.eof:
            piece = self._stream.unconsumed_tail
            if not piece and not self._exhausted:
                piece = self._take()
                self._exhausted = not piece
            data = self._stream.decompress(piece, size)
            if data or (self._exhausted and not self._stream.unconsumed_tail):
                return data
        return b""
