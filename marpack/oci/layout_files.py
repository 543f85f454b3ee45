"""The files of a layout or a docker-archive, in a folder or a tar: nothing outside of it is ever opened."""

from __future__ import annotations

import io
import os
import posixpath
import stat
import tarfile
from typing import Any, BinaryIO, Protocol

from marpack.archive.sources import FileSource, Reader, Source, open_at_once
from marpack.errors import ImageError
from marpack.frozen import frozen

# Of a document: a registry takes no larger manifest, and no index is (I25).
LONGEST_DOCUMENT = 1 << 22
# Of a tar: a record before a member that says more of it, and all headers and such records together (I25).
_LONGEST_RECORD = 1 << 20
_LONGEST_HEADERS = 1 << 25
# A link that leads to a link that leads to a link.
_MOST_LINKS = 8


class LayoutFiles(Protocol):
    """Files by their names, with ``/``; ``path`` is where they lie."""

    path: str

    def read(self, name: str) -> bytes | None:
        """Return a small file; None where there is none. Raises ``ImageError`` for one that is too large."""

    def source(self, name: str) -> Source | None:
        """Return a regular file; None where there is none. Raises ``ImageError`` for what is no file."""


def open_files(path: str) -> LayoutFiles:
    """Return what reads the files at a path, a folder or a tar. Raises ``ImageError`` and ``OSError``."""
    if stat.S_ISDIR(os.stat(path).st_mode):
        return _FolderFiles(path)
    return _TarFiles(path)


class _FolderFiles:
    """Files in a folder, in which no link is followed (I24)."""

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self, name: str) -> bytes | None:
        source = self.source(name)
        if source is None:
            return None
        _require_short(self.path, name, source.size)
        return source.read()

    def source(self, name: str) -> FileSource | None:
        place = self.path
        parts = name.split("/")
        if {"", ".", ".."} & {*parts}:
            raise ImageError(
                self.path, f"names {name!r}, which leads elsewhere: a layout has all in itself", code="link"
            )
        for number, part in enumerate(parts, start=1):
            place = os.path.join(place, part)
            try:
                status = os.lstat(place)
            except (FileNotFoundError, NotADirectoryError):
                return None
            is_right = stat.S_ISREG if number == len(parts) else stat.S_ISDIR
            if not is_right(status.st_mode):
                what = "a link" if stat.S_ISLNK(status.st_mode) else "no regular file or folder"
                raise ImageError(
                    self.path,
                    f"holds {'/'.join(parts[:number])!r}, which is {what}: a layout has none",
                    code="link",
                )
        return FileSource.from_stat(place, status)


@frozen
class _TarredFile:
    """A file in a tar, whose contents lie from ``offset`` on: a ``Source``."""

    tar: FileSource
    offset: int
    size: int

    def open(self) -> Reader:
        return _TarredReader(self)


class _TarredReader:
    def __init__(self, file: _TarredFile) -> None:
        self._left = file.size
        self._tar = file.tar
        self._file = io.FileIO(file.tar.path, opener=open_at_once)
        try:
            self._tar.require_unchanged(os.fstat(self._file.fileno()))
            self._file.seek(file.offset)
        except BaseException:
            self._file.close()
            raise

    def read(self, size: int, /) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        if not data:
            self._tar.require_unchanged(os.fstat(self._file.fileno()))
        return data

    def close(self) -> None:
        self._file.close()


class _Headers:
    """The tar as ``tarfile`` reads it: record by record, none of which may be long, nor all of them together."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._left = _LONGEST_HEADERS
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        if size > _LONGEST_RECORD:
            raise ImageError(self._path, f"has a record of {size:,} bytes before a member", code="too-large")
        self._left -= size
        if self._left < 0:
            raise ImageError(self._path, f"has headers of more than {_LONGEST_HEADERS:,} bytes", code="too-large")
        return self._file.read(size)


@frozen
class _TarMember:
    """What is kept of a member: where its contents lie if it is a file, and where it leads if it is a link."""

    offset: int
    size: int
    is_file: bool
    leads_to: str | None

    @classmethod
    def of(cls, name: str, member: tarfile.TarInfo) -> _TarMember:
        leads_to = None
        if member.issym() or member.islnk():
            above = posixpath.dirname(name) if member.issym() else ""
            leads_to = posixpath.normpath(posixpath.join(above, member.linkname))
        is_file = member.isreg() and not member.issparse()
        return cls(offset=member.offset_data, size=member.size, is_file=is_file, leads_to=leads_to)


class _TarFiles:
    """Files in a tar that is not compressed; a link leads to a member of the same tar or nowhere (I24)."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._tar = FileSource.from_stat(path, os.stat(path))
        self._members: dict[str, _TarMember] = {}
        with open(path, "rb", opener=open_at_once) as file:
            try:
                headers: Any = _Headers(path, file)
                with tarfile.open(fileobj=headers, mode="r:") as tar:
                    while member := tar.next():
                        name = _plain(member.name)
                        self._members[name] = _TarMember.of(name, member)
                        # Which would be all of them, with all that was said of each.
                        tar.members.clear()  # type: ignore[attr-defined]
            except RecursionError:  # of records before a member, each of which may have one before itself
                raise ImageError(path, "has a member behind records without end", code="too-large") from None
            except (tarfile.TarError, ValueError, OverflowError) as error:
                if isinstance(error, ImageError):
                    raise
                raise ImageError(
                    path,
                    f"is neither a layout's folder nor a tar that is not compressed ({error}): "
                    "give one that skopeo or docker save wrote",
                    code="not-image",
                ) from None

    def read(self, name: str) -> bytes | None:
        source = self.source(name)
        if source is None:
            return None
        _require_short(self.path, name, source.size)
        reader = source.open()
        try:
            return reader.read(source.size)
        finally:
            reader.close()

    def source(self, name: str) -> _TarredFile | None:
        seen = _plain(name)
        for _ in range(_MOST_LINKS):
            member = self._members.get(seen)
            if member is None:
                return None
            if member.is_file:
                if member.offset + member.size > self._tar.size:
                    raise ImageError(self.path, f"breaks off within {name!r}: get it again", code="size-mismatch")
                return _TarredFile(tar=self._tar, offset=member.offset, size=member.size)
            if member.leads_to is None or member.leads_to.startswith(("/", "..")):
                break
            seen = member.leads_to
        raise ImageError(self.path, f"holds {name!r}, which is no file and leads to none in it", code="link")


def _plain(name: str) -> str:
    return posixpath.normpath(name) if name.startswith("./") else name


def _require_short(path: str, name: str, size: int) -> None:
    if size > LONGEST_DOCUMENT:
        message = f"has a {name!r} of {size:,} bytes, and a document has {LONGEST_DOCUMENT:,} at most"
        raise ImageError(path, message, code="too-large")
