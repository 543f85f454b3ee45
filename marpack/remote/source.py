"""Files that lie elsewhere: read by their URL, straight into an archive."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from marpack.archive.sources import CHUNK_SIZE, FileSource, Reader, Source, StreamSource
from marpack.display import hidden_url
from marpack.errors import DownloadError, SourceChangedError
from marpack.remote.urls import allowed_scheme, ask, describe, file_name, file_system, local_path

_SPOOL_IN_MEMORY = 1 << 20


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
        scheme = allowed_scheme(url, DownloadError)
        name = file_name(url, DownloadError)
        if scheme == "file":
            local = ask(url, lambda: _local_file(url), DownloadError)
            return cls(url=url, name=name, size=local.size, held=local)
        filesystem, path = ask(url, lambda: file_system(url, storage_options), DownloadError)
        size, state = describe(url, filesystem, path)
        if size is not None:
            return cls(url=url, name=name, size=size, state=state, path=path, filesystem=filesystem)
        spooled = _spool(url, filesystem, path)
        return cls(url=url, name=name, size=spooled.size, held=spooled)

    def open(self) -> Reader:
        """Read from the first byte; ``SourceChangedError`` if it is not the file that was planned."""
        return _RemoteFile(self) if self.held is None else self.held.open()

    def check(self) -> None:
        """Raise ``SourceChangedError`` unless the store still describes the file as it was planned."""
        if describe(self.url, self.filesystem, self.path) != (self.size, self.state):
            raise SourceChangedError(repr(hidden_url(self.url)), "has changed since the archive was planned")

    def __repr__(self) -> str:
        return f"RemoteSource(url={hidden_url(self.url)!r}, size={self.size})"


class _RemoteFile:
    """Asks whether the file changed at its beginning, at its end, and when it breaks off."""

    def __init__(self, source: RemoteSource) -> None:
        source.check()
        self._source = source
        self._file = ask(source.url, lambda: source.filesystem.open(source.path, "rb"), DownloadError)

    def read(self, size: int, /) -> bytes:
        try:
            data: bytes = ask(self._source.url, lambda: self._file.read(size), DownloadError)
        except DownloadError:
            self._source.check()
            raise
        if not data:
            self._source.check()
        return data

    def seekable(self) -> bool:
        """Tell whether the store gives parts of a file; fsspec's streams say so, too, and fail."""
        try:
            self._file.seek(1)
            self._file.seek(0)
        except Exception:
            return False
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> _RemoteFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Spool(tempfile.SpooledTemporaryFile[bytes]):
    """Goes with the last source that refers to it."""

    def __del__(self) -> None:
        self.close()


def _local_file(url: str) -> FileSource:
    path = local_path(url, DownloadError)
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise DownloadError(hidden_url(url), "is not a regular file")
    return FileSource.from_stat(path, status)


def _spool(url: str, filesystem: Any, path: str) -> StreamSource:
    spool = _Spool(max_size=_SPOOL_IN_MEMORY)
    with closing(ask(url, lambda: filesystem.open(path, "rb"), DownloadError)) as file:
        while chunk := ask(url, lambda: file.read(CHUNK_SIZE), DownloadError):
            spool.write(chunk)
    return StreamSource(file=spool, start=0, size=spool.tell())
