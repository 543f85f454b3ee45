"""One long deflate stream, inflated in parts by several threads.

A part begins at the first block that is found behind a place in the stream. It may repeat what lies before, which
is not known by then: so it is inflated twice, behind two windows that differ in every place. Where what comes out
differs, the two bytes tell the place. In weights there are few of these, and soon none among as many bytes as a
stream can repeat. From there on one inflater goes on to the end of the part, and lacks nothing.

A part counts when all before it has been inflated and ends, to the bit, where the part begins
(``deflate_blocks.ends``). Whatever is not so is left to the inflater that stands before: no bit is passed over, or
inflated otherwise than by one thread, and what is wrong with the stream is found where and as that would find it.

rapidgzip does the like, and takes streams that zlib refuses, among them those that break off.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from itertools import chain

from marpack.archive.formats.deflate_blocks import block_starts, ends, stream_from
from marpack.archive.formats.inflate import Inflater
from marpack.disk.threads import ordered_map
from marpack.frozen import frozen_in_order

# How far back a stream can repeat.
_WINDOW = 1 << 15
# Two windows that differ in every place: from the bytes of both, of which the second is the first with all bits of
# a mark changed, it is known which place that is.
_LOW = bytes(at & 255 for at in range(_WINDOW))
_HIGH = bytes((at & 255) ^ ((at >> 8) + 1) for at in range(_WINDOW))
# How much is inflated at once, and of how much: 512 MiB of weights take 1.6 s by two threads, and 1.9 by a quarter
# of this, since each call has to wait for its turn.
_CHUNK_SIZE = 1 << 20
_PIECE_SIZE = 1 << 19
# How many more parts may be of no use than are: in text none is.
_TRIES = 3
# What it costs to try a place, in bytes that could be inflated meanwhile: places may be made to look like blocks.
_A_TRY = 1 << 10

_Read = Callable[[int, int], bytes]


@frozen_in_order
class Sizes:
    """Where parts begin, and when one is given up.

    ``part`` is how much of the stream each has; in the first ``search`` bytes of that a block is looked for. Of
    what comes out of it at most ``held`` bytes are held, and at most the first ``marked`` of them inflated twice.
    """

    part: int = 1 << 22
    search: int = 1 << 17
    held: int = 1 << 23
    marked: int = 1 << 18


@frozen_in_order
class _Part:
    """What comes out of the stream from the bit ``start`` on, up to the byte ``end``, where ``inflater`` stands.

    Of the ``first`` bytes the one that has a mark above zero stands for a byte of the window (``_resolved``).
    """

    start: int
    end: int
    first: bytes
    marks: bytes
    rest: list[bytes]
    inflater: Inflater


class PartedInflater:
    """Inflates a stream of ``size`` bytes, which ``read`` gives from any place, on any thread.

    ``inflater`` has inflated it up to the byte ``position``, and can go on from there.
    """

    def __init__(self, read: _Read, size: int, *, threads: int, sizes: Sizes) -> None:
        self.inflater = Inflater(lambda: b"")
        self.position = 0
        self._read = read
        self._size = size
        self._threads = threads
        self._sizes = sizes
        self._left = 0
        self._window = b""

    def pieces(self, most: int) -> Generator[bytes, None, None]:
        """Yield what comes out, fewer than ``most`` bytes, as far as there are parts.

        Raises ``zlib.error`` for what is no such stream.
        """
        self._left = max(0, most - 1)
        tries = _TRIES
        with closing(ordered_map(self._part, self._starts(), threads=self._threads)) as parts:
            for part in parts:
                data = None
                if part:
                    yield from self._up_to(part.start // 8)
                    data = self._following(part)
                if part and data:
                    yield from (self._noted(piece) for piece in data)
                    self.inflater, self.position = part.inflater, part.end
                tries += 1 if data else -1
                if not tries:
                    return

    def _starts(self) -> Iterator[int]:
        at = self._sizes.part
        while at + self._sizes.part <= self._size and self._left and not self.inflater.ended:
            yield at
            at += self._sizes.part

    def _up_to(self, stop: int) -> Iterator[bytes]:
        """Inflate what lies before a byte."""
        self.inflater.go_on(partial(self._take, stop))
        while self._left and (data := self.inflater.read(min(_CHUNK_SIZE, self._left))):
            yield self._noted(data)

    def _take(self, stop: int) -> bytes:
        piece = self._read(self.position, min(_PIECE_SIZE, stop - self.position))
        self.position += len(piece)
        return piece

    def _noted(self, data: bytes) -> bytes:
        self._left -= len(data)
        self._window = (data if len(data) >= _WINDOW else self._window + data)[-_WINDOW:]
        return data

    def _following(self, part: _Part) -> list[bytes] | None:
        """Return what comes out of a part, if it begins where the inflater stands, between two blocks."""
        byte = self._read(part.start // 8, 1)
        if not byte or self.position != part.start // 8:
            return None
        before = up_to_border(self.inflater, byte[0], part.start % 8)
        if before is None:
            return None
        window = (self._window + before)[-_WINDOW:]
        # A distance that reaches before the stream is an error, which the part would not see.
        if len(window) < _WINDOW or len(before) + len(part.first) + sum(map(len, part.rest)) > self._left:
            return None
        return [before + _resolved(part.first, part.marks, window), *part.rest]

    def _part(self, at: int) -> _Part | None:
        """Inflate the part of the stream at a byte, as if all before were known; None where that is of no use."""
        near = self._read(at, min(self._sizes.search, self._sizes.part))
        left = 4 * self._sizes.marked
        for start in block_starts(near):
            low, high = (Inflater(self._feed(at, near, start), window=window) for window in (_LOW, _HIGH))
            first: list[tuple[bytes, bytes]] = []
            try:
                is_known = self._is_known(low, high, first)
            except zlib.error:
                # There is no block, in most cases, and nothing has come out; the work is bounded in all.
                left -= _A_TRY + sum(len(data) for data, _ in first)
                if left < 0:
                    return None
                continue
            return self._whole(8 * at + start, at + self._sizes.part, low, first) if is_known else None
        return None

    def _feed(self, at: int, near: bytes, start: int) -> Callable[[], bytes | memoryview]:
        first, next_byte = stream_from(near, start)
        end = at + self._sizes.part
        later = (
            self._read(position, min(_PIECE_SIZE, end - position))
            for position in range(at + len(near), end, _PIECE_SIZE)
        )
        pieces: Iterator[bytes | memoryview] = chain([first], [memoryview(near)[next_byte:]], later)
        return partial(next, pieces, b"")

    def _is_known(self, low: Inflater, high: Inflater, first: list[tuple[bytes, bytes]]) -> bool:
        """Inflate until all that the stream can repeat is known; False if that takes too long."""
        same, left = 0, self._sizes.marked
        while same < _WINDOW:
            one, other = low.read(_WINDOW), high.read(_WINDOW)
            first.append((one, other))
            same = same + len(one) if one == other else 0
            left -= len(one)
            if left < 0 or not one:
                return False
        return True

    def _whole(self, start: int, end: int, inflater: Inflater, first: list[tuple[bytes, bytes]]) -> _Part | None:
        """Inflate to the end of a part; None if it holds too much, or the end of the stream, or no such stream."""
        low, high = (b"".join(ones) for ones in zip(*first, strict=True))
        marks = (int.from_bytes(low, "big") ^ int.from_bytes(high, "big")).to_bytes(len(low), "big")
        if len(marks) - marks.count(0) > _WINDOW:
            return None
        rest: list[bytes] = []
        left = self._sizes.held - len(low)
        try:
            while left > 0 and (data := inflater.read(min(_CHUNK_SIZE, left))):
                rest.append(data)
                left -= len(data)
        except zlib.error:
            return None
        if left <= 0 or inflater.ended:
            return None
        return _Part(start, end, low, marks, rest, inflater)


def up_to_border(inflater: Inflater, byte: int, bit: int) -> bytes | None:
    """Return what comes out up to a bit of a byte, the next one, if a block ends there; None if none does."""
    (first, _), (second, zeros) = ends(byte, bit)
    before = inflater.after_end(first)
    return before if before is not None and inflater.after_end(second) == before + zeros else None


def _resolved(first: bytes, marks: bytes, window: bytes) -> bytes:
    """Put the bytes of the window where its places are marked."""
    found = bytearray(first)
    for run in re.finditer(rb"[^\0]+", marks):
        places = range(*run.span())
        found[run.start() : run.end()] = bytes(window[first[at] | marks[at] - 1 << 8] for at in places)
    return bytes(found)
