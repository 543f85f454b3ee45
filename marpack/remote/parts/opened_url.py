"""From a URL to its bytes: in parts where its server gives them, or as a copy."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import closing
from typing import IO, Any

from marpack.archive.read.random_access import RandomAccess, StreamBytes
from marpack.archive.sources import CHUNK_SIZE
from marpack.display import hidden_url
from marpack.errors import DownloadError
from marpack.remote.parts.google import GoogleParts
from marpack.remote.parts.others import OtherParts
from marpack.remote.parts.parts import Parts
from marpack.remote.parts.remote_bytes import RemoteBytes
from marpack.remote.parts.s3 import S3Parts
from marpack.remote.parts.web import WebParts
from marpack.remote.urls import allowed_scheme, ask, file_name, file_system, kind_at

IS_A_FOLDER = "is a folder: give the URL of an archive in it"


def bytes_at(url: str, storage_options: Mapping[str, Any], *, download: bool) -> RandomAccess:
    """Open the file at a URL, which no ``file://`` is, to be read in parts.

    To ``download`` is to copy all of it now, into a temporary file that has no name. Raises ``DownloadError``, or
    ``MissingExtraError`` when the scheme needs a package that is not there.
    """
    scheme = allowed_scheme(url, DownloadError)
    file_name(url, DownloadError)  # raises for a URL that ends in none
    filesystem, path = ask(url, lambda: file_system(url, dict(storage_options)), DownloadError)
    try:
        return (
            _downloaded(url, filesystem, path) if download else RemoteBytes(_parts(url, scheme, filesystem, path))
        )
    except DownloadError as error:
        if error.reason != DownloadError.absent or scheme in ("http", "https"):
            raise
    # Outside of the except, as in ask().
    if ask(url, lambda: kind_at(filesystem, path), DownloadError) == "directory":
        raise DownloadError(hidden_url(url), IS_A_FOLDER)
    raise DownloadError(hidden_url(url), DownloadError.absent)


def _parts(url: str, scheme: str, filesystem: Any, path: str) -> Parts:
    if scheme in ("http", "https"):
        return WebParts(url, filesystem)
    if scheme in ("s3", "s3a"):
        return S3Parts(url, filesystem, path)
    return (GoogleParts if scheme in ("gs", "gcs") else OtherParts)(url, filesystem, path)


def _downloaded(url: str, filesystem: Any, path: str) -> RandomAccess:
    """Copy a file, in one request, into a temporary one that goes when it is closed."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed with what is returned
    try:
        with closing(ask(url, lambda: filesystem.open(path, "rb"), DownloadError)) as file:
            while chunk := ask(url, lambda: file.read(CHUNK_SIZE), DownloadError):
                copy.write(chunk)
        return _Copy(copy)
    except BaseException:
        copy.close()
        raise


class _Copy(StreamBytes):
    """A temporary file, which is closed when it is no longer read."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self._copy = file

    def close(self) -> None:
        """Close the file, of which nothing stays."""
        self._closed = True
        self._copy.close()
