"""Files that lie elsewhere: read by their URL, straight into an archive."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from marpack.archive.entry import CHUNK_SIZE, FileSource, StreamSource
from marpack.errors import DownloadError, MarpackError, MissingExtraError, SourceChangedError
from marpack.secrets import hidden_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from marpack.archive.entry import Reader, Source

__all__ = ["RemoteSource", "is_url"]

T = TypeVar("T")

# RFC 3986, 3.1; fsspec chains file systems with "::". One letter is a drive of Windows.
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]+"
_URL = re.compile(rf"(?:{_SCHEME}::)*({_SCHEME})://")

_IPV6_HOST = re.compile(r"(?<=[/@])\[[^\]/]*\]")

_WEB = ("http", "https")
# What the extra installs.
_IN_EXTRA = frozenset([*_WEB, "s3", "s3a", "gs", "gcs"])
# Other stores of fsspec; each says itself which package it needs. The rest of fsspec's schemes unpack, cache, or
# have another program do the work: nothing that a file of settings may start.
_OTHER_STORES = frozenset(
    ["abfs", "abfss", "adl", "az", "ftp", "hf", "oci", "oss", "sftp", "smb", "ssh", "tos", "webhdfs"]
)

# What tells one state of a remote file from the next, the surest first: each store has its own names.
_STATE_KEYS = ("ETag", "etag", "generation", "LastModified", "Last-Modified", "last_modified", "mtime", "modified")

_CONNECT_SECONDS = 30
_SILENCE_SECONDS = 60
_SPOOL_IN_MEMORY = 1 << 20


def is_url(text: str) -> bool:
    r"""Tell ``scheme://...`` from a path; ``C:\...`` and ``C://...`` are paths."""
    return _URL.match(text) is not None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class RemoteSource:
    """A file behind a URL, as it was when its size was asked for; build one with ``from_url``.

    It is read through ``filesystem``, fsspec's for the URL, each time anew and without a copy on disk: an archive
    that is written in two passes downloads it twice. ``state`` is the store's mark of the contents (an ETag, a
    time of change), None where it gives none. ``held`` is what is read instead of the URL: the file of a
    ``file://`` URL, and the copy of what a server sent without stating its size.
    """

    url: str
    name: str
    size: int
    state: str | None = None
    path: str = ""
    filesystem: Any = None
    held: Source | None = None

    @classmethod
    def from_url(cls, url: str, **storage_options: Any) -> RemoteSource:
        """Ask for the size of the file at ``url``; nothing is downloaded where the server states it.

        A server that does not (HTTP without Content-Length) has the whole file fetched at once, into an anonymous
        temporary file. ``storage_options`` go to fsspec's file system of the scheme (``endpoint_url=``,
        ``anon=``); without them credentials, endpoints and proxies are found where its library looks for them.
        Raises ``DownloadError``, or ``MissingExtraError`` when the scheme needs a package that is not there.
        """
        scheme = _allowed_scheme(url)
        name = _name(scheme, url)
        if scheme == "file":
            local = _ask(url, lambda: _local_file(url))
            return cls(url=url, name=name, size=local.size, held=local)
        filesystem, path = _ask(url, lambda: _filesystem(scheme, url, storage_options))
        size, state = _describe(url, filesystem, path)
        if size is not None:
            return cls(url=url, name=name, size=size, state=state, path=path, filesystem=filesystem)
        spooled = _spool(url, filesystem, path)
        return cls(url=url, name=name, size=spooled.size, held=spooled)

    def open(self) -> Reader:
        """Read from the first byte; ``SourceChangedError`` if it is not the file that was planned."""
        return _RemoteFile(self) if self.held is None else self.held.open()

    def check(self) -> None:
        """Raise ``SourceChangedError`` unless the store still describes the file as it was planned."""
        if _describe(self.url, self.filesystem, self.path) != (self.size, self.state):
            raise SourceChangedError(repr(hidden_url(self.url)), "has changed since the archive was planned")

    def __repr__(self) -> str:
        return f"RemoteSource(url={hidden_url(self.url)!r}, size={self.size})"


class _RemoteFile:
    """Asks whether the file changed at its beginning, at its end, and when it breaks off."""

    def __init__(self, source: RemoteSource) -> None:
        source.check()
        self._source = source
        self._file = _ask(source.url, lambda: source.filesystem.open(source.path, "rb"))

    def read(self, size: int, /) -> bytes:
        try:
            data: bytes = _ask(self._source.url, lambda: self._file.read(size))
        except DownloadError:
            self._source.check()
            raise
        if not data:
            self._source.check()
        return data

    def close(self) -> None:
        self._file.close()


class _Spool(tempfile.SpooledTemporaryFile[bytes]):
    """Goes with the last source that refers to it."""

    def __del__(self) -> None:
        self.close()


def _allowed_scheme(url: str) -> str:
    match = _URL.match(url)
    if match is None:
        raise _error(url, "is not a URL: give scheme://...")
    scheme = match[1].lower()
    # A query may hold anything, also "::"; only for the web is it no part of the name.
    address = url.partition("?")[0] if scheme in _WEB else url
    if "::" in _IPV6_HOST.sub("", address):
        raise _error(url, "chains file systems with '::': give the URL of the file itself")
    if scheme != "file" and scheme not in _IN_EXTRA | _OTHER_STORES:
        known = ", ".join(sorted({"file", *_IN_EXTRA, *_OTHER_STORES}))
        raise _error(url, f"cannot be read by its scheme: give one of {known}, or a path")
    return scheme


