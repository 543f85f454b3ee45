"""From what a caller gives to the files of an archive, with all that is wrong with them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING

from marpack.archive.forms import Compression
from marpack.archive.manifest import MANIFEST_NAME
from marpack.archive.member import Member
from marpack.archive.names import member_name_problem, parents
from marpack.archive.packed_at import PackedAt
from marpack.archive.plan.contents import ContentsError, checkpoint_problem, is_model, is_path, own_name, source_of
from marpack.archive.sources import FileSource, Source
from marpack.display import brief_repr
from marpack.findings import Issue
from marpack.frozen import frozen

if TYPE_CHECKING:
    from marpack.issue_codes import PlanCode

# Of contents without a file of their own: readable by all, as a fresh file is.
DEFAULT_MODE = 0o644

# The system's own words, which callers of the official tool look for in what it writes.
NO_SUCH_FILE = os.strerror(errno.ENOENT)
ABSENT = f"does not exist ({NO_SUCH_FILE})"


@frozen
class Candidate:
    """A file that claims a name in the archive; ``mtime_ns`` is None for the time of packing."""

    argument: str
    what: str
    name: str
    source: Source
    size: int
    mode: int = DEFAULT_MODE
    mtime_ns: int | None = None

    @property
    def origin(self) -> str:
        """Where it comes from, for messages."""
        return f"{self.argument} {self.what}"

    def member(self, compression: Compression, packed: PackedAt, *, normalise: bool) -> Member:
        """Settle the member; ``normalise`` takes nothing from the machine that packs."""
        return Member(
            name=self.name,
            source=self.source,
            size=self.size,
            mode=DEFAULT_MODE if normalise else self.mode,
            mtime_ns=packed.nanoseconds if normalise or self.mtime_ns is None else self.mtime_ns,
            compression=compression,
            origin=self.origin,
        )


class Inputs:
    """Gathers the files of an archive in the archiver's order of copying, and all that is wrong with them.

    ``manifest_name`` is the member whose folder they may not lie in.
    """

    def __init__(self, manifest_name: str = MANIFEST_NAME) -> None:
        self.manifest_name = manifest_name
        self.issues: list[Issue] = []
        self.warnings: list[str] = []
        self.candidates: list[Candidate] = []

    def issue(self, code: PlanCode, argument: str, message: str) -> None:
        """Note a problem and go on, so that all are reported at once."""
        self.issues.append(Issue(code=code, argument=argument, message=message))

    def add_role(self, argument: str, value: object, *, default_name: str | None) -> str | None:
        """Add the file of a role, if there is one; return its name in the archive. None and ``""`` mean none."""
        if value is None or (isinstance(value, str) and not value):
            return None
        return self.add_file(argument, value, default_name=default_name)

    def add_file(self, argument: str, value: object, *, default_name: str | None) -> str | None:
        """Add a file that lies at the root; return its name there.

        ``default_name`` names contents that have no name of their own; None demands one.
        """
        if isinstance(value, Mapping) and not is_model(value):
            named = self._named(argument, value)
            if named is None:
                return None
            name, value = named
        else:
            found = own_name(value) or default_name
            if found is None:
                self.issue("bad-value", argument, "contents need a name: give {'handler.py': contents}")
                return None
            name = found
        self.add(argument, name, value, keep_time=False)
        return name

    def _named(self, argument: str, value: Mapping[object, object]) -> tuple[str, object] | None:
        """Return the one item of a mapping."""
        try:
            items = dict(value.items())
        except Exception as error:
            self.issue("bad-value", argument, f"the mapping cannot be read: {error!r}")
            return None
        if len(items) != 1:
            problem = f"give one {{name: contents}}, not {len(items)} of them"
            self.issue("bad-value", argument, checkpoint_problem(value) or problem)
            return None
        [(name, contents)] = items.items()
        if not isinstance(name, str):
            self.issue("bad-type", argument, f"the name {name!r} must be a str")
        elif "/" in name:
            message = f"the name {name!r} is in a folder: the server looks for this file at the archive's root"
            self.issue("bad-member-name", argument, message)
        else:
            return name, contents
        return None

    def settle(self) -> list[Candidate]:
        """Return one candidate a name, in the order they were added.

        A10: of equal contents the later one's mode and time hold; different ones are an issue, as is a
        name that is both a file and a folder.
        """
        settled: dict[str, Candidate] = {}
        for candidate in self.candidates:
            earlier = settled.get(candidate.name)
            if not earlier or _same_contents(earlier, candidate):
                settled[candidate.name] = candidate
            else:
                clash = f"{earlier.origin} and {candidate.origin} are different files for one name in the archive"
                advice = "rename one, or keep them apart (in Python: a mapping, tree())"
                self.issue("collision", candidate.argument, f"{clash}, {candidate.name!r}: {advice}")
        for name, candidate in settled.items():
            for parent in parents(name):
                if parent in settled:
                    clash = f"{settled[parent].origin} is a file where {candidate.origin} needs a folder"
                    self.issue("collision", candidate.argument, f"{clash} in the archive, {parent!r}: rename one")
        return list(settled.values())

    def add(self, argument: str, name: str, value: object, *, keep_time: bool) -> None:
        """Add a file in any form it comes in, under ``name``; ``keep_time`` if a path's own time goes with it."""
        if is_path(value):
            self.add_path(argument, name, os.fsdecode(value), keep_time=keep_time)
            return
        try:
            source = source_of(value, name)
        except ContentsError as error:
            self.issue(error.code, argument, str(error))
            return
        size: object = source.size
        if not isinstance(size, int) or not 0 <= size < 1 << 63:
            self.issue("bad-type", argument, f"the source of {name!r} says that its size is {size!r}")
            return
        what = f"({name}, {size} bytes)"
        self._claim(Candidate(argument=argument, what=what, name=name, source=source, size=size))

    def add_path(self, argument: str, name: str, path: str, *, keep_time: bool) -> None:
        """Add the file at ``path`` under ``name``."""
        try:
            status = os.stat(path)
        except PermissionError:
            self.issue("unreadable", argument, f"{path!r} may not be read: change the permissions of its folder")
            return
        except (OSError, ValueError) as error:
            self.issue("missing-file", argument, _missing(path, error))
            return
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            self.issue("not-a-file", argument, f"{path!r} is {what}: give a regular file")
        elif not os.access(path, os.R_OK):
            self.issue("unreadable", argument, f"{path!r} may not be read: change its permissions")
        else:
            self._claim(
                Candidate(
                    argument=argument,
                    what=repr(path),
                    name=name,
                    source=FileSource.from_stat(path, status),
                    size=status.st_size,
                    mode=stat.S_IMODE(status.st_mode),
                    mtime_ns=status.st_mtime_ns if keep_time else None,
                )
            )

    def _claim(self, candidate: Candidate) -> None:
        if problem := member_name_problem(candidate.name, self.manifest_name):
            self.issue("bad-member-name", candidate.argument, problem)
        else:
            self.candidates.append(candidate)


def _missing(path: str, error: OSError | ValueError) -> str:
    if "\n" in path:
        return f"{brief_repr(path, 40)} {ABSENT}: a str is a path, give contents as bytes (text.encode())"
    if isinstance(error, ValueError):
        return f"{path!r} is not a path: {error}"
    if not isinstance(error, FileNotFoundError):
        return f"{path!r} cannot be reached: {error.strerror}"
    if os.path.islink(path):
        return f"{path!r} is a broken link ({NO_SUCH_FILE}): mend it or leave it out"
    return f"{path!r} {ABSENT}: correct the path"


def _same_contents(one: Candidate, other: Candidate) -> bool:
    """Compare two claimants of a name: the one time that planning reads contents."""
    if one.source == other.source:
        return True
    if one.size != other.size:
        return False
    return all(mine == theirs for mine, theirs in zip_longest(_read(one), _read(other)))


def _read(candidate: Candidate) -> Iterator[bytes]:
    return candidate.member(Compression.STORED, PackedAt(0), normalise=False).chunks()
