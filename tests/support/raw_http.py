"""Requests as bytes on a socket, and what comes back, as it comes: reasons, order, cases and chunks are kept."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING, BinaryIO

from marpack.running import Request, Response

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = 120


class Connection:
    """A connection for one request."""

    def __init__(self, port: int, seconds: float) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._file: BinaryIO = self._socket.makefile("rb")
        self._method = ""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, request: Request, path: str) -> None:
        """Send a request, its body where the server does not refuse to read it."""
        self._method = request.method
        lines = [f"{request.method} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in request.sent_headers]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if request.values("expect"):
            self._socket.sendall(head)
            if not self._continues():
                return
            head = b""
        body = request.body
        if request.values("transfer-encoding"):
            size = max(1, len(body) // 2)
            chunks = [body[start : start + size] for start in range(0, len(body), size)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
        self._socket.sendall(head + body)

    def _continues(self) -> bool:
        """Return whether an interim response asks for the body; leave any other to be read."""
        if not self._file.peek(20).startswith(b"HTTP/1.1 100 "):  # type: ignore[attr-defined]
            return False
        while self._file.readline() != b"\r\n":
            pass
        return True

    def response(self) -> Response:
        """Read the response, up to where it says that it ends, or where the server ends it."""
        _, status, reason = self._line().split(" ", 2)
        headers: list[tuple[str, str]] = []
        while line := self._line():
            if line[0] in " \t":
                name, value = headers.pop()
                headers.append((name, f"{value}\r\n{line}"))
            else:
                name, _, value = line.partition(": ")
                headers.append((name, value))
        response = Response(status=int(status), reason=reason, headers=tuple(headers))
        complete, parts = True, [b""]
        if response.header("transfer-encoding") == "chunked":
            if self._method != "HEAD":
                complete, parts = self._chunks()
        elif self._method != "HEAD" and response.status != 304:
            parts = [self._file.read(int(response.header("content-length") or 0))]
        return Response(
            status=response.status,
            reason=reason,
            headers=response.headers,
            parts=tuple(parts) or (b"",),
            complete=complete,
        )

    def _line(self) -> str:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError(f"the server ended the connection in {line!r}")
        return line[:-2].decode("latin-1")

    def _chunks(self) -> tuple[bool, list[bytes]]:
        parts: list[bytes] = []
        with contextlib.suppress(ConnectionResetError):
            while head := self._file.readline():
                size = int(head, 16)
                data = self._file.read(size + 2)[:-2]
                if not size:
                    return True, parts
                parts.append(data)
        return False, parts


def all_at_once(port: int, requests: Sequence[tuple[Request, str]], *, seconds: float = SECONDS) -> list[Response]:
    """Send requests to these paths on the loopback, in their order and each on a connection of its own.

    Raises ``TimeoutError`` where nothing comes for so many seconds.
    """
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(Connection(port, seconds)) for _ in requests]
        for connection, (request, path) in zip(connections, requests, strict=True):
            connection.send(request, path)
            # They are read by one thread, but in whichever order the system says that there is something.
            time.sleep(0.02 if len(requests) > 1 else 0)
        return [connection.response() for connection in connections]
