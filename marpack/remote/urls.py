"""Where URLs lead: stores of files, reached through fsspec, and what they answer when they refuse."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

from marpack.display import hidden_url
from marpack.errors import DownloadError, MarpackError, MissingExtraError, UploadError

T = TypeVar("T")

# What was tried with a URL, by the error that says that it failed; that gets the URL without its secrets.
Attempt: TypeAlias = "type[DownloadError | UploadError]"

# RFC 3986, 3.1; fsspec chains file systems with "::". One letter is a drive of Windows.
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]+"
_URL = re.compile(rf"(?:{_SCHEME}::)*({_SCHEME})://")
_IPV6_HOST = re.compile(r"(?<=[/@])\[[^\]/]*\]")

_WEB = {"http", "https"}
# What the extra installs.
_IN_EXTRA = _WEB | {"s3", "s3a", "gs", "gcs"}
# Other stores of fsspec; each says itself which package it needs. The rest of fsspec's schemes unpack, cache, or
# have another program do the work: nothing that a file of settings may start.
_OTHER_STORES = {"abfs", "abfss", "adl", "az", "ftp", "hf", "oci", "oss", "sftp", "smb", "ssh", "tos", "webhdfs"}
_ALLOWED: dict[Attempt, set[str]] = {
    DownloadError: {"file", *_IN_EXTRA, *_OTHER_STORES},
    # Where nothing shows before all is there. Of the others, fsspec cannot write to the web; hf keeps a copy on
    # disk; oss removes what is there first and shows the new file as it grows; webhdfs does not say when the old
    # one has stayed; adl has been switched off; and smb has not been tried.
    UploadError: {"file", "s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "ftp", "oci", "sftp", "ssh", "tos"},
}

# Marks of a remote file's state, the surest first: each store has its own names.
_STATE_KEYS = ("ETag", "etag", "generation", "LastModified", "Last-Modified", "last_modified", "mtime", "modified")

# How aiohttp, and botocore with it, call a body that ends too early; a connection may be dropped before it, too.
_BROKEN_OFF = {"ClientPayloadError", "IncompleteReadError", "ResponseStreamingError", "ServerDisconnectedError"}

LOST_SLASH = "is a URL that has lost a slash: give it as text, not as a path, with both slashes as here"

# File systems by what they were made of.
Connections: TypeAlias = dict[Any, Any]
_CONNECTIONS: ContextVar[Connections | None] = ContextVar("_CONNECTIONS", default=None)
_CONNECT_SECONDS = 30
_SILENCE_SECONDS = 60
# Interim answers (RFC 9110, 15.2) break the silence, and may go on for ever.
_ANSWER_SECONDS = 120


class TooLateError(Exception):
    """A server keeps sending something, and never comes to an end; the text says of what, as a ``reason`` does."""


def is_url(text: str) -> bool:
    r"""Tell ``scheme://...`` from a path; ``C:\...`` and ``C://...`` are paths."""
    return _URL.match(text) is not None


def lost_slash(path: str) -> str | None:
    """Return the URL that a path was made of, as ``pathlib`` makes one, with a single slash; None for a path."""
    url = path.replace(":/", "://", 1)
    made_of_one = not is_url(path) and is_url(url) and not os.path.lexists(path.partition("/")[0])
    return url if made_of_one else None


def scheme_of(url: str) -> str:
    """Return the scheme in lower case, without those that are chained before it; empty for a path."""
    match = _URL.match(url)
    return match[1].lower() if match else ""


def allowed_scheme(url: str, attempt: Attempt) -> str:
    """Return the scheme of a URL, in lower case, if what is attempted may be done with it."""
    scheme = scheme_of(url)
    if not scheme:
        raise attempt(hidden_url(url), "is not a URL: give scheme://...")
    # A query may hold anything, also "::"; only for the web is it no part of the name.
    address = url.partition("?")[0] if scheme in _WEB else url
    if "::" in _IPV6_HOST.sub("", address):
        raise attempt(hidden_url(url), "chains file systems with '::': give the URL of the file itself")
    if scheme not in _ALLOWED[attempt]:
        known = ", ".join(sorted(_ALLOWED[attempt]))
        raise attempt(hidden_url(url), f"cannot be {attempt.done} by its scheme: give one of {known}, or a path")
    return scheme


