"""The files of a layout or a docker-archive, in a folder or a tar: nothing outside of it is ever opened."""

from __future__ import annotations

import io
import os
import posixpath
import stat
from typing import BinaryIO, Protocol

from marpack.archive.read.tar_headers import FILE, TarHeader, read_headers
from marpack.archive.sources import FileSource, Reader, Source, open_at_once
from marpack.errors import ArchiveError, ImageError
from marpack.frozen import frozen

# Of a document: a registry takes no larger manifest, and no index is (I25).
LONGEST_DOCUMENT = 1 << 22
# Of all headers of a tar together (I25).
_LONGEST_HEADERS = 1 << 24
# Links, by the letters of their types.
_HARD_LINK, _SYMBOLIC_LINK = b"1", b"2"
# What no file system has, nor any layout.
_LONGEST_NAME = 255
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
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        return _FolderFiles(path)
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(path, "is neither a folder nor a regular file: name a layout", code="not-image")
    return _TarFiles(path, status)


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
        if "\0" in name or len(name) > _LONGEST_NAME:
            return None
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


class _TarStream:
    """The bytes of a tar's headers, of which there may not be many; contents are skipped."""

    def __init__(self, path: str, file: BinaryIO, size: int) -> None:
        self.position = 0
        self._path = path
        self._file = file
        self._size = size
        self._left = _LONGEST_HEADERS

    def read(self, size: int, /) -> bytes:
        self._left -= size
        if self._left < 0:
            raise ImageError(self._path, f"has headers of more than {_LONGEST_HEADERS:,} bytes", code="too-large")
        data = self._file.read(size)
        self.position += len(data)
        return data

    def skip(self, count: int, /) -> None:
        self.position = min(self.position + count, self._size)
        self._file.seek(self.position)


@frozen
class _TarMember:
    """What is kept of a member: where its contents lie if it is a file, and where it leads if it is a link."""

    offset: int
    size: int
    is_file: bool
    leads_to: str | None

    @classmethod
    def of(cls, name: str, header: TarHeader) -> _TarMember:
        leads_to = None
        if header.kind in (_HARD_LINK, _SYMBOLIC_LINK):
            above = posixpath.dirname(name) if header.kind == _SYMBOLIC_LINK else ""
            leads_to = posixpath.normpath(posixpath.join(above, header.link))
        is_file = header.kind == FILE and not header.sparse
        return cls(offset=header.offset, size=header.size, is_file=is_file, leads_to=leads_to)


class _TarFiles:
    """Files in a tar that is not compressed; a link leads to a member of the same tar or nowhere (I24)."""

    def __init__(self, path: str, status: os.stat_result) -> None:
        self.path = path
        self._tar = FileSource.from_stat(path, status)
        self._members: dict[str, _TarMember] = {}
        with open(path, "rb", opener=open_at_once) as file:
            try:
                for header in read_headers(path, _TarStream(path, file, status.st_size)):
                    name = _plain(header.name)
                    self._members[name] = _TarMember.of(name, header)
            except ArchiveError as error:
                if error.code == "tar-truncated":
                    raise ImageError(path, error.message, code="size-mismatch") from None
                raise ImageError(
                    path,
                    f"is neither a layout's folder nor a plain tar that all read alike (it {error.message}): "
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
