"""Open an archive of any form."""

from __future__ import annotations

import contextlib
import os
import stat
import weakref
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, TypeAlias

from marpack.archive import git_lfs
from marpack.archive.forms import SUFFIXES, WORKFLOW_SUFFIX
from marpack.archive.manifest import MANIFEST_NAME, WORKFLOW_MANIFEST_NAME, Manifest
from marpack.archive.read.archive import Archive, ModelArchive, WorkflowArchive, container_of
from marpack.archive.read.container import Container
from marpack.archive.read.limits import Limits
from marpack.archive.read.random_access import FileBytes, RandomAccess, StreamBytes
from marpack.archive.sources import SeekableFile
from marpack.display import hidden_url
from marpack.errors import ArchiveError, DownloadError

_ZIP_STARTS = (b"PK\3\4", b"PK\5\6")
_GZIP_START = b"\x1f\x8b"
_OWN_FOLDERS = {os.path.dirname(MANIFEST_NAME), os.path.dirname(WORKFLOW_MANIFEST_NAME)}


ArchiveSource: TypeAlias = "Archive | str | os.PathLike[str] | SeekableFile"
"""What every function takes that looks at an archive: one that is open, which stays open; a path; a URL; or an
open binary file that can seek, which stays open too."""


@contextlib.contextmanager
def opened(source: ArchiveSource, *, limits: Limits | None = None) -> Iterator[Archive]:
    """Yield an archive that is open; what is opened for it is closed at the end."""
    if isinstance(source, Archive):
        yield source
        return
    with open_archive(source, limits=limits) as archive:
        yield archive


def opened_for_good(source: ArchiveSource) -> Archive:
    """Return an archive that is open; what is opened for it is closed when nobody knows it any more."""
    if isinstance(source, Archive):
        return source
    archive = open_archive(source)
    weakref.finalize(archive, container_of(archive).close)
    return archive


def open_archive(
    source: str | os.PathLike[str] | SeekableFile,
    *,
    limits: Limits | None = None,
    storage_options: Mapping[str, Any] | None = None,
    download: bool = False,
) -> Archive:
    """Open a ``.mar``, a ``.war``, a ``.tar.gz`` or a model's folder for reading.

    - ``source``: a path; a URL; or an open binary file that can seek, which nobody else uses meanwhile and which
      stays open. Of a path and a URL, as for the server, a name that ends in ``.mar`` or ``.war`` means a zip and
      any other a gzip'd tar; of an open file the first bytes decide. Of a folder that holds a single folder, that
      is opened. A ``file://`` URL is the path that it names.
    - ``limits``: how much the archive may make its reader do.
    - ``storage_options``: for fsspec's file system of the URL's scheme (``endpoint_url=``, ``anon=``); without
      them credentials, endpoints and proxies are found where its library looks for them.
    - ``download``: get all of what is behind a URL first, by one request and into a temporary file without a name.

    Returns a ``ModelArchive``, or a ``WorkflowArchive`` for a name that ends in ``.war``, and where there is only
    a workflow's manifest unless the name ends in ``.mar``. It is a context manager. Of a zip only the directory is
    read here, of a tgz everything. A zip behind a URL is read where it lies, by ranges: its end and its beginning
    here, and later what is asked for. A tgz there is downloaded, for it can only be read from its beginning.
    Raises ``ArchiveError`` for what is no archive, ``UnsafeArchiveError`` for one that readers take differently as
    a whole, ``LimitError``, and what the disk says; for a URL ``DownloadError``, ``MissingExtraError``, and
    ``SourceChangedError``, also later, when another file is there while it is read.
    """
    limits = limits or Limits()
    if not isinstance(source, (str, os.PathLike)):
        return _stream(source, limits)
    path = os.fsdecode(source)
    if path.find(":/") > 1:  # or nothing of URLs need be loaded
        from marpack.remote import urls

        if urls.is_url(path):
            return _behind_url(path, limits, storage_options or {}, download=download)
        if url := urls.lost_slash(path):
            raise DownloadError(hidden_url(url), urls.LOST_SLASH)
    if "\0" in path:
        raise ArchiveError(path, "is no path: it holds a NUL character")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise ArchiveError(path, "is no path: it holds half of a character") from None
    file_name = os.path.basename(os.path.abspath(path))
    if stat.S_ISDIR(os.stat(path).st_mode):
        return _archive(_folder(path, limits), limits, file_name)
    return _file(path, FileBytes(path), limits, file_name, is_zip=_is_zip(path))