def file_name(url: str, attempt: Attempt) -> str:
    """Return the last part of the path; a store's keys are written in URLs as they are, the web's are encoded."""
    scheme = scheme_of(url)
    if scheme in _WEB or scheme == "file":
        path = unquote(ask(url, lambda: urlsplit(url).path, attempt))
    else:
        path = url.partition("://")[2].partition("?versionId=")[0].partition("/")[2]
    name = path.rpartition("/")[2]
    if not name:
        raise attempt(hidden_url(url), "names no file: its path must not end here")
    return name


def local_path(url: str, attempt: Attempt) -> str:
    """Return the path that a ``file://`` URL names."""
    from urllib.request import url2pathname  # slow to import

    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise attempt(hidden_url(url), "is on another machine: write file:///path")
    return url2pathname(parts.path)


def file_system(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    """Return a file system of our own, so that nobody's cached listings answer for it, and the path in it."""
    connections = _CONNECTIONS.get()
    # A query may ask for a version, which another file system does.
    if connections is None or ("?" in url and scheme_of(url) not in _WEB):
        return _new_file_system(url, options)
    scheme, _, rest = url.partition("://")
    # Users, hosts and accounts are the file system's, too.
    key = scheme, rest.partition("/")[0], _is_encoded(url), repr(sorted(options.items()))
    if key not in connections:
        connections[key], path = _new_file_system(url, options)
        return connections[key], path
    return connections[key], connections[key]._strip_protocol(_known(url))


@contextmanager
def shared_connections(made: Connections) -> Iterator[None]:
    """Let what is opened in the block, on this thread, have one file system for each store and its options.

    Those that are ``made`` are used again, and new ones are put there. A client of S3 takes 100 ms of the
    processor to make, and each of many small archives would have one.
    """
    token = _CONNECTIONS.set(made)
    try:
        yield
    finally:
        _CONNECTIONS.reset(token)


def _new_file_system(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    import fsspec  # type: ignore[import-untyped]

    scheme = scheme_of(url)
    if scheme == "abfss":
        fsspec.get_filesystem_class("abfs")  # fsspec names the package that is missing of this one alone
    if scheme not in _WEB:
        filesystem, path = fsspec.core.url_to_fs(_known(url), skip_instance_cache=True, **options)
        return filesystem, path

    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
    usual: dict[str, Any] = {
        # One request for the whole file, not one for each few MiB of it.
        "block_size": 0,
        # aiohttp's own limit is five minutes in all. Proxies come from the environment, as for any other client.
        "client_kwargs": {"timeout": timeout, "trust_env": True, "response_class": _bounded_response()},
        # A signature holds for the URL as it is spelt.
        "encoded": _is_encoded(url),
    }
    return fsspec.filesystem(scheme, skip_instance_cache=True, **{**usual, **options}), url


def _bounded_response() -> Any:
    """Return the class of aiohttp's answers whose status and headers have to come within a time."""
    import aiohttp

    class Response(aiohttp.ClientResponse):
        async def start(self, connection: Any) -> Any:
            return await within(_ANSWER_SECONDS, super().start(connection), "does not come to its answer")

    return Response


async def within(seconds: float, work: Coroutine[Any, Any, T], problem: str) -> T:
    """Return what a coroutine does; raise ``TooLateError`` if that takes longer."""
    import asyncio  # the file system has loaded it

    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
        if not task.done():
            raise TooLateError(f"{problem} in {seconds:,.0f} seconds")
        return task.result()
    finally:
        task.cancel()


def _known(url: str) -> str:
    """Return a URL as fsspec knows it, which takes schemes in lower case alone; RFC 3986, 3.1 has both."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.lower()}://{rest}"


def _is_encoded(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def ask(url: str, question: Callable[[], T], attempt: Attempt) -> T:
    """Return the answer; every failure is one error that shows nothing secret."""
    try:
        return question()
    except MarpackError:
        raise
    except Exception as failure:
        error = _failed(url, failure, attempt)
    # Not inside of the except: what failed may show the URL, and would be printed with the error as its context.
    raise error


def _failed(url: str, failure: Exception, attempt: Attempt) -> MarpackError:
    scheme = scheme_of(url)
    if not isinstance(failure, ImportError):
        return attempt(hidden_url(url), _reason(failure, attempt, url))
    if scheme in _IN_EXTRA or failure.name == "fsspec":
        return MissingExtraError(f"{attempt.doing} {scheme}:// URLs", "remote")
    return attempt(hidden_url(url), f"needs another package: {failure}")  # fsspec's own text says which


def kind_at(filesystem: Any, path: str) -> str:
    """Ask a store what it has by now: a ``"file"``, a ``"directory"`` or ``"nothing"``."""
    filesystem.invalidate_cache()
    try:
        return str(filesystem.info(path)["type"])
    except FileNotFoundError:
        return "nothing"


def describe(url: str, filesystem: Any, path: str) -> tuple[int | None, str | None]:
    """Ask for the size in bytes and the mark of the contents, each None where the store does not say."""

    def info() -> dict[str, Any]:
        filesystem.invalidate_cache()
        return dict(filesystem.info(path))

    found = ask(url, info, DownloadError)
    if found.get("type") == "directory":
        raise DownloadError(hidden_url(url), "is a folder: give the URL of a file")
    states = (str(found[key]) for key in _STATE_KEYS if found.get(key))
    return found.get("size"), next(states, None)


def unless_refused(question: Callable[[], T]) -> T | None:
    """Return the answer, None where the store does not let this user ask."""
    try:
        return question()
    except Exception as failure:
        if is_refusal(failure):
            return None
        raise


def is_refusal(failure: Exception) -> bool:
    """Tell whether the store did not let this user do it."""
    return any(
        isinstance(link, PermissionError)
        or _http_status(link) in (401, 403, 407)
        or any(word in type(link).__name__ for word in ("Authentication", "Credentials"))
        or str(link).startswith("Forbidden: ")  # gcsfs, of HTTP 403
        for link in _chain(failure)
    )


def status_of(failure: Exception) -> int | None:
    """Return the HTTP status with which a server refused, None where it was something else."""
    return next(filter(None, map(_http_status, _chain(failure))), None)


def breaks_off(failure: Exception) -> bool:
    """Tell whether a connection that was there is lost, which may go well once more."""
    return any(
        isinstance(link, (ConnectionResetError, BrokenPipeError)) or type(link).__name__ in _BROKEN_OFF
        for link in _chain(failure)
    )


def _reason(failure: Exception, attempt: Attempt, url: str) -> str:
    """Say what went wrong, in words of our own: the failure's may hold the URL, or a key."""
    import asyncio  # whatever failed has these three loaded
    import socket
    import ssl

    chain = list(_chain(failure))
    if late := next((link for link in chain if isinstance(link, TooLateError)), None):
        return str(late)

    def any_is(*kinds: type[BaseException]) -> bool:
        return any(isinstance(link, kinds) for link in chain)

    status = status_of(failure)
    shown = "" if status is None else f" (HTTP {status})"
    if is_refusal(failure):
        return f"may not be {attempt.done}: check the credentials{shown}"
    if status in (404, 410):
        return f"{attempt.absent}{shown}"
    if status is not None:
        return f"cannot be {attempt.done}: the server answered with HTTP {status}"
    if any_is(ssl.SSLError):
        return f"cannot be {attempt.done}: its TLS certificate or protocol is not accepted"
    if any_is(socket.gaierror):
        return f"cannot be reached{_where(chain, url)}: its host is not known"
    if any_is(TimeoutError, asyncio.TimeoutError):  # two classes before Python 3.11
        return "did not answer in time"
    if isinstance(chain[-1], FileNotFoundError):
        return attempt.absent
    if codes := [link.errno for link in chain if isinstance(link, OSError) and link.errno]:
        return f"cannot be reached{_where(chain, url)}: {os.strerror(codes[-1])}"
    return f"cannot be {attempt.done} ({type(chain[-1]).__name__})"


def _where(chain: Iterable[BaseException], url: str) -> str:
    """Return the endpoint of a store, as aiohttp's errors have it; nothing where the URL says it."""
    for link in chain:
        host, port = getattr(link, "host", None), getattr(link, "port", None)
        if isinstance(host, str) and host not in url:
            return f" at {host}:{port}"
    return ""


def _chain(failure: BaseException | None) -> Iterator[BaseException]:
    """Yield the failure and what it came from; fsspec calls every refusal of a web server "not found"."""
    while failure is not None:
        yield failure
        failure = failure.__cause__ or failure.__context__


def _http_status(failure: BaseException) -> int | None:
    """Find the answer's status: each library keeps it in a place of its own."""
    if "aiohttp.http_exceptions" in (type(failure).__module__, type(failure.__cause__).__module__):
        return None  # calls an answer that it cannot read, or that ends too early, a 400
    response = getattr(failure, "response", None)
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    status = getattr(failure, "status", None) or metadata.get("HTTPStatusCode") or getattr(failure, "code", None)
    return status if isinstance(status, int) and 400 <= status < 600 else None
