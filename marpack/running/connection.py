"""The socket over which a worker is asked: whole fields, in time, from a worker that may end meanwhile."""

from __future__ import annotations

import contextlib
import math
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable

# Asked whether the worker still runs: whom it began may hold its end of the socket.
_SLICE = 0.25
_BUFFER = 65_536
# Shorter pieces are joined, longer ones sent from where they lie; and so many at once, as every system takes.
_SHORT = 16_384
_PIECES = 512
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)


class DiedError(Exception):
    """The worker has ended, or does not answer in time, or with what is no answer; the message says what it did.

    ``status`` is what it ended with, 128 and the number of a signal where one ended it; None where it had not
    ended. ``late`` is whether it had not answered in time, ``ended`` whether it is about to end by itself.
    """

    def __init__(
        self, message: str, status: int | None = None, *, late: bool = False, ended: bool = False
    ) -> None:
        self.status = status
        self.late = late
        self.ended = ended
        super().__init__(message)


class Connection:
    """A connection to a worker. What goes wrong is a ``DiedError``; a deadline is one of ``time.monotonic``."""

    def __init__(self, path: str, runs: Callable[[], bool]) -> None:
        self._runs = runs
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._held = memoryview(bytearray(_BUFFER))
        self._start = self._end = 0
        try:
            self._socket.connect(path)
            self._socket.setblocking(False)
        except OSError as error:
            self._socket.close()
            raise DiedError(f"cannot be reached: {error.strerror}") from None

    def shutdown(self) -> None:
        """End the connection for whoever holds an end of it, also while another thread waits for an answer."""
        with contextlib.suppress(OSError):  # the other end is gone already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()

    def send(self, pieces: Iterable[bytes], deadline: float) -> None:
        """Send pieces, the long ones from where they lie."""
        waiting = [memoryview(piece) for piece in _joined(pieces)]
        waiting.reverse()
        while waiting:
            try:
                sent = self._socket.sendmsg(waiting[: -_PIECES - 1 : -1], [], _NO_SIGNAL)
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
                continue
            except OSError as error:
                raise DiedError(f"does not take a request: {error.strerror}", ended=True) from None
            while waiting and sent >= len(waiting[-1]):
                sent -= len(waiting.pop())
            if sent:
                waiting[-1] = waiting[-1][sent:]

    def number(self, deadline: float) -> int:
        """Return the next number."""
        found: int = struct.unpack(">i", self._exactly(4, deadline))[0]
        return found

    def field(self, deadline: float, largest: int) -> bytes:
        """Return the next field, which has at most ``largest`` bytes."""
        return self.rest_of_field(self.number(deadline), deadline, largest)

    def rest_of_field(self, length: int, deadline: float, largest: int) -> bytes:
        """Return a field whose length has been read."""
        if not 0 <= length <= largest:
            raise DiedError(f"says that a field has {length:,} bytes: at most {largest:,} are read")
        return self._exactly(length, deadline)

    def text(self, deadline: float, largest: int) -> str:
        """Return the next field as text, what is no UTF-8 in it replaced as the server does."""
        return self.field(deadline, largest).decode("utf-8", "replace")

    def _exactly(self, length: int, deadline: float) -> bytes:
        held = self._end - self._start
        if length > _BUFFER:
            data = memoryview(bytearray(length))
            data[:held] = self._held[self._start : self._end]
            self._start = self._end = 0
            while held < length:
                held += self._receive(data[held:], deadline)
            return bytes(data)
        if self._start + length > _BUFFER:
            self._held[:held] = bytes(self._held[self._start : self._end])
            self._start, self._end = 0, held
        while self._end - self._start < length:
            self._end += self._receive(self._held[self._end :], deadline)
        self._start += length
        return bytes(self._held[self._start - length : self._start])

    def _receive(self, room: memoryview, deadline: float) -> int:
        while True:
            try:
                size = self._socket.recv_into(room)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError as error:
                raise DiedError(f"cannot be heard: {error.strerror}", ended=True) from None
            if not size:
                raise DiedError("ended before it answered", ended=True)
            if time.monotonic() > deadline:
                raise DiedError("did not answer in time", late=True)
            return size

    def _wait(self, event: int, deadline: float) -> None:
        if self._socket.fileno() < 0:
            raise DiedError("was ended")
        poll = select.poll()
        poll.register(self._socket, event)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise DiedError("did not answer in time", late=True)
            if poll.poll(math.ceil(1000 * min(left, _SLICE))):
                return
            if not self._runs():
                if poll.poll(0):  # what it wrote before it ended
                    return
                raise DiedError("ended before it answered", ended=True)


def _joined(pieces: Iterable[bytes]) -> Iterable[bytes | bytearray]:
    short = bytearray()
    for piece in pieces:
        if len(piece) > _SHORT:
            if short:
                yield short
                short = bytearray()
            yield piece
        else:
            short += piece
    if short:
        yield short
