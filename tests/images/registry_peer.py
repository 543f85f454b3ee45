"""A registry of few lines that can be told to lie: what it is asked is noted, with the credentials that came."""

from __future__ import annotations

import contextlib
import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.object_store import served


@dataclass
class Told:
    """One request: who asks is told by ``authorization``."""

    method: str
    path: str
    authorization: str | None
    encodings: str | None = None
    cookie: str | None = None


@dataclass
class Answer:
    """One answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class RegistryPeer(ThreadingHTTPServer):
    """Keeps blobs and tags; ``before`` may answer in its place."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.blobs: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.told: list[Told] = []
        self.before: Callable[[Told], Answer | None] = lambda told: None
        # What the answer to an upload says in place of the truth.
        self.location: Callable[[str], str] = lambda path: path
        self.digest: Callable[[str], str] = lambda digest: digest
        self.turn = threading.Lock()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @classmethod
    @contextlib.contextmanager
    def running(cls, certificate: Path | None = None) -> Iterator[RegistryPeer]:
        """Run one until the block is left, by https with a file that has a certificate and its key."""
        peer = cls()
        if certificate is not None:  # before its thread looks for who comes, for whom the socket would be closed
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            peer.socket = context.wrap_socket(peer.socket, server_side=True)
        with served(peer):
            yield peer

    def handle_error(self, *_: object) -> None:
        """Say nothing of who leaves."""

    def answer(self, told: Told, body: bytes) -> Answer:
        parts = urlsplit(told.path)
        place = parts.path.partition("/v2/")[2]
        if "/blobs/uploads/" in place:
            if told.method == "POST":
                return Answer(202, {"Location": self.location(f"/v2/{place}1?state=x")})
            [digest] = parse_qs(parts.query)["digest"]
            if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
                return _refusal(400, "DIGEST_INVALID")
            self.blobs[digest] = body
            return Answer(201, {"Docker-Content-Digest": self.digest(digest)})
        name = place.rpartition("/")[2]
        if "/blobs/" in place:
            return Answer(200 if name in self.blobs else 404)
        if told.method == "HEAD":
            found = self.tags.get(name)
            return Answer(404) if found is None else Answer(200, {"Docker-Content-Digest": found})
        document = json.loads(body)
        needed = [document.get("config"), *document.get("layers", []), *document.get("manifests", [])]
        if not all(each["digest"] in self.blobs for each in needed if each):
            return _refusal(400, "MANIFEST_BLOB_UNKNOWN")
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.blobs[digest] = body
        if name != digest:
            self.tags[name] = digest
        return Answer(201, {"Docker-Content-Digest": self.digest(digest)})


def _refusal(status: int, code: str) -> Answer:
    return Answer(status, body=json.dumps({"errors": [{"code": code, "message": "no"}]}).encode())


class _Handler(BaseHTTPRequestHandler):
    server: RegistryPeer
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        names = ("Authorization", "Accept-Encoding", "Cookie")
        told = Told(self.command, self.path, *map(self.headers.get, names))
        with self.server.turn:
            self.server.told.append(told)
            if len(body) < length:  # who sends has given up
                self.close_connection = True
                return
            answer = self.server.before(told) or self.server.answer(told, body)
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass
