"""Where archives lie: below folders and prefixes, one after the other, in an order that does not change."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from marpack.archive.forms import WORKFLOW_SUFFIX
from marpack.archive.manifest import MANIFEST_NAME, WORKFLOW_MANIFEST_NAME
from marpack.errors import DownloadError, MissingExtraError, UploadError
from marpack.findings import Issue
from marpack.frozen import frozen
from marpack.remote.storage import StorageFolder
from marpack.remote.urls import ask, is_url, local_path, scheme_of

# How the files of archives end; of any other name only what the caller names is looked at.
SUFFIXES = (".mar", WORKFLOW_SUFFIX, ".tar.gz", ".tgz")
_WEB = {"http", "https"}


@frozen
class Place:
    """A path or URL where an archive lies, and its ``size`` in bytes as far as it is known, 0 for a folder.

    ``error`` says what is wrong with the place itself: a folder that cannot be listed.
    """

    path: str
    size: int = 0
    error: Issue | None = None


def find_places(
    locations: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], storage_options: Mapping[str, Any]
) -> Iterator[Place]:
    """Yield the archives at each location, or below it, by their names; those named are yielded as they are.

    A folder is a model's where it holds a manifest, and then nothing in it is an archive. What begins with a dot
    is hidden, to the server too, as is what is not yet complete. Links are followed; a folder that several lead
    to is gone through once for each location, by its own name if it lies there.
    """
    for location in [locations] if isinstance(locations, (str, os.PathLike)) else locations:
        path = os.fsdecode(location)
        if scheme_of(path) == "file":
            try:
                path = ask(path, partial(local_path, path, DownloadError), DownloadError)
            except DownloadError as error:
                yield _unreadable(path, error)
                continue
        if is_url(path):
            yield from _of_store(path, storage_options)
        elif os.path.isdir(path) and not _is_model(path):
            yield from _below(path)
        else:
            yield Place(path=path, size=_size(path))


def _of_store(url: str, storage_options: Mapping[str, Any]) -> Iterator[Place]:
    address = url.partition("?")[0]
    if scheme_of(url) in _WEB and address.endswith("/"):
        message = "cannot be listed: the web has no listing; name the archives (--from-file takes many)"
        yield Place(path=url, error=Issue(code="unreadable", argument="", message=message))
        return
    if address.endswith(SUFFIXES) or scheme_of(url) in _WEB:
        yield Place(path=url)
        return
    try:
        files = StorageFolder.of(url, **storage_options).files()
    except MissingExtraError:
        raise
    except OSError as error:
        yield _unreadable(url, error)
        return
    if not files:
        yield Place(path=url, error=Issue(code="unreadable", argument="", message="nothing lies below it"))
    for file in files:
        if file.name.endswith(SUFFIXES) and not any(part.startswith(".") for part in file.name.split("/")):
            yield Place(path=f"{url.rstrip('/')}/{file.name}", size=file.size or 0)


def _below(root: str) -> Iterator[Place]:
    """Yield what lies below a folder of the disk; any depth, so without recursion.

    What links lead to comes last: an archive that lies here is told by the name that it has here.
    """
    seen: set[tuple[int, int]] = set()
    folders = deque([root])
    waiting: list[Iterator[os.DirEntry[str]]] = []

    def enter(folder: str) -> Iterator[Place]:
        try:
            status = os.stat(folder)
            if (key := (status.st_dev, status.st_ino)) in seen:
                return
            seen.add(key)
            with os.scandir(folder) as found:
                entries = sorted((each for each in found if not each.name.startswith(".")), key=_name)
            waiting.append(iter(entries))
        except OSError as error:
            yield _unreadable(folder, error)

    while folders:
        yield from enter(folders.popleft())
        while waiting:
            entry = next(waiting[-1], None)
            if entry is None:
                waiting.pop()
                continue
            try:
                is_folder = entry.is_dir()
            except OSError:  # a link to itself; of other names it is nothing that anybody packed
                is_folder = False
            if not is_folder or _is_model(entry.path):
                if is_folder or entry.name.endswith(SUFFIXES):
                    yield Place(path=entry.path, size=0 if is_folder else _size(entry.path))
            elif entry.is_symlink():
                folders.append(entry.path)
            else:
                yield from enter(entry.path)


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_model(folder: str) -> bool:
    """Tell whether a folder is an unpacked archive."""
    return any(
        os.path.isfile(os.path.join(folder, manifest)) for manifest in (MANIFEST_NAME, WORKFLOW_MANIFEST_NAME)
    )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):  # which is met again by who opens it; a NUL
        return 0


def _unreadable(path: str, error: OSError) -> Place:
    message = f"cannot be listed: {reason_of(error)}"
    return Place(path=path, error=Issue(code="unreadable", argument="", message=message))


def reason_of(error: OSError) -> str:
    """Return what the disk, or a store, says, without the name of what it is about."""
    return error.reason if isinstance(error, (DownloadError, UploadError)) else error.strerror or str(error)
