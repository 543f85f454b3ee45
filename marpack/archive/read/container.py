"""What holds the members of an archive: a zip, a gzip'd tar, or a folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from marpack.archive.forms import ContainerForm
from marpack.archive.member import ArchiveMember
from marpack.archive.read.member_reader import MemberReader
from marpack.archive.read.random_access import RandomAccess
from marpack.archive.region import OpenFile, Region
from marpack.errors import ArchiveError
from marpack.findings import Issue

if TYPE_CHECKING:
    from marpack.archive.owner import Owner


class Container(ABC):
    """Members in their order, which is that of the bytes; used by any number of threads at once."""

    form: ContainerForm
    path: str
    # Bytes on disk.
    size: int
    members: tuple[ArchiveMember, ...]
    # Names of folders that have a member of their own, without the slash at their end.
    folders: tuple[str, ...]
    # Names of links in a folder that lead out of it, which the server follows and marpack does not.
    outside_links: tuple[str, ...] = ()
    # When it was packed, in seconds since the epoch, and whose its members are, where the form says so itself.
    timestamp: int | None = None
    owner: Owner | None = None
    # Whether what is unpacked has to be of the file as it was opened, since that was held against a signature.
    must_stay = False
    _issues: Sequence[Issue]

    def issues(self) -> Iterator[Issue]:
        """Yield what is wrong with how the members are held, but for their contents; may read a little of each."""
        return iter(self._issues)

    @abstractmethod
    def open(self, member: ArchiveMember) -> MemberReader:
        """Start reading a member."""

    @contextmanager
    def region(self, member: ArchiveMember) -> Iterator[Region | None]:
        """Give where a member's bytes lie, as they are packed, in a file that is open until the end of the block.

        None where they lie in no file, or not by themselves. Raises what ``open`` raises.
        """
        yield None

    def deflated(self, member: ArchiveMember) -> Iterator[tuple[bytes, bytes]]:
        """Yield the deflated bytes of a member that has them for itself, and what comes out of them."""
        raise ArchiveError(self.path, "is not deflated by itself", code="no-member", member=member.name)

    def packed(self, member: ArchiveMember) -> Iterator[bytes] | None:
        """Return the deflated bytes of a member, held against nothing; None where it lies in no file."""
        return None

    def contents(self, wanted: Collection[ArchiveMember]) -> Iterator[tuple[ArchiveMember, MemberReader]]:
        """Yield members in their order, each with its contents, to be read before the next is asked for."""
        for member in self.members:
            if member in wanted:
                with self.open(member) as reader:
                    yield member, reader

    def raw(self) -> Iterator[bytes]:
        """Yield the archive's own bytes; a folder has none."""
        return iter(())

    @property
    def file(self) -> OpenFile | None:
        """The file that is open here and holds all of it; None where there is none, as of what lies elsewhere."""
        return None

    def require_unchanged(self) -> None:  # noqa: B027  # files of a folder are held against what they were, each
        """Raise ``SourceChangedError`` if somebody has written to the archive's file since it was opened."""

    @abstractmethod
    def close(self) -> None:
        """End reading."""


class FileContainer(Container):
    """The members of a file."""

    def __init__(self, path: str, data: RandomAccess) -> None:
        self.path = path
        self.size = data.size
        self._data = data

    def raw(self) -> Iterator[bytes]:
        """Yield the file's bytes."""
        return self._data.chunks()

    @property
    def file(self) -> OpenFile | None:
        """The file, if it is one."""
        return self._data.file

    def require_unchanged(self) -> None:
        """Hold the file, if it is one, against what it was; one of a signature against all that can be told."""
        if self.file is not None:
            if self.must_stay:
                self.file.require_untouched()
            else:
                self.file.require_unchanged()

    def close(self) -> None:
        """Close the file, if it was opened here."""
        self._data.close()
