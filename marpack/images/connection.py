"""One request and its answer, of which no more is taken, and for no longer, than an answer needs."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import requests.adapters
import urllib3

from marpack.frozen import frozen

# To connect, and for the first connection to take the next bytes.
_SENDING_SECONDS = 30
# For the whole of an answer: a registry answers to a blob when it has stored it.
_ANSWER_SECONDS = 900
_LONGEST_ANSWER = 1 << 16

Body = Callable[[], AbstractContextManager[Any]]


class NoAnswerError(Exception):
    """A server gives no answer; the text says why, without the URL, which may have a secret in it."""


@frozen
class Answer:
    """What a server answers, the beginning of its body with it."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """What is open to servers. It follows no redirect, and knows no password."""

    def __init__(self, *, tls_verify: bool | str) -> None:
        self._tls_verify = tls_verify
        self._deadline = _Deadline()
        self._session = _Session()
        # Or it would send what ~/.netrc has, and to one port what another wants to be sent again.
        self._session.auth = _unchanged
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(self._deadline))

    def close(self) -> None:
        """End all connections."""
        self._session.close()

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: Body | None) -> Answer:
        """Return what a server answers; raise ``NoAnswerError``, and what reading the body raises."""
        # What is encoded is as long as whoever encoded it likes.
        headers = {"Accept-Encoding": "identity", **headers}
        try:
            with contextlib.nullcontext() if body is None else body() as data, self._deadline.kept():
                with self._session.request(
                    method,
                    url,
                    headers=headers,
                    data=data,
                    verify=self._tls_verify,
                    timeout=(_SENDING_SECONDS, _ANSWER_SECONDS),
                    allow_redirects=False,
                    stream=True,
                ) as answer:
                    # Of a body that is longer no more is taken, and the connection ends with it.
                    said = answer.raw.read(_LONGEST_ANSWER, decode_content=False)
                self._deadline.require()
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            self._deadline.require()
            raise NoAnswerError(_why(error)) from None
        return Answer(status=answer.status_code, url=url, headers=answer.headers, body=said)


class _Session(requests.Session):
    """Leads nowhere: requests would read all of a redirect's body, decoded, to tell what it could send next."""

    def resolve_redirects(self, *args: Any, **kwargs: Any) -> Generator[Any, None, None]:
        yield from ()


class _Deadline:
    """Ends a connection whose answer takes too long, however alive it is."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None
        self._has_passed = False

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Hold what is begun in the block to its time."""
        self._has_passed = False
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def begin(self, connection: socket.socket) -> None:
        """Count from now on."""
        self._timer = threading.Timer(_ANSWER_SECONDS, self._pass, (connection,))
        self._timer.daemon = True
        self._timer.start()

    def require(self) -> None:
        """Raise ``NoAnswerError`` where the time has passed."""
        if self._has_passed:
            raise NoAnswerError(f"does not end its answer within {_ANSWER_SECONDS} seconds: try again later")

    def _pass(self, connection: socket.socket) -> None:
        self._has_passed = True
        # As of any socket: that of TLS would first forget its keys, with which another thread reads.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _Timed:
    """A connection of urllib3's that has a deadline from when all has been sent."""

    deadline: _Deadline
    sock: socket.socket

    def getresponse(self) -> Any:
        self.deadline.begin(self.sock)
        return super().getresponse()  # type: ignore[misc]


class _Adapter(requests.adapters.HTTPAdapter):
    """Makes connections that have a deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        if not issubclass(pool.ConnectionCls, _Timed):
            pool.ConnectionCls = type("Connection", (_Timed, pool.ConnectionCls), {"deadline": self._deadline})
        return pool


def _unchanged(request: Any) -> Any:
    return request


def _why(error: BaseException) -> str:
    way = " through the proxy" if isinstance(error, requests.exceptions.ProxyError) else ""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return (
                f"cannot be trusted: {seen.verify_message}: name a file of the certificates that vouch for it "
                "(--ca-file, tls_verify)"
            )
        if isinstance(seen, ssl.SSLError):
            return (
                f"does not speak TLS as it should ({seen.reason or 'it breaks off'}): where it speaks none, "
                "say so (--plain-http, plain_http)"
            )
        if isinstance(seen, socket.gaierror):
            return f"cannot be reached{way}: no address is known by its name: {seen.strerror}"
        if isinstance(seen, TimeoutError):
            return f"cannot be reached{way}: it does not answer in time"
        if isinstance(seen, OSError) and seen.strerror and type(seen).__module__ == "builtins":
            return f"cannot be reached{way}: {seen.strerror}"
        seen = seen.__cause__ or seen.__context__
    return f"cannot be reached{way}: {type(error).__name__}"
