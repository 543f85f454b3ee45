"""SHA-256 sums, taken beside the writing."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections import deque
from typing import TypeAlias

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.sources import Source, region_of
from marpack.errors import SourceChangedError

_BLOCK_SIZE = 1 << 20

# From where on how many bytes of the file are those that a source begins with, and the source's ctime.
_Loan: TypeAlias = tuple[int, int, Source, int]


class FileHasher:
    """Hashes a file from ``start`` on, on a thread of its own, as far as it is said to be settled.

    It reads through a handle of its own what has just been written, which the system still has in memory; and what
    the file shares with a source from there, for of that the system has the source's pages and not the file's.
    Whoever makes one calls ``abandon`` in the end, whatever happens.
    """

    def __init__(self, path: str, *, start: int = 0) -> None:
        self._path = path
        self._position = self._settled = start
        self._ended = self._abandoned = False
        self._loans: deque[_Loan] = deque()
        self._changed = threading.Condition()
        self._hash = new_sha256()
        self._failure: BaseException | None = None
        # Started later, when somebody holds this object and will end it; should they not, Python does not wait.
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def advance(self, settled: int) -> None:
        """Say that what lies before ``settled`` will not change any more."""
        with self._changed:
            self._settled = settled
            self._changed.notify()
        if self._thread.ident is None:
            with contextlib.suppress(RuntimeError):  # the system gives no more threads: then finish() does it all
                self._thread.start()

    def borrow(self, start: int, length: int, source: Source, ctime_ns: int) -> None:
        """Say that ``length`` bytes from ``start`` on are those of ``source``, which is open or can be opened.

        They are read from the file itself once the source has another ctime than this.
        """
        self._loans.append((start, length, source, ctime_ns))

    def finish(self) -> str:
        """Wait for all that is settled and return its hexadecimal sum; raise what kept it from being read."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread.ident is None:
            self._follow()
        else:
            self._thread.join()
        if self._failure:
            raise self._failure
        return self._hash.hexdigest()

    def abandon(self) -> None:
        """End the thread, whatever is left to do; after ``finish`` this does nothing."""
        with self._changed:
            self._ended = self._abandoned = True
            self._settled = 0
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _follow(self) -> None:
        try:
            buffer = memoryview(bytearray(_BLOCK_SIZE))
            with open(self._path, "rb", buffering=0) as file:
                file.seek(self._position)
                while left := self._wait():
                    if self._loans and self._loans[0][0] <= self._position:
                        self._hash_loan(self._loans.popleft(), buffer)
                        file.seek(self._position)
                        continue
                    if self._loans:
                        left = min(left, self._loans[0][0] - self._position)
                    count = file.readinto(buffer[: min(left, _BLOCK_SIZE)])
                    if not count:
                        raise OSError(errno.EIO, "what has just been written cannot be read", self._path)
                    self._hash.update(buffer[:count])
                    self._position += count
        except BaseException as error:
            self._failure = error

    def _hash_loan(self, loan: _Loan, buffer: memoryview) -> None:
        _, left, source, ctime_ns = loan
        before = self._hash.copy(), self._position
        with region_of(source) as region:
            if region is None:
                raise SourceChangedError(repr(source), "lies in no file any more")
            file, offset = region.file.descriptor, region.offset
            while left and not self._abandoned:
                count = os.preadv(file, [buffer[: min(left, _BLOCK_SIZE)]], offset)
                if not count:
                    raise SourceChangedError(repr(source), f"ended {left} bytes before what was taken of it")
                self._hash.update(buffer[:count])
                left -= count
                offset += count
                self._position += count
            if os.fstat(file).st_ctime_ns != ctime_ns:
                self._hash, self._position = before

    def _wait(self) -> int:
        """Wait for more to hash and return how much there is; 0 at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._settled > self._position)
            return max(0, self._settled - self._position)
