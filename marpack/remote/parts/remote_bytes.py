"""The bytes of an archive behind a URL: read in few requests, and held within a bound."""

from __future__ import annotations

import threading
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from marpack.archive.read.random_access import RandomAccess
from marpack.disk.threads import ordered_map
from marpack.remote.parts.parts import Parts

# A start and an end.
_Range: TypeAlias = "tuple[int, int]"

# A request takes as long as half a megabyte to a few: what is near is read with what is wanted.
_TAIL = 1 << 19
_LEAST = 1 << 17
# A stream is read in parts that double, up to here: 20 GiB in 2,600 requests.
_MOST = 1 << 23
# Of what was announced, so much is asked for together, by several threads.
_TOGETHER = 1 << 24
_THREADS = 8
# Each of the threads that verify has a part that it reads, and something is kept beside.
_HELD = (_THREADS + 2) * _MOST
_MOST_STREAMS = 64


class RemoteBytes(RandomAccess):
    """What ``parts`` give, in pieces that do not overlap; the latest of them are held.

    The end of the file, where an archive has its directory and what was packed last, is read first and kept. A
    read that goes on where a piece ended fetches twice as much as that was, up to the next member.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        try:
            tail, self.size = parts.tail(_TAIL)
        except BaseException:
            parts.close()
            raise
        # Everything below is used under this lock.
        self._changed = threading.Condition()
        self._tail = self.size - len(tail)
        self._starts = [self._tail]
        # By where they start, those that were used last at the end.
        self._held: dict[int, bytes] = {self._tail: tail}
        self._size_held = 0
        self._coming: list[_Range] = []
        # How long a piece was that was read on purpose to go on, by where it ended.
        self._streams: dict[int, int] = {}
        self._passing: set[int] = set()
        self._borders: Sequence[int] = ()
        self._expected: list[_Range] = []

    def note_borders(self, offsets: Iterable[int]) -> None:
        """Learn where members begin: who reads one does not go on to the next."""
        self._borders = sorted(offsets)

    def expect(self, ranges: Iterable[_Range]) -> None:
        """Learn what will be read soon: those near each other are asked for together, and several at once."""
        merged: list[list[int]] = []
        for start, end in sorted(ranges):
            if merged and start <= merged[-1][1] + _LEAST and end - merged[-1][0] <= _MOST:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        with self._changed:
            self._expected = [(start, min(end, self.size)) for start, end in merged if start < self.size]

    def chunks(self) -> Iterator[bytes]:
        """Yield all of it, piece by piece, none of which is held."""
        for start in range(0, self.size, _MOST):
            if self._closed:
                raise ValueError("the archive is closed")
            yield self._parts.part(start, min(start + _MOST, self.size))

    def close(self) -> None:
        """End reading; ``SourceChangedError`` where it shows only now that the file has changed."""
        if not self._closed:
            self._closed = True
            with self._changed:
                self._held.clear()
                self._starts.clear()
            try:
                self._parts.finish()
            finally:
                self._parts.close()

    def _piece(self, offset: int, length: int) -> bytes:
        with self._changed:
            while (data := self._from_held(offset, length)) is None:
                if not any(start <= offset < end for start, end in self._coming):
                    ranges = self._plan(offset, length)
                    self._coming += ranges
                    break
                self._changed.wait()
        return self._fetched(ranges, length) if data is None else data

    def _from_held(self, offset: int, length: int) -> bytes | None:
        start = self._start_before(offset)
        if start is None or offset >= start + len(self._held[start]):
            return None
        piece = self._held.pop(start)
        self._held[start] = piece  # as the one used last
        end = offset - start + length
        if end >= len(piece) and start in self._passing:
            self._drop(start)
        return piece[offset - start : end]

    def _start_before(self, offset: int) -> int | None:
        place = bisect_right(self._starts, offset)
        return self._starts[place - 1] if place else None

    def _plan(self, offset: int, length: int) -> list[_Range]:
        """Return what to ask for, that which begins at ``offset`` first."""
        place = bisect_right(self._expected, (offset, self.size)) - 1
        if place >= 0 and offset < self._expected[place][1]:
            return self._plan_expected(offset, place)
        end = offset + max(length, _LEAST)
        grown = offset + min(2 * self._streams.pop(offset, 0), _MOST)
        if grown > end:
            following = bisect_right(self._borders, end - 1)
            border = self._borders[following] if following < len(self._borders) else self.size
            end = max(end, min(grown, border))
            self._passing.add(offset)
        end = self._free_end(offset, min(end, self.size))
        self._streams[end] = end - offset
        if len(self._streams) > _MOST_STREAMS:
            del self._streams[next(iter(self._streams))]
        return [(offset, end)]

    def _plan_expected(self, offset: int, place: int) -> list[_Range]:
        ranges = [(offset, self._free_end(offset, self._expected[place][1]))]
        total, following = ranges[0][1] - offset, place + 1
        for start, end in self._expected[following:]:
            if total + end - start > _TOGETHER:
                break
            following += 1
            before = self._start_before(start)
            if before is not None:
                start = max(start, before + len(self._held[before]))
            if start < end and not any(coming <= start < done for coming, done in self._coming):
                ranges.append((start, self._free_end(start, end)))
                total += end - start
        del self._expected[place:following]
        return ranges

    def _free_end(self, start: int, end: int) -> int:
        """Return where to end, before what is held or on its way."""
        place = bisect_right(self._starts, start)
        held = self._starts[place : place + 1]
        return min([end, *held, *(coming for coming, _ in self._coming if coming > start)])

    def _fetched(self, ranges: list[_Range], length: int) -> bytes:
        try:
            threads = min(_THREADS, len(ranges))
            pieces = list(ordered_map(lambda each: self._parts.part(*each), ranges, threads=threads))
        except BaseException:
            with self._changed:
                self._passing.discard(ranges[0][0])
                self._end_of(ranges)
            raise
        with self._changed:
            for (start, _), piece in zip(ranges, pieces, strict=True):
                self._hold(start, piece)
            self._end_of(ranges)
        return pieces[0][:length]

    def _end_of(self, ranges: list[_Range]) -> None:
        for each in ranges:
            self._coming.remove(each)
        self._changed.notify_all()

    def _hold(self, start: int, piece: bytes) -> None:
        self._held[start] = piece
        insort(self._starts, start)
        self._size_held += len(piece)
        for oldest in list(self._held):
            if self._size_held <= _HELD:
                break
            if oldest not in (self._tail, start):
                self._drop(oldest)

    def _drop(self, start: int) -> None:
        self._size_held -= len(self._held.pop(start))
        del self._starts[bisect_right(self._starts, start) - 1]
        self._passing.discard(start)
