"""From a URL to its bytes: in parts where its server gives them, or as a copy."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from typing import IO, Any

from marpack.archive.read.random_access import RandomAccess, StreamBytes
from marpack.archive.sources import CHUNK_SIZE
from marpack.disk.space import free_space
from marpack.display import hidden_url
from marpack.errors import DownloadError
from marpack.remote.parts.google import GoogleParts
from marpack.remote.parts.others import OtherParts
from marpack.remote.parts.parts import Parts, changed
from marpack.remote.parts.remote_bytes import RemoteBytes
from marpack.remote.parts.s3 import S3Parts
from marpack.remote.parts.web import WebDownload, WebParts
from marpack.remote.urls import allowed_scheme, ask, describe, file_name, file_system, kind_at

_WEB = ("http", "https")
_IS_A_FOLDER = "is a folder: name an archive in it"


def archive_name(url: str) -> str:
    """Return the name of the file at a URL; ``DownloadError`` for one that ends in none."""
    if url.endswith("/"):
        raise DownloadError(hidden_url(url), _IS_A_FOLDER)
    return file_name(url, DownloadError)


def bytes_at(url: str, storage_options: Mapping[str, Any], *, download: bool) -> RandomAccess:
    """Open the file at a URL, which no ``file://`` is, to be read in parts.

    To ``download`` is to copy all of it now, into a temporary file that has no name. Raises ``DownloadError``, or
    ``MissingExtraError`` when the scheme needs a package that is not there.
    """
    scheme = allowed_scheme(url, DownloadError)
    filesystem, path = ask(url, lambda: file_system(url, dict(storage_options)), DownloadError)
    try:
        if download:
            return _copied(url, filesystem, path, is_web=scheme in _WEB)
        return RemoteBytes(_parts(url, scheme, filesystem, path))
    except DownloadError as error:
        if not error.reason.startswith(DownloadError.absent) or scheme in _WEB:
            raise
    # Outside of the except, as in ask().
    if ask(url, lambda: kind_at(filesystem, path), DownloadError) == "directory":
        raise DownloadError(hidden_url(url), _IS_A_FOLDER)
    raise DownloadError(hidden_url(url), DownloadError.absent)


def _parts(url: str, scheme: str, filesystem: Any, path: str) -> Parts:
    if scheme in _WEB:
        return WebParts(url, filesystem)
    if scheme in ("s3", "s3a"):
        return S3Parts(url, filesystem, path)
    return (GoogleParts if scheme in ("gs", "gcs") else OtherParts)(url, filesystem, path)


def _copied(url: str, filesystem: Any, path: str, *, is_web: bool) -> RandomAccess:
    """Copy a file into a temporary one that has no name, and goes when it is closed.

    A web server sends it in one answer; stores may be asked several times.
    """
    before = None if is_web else describe(url, filesystem, path)
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed with what is returned
    try:
        opened = partial(WebDownload, url, filesystem) if is_web else partial(filesystem.open, path, "rb")
        with closing(ask(url, opened, DownloadError)) as file:
            stated = before[0] if before else file.size
            _require_room(url, stated)
            while chunk := ask(url, lambda: file.read(CHUNK_SIZE), DownloadError):
                copy.write(chunk)
                if stated is not None and copy.tell() > stated:
                    more = f"cannot be read: more comes than the {stated:,} bytes that its server states"
                    raise changed(url) if before else DownloadError(hidden_url(url), more)
        if before and (before != describe(url, filesystem, path) or before[0] not in (None, copy.tell())):
            raise changed(url)
        return _Copy(copy)
    except BaseException:
        copy.close()
        raise


def _require_room(url: str, size: int | None) -> None:
    """Raise ``DownloadError`` for a copy that finds no room where temporary files go."""
    folder = tempfile.gettempdir()
    free = free_space(folder)
    if size is not None and free is not None and size > free:
        room = f"has {size:,} bytes, and {folder!r} has room for {free:,}"
        raise DownloadError(hidden_url(url), f"cannot be copied: it {room}: make some, or set TMPDIR")


class _Copy(StreamBytes):
    """A temporary file, which is closed when it is no longer read."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self._copy = file

    def close(self) -> None:
        """Close the file, of which nothing stays."""
        self._closed = True
        self._copy.close()
