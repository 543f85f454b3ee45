"""The pipes to which a worker writes: read by a thread as it writes, and by whoever has an answer to the end."""

from __future__ import annotations

import os
import selectors
import threading
import time
from collections.abc import Callable
from typing import IO

from marpack.running.kept_log import KeptLog
from marpack.running.log import Stream

_CHUNK = 65_536
# What a pipe holds at most, unless somebody made it larger.
_PIPE_SIZE = 1 << 20
# How long to wait until it is asked whether the worker still runs: whom it began may hold its pipes.
_SLICE = 0.1


class Output:
    """What comes from a worker's two pipes, into a log."""

    def __init__(self, stdout: IO[bytes], stderr: IO[bytes], log: KeptLog) -> None:
        self._log = log
        # To be had again by who has it: a worker may be closed where its last owner is let go of, anywhere.
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)
        self._closed = False
        self._line_seen: Callable[[str], bool] = lambda _: False
        self._seen = False
        self._pipes: dict[Stream, IO[bytes]] = {"stdout": stdout, "stderr": stderr}
        self._open = {stream: pipe.fileno() for stream, pipe in self._pipes.items()}
        self._wake = os.pipe()
        # One that is no descriptor, which a copy of this process would share.
        self._selector = selectors.PollSelector()
        self._selector.register(self._wake[0], selectors.EVENT_READ, None)
        for stream, descriptor in self._open.items():
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ, stream)
        self._thread = threading.Thread(target=self._follow, name="marpack-worker-output", daemon=True)

    def follow(self, line_seen: Callable[[str], bool]) -> None:
        """Begin to read; ``line_seen`` is called with each line until it says that it was the one."""
        self._line_seen = line_seen
        self._thread.start()

    def await_line(self, deadline: float, runs: Callable[[], bool]) -> bool:
        """Wait for that line; return False where it does not come in time, or the worker ended without."""
        while True:
            with self._news:
                if self._seen:
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                if self._news.wait_for(lambda: self._seen, min(left, _SLICE)):
                    return True
            if not runs():
                self.drain()
                return self._seen

    def drain(self) -> None:
        """Read all that lies in the pipes now: what the worker wrote before it was heard otherwise is there."""
        with self._lock:
            for stream in (*self._open,):
                self._read(stream, _PIPE_SIZE)

    def close(self) -> None:
        """Read what there is, and no more: the worker has ended."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
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

    def _follow(self) -> None:
        while True:
            ready = self._selector.select()
            with self._lock:
                if self._closed:
                    return
                for key, _ in ready:
                    self._read(key.data, _CHUNK)

    def _read(self, stream: Stream, most: int) -> None:
        while stream in self._open and most > 0:
            try:
                data = os.read(self._open[stream], _CHUNK)
            except BlockingIOError:
                return
            if not data:
                self._selector.unregister(self._open.pop(stream))
                return
            most -= len(data)
            lines = self._log.add(stream, data)
            for line in lines if not self._seen else ():
                self._seen = self._line_seen(line) or self._seen
            if self._seen:
                self._news.notify_all()
