"""SHA-256 sums, taken beside the writing."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["Follower", "new_sha256"]

_BLOCK_SIZE = 1 << 20


def new_sha256() -> _Hash:
    """Begin a SHA-256."""
    import hashlib  # slow to import, and needed for digests only

    return hashlib.sha256()


class Follower:
    """Hashes a file from ``start`` on, on a thread of its own, as far as it is said to be settled.

    It reads through a handle of its own what has just been written, which the system still has in memory.
    """

    def __init__(self, path: str, *, start: int = 0) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - the thread closes it
        self._position = self._settled = start
        self._ended = False
        self._changed = threading.Condition()
        self._hash = new_sha256()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def advance(self, settled: int) -> None:
        """Say that what lies before ``settled`` will not change any more."""
        with self._changed:
            self._settled = settled
            self._changed.notify()

    def finish(self) -> str:
        """Wait for all that is settled and return its hexadecimal sum; ``OSError`` if it could not be read."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()
        if self._failure:
            raise self._failure
        return self._hash.hexdigest()

    def abandon(self) -> None:
        """End the thread, whatever is left to do; after ``finish`` this does nothing."""
        with self._changed:
            self._ended, self._settled = True, 0
            self._changed.notify()
        self._thread.join()

    def _follow(self) -> None:
        buffer = memoryview(bytearray(_BLOCK_SIZE))
        with self._file as file:
            try:
                file.seek(self._position)
                while self._wait():
                    count = file.readinto(buffer[: min(self._settled - self._position, _BLOCK_SIZE)])
                    if not count:
                        raise OSError(errno.EIO, "what has just been written cannot be read", self._file.name)
                    self._hash.update(buffer[:count])
                    self._position += count
            except OSError as error:
                self._failure = error

    def _wait(self) -> bool:
        """Wait for more to hash; False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._settled > self._position)
            return self._settled > self._position