def _stream(file: SeekableFile, limits: Limits) -> Archive:
    if not callable(getattr(file, "seek", None)):
        raise TypeError(f"cannot open {type(file).__name__}: give a path, a URL, or a binary file that can seek")
    if not isinstance(file.read(0), bytes):
        raise TypeError("the file is open for text: open it with mode 'rb'")
    name = getattr(file, "name", None)
    path = name if isinstance(name, str) else ""
    stream = StreamBytes(file)
    _require_no_pointer(path, stream.read_at(0, git_lfs.LONGEST_POINTER))
    is_zip = not stream.read_at(0, 2).startswith(_GZIP_START)
    return _archive(_container(path, stream, limits, is_zip=is_zip), limits, "")


def _behind_url(url: str, limits: Limits, storage_options: Mapping[str, Any], *, download: bool) -> Archive:
    from marpack.remote import urls
    from marpack.remote.parts.opened_url import archive_name, bytes_at

    if urls.allowed_scheme(url, DownloadError) == "file":
        return open_archive(
            urls.ask(url, lambda: urls.local_path(url, DownloadError), DownloadError), limits=limits
        )
    name = archive_name(url)
    data = bytes_at(url, storage_options, download=download or not _is_zip(name))
    return _file(hidden_url(url), data, limits, name, is_zip=_is_zip(name))


def _file(path: str, data: RandomAccess, limits: Limits, file_name: str, *, is_zip: bool) -> Archive:
    """Open what is in a file, and close it when that is no archive."""
    try:
        start = data.read_at(0, git_lfs.LONGEST_POINTER)
        _require_no_pointer(path, start)
        _require_form(path, start[:4], is_zip=is_zip)
        return _archive(_container(path, data, limits, is_zip=is_zip), limits, file_name)
    except BaseException:
        data.close()
        raise


def _is_zip(name: str) -> bool:
    return name.endswith((SUFFIXES["default"], WORKFLOW_SUFFIX))


def _require_no_pointer(path: str, start: bytes) -> None:
    if git_lfs.begins_pointer(start):
        size = git_lfs.pointed_size(start)
        message = f"is {git_lfs.WHAT}" if size is None else f"is {git_lfs.WHAT} ({size:,} bytes)"
        raise ArchiveError(path, f"{message}: {git_lfs.FIX}", code="git-lfs")


def _require_form(path: str, start: bytes, *, is_zip: bool) -> None:
    if is_zip and start.startswith(_GZIP_START):
        message = "is gzip'd, and TorchServe reads that name as a zip: end its name in .tar.gz"
    elif not is_zip and start in _ZIP_STARTS:
        message = (
            "is a zip, and TorchServe reads that name as a gzip'd tar: end it in .mar; weights are packed first"
        )
    else:
        return
    raise ArchiveError(path, message, code="wrong-form")


def _folder(path: str, limits: Limits) -> Container:
    from marpack.archive.read.folder_container import FolderContainer

    with os.scandir(path) as items:
        inside = list(islice(items, 2))
    # R5: as the server does; but not into the folder of the manifest, which it takes for the model's, nor out of
    # the folder by a link.
    down = len(inside) == 1 and inside[0].name not in _OWN_FOLDERS and inside[0].is_dir(follow_symlinks=False)
    return FolderContainer(path, inside[0].path if down else path, limits)


def _container(path: str, data: RandomAccess, limits: Limits, *, is_zip: bool) -> Container:
    if is_zip:
        from marpack.archive.read.zip_container import ZipContainer

        return ZipContainer(path, data, limits)
    from marpack.archive.read.tar_container import TarContainer

    return TarContainer(path, data, limits)


def _archive(container: Container, limits: Limits, file_name: str) -> Archive:
    names = {member.name for member in container.members}
    holds_workflow = WORKFLOW_MANIFEST_NAME in names and MANIFEST_NAME not in names
    called_model = file_name.endswith(SUFFIXES["default"])
    is_workflow = file_name.endswith(WORKFLOW_SUFFIX) or (holds_workflow and not called_model)
    return (WorkflowArchive if is_workflow else ModelArchive)(container, limits, file_name)


def read_manifest(source: ArchiveSource) -> Manifest:
    """Return the manifest of a model's archive; raises what ``open_archive`` raises."""
    with opened(source) as archive:
        if not isinstance(archive, ModelArchive):
            raise ArchiveError(archive.path, "is a workflow's archive, not a model's", code="no-manifest")
        return archive.manifest


def file_name_of(source: ArchiveSource) -> str:
    """Return the name of the file or folder that an archive is, ``""`` where nobody knows it."""
    if isinstance(source, Archive):
        return source.file_name or os.path.basename(source.path)
    if isinstance(source, str) and "://" in source:
        from marpack.remote import urls

        if urls.is_url(source):
            return urls.file_name(source, DownloadError)
    name: object = source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", None)
    return os.path.basename(os.path.abspath(os.fsdecode(name))) if isinstance(name, (str, os.PathLike)) else ""
