"""What holds the files that are checked: an open archive or a plan."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import IO, TYPE_CHECKING, Protocol, runtime_checkable

from marpack.archive.git_lfs import LONGEST_POINTER
from marpack.archive.member import Member
from marpack.archive.plan.plan import Plan
from marpack.archive.read.archive import Archive, kept_bytes
from marpack.errors import ArchiveError
from marpack.findings import Issue

if TYPE_CHECKING:
    from typing import Self


class MemberFile(Protocol):
    """What ``Contents.open`` returns: an open binary file is one."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move, and return the new position."""

    def tell(self) -> int:
        """Return the position."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> object: ...


@runtime_checkable
class _Seekable(MemberFile, Protocol):
    def seekable(self) -> bool: ...


class Contents(Protocol):
    """What holds the files: an archive that is open, or a plan."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """The names of the members, as the server will have them on disk, and their sizes in bytes."""

    @property
    def problems(self) -> Sequence[Issue]:
        """What is wrong with the container itself; ``argument`` is the member."""

    @property
    def present(self) -> Collection[str]:
        """The names of files and folders that the server finds beside, and that are not read here."""

    def open(self, name: str) -> MemberFile:
        """Open a member for reading, from its beginning."""


# What a rule reads of a file that is text: nobody writes a longer one, and whoever did wants to fill the memory.
LONGEST_TEXT = 8 << 20
# Taken apart, a source fills the memory a few hundred times over.
LONGEST_SOURCE = 1 << 20
LONGEST_YAML = 1 << 20
# All that are taken apart, together: their trees are kept for all rules.
MOST_SOURCE = 4 << 20
# What is not a file is held in memory up to here, and above in a temporary file.
_HELD_SIZE = 1 << 24
_TEXTS = (".py", ".json", ".yaml", ".yml", ".txt")


class ArchiveContents:
    """The contents of an archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.sizes: Mapping[str, int] = {member.name: member.size for member in archive.members}
        self.present: Collection[str] = archive.outside_links

    @property
    def problems(self) -> Sequence[Issue]:
        """What is wrong with the archive itself."""
        return self._archive.issues

    def open(self, name: str) -> MemberFile:
        """Open a member; the texts of a tgz, and what is small, are read in one go."""
        data = kept_bytes(self._archive, name)
        if data is None and self._archive.form == "tgz" and _is_held(name, self.sizes[name]):
            data = self._texts.pop(name, None)  # who asks for texts keeps them
        return self._archive.open(name) if data is None else io.BytesIO(data)

    @cached_property
    def _texts(self) -> dict[str, bytes]:
        """The texts, shortest first, read in one go: each by itself costs a reading of all before it."""
        wanted, left = set(), _HELD_SIZE
        names = (name for name, size in self.sizes.items() if size <= LONGEST_SOURCE and _is_held(name, size))
        for name in sorted(names, key=self.sizes.__getitem__):
            left -= self.sizes[name]
            if left < 0:
                break
            wanted.add(self._archive[name])
        found: dict[str, bytes] = {}
        with contextlib.suppress(ArchiveError):  # which is met again, and reported, by who asks for the member
            for member, reader in self._archive.contents(wanted):
                found[member.name] = reader.read()
        return found


def _is_held(name: str, size: int) -> bool:
    """Tell whether rules may ask for a member because it is a text, or may be a pointer of Git LFS."""
    return name.endswith(_TEXTS) or size < LONGEST_POINTER


class PlanContents:
    """The contents of a plan."""

    problems: Sequence[Issue] = ()
    present: Collection[str] = ()

    def __init__(self, plan: Plan) -> None:
        self._copies: dict[str, IO[bytes]] = {}
        self._entries: dict[str, Member] = {member.name: member for member in plan.members}
        self.sizes: Mapping[str, int] = {member.name: member.size for member in plan.members}

    def open(self, name: str) -> MemberFile:
        """Open what a member will be made of; what only goes forward is copied, once for all that read it."""
        if name not in self._copies:
            member = self._entries[name]
            reader = member.source.open()
            if isinstance(reader, _Seekable) and reader.seekable():
                return reader
            reader.close()
            import tempfile  # slow to import, and needed for a caller's own sources and some URLs

            file = tempfile.SpooledTemporaryFile(max_size=_HELD_SIZE)  # noqa: SIM115 - goes with the contents
            for chunk in member.chunks():
                file.write(chunk)
            self._copies[name] = file
        return _View(self, self._copies[name])

    def __del__(self) -> None:
        for file in self._copies.values():
            file.close()


class _View:
    """A copy that several read, each from its own position."""

    def __init__(self, contents: PlanContents, file: IO[bytes]) -> None:
        self._contents = contents  # which closes the file when nobody needs it any more
        self._file = file
        self._position = 0

    def read(self, size: int = -1, /) -> bytes:
        self._file.seek(self._position)
        data = self._file.read(size)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._file.seek(self._position)
        self._position = self._file.seek(offset, whence)
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        """Leave the file open for who reads it next."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
