"""SHA-256 sums, taken beside the writing."""

from __future__ import annotations

import contextlib
import errno
import threading

from marpack.archive.formats.checksums import new_sha256

_BLOCK_SIZE = 1 << 20


class FileHasher:
    """Hashes a file from ``start`` on, on a thread of its own, as far as it is said to be settled.

    It reads through a handle of its own what has just been written, which the system still has in memory. Whoever
    makes one calls ``abandon`` in the end, whatever happens.
    """

    def __init__(self, path: str, *, start: int = 0) -> None:
        self._path = path
        self._position = self._settled = start
        self._ended = False
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
            self._ended, self._settled = True, 0
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _follow(self) -> None:
        try:
            buffer = memoryview(bytearray(_BLOCK_SIZE))
            with open(self._path, "rb", buffering=0) as file:
                file.seek(self._position)
                while left := self._wait():
                    count = file.readinto(buffer[: min(left, _BLOCK_SIZE)])
                    if not count:
                        raise OSError(errno.EIO, "what has just been written cannot be read", self._path)
                    self._hash.update(buffer[:count])
                    self._position += count
        except BaseException as error:
            self._failure = error

    def _wait(self) -> int:
        """Wait for more to hash and return how much there is; 0 at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._settled > self._position)
            return max(0, self._settled - self._position)
