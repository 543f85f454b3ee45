"""Servers on the loopback that speak the protocols of remote files: the web's, S3's and Google's."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from tests.support.torchserve import LOOPBACK, free_ports, stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

S = TypeVar("S", bound=socketserver.BaseServer)

BUCKET = "models"
START_SECONDS = 300

# Moto asks that one be there.
UNCHECKED_SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=tests/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
)


@contextlib.contextmanager
def served(server: S) -> Iterator[S]:
    """Have a server answer, in a thread of its own, until the end of the block."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Page:
    """What the web server answers: ``sized`` says how it states where the body ends, ``stop_at`` breaks it off."""

    data: bytes = b""
    status: int = 200
    sized: Literal["length", "chunked", "close"] = "length"
    etag: str | None = None
    location: str | None = None
    authorization: str | None = None
    takes_head: bool = True
    stop_at: int | None = None


class WebServer(ThreadingHTTPServer):
    """Answers with ``pages``, by path and query as they are spelt, and notes each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, str]] = []
        self.silent = threading.Event()  # set: take requests and never answer

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[WebServer]:
        with served(cls()) as server:
            yield server


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        # Who only wants the headers leaves before the body.
        with contextlib.suppress(ConnectionError):
            self._answer()

    def _answer(self) -> None:
        self.close_connection = True
        self.server.requests.append((self.command, self.path))
        page = self.server.pages.get(self.path, Page(status=404))
        if self.server.silent.is_set():
            self.rfile.read()  # until the client gives up
            return
        if page.authorization and self.headers["Authorization"] != page.authorization:
            page = Page(status=401)
        if self.command == "HEAD" and not page.takes_head:
            page = Page(status=403)
        self.send_response(page.status)
        self.send_header("Connection", "close")
        if page.sized == "length":
            self.send_header("Content-Length", str(len(page.data)))
        if page.sized == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        if page.etag:
            self.send_header("ETag", page.etag)
        if page.location:
            self.send_header("Location", page.location)
        self.end_headers()
        if self.command == "GET":
            body = page.data[: page.stop_at]
            if page.sized == "chunked":
                body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Late(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, upstream: str, released: threading.Event) -> None:
        super().__init__(("127.0.0.1", 0), _LateHandler)
        self.released = released
        host, port = upstream.split(":")
        self.upstream = host, int(port)


class _LateHandler(socketserver.BaseRequestHandler):
    server: _Late

    def handle(self) -> None:
        self.begins = False
        with socket.create_connection(self.server.upstream) as upstream:
            asking = threading.Thread(target=self._pass_on, args=(self.request, upstream), daemon=True)
            asking.start()
            self._pass_on(upstream, self.request)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if source is self.request:
                    self.begins = self.begins or b"?uploads" in data
                elif self.begins:
                    self.server.released.wait(START_SECONDS)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


Judge: TypeAlias = "Callable[[str, str], Literal['pass', 'refuse']]"


class _Judged(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str, judge: Judge) -> None:
        super().__init__(("127.0.0.1", 0), _JudgedHandler)
        self.judge = judge
        self.upstream = upstream
        self.one_at_a_time = threading.Lock()


class _JudgedHandler(BaseHTTPRequestHandler):
    server: _Judged
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        with self.server.one_at_a_time:
            verdict = self.server.judge(self.command, self.path)
        with contextlib.suppress(ConnectionError):
            self._refuse() if verdict == "refuse" else self._pass_on(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815  # http.server's names

    def _refuse(self) -> None:
        answer = b"<Error><Code>AccessDenied</Code><Message>no more</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    def _pass_on(self, body: bytes) -> None:
        upstream = http.client.HTTPConnection(self.server.upstream)
        headers = {name: value for name, value in self.headers.items() if name != "Expect"}
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "connection"}:
                self.send_header(name, value)
        if answer.getheader("Content-Length") is None:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        upstream.close()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def judged(endpoint: str, judge: Judge) -> Iterator[str]:
    """Give an endpoint that asks of each request, by method and path, whether to pass it on to another."""
    with served(_Judged(endpoint.rpartition("/")[2], judge)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


class S3Server:
    """Moto's server: any S3 client speaks to it, endpoint and keys given by the usual variables."""

    def __init__(self, endpoint: str, bucket: str = BUCKET) -> None:
        self.endpoint = endpoint
        self.bucket = bucket
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "marpack-test-key",
            "AWS_SECRET_ACCESS_KEY": "marpack-test-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[S3Server]:
        [port] = free_ports(1)
        with _process(["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port):
            yield cls(f"http://127.0.0.1:{port}").with_bucket(BUCKET)

    def with_bucket(self, name: str) -> S3Server:
        """Return the same server with a bucket of its own, which is made where it is not there."""
        server = S3Server(self.endpoint, name)
        server._ask("PUT", "")
        return server

    def put(self, key: str, data: bytes) -> None:
        self._ask("PUT", urllib.parse.quote(key), data)

    def delete(self, key: str) -> None:
        self._ask("DELETE", urllib.parse.quote(key))

    def get(self, key: str) -> bytes:
        return self._ask("GET", urllib.parse.quote(key))

    def names(self) -> list[str]:
        return re.findall("<Key>(.*?)</Key>", self._ask("GET", "?list-type=2").decode())

    def parts(self, key: str) -> int:
        """Return of how many parts an object was made."""
        listed = self._ask("GET", "?list-type=2").decode()
        [tag] = re.findall(f"<Key>{key}</Key>.*?<ETag>(.*?)</ETag>", listed, re.DOTALL)
        return int(re.findall("-([0-9]+)", tag)[0])

    def unfinished(self) -> list[str]:
        """Return the keys of the uploads that have begun and not ended."""
        return re.findall("<Key>(.*?)</Key>", self._ask("GET", "?uploads").decode())

    def abandon(self) -> None:
        """Forget the uploads that have not ended."""
        found = self._ask("GET", "?uploads").decode()
        for number, key in re.findall("<UploadId>(.*?)</UploadId><Key>(.*?)</Key>", found, re.DOTALL):
            self._ask("DELETE", f"{key}?uploadId={number}")

    def empty(self) -> None:
        for key in self.names():
            self.delete(key)

    def _ask(self, method: str, path: str, data: bytes | None = None) -> bytes:
        return _send(method, f"{self.endpoint}/{self.bucket}/{path}", data, Authorization=UNCHECKED_SIGNATURE)

    @contextlib.contextmanager
    def answering_late(self, released: threading.Event) -> Iterator[str]:
        """Give an endpoint that keeps its answers to what begins an upload until it is released."""
        with served(_Late(self.endpoint.rpartition("/")[2], released)) as server:
            yield f"http://127.0.0.1:{server.server_address[1]}"

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Check keys and signatures; the server knows nobody."""
        _send("POST", f"{self.endpoint}/moto-api/reset-auth", b"0")
        try:
            yield
        finally:
            _send("POST", f"{self.endpoint}/moto-api/reset-auth", b"inf")


# The emulator does not know how an upload is called off. Google answers that with 499:
# https://cloud.google.com/storage/docs/performing-resumable-uploads#cancel-upload
GOOGLE = """
from types import SimpleNamespace
from gcp_storage_emulator import __main__, server

def call_off(request, response, storage):
    storage.delete_resumable_file_obj(request.query["upload_id"][0])
    response.status = SimpleNamespace(value=499, phrase="Client Closed Request")

def unfinished(request, response, storage):
    response.json([resource["name"] for resource in storage.resumable.values()])

[uploads] = [methods for _, methods in server.HANDLERS if server.objects.upload_partial in methods.values()]
uploads.update({server.DELETE: call_off, server.GET: unfinished})
__main__.main()
"""


class GoogleServer:
    """An emulator of Google Cloud Storage."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[GoogleServer]:
        [port] = free_ports(1)
        arguments = [
            "start",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--in-memory",
            "--default-bucket",
            BUCKET,
        ]
        with _process(["-c", GOOGLE, *arguments], port):
            yield cls(port)

    def put(self, key: str, data: bytes) -> None:
        query = urllib.parse.urlencode({"uploadType": "media", "name": key})
        _send("POST", f"{self.endpoint}/upload/storage/v1/b/{BUCKET}/o?{query}", data)

    def get(self, key: str) -> bytes:
        return _send("GET", f"{self.endpoint}/storage/v1/b/{BUCKET}/o/{urllib.parse.quote(key, '')}?alt=media")

    def names(self) -> list[str]:
        listed = json.loads(_send("GET", f"{self.endpoint}/storage/v1/b/{BUCKET}/o"))
        return [found["name"] for found in listed.get("items", [])]

    def unfinished(self) -> list[str]:
        """Return the keys of the uploads that have begun and not ended."""
        keys: list[str] = json.loads(_send("GET", f"{self.endpoint}/upload/storage/v1/b/{BUCKET}/o"))
        return keys


def _send(method: str, url: str, data: bytes | None = None, **headers: str) -> bytes:
    headers = {"Content-Type": "application/octet-stream", **headers}
    with LOOPBACK.open(urllib.request.Request(url, data=data, method=method, headers=headers)) as answer:
        received: bytes = answer.read()
        return received


@contextlib.contextmanager
def _process(arguments: Sequence[str], port: int) -> Iterator[None]:
    """Run a server of Python's until the block is left, and enter it when the port is open."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(arguments)} did not start in {START_SECONDS} s")
            time.sleep(0.05)
        yield
    finally:
        stop(process)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
