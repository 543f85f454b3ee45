"""A gzip'd tar, read from its beginning as the server reads it (spec/archive.md, R clauses)."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator

from marpack.archive.member import ArchiveMember
from marpack.archive.names import name_issue
from marpack.archive.owner import Owner
from marpack.archive.read.container import FileContainer
from marpack.archive.read.gunzip import Gunzip
from marpack.archive.read.limits import Limits
from marpack.archive.read.member_reader import MemberReader
from marpack.archive.read.random_access import RandomAccess
from marpack.archive.read.tar_headers import FILE, FOLDER, TarHeader, read_headers
from marpack.findings import Issue

_LINKS = {b"1", b"2"}
_DEVICES = {b"3", b"4", b"6"}


class TarContainer(FileContainer):
    """The members of a gzip'd tar.

    It is read once, to its end, to find them. A member that is opened by itself costs a reading of all before it,
    unless the one opened last lies before it: then the reading goes on from there.
    """

    form = "tgz"

    def __init__(self, path: str, data: RandomAccess, limits: Limits) -> None:
        super().__init__(path, data)
        self._limits = limits
        self._issues: list[Issue] = []
        self._idle: Gunzip | None = None
        # A reader that is collected as garbage gives its stream back, on whichever thread that happens.
        self._turn = threading.RLock()
        # By the index of the member.
        self.offsets: list[int] = []
        self._read()

    def stream(self) -> Gunzip:
        """Begin to read."""
        return Gunzip(self.path, self._data, self._limits)

    def _read(self) -> None:
        stream = self.stream()
        self.timestamp = stream.mtime or None
        members: list[ArchiveMember] = []
        folders: list[str] = []
        for header in read_headers(self.path, stream):
            self._limits.require_members(self.path, len(members) + len(folders) + 1)
            self._issues += _member_issues(header)
            # R4: the server drops the first folder of each name, whatever it is called.
            _, slash, name = header.name.partition("/")
            if header.kind == FOLDER:
                if name.strip("/"):
                    folders.append(name.removesuffix("/"))
                continue
            member = ArchiveMember(
                index=len(members),
                name=name if slash else header.name,
                size=header.size,
                compressed_size=header.size,
                mode=header.mode,
                mtime_ns=header.mtime_ns,
            )
            if not members:
                self.owner = _owner(header)
            members.append(member)
            self.offsets.append(header.offset)
        if stream.has_more_than_zeros():
            message = "goes on behind the end of its tar, where TorchServe stops reading"
            self._issues.append(Issue(code="tar-trailing", argument="", message=message))
        self._issues += stream.issues()
        self.members, self.folders = tuple(members), tuple(folders)

    def open(self, member: ArchiveMember) -> MemberReader:
        """Start reading a member, once all before it has been read."""
        return _Member(self, member, self._taken(self.offsets[member.index]), shared=False)

    def _taken(self, offset: int) -> Gunzip:
        with self._turn:
            if self._idle and self._idle.position <= offset:
                stream, self._idle = self._idle, None
                return stream
        return self.stream()

    def give_back(self, stream: Gunzip) -> None:
        """Take a stream that nobody reads any more."""
        with self._turn:
            self._idle = stream

    def contents(self, wanted: Collection[ArchiveMember]) -> Iterator[tuple[ArchiveMember, MemberReader]]:
        """Yield members in their order, in one reading."""
        stream = self.stream()
        for member in self.members:
            if member in wanted:
                with _Member(self, member, stream, shared=True) as reader:
                    yield member, reader


def _owner(header: TarHeader) -> Owner | None:
    uid, gid, user, group = header.owner
    try:
        return Owner(uid=uid, gid=gid, user=user, group=group)
    except ValueError:  # negative numbers, names that cannot be shown
        return None


def _member_issues(header: TarHeader) -> Iterator[Issue]:
    name = header.name
    # By its own name too, which others unpack it under: but "./", which many tools put before all, is nothing.
    raw = name_issue(header.name.removeprefix("./")) if header.name not in (".", "./") else None
    if raw and raw.code != "name-dot":
        yield Issue(code=raw.code, argument=name, message=raw.message)
    if header.kind in _LINKS:
        yield Issue(code="link", argument=name, message="is a link, of which TorchServe makes an empty file")
    elif header.kind in _DEVICES:
        yield Issue(code="device", argument=name, message="is a device or a pipe")
    elif header.sparse:
        yield Issue(code="tar-type", argument=name, message="is a sparse file, which readers take differently")
    elif header.kind not in (FILE, FOLDER):
        yield Issue(code="tar-type", argument=name, message=f"is of the unknown type {header.kind!r}")


class _Member(MemberReader):
    """A member of a stream, which others may have brought some way already, and read on if it is ``shared``."""

    _inflates = True

    def __init__(self, container: TarContainer, member: ArchiveMember, stream: Gunzip, *, shared: bool) -> None:
        super().__init__(container.path, member)
        self._container = container
        self._offset = container.offsets[member.index]
        self._stream = stream
        self._shared = shared
        self._failed = False

    def _begin(self) -> None:
        self._stream = self._container.stream()

    def _take(self, size: int) -> bytes:
        self._failed = True
        self._stream.skip(self._offset + self._position - self._stream.position)
        data = self._stream.read(size)
        self._failed = False
        return data

    def close(self) -> None:
        if not (self.closed or self._shared or self._failed):
            self._container.give_back(self._stream)
        super().close()
