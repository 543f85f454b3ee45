"""A server on the loopback that gives parts of files, on the web and as S3 does, and counts what it is asked.

It may be told to answer as servers do that know no ranges, that lie, that never come to an end, or whose file
changes.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import quote

from tests.support.object_store import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RANGE = re.compile("bytes=([0-9]*)-([0-9]*)")


@dataclass
class Asked:
    """A request, and how many bytes of the file it got."""

    method: str
    path: str
    range: str | None
    encoding: str | None
    sent: int = 0


@dataclass
class Answer:
    """What goes out, before it does: a test may change it."""

    status: int
    start: int
    end: int
    headers: dict[str, str] = field(default_factory=dict)


# How a server keeps a client for ever, without a silence: by interim answers, or by single bytes of a body.
Stall: TypeAlias = Literal["interim", "drip"]
_STALL_SECONDS = 0.02


class RangeServer(ThreadingHTTPServer):
    """Serves ``files`` by their paths; the first part of a path may be taken for an S3 bucket."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Serve nothing, and answer as it should be."""
        self.files: dict[str, Path] = {}
        self.asked: list[Asked] = []
        self.connections = 0
        self.knows: Callable[[str], bool] = lambda _: True  # of a range as it is spelt, whether it is heeded
        self.change: Callable[[Answer], None] = lambda _: None
        self.stalls: Stall | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[RangeServer]:
        with served(cls()) as server:
            yield server

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count those who come."""
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that leaves in the middle."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def serve(self, file: Path, path: str | None = None) -> str:
        """Return the URL of a file."""
        path = f"/{quote(file.name)}" if path is None else path
        self.files[path] = file
        return f"{self.endpoint}{path}"

    def s3_options(self) -> dict[str, Any]:
        """Return the storage options that have S3's client ask here."""
        where = {"endpoint_url": self.endpoint, "region_name": "us-east-1"}
        return {"key": "k", "secret": "hunter2", "client_kwargs": where}

    def count(self) -> tuple[int, int]:
        """Return how many requests there were since this was asked last, and how many bytes they got."""
        found = len(self.asked), sum(each.sent for each in self.asked)
        self.asked.clear()
        return found


class _Handler(BaseHTTPRequestHandler):
    server: RangeServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        with contextlib.suppress(ConnectionError):
            self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        spelled = self.headers["Range"]
        asked = Asked(self.command, path, spelled, self.headers["Accept-Encoding"])
        self.server.asked.append(asked)
        file = self.server.files.get(path)
        if file is None:
            self._send(Answer(404, 0, 0, {"Content-Length": "0"}))
            return
        status = file.stat()
        size = status.st_size
        answer = Answer(200, 0, size, {"ETag": f'"{status.st_mtime_ns:x}-{size:x}"', "Accept-Ranges": "bytes"})
        found = _RANGE.fullmatch(spelled or "")
        if found and self.server.knows(spelled):
            first, last = found.groups()
            answer.start = int(first) if first else max(0, size - int(last))
            answer.end = min(size, int(last) + 1) if first and last else size
            answer.status = 206 if answer.start < answer.end else 416
            said = f"{answer.start}-{answer.end - 1}" if answer.status == 206 else "*"
            answer.headers["Content-Range"] = f"bytes {said}/{size}"
        if answer.status == 416:
            answer.start = answer.end = 0
        answer.headers["Content-Length"] = str(answer.end - answer.start)
        self.server.change(answer)
        while self.server.stalls == "interim":
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
            time.sleep(_STALL_SECONDS)
        self._send(answer)
        if self.command == "HEAD" or answer.status >= 400:
            return
        while self.server.stalls == "drip":
            self.wfile.write(b"P")
            time.sleep(_STALL_SECONDS)
        with file.open("rb") as source:
            for start in range(answer.start, answer.end, 1 << 20):
                data = os.pread(source.fileno(), min(1 << 20, answer.end - start), start)
                asked.sent += len(data)
                self.wfile.write(data)
        if answer.headers.get("Content-Length") != str(answer.end - answer.start):
            self.close_connection = True

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
