"""A model's folder, as ``no-archive`` makes it or as an archive is unpacked."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from marpack.archive.member import ArchiveMember
from marpack.archive.names import member_order
from marpack.archive.read.container import Container
from marpack.archive.read.limits import Limits
from marpack.archive.read.member_reader import MemberReader
from marpack.archive.region import OpenFile, Region
from marpack.archive.sources import open_at_once
from marpack.errors import LimitError
from marpack.findings import Issue
from marpack.issue_codes import ReadCode

# Links that lead to each other multiply what they lead to.
_MOST_VISITS = 8


class FolderContainer(Container):
    """The files of a folder in the order of the archiver.

    Links are followed, as the server follows them, unless they lead out of the folder.
    """

    form = "folder"

    def __init__(self, path: str, root: str, limits: Limits) -> None:
        self.path = path
        self.root = os.path.realpath(root)
        self._issues: list[Issue] = []
        self._closed = False
        self._found, folders, outside = self._walk(limits)
        self.members = tuple(
            ArchiveMember(
                index=index,
                name=name,
                size=status.st_size,
                compressed_size=status.st_size,
                mode=stat.S_IMODE(status.st_mode),
                mtime_ns=status.st_mtime_ns,
            )
            for index, (name, status) in enumerate(self._found.items())
        )
        self.folders = tuple(sorted(folders))
        self.outside_links = tuple(sorted(outside))
        self.size = sum(member.size for member in self.members)

    def _walk(self, limits: Limits) -> tuple[dict[str, os.stat_result], list[str], list[str]]:
        """Return the files in their order, the folders, and the links that lead out."""
        found: dict[str, os.stat_result] = {}
        folders: list[str] = []
        outside: list[str] = []
        # With the folders in which each lies: a link may lead back to one of them.
        waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
        visits: Counter[tuple[int, int]] = Counter()
        while waiting:
            folder, above = waiting.pop()
            status = os.stat(os.path.join(self.root, folder))
            here = status.st_dev, status.st_ino
            if here in above:
                self._issue("link", folder, "is a link to a folder in which it lies itself")
                continue
            visits[here] += 1
            if visits[here] > _MOST_VISITS:
                message = f"has a folder, {folder!r}, to which more than {_MOST_VISITS} links lead"
                raise LimitError(self.path, message, code="too-many-members")
            with os.scandir(os.path.join(self.root, folder)) as items:
                for item in items:
                    name = f"{folder}/{item.name}" if folder else item.name
                    limits.require_members(self.path, len(found) + len(folders) + 1)
                    if item.is_symlink() and not self._leads_inside(item.path):
                        outside.append(name)
                        self._issue("link", name, "is a link that leads out of the folder, or nowhere")
                    elif item.is_dir():
                        folders.append(name)
                        waiting.append((name, above | {here}))
                    elif item.is_file():
                        found[name] = item.stat()
                    else:
                        self._issue("device", name, "is neither a file nor a folder")
        return {name: found[name] for name in sorted(found, key=member_order)}, folders, outside

    def _leads_inside(self, path: str) -> bool:
        target = os.path.realpath(path)
        return os.path.exists(target) and os.path.commonpath([self.root, target]) == self.root

    def _issue(self, code: ReadCode, name: str, message: str) -> None:
        self._issues.append(Issue(code=code, argument=name, message=message))

    def open(self, member: ArchiveMember) -> _File:
        """Start reading a file; raise for one that is not what it was when the folder was opened."""
        if self._closed:
            raise ValueError("the archive is closed")
        return _File(self.path, member, os.path.join(self.root, member.name), self._found[member.name])

    @contextmanager
    def region(self, member: ArchiveMember) -> Iterator[Region | None]:
        """Give a file, which is all of its member; raise what ``open`` raises."""
        with self.open(member) as reader:
            file = OpenFile.of(os.path.join(self.root, member.name), reader.descriptor)
            yield None if file is None else Region(file=file, offset=0)

    def close(self) -> None:
        """End reading; no file is open."""
        self._closed = True


class _File(MemberReader):
    descriptor = -1

    def __init__(self, path: str, member: ArchiveMember, file: str, found: os.stat_result) -> None:
        super().__init__(path, member)
        code: ReadCode
        self.descriptor = open_at_once(file)
        status = os.fstat(self.descriptor)
        if not stat.S_ISREG(status.st_mode):
            code, message = "device", "is not a regular file"
        elif not os.path.samestat(status, found):
            code, message = "link", "is not the file any more that it was when the folder was opened"
        elif status.st_size != member.size:
            code = "size-lies"
            message = f"has {status.st_size:,} bytes, not the {member.size:,} as when the folder was opened"
        else:
            return
        self.close()
        self._fail(code, message)

    def _begin(self) -> None:
        os.lseek(self.descriptor, 0, os.SEEK_SET)

    def _jump(self, position: int) -> bool:
        os.lseek(self.descriptor, position, os.SEEK_SET)
        return True

    def _take(self, size: int) -> bytes:
        return os.read(self.descriptor, size)

    def close(self) -> None:
        if not self.closed:
            super().close()
            if self.descriptor >= 0:
                os.close(self.descriptor)
