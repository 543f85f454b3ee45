"""A folder at a path or behind a URL: listed, read, written, and put there whole or not at all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from urllib.parse import quote

from marpack.archive.plan.plan import Plan
from marpack.archive.result import Progress, WriteResult
from marpack.archive.sources import Source
from marpack.disk.atomic import path_problem
from marpack.display import hidden, hidden_url
from marpack.errors import DownloadError, TargetError, UploadError
from marpack.remote.contents import Contents
from marpack.remote.local_folder import LocalFolder
from marpack.remote.store_folder import StoreFolder
from marpack.remote.urls import LOST_SLASH, allowed_scheme, ask, is_url, local_path, lost_slash


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A file of a folder: its ``name`` is relative, with ``/``, its ``size`` in bytes.

    ``modified`` is in seconds since the epoch. What the store does not say is None.
    """

    name: str
    size: int | None
    modified: float | None


class StorageFolder:
    """A folder on the disk or in a store, which need not be there yet; make one with ``of``.

    ``location`` is the path or the URL, with its secrets. ``str()`` gives it without them, and options are never
    shown. A folder is used by one thread at a time.
    """

    __slots__ = ("_place", "_shown", "location")

    def __init__(self, location: str, shown: str, place: LocalFolder | StoreFolder) -> None:
        self.location = location
        self._shown = shown
        self._place = place

    @classmethod
    def of(cls, location: str | os.PathLike[str], **storage_options: Any) -> StorageFolder:
        """Name a folder by its path, by a ``file://`` URL, or by a URL that marpack can write to.

        No store is asked. ``storage_options`` go to fsspec's file system of the scheme (for S3 ``key=``,
        ``secret=``, ``endpoint_url=``, ``client_kwargs=``); without them credentials and endpoints are found where
        its library looks for them. The web (``http://``) can be neither listed nor written to. Raises
        ``UploadError`` for such a URL, and ``TargetError`` for what is no path, as a ``pathlib.Path`` made of a
        URL, which has lost a slash by that.
        """
        text = os.fsdecode(location)
        if not is_url(text):
            if url := lost_slash(text):
                raise TargetError(hidden_url(url), LOST_SLASH)
            if problem := path_problem(text):
                raise TargetError(text, problem)
            path = text.rstrip("/") or text[:1] or os.curdir
            return cls(path, path, LocalFolder(path))
        scheme = allowed_scheme(text, UploadError)
        url = text.rstrip("/")
        if not is_url(url):
            raise UploadError(hidden_url(text), "names no folder: give scheme://bucket/folder, or file:///path")
        if scheme == "file":
            path = ask(text, lambda: local_path(url, UploadError), UploadError)
            return cls(url, hidden_url(url), LocalFolder(path))
        return cls(url, hidden_url(url), StoreFolder(url, hidden_url(url), storage_options))

    @property
    def path(self) -> str | None:
        """The path on the disk; None for a folder of a store."""
        return self._place.path if isinstance(self._place, LocalFolder) else None

    @property
    def is_local(self) -> bool:
        """Whether the folder is on the machine's disk."""
        return isinstance(self._place, LocalFolder)

    def child(self, *names: str) -> StorageFolder:
        """Return a folder below this one; a name may be several, separated by ``/``.

        Raises ``TargetError`` for a name that leads elsewhere.
        """
        name = "/".join(map(self._checked, names))
        if not name:
            return self
        place = self._place.child(name)
        if isinstance(place, StoreFolder):
            location = place.url
        else:
            location = f"{self.location}/{quote(name)}" if is_url(self.location) else place.path
        return StorageFolder(location, f"{self._shown.rstrip('/')}/{name}", place)

    def files(self) -> list[StoredFile]:
        """List the files, also those in folders below, by their names; none where there is no such folder.

        What is being put there, and is not complete, is left out, and so are links that lead nowhere. Raises
        ``DownloadError`` for a store, ``OSError`` from the disk.
        """
        found = sorted(self._place.files(), key=itemgetter(0))
        return [StoredFile(name=name, size=size, modified=modified) for name, size, modified in found]

    def read(self, name: str, *, limit: int) -> bytes | None:
        """Return what is in a file, None where there is none; ``DownloadError`` for more than ``limit`` bytes."""
        data = self._place.read(self._checked(name), limit)
        if data is not None and len(data) > limit:
            raise DownloadError(f"{self}/{name}", f"is larger than the {limit:,} bytes that it may have")
        return data

    def write(self, name: str, data: bytes) -> None:
        """Write a file, or replace it: it has the old contents until it has the new ones.

        Raises ``UploadError`` for a store, ``OSError`` from the disk.
        """
        self._place.write(self._checked(name), data)

    def require_new(self, items: Sequence[tuple[str, Contents]] = ()) -> None:
        """Raise what ``put`` would raise because of the place; nothing is sent."""
        self._require_items(items)
        self._place.require_new()

    def put(
        self,
        items: Sequence[tuple[str, Contents]],
        *,
        progress: Progress | None = None,
        threads: int | None = None,
    ) -> list[WriteResult | None]:
        """Make this folder, with a file for each name and its contents: all of them, or none.

        ``progress`` and ``threads`` are those of ``write_archive``, and so are the results, None for what is no
        archive. Nothing is copied to a disk on the way to a store, and few parts of 32 MiB are in memory, however
        many files there are.

        - On the disk, and on SFTP and FTP servers, the folder is built under a hidden name beside it, and renamed.
        - In other stores a folder is nothing but the names of its files. All of each file is sent first, as an
          upload that is not seen (Google takes less than 256 KiB of each with the next step), and then they appear
          one by one, in the order given: let that one come last without which nobody takes the folder for
          complete. After an error, those that have appeared are removed again.

        A process that is killed outright leaves a hidden folder, or uploads that the store drops in time (on S3,
        by a rule of the bucket's life cycle); between the first appearance and the last, a folder without its last
        file. Of two calls that put the same folder at the same moment, the later one may add to the other's, and
        takes away of that what has its names if it fails then.

        Raises ``ArchiveExistsError`` where the folder is there and not empty, ``TargetError`` for a place or a
        name that takes no file, ``UploadError``, and what ``write_archive`` raises for sources.
        """
        self._require_items(items)
        return self._place.put(items, progress=progress, threads=threads)

    def _require_items(self, items: Sequence[tuple[str, Contents]]) -> None:
        names = [self._checked(name) for name, _ in items]
        folders = {name[:end] for name in names for end, letter in enumerate(name) if letter == "/"}
        times = Counter(names)
        if clash := [name for name in names if times[name] > 1 or name in folders]:
            raise TargetError(str(self), f"takes one file of a name, and {clash[0]!r} is two: rename one")
        for name, contents in items:
            if not isinstance(contents, (bytes, Plan, Source)):
                raise TypeError(f"{name!r} must be a plan, a source or bytes, not {type(contents).__name__}")
            if isinstance(contents, Plan) and contents.archive_format == "no-archive" and not self.is_local:
                reason = "takes files, and no-archive is a folder: choose another form"
                raise TargetError(f"{self}/{name}", reason)

    def remove(self, names: Sequence[str]) -> None:
        """Remove files in the order given, and folders that become empty by it; what is not there is no error."""
        self._place.remove([self._checked(name) for name in names])

    def source(self, name: str) -> Source:
        """Return a file as something to pack or to put; ``DownloadError`` where there is none."""
        return self._place.source(self._checked(name))

    def _checked(self, name: str) -> str:
        """Return a name that stays inside; ``TargetError`` for any other."""
        if set(name.split("/")).intersection({"", ".", ".."}) or "\\" in name or not name.isprintable():
            reason = f"holds no {hidden(name)!r}: give a name without '.', '..', backslashes and empty parts"
            raise TargetError(str(self), reason)
        if not self.is_local and "?" in name:
            raise TargetError(str(self), f"holds no {hidden(name)!r}: in a URL, a query begins at '?'")
        return name

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"StorageFolder({self._shown!r})"
