"""Ask an HTTP server by so many connections at once: a script, so that its clients are a process of their own.

``python clients.py ASKED`` is told in JSON: ``port``, ``path``, ``body`` (a text of JSON), ``clients``, and
``warm_up`` and ``seconds``. Each client asks anew as soon as it has its answer, by one connection that stays.
When each has had an answer, and ``warm_up`` seconds are over, what arrives for ``seconds`` is counted. It ends
when the server has answered all, so that nothing is left for it to do.

It prints JSON: ``rate``, answers in a second; ``p50`` and ``p99``, in seconds from a request to the end of its
answer.

There is one thread, which waits for all sockets at once, and sends bytes that it has prepared: clients take
little of the two cores that they share with the server.
"""

from __future__ import annotations

import json
import selectors
import socket
import statistics
import sys
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

_LARGEST = 1 << 16
_PATIENCE = 60
_LENGTH = b"content-length:"


class Client:
    """A connection by which one request is sent after another."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = 0.0
        self.answers = 0
        self._request = request
        self._came = b""
        self._size = 0

    def ask(self) -> None:
        """Send the request, which is so short that the system takes it at once."""
        self._came = b""
        self._size = 0
        self.sent = time.perf_counter()
        self.socket.sendall(self._request)

    def has_heard(self) -> bool:
        """Take what has come; return whether the answer is whole. Raises ``ValueError`` for any other than 200."""
        data = self.socket.recv(_LARGEST)
        self._came += data
        if not data:
            raise ValueError(f"the server ended the connection after {self._came!r}")
        head, blank, _ = self._came.partition(b"\r\n\r\n")
        if blank and not self._size:
            first, *headers = head.lower().split(b"\r\n")
            if int(first.split()[1]) != HTTPStatus.OK:
                raise ValueError(f"the server answered {self._came!r}")
            [length] = (int(line[len(_LENGTH) :]) for line in headers if line.startswith(_LENGTH))
            self._size = len(head) + len(blank) + length
        is_whole = 0 < self._size <= len(self._came)
        self.answers += is_whole
        return is_whole


@dataclass
class Heard:
    """What arrived while it was counted: how long each answer took."""

    took: list[float]
    seconds: float


def ask_all(clients: list[Client], *, warm_up: float, seconds: float) -> Heard:
    """Ask for so long."""
    took: list[float] = []
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.ask()
        begun = time.perf_counter()
        counted_from = float("inf")
        waiting = len(clients)
        while waiting:
            ready = selector.select(_PATIENCE)
            if not ready:
                raise TimeoutError("the server does not answer")
            for key, _ in ready:
                client = key.data
                if not client.has_heard():
                    continue
                now = time.perf_counter()
                if counted_from <= now < counted_from + seconds:
                    took.append(now - client.sent)
                if now < counted_from + seconds:
                    client.ask()
                else:
                    waiting -= 1
            if counted_from == float("inf") and all(client.answers for client in clients):
                counted_from = max(time.perf_counter(), begun + warm_up)
    return Heard(took=took, seconds=seconds)


def main() -> None:
    """Do it, as the first argument says."""
    asked: dict[str, Any] = json.loads(sys.argv[1])
    body = asked["body"].encode()
    head = (
        f"POST {asked['path']} HTTP/1.1\r\nHost: 127.0.0.1:{asked['port']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    clients = [Client(asked["port"], head.encode() + body) for _ in range(asked["clients"])]
    heard = ask_all(clients, warm_up=asked["warm_up"], seconds=asked["seconds"])
    p99 = statistics.quantiles(heard.took, n=100, method="inclusive")[98]
    told = {"rate": len(heard.took) / heard.seconds, "p50": statistics.median(heard.took), "p99": p99}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