def _name(scheme: str, url: str) -> str:
    """Return the last part of the path; a store's keys are written in URLs as they are, the web's are encoded."""
    if scheme in _WEB or scheme == "file":
        path = unquote(_ask(url, lambda: urlsplit(url).path))
    else:
        path = url.partition("://")[2].partition("?versionId=")[0].partition("/")[2]
    name = path.rpartition("/")[2]
    if not name:
        raise _error(url, "names no file: its path must not end here")
    return name


def _local_file(url: str) -> FileSource:
    from urllib.request import url2pathname  # slow to import

    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise _error(url, "is on another machine: write file:///path")
    path = url2pathname(parts.path)
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise _error(url, "is not a regular file")
    return FileSource.from_stat(path, status)


def _filesystem(scheme: str, url: str, options: dict[str, Any]) -> tuple[Any, str]:
    """Return a file system of our own, so that nobody's cached listings answer for it, and the path in it."""
    import fsspec  # type: ignore[import-untyped]

    if scheme not in _WEB:
        filesystem, path = fsspec.core.url_to_fs(url, skip_instance_cache=True, **options)
        return filesystem, path

    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
    usual: dict[str, Any] = {
        # One request for the whole file, not one for each few MiB of it.
        "block_size": 0,
        # aiohttp's own limit is five minutes in all. Proxies come from the environment, as for any other client.
        "client_kwargs": {"timeout": timeout, "trust_env": True},
        # A signature holds for the URL as it is spelt.
        "encoded": url.isascii() and url.isprintable() and " " not in url,
    }
    return fsspec.filesystem(scheme, skip_instance_cache=True, **{**usual, **options}), url


def _describe(url: str, filesystem: Any, path: str) -> tuple[int | None, str | None]:
    """Ask for the size in bytes and the mark of the contents, each None where the store does not say."""

    def info() -> dict[str, Any]:
        filesystem.invalidate_cache()
        return dict(filesystem.info(path))

    found = _ask(url, info)
    if found.get("type") == "directory":
        raise _error(url, "is a folder: give the URL of a file")
    states = (str(found[key]) for key in _STATE_KEYS if found.get(key))
    return found.get("size"), next(states, None)


def _spool(url: str, filesystem: Any, path: str) -> StreamSource:
    spool = _Spool(max_size=_SPOOL_IN_MEMORY)
    with closing(_ask(url, lambda: filesystem.open(path, "rb"))) as file:
        while chunk := _ask(url, lambda: file.read(CHUNK_SIZE)):
            spool.write(chunk)
    return StreamSource(file=spool, start=0, size=spool.tell())


def _error(url: str, reason: str) -> DownloadError:
    return DownloadError(hidden_url(url), reason)


def _ask(url: str, question: Callable[[], T]) -> T:
    """Return the answer; every failure is one error that shows nothing secret."""
    try:
        return question()
    except MarpackError:
        raise
    except Exception as failure:
        error = _failed(url, failure)
    # Not inside of the except: what failed may show the URL, and would be printed with the error as its context.
    raise error


def _failed(url: str, failure: Exception) -> MarpackError:
    scheme = url.partition("://")[0].lower()
    if not isinstance(failure, ImportError):
        return _error(url, _reason(failure))
    if scheme in _IN_EXTRA or failure.name == "fsspec":
        return MissingExtraError(f"reading {scheme}:// URLs", "remote")
    return _error(url, f"needs another package: {failure}")  # fsspec's own text says which


def _reason(failure: Exception) -> str:
    """Say what went wrong, in words of our own: the failure's may hold the URL, or a key."""
    import asyncio  # whatever failed has these three loaded
    import socket
    import ssl

    chain = list(_chain(failure))

    def any_is(*kinds: type[BaseException]) -> bool:
        return any(isinstance(link, kinds) for link in chain)

    status = next(filter(None, map(_http_status, chain)), None)
    shown = "" if status is None else f" (HTTP {status})"
    if status in (401, 403, 407) or any_is(PermissionError):
        return f"may not be read: check the credentials{shown}"
    if status in (404, 410):
        return f"does not exist: correct the URL{shown}"
    if status is not None:
        return f"cannot be read: the server answered with HTTP {status}"
    if any_is(ssl.SSLError):
        return "cannot be read: its TLS certificate or protocol is not accepted"
    if any_is(socket.gaierror):
        return "cannot be reached: its host is not known"
    if any_is(TimeoutError, asyncio.TimeoutError):  # two classes before Python 3.11
        return "did not answer in time"
    if isinstance(chain[-1], FileNotFoundError):
        return "does not exist: correct the URL"
    if codes := [link.errno for link in chain if isinstance(link, OSError) and link.errno]:
        return f"cannot be reached: {os.strerror(codes[-1])}"
    return f"cannot be read ({type(chain[-1]).__name__})"


def _chain(failure: BaseException | None) -> Iterator[BaseException]:
    """Yield the failure and what it came from; fsspec calls every refusal of a web server "not found"."""
    while failure is not None:
        yield failure
        failure = failure.__cause__ or failure.__context__


def _http_status(failure: BaseException) -> int | None:
    """Find the answer's status: each library keeps it in a place of its own."""
    response = getattr(failure, "response", None)
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    status = getattr(failure, "status", None) or metadata.get("HTTPStatusCode") or getattr(failure, "code", None)
    return status if isinstance(status, int) and 400 <= status < 600 else None
