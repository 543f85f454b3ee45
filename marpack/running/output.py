"""The pipes to which a worker writes: read by a thread as it writes, and by whoever has an answer to the end."""

from __future__ import annotations

import contextlib
import os
import selectors
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO

from marpack.running.kept_log import KeptLog
from marpack.running.log import Stream

_CHUNK = 65_536
# What a pipe holds, where the system does not say how much lies in one.
_PIPE_SIZE = 1 << 16
# How long to wait until it is asked whether the worker still runs: whom it began may hold its pipes.
_SLICE = 0.1
# For which it rests where little comes: who has an answer reads by himself, and to be woken by each line that is
# written before that is a tenth of what an answer takes.
_REST = 0.02
_LITTLE = 4_096
# For which the thread lets another read first, which would not get its turn else while much is written.
_TURN = 0.005


class Output:
    """What comes from a worker's two pipes, into a log."""

    def __init__(self, stdout: IO[bytes], stderr: IO[bytes], log: KeptLog) -> None:
        self._log = log
        # To be had again by who has it: a worker may be closed where its last owner is let go of, anywhere.
        self._lock = threading.RLock()
        self._waiting: list[None] = []
        self._closed = False
        self._closing = threading.Event()
        self._line_seen: Callable[[str], bool] = lambda _: False
        self._seen = threading.Event()
        self._pipes: dict[Stream, IO[bytes]] = {"stdout": stdout, "stderr": stderr}
        self._open = {stream: pipe.fileno() for stream, pipe in self._pipes.items()}
        self._thread = threading.Thread(target=self._follow, name="marpack-worker-output", daemon=True)
        # One that is no descriptor, which a copy of this process would share.
        self._selector = selectors.PollSelector()
        self._wake: tuple[int, ...] = ()
        try:
            self._wake = os.pipe()
            self._selector.register(self._wake[0], selectors.EVENT_READ, None)
            for stream, descriptor in self._open.items():
                os.set_blocking(descriptor, False)
                self._selector.register(descriptor, selectors.EVENT_READ, stream)
        except BaseException:
            self._close()
            raise

    def follow(self, line_seen: Callable[[str], bool]) -> None:
        """Begin to read; ``line_seen`` is called with each line until it says that it was the one."""
        self._line_seen = line_seen
        self._thread.start()

    def await_line(self, deadline: float, runs: Callable[[], bool]) -> bool:
        """Wait for that line; return False where it does not come in time, or the worker ended without."""
        while not self._seen.wait(max(0, min(deadline - time.monotonic(), _SLICE))):
            if time.monotonic() >= deadline:
                return False
            if not runs():
                self.drain()
                return self._seen.is_set()
        return True

    def drain(self) -> None:
        """Read all that lies in the pipes now: what the worker wrote before it was heard otherwise is there."""
        with self._turn():
            for stream, descriptor in [*self._open.items()]:
                self._read(stream, _lying_in(descriptor))

    def close(self) -> None:
        """Read what there is, and no more: the worker has ended."""
        with self._turn():
            if self._closed:
                return
            self._closed = True
        self._closing.set()
        os.write(self._wake[1], b".")
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self.drain()
        self._close()
        self._log.end()

    def forget(self) -> None:
        """Be a copy's, which has no thread: give the descriptors back."""
        if not self._closed:
            self._closed = True
            self._close()

    def _close(self) -> None:
        for pipe in self._pipes.values():
            pipe.close()
        self._open.clear()
        self._selector.close()
        for descriptor in self._wake:
            os.close(descriptor)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        self._waiting.append(None)
        try:
            with self._lock:
                yield
        finally:
            self._waiting.pop()

    def _follow(self) -> None:
        while not self._closing.is_set():
            ready = self._selector.select()
            if self._waiting:
                time.sleep(_TURN)
            with self._lock:
                if self._closed:
                    return
                size = sum(self._read(key.data, _CHUNK) for key, _ in ready)
            if size < _LITTLE and self._seen.is_set():
                self._closing.wait(_REST)

    def _read(self, stream: Stream, most: int) -> int:
        """Read at most so many bytes; return how many there were."""
        left = most
        while stream in self._open and left > 0:
            try:
                data = os.read(self._open[stream], min(left, _CHUNK))
            except BlockingIOError:
                break
            if not data:
                self._selector.unregister(self._open.pop(stream))
                break
            left -= len(data)
            lines = self._log.add(stream, data)
            for line in () if self._seen.is_set() else lines:
                if self._line_seen(line):
                    self._seen.set()
        return most - left


def _lying_in(pipe: int) -> int:
    """Return how many bytes can be read at once: what is written meanwhile would never end."""
    try:
        import fcntl
        import termios

        return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
    except (ImportError, OSError):
        return _PIPE_SIZE
