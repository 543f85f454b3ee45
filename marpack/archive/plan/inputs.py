"""From what a caller gives to the file it stands for: a path, contents in memory, an open file, a model."""

from __future__ import annotations

import os
import reprlib
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from marpack.archive.forms import Compression
from marpack.archive.manifest import MANIFEST_NAME
from marpack.archive.member import Member
from marpack.archive.names import member_name_problem, parents
from marpack.archive.sources import BytesSource, FileSource, SeekableFile, Source, StreamSource
from marpack.findings import Issue

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Candidate", "FileArgument", "Inputs", "Module", "SourceLike", "Tensor", "literal_path"]


class Module(Protocol):
    """What type checkers look for in a ``torch.nn.Module``, for those who have no torch."""

    def state_dict(self) -> Mapping[str, Any]:
        """Return the tensors by their names."""


class Tensor(Protocol):
    """The same for a ``torch.Tensor``."""

    def untyped_storage(self) -> Any:
        """Return the memory."""


StateDict: TypeAlias = "Mapping[str, Tensor]"
SourceLike: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | SeekableFile | Source | Module | StateDict"
)
FileArgument: TypeAlias = "SourceLike | Mapping[str, SourceLike]"

# Of contents without a file of their own: readable by all, as a fresh file is.
_DEFAULT_MODE = 0o644


def literal_path(value: str | None) -> str | Path | None:
    """Return a path that is never text, for callers whose values are all paths."""
    if not value or "\n" not in value:
        return value
    from pathlib import Path  # not needed otherwise, and slow to import

    return Path(value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A file that claims a name in the archive; ``mtime_ns`` is None for the time of packing."""

    argument: str
    what: str
    name: str
    source: Source
    size: int
    mode: int = _DEFAULT_MODE
    mtime_ns: int | None = None

    @property
    def origin(self) -> str:
        """Where it comes from, for messages."""
        return f"{self.argument} {self.what}"

    def member(self, compression: Compression, *, packed_ns: int, normalise: bool) -> Member:
        """Settle the member; ``normalise`` takes nothing from the machine that packs."""
        return Member(
            name=self.name,
            source=self.source,
            size=self.size,
            mode=_DEFAULT_MODE if normalise else self.mode,
            mtime_ns=packed_ns if normalise or self.mtime_ns is None else self.mtime_ns,
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
        self._candidates: list[Candidate] = []

    def issue(self, code: str, argument: str, message: str) -> None:
        """Note a problem and go on, so that all are reported at once."""
        self.issues.append(Issue(code=code, argument=argument, message=message))

    @property
    def is_empty(self) -> bool:
        """Whether no file has been added yet."""
        return not self._candidates

    def add_file(self, argument: str, value: object, *, default_name: str | None) -> str | None:
        """Add the one file of a role; return its name in the archive.

        ``default_name`` names contents that have no name of their own; None demands one.
        """
        model = _is_model(value)
        if isinstance(value, Mapping) and not model:
            try:
                items = dict(value.items())
            except Exception as error:
                self.issue("bad-value", argument, f"the mapping cannot be read: {error!r}")
                return None
            if len(items) != 1:
                problem = f"give one {{name: contents}}, not {len(items)} of them"
                self.issue("bad-value", argument, _checkpoint_problem(value) or problem)
                return None
            [(name, value)] = items.items()
            if not isinstance(name, str):
                self.issue("bad-type", argument, f"the name {name!r} must be a str")
                return None
            if "/" in name:
                self.issue(
                    "bad-member-name",
                    argument,
                    f"the name {name!r} is in a folder: the server looks for this file at the archive's root",
                )
                return None
        else:
            own_name = (None if model else _own_name(value)) or default_name
            if own_name is None:
                self.issue("bad-value", argument, "contents need a name: give {'handler.py': contents}")
                return None
            name = own_name
        self.add(argument, name, value, keep_time=False)
        return name

    def add_path(self, argument: str, path: str) -> None:
        """Add the one file of a role by its path."""
        self.add_regular_file(argument, os.path.basename(path), path, keep_time=False)

    def _text(self, argument: str, text: str) -> BytesSource | None:
        try:
            return BytesSource(data=text.encode())
        except UnicodeEncodeError as error:
            self.issue("bad-value", argument, f"the text is not valid Unicode at index {error.start}")
            return None

    def settle(self) -> list[Candidate]:
        """Return one candidate a name, in the order they were added.

        A10: of equal contents the later one's mode and time hold; different ones are an issue, as is a
        name that is both a file and a folder.
        """
        settled: dict[str, Candidate] = {}
        for candidate in self._candidates:
            earlier = settled.get(candidate.name)
            if earlier and not _same_contents(earlier, candidate):
                self.issue(
                    "collision",
                    candidate.argument,
                    f"{earlier.origin} and {candidate.origin} are different files for one name in the "
                    f"archive, {candidate.name!r}: rename one, or keep them apart (in Python: a mapping, tree())",
                )
                continue
            settled[candidate.name] = candidate
        for name, candidate in settled.items():
            for parent in parents(name):
                if parent in settled:
                    self.issue(
                        "collision",
                        candidate.argument,
                        f"{settled[parent].origin} is a file where {candidate.origin} needs a folder in the "
                        f"archive, {parent!r}: rename one",
                    )
        return list(settled.values())

    def add(self, argument: str, name: str, value: object, *, keep_time: bool) -> None:
        """Add a file in any form it comes in, under ``name``; ``keep_time`` if a path's own time goes with it."""
        if isinstance(value, os.PathLike) or (isinstance(value, str) and "\n" not in value):
            self.add_regular_file(argument, name, os.fsdecode(value), keep_time=keep_time)
            return
        source = self._contents(argument, value)
        if source is None or not self._check_name(argument, name):
            return
        size: object = source.size
        if not isinstance(size, int) or not 0 <= size < 1 << 63:
            self.issue("bad-type", argument, f"the source of {name!r} says that its size is {size!r}")
            return
        what = f"({name}, {size} bytes)"
        self._candidates.append(Candidate(argument=argument, what=what, name=name, source=source, size=size))

    def add_regular_file(self, argument: str, name: str, path: str, *, keep_time: bool) -> None:
        """Add the file at ``path`` under ``name``."""
        try:
            status = os.stat(path)
        except (OSError, ValueError) as error:
            self._unreachable(argument, path, error)
            return
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            self.issue("not-a-file", argument, f"{path!r} is {what}: give a regular file")
        elif not os.access(path, os.R_OK):
            self.issue("unreadable", argument, f"{path!r} may not be read: change its permissions")
        elif self._check_name(argument, name):
            self._candidates.append(
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

    def _unreachable(self, argument: str, path: str, error: OSError | ValueError) -> None:
        if isinstance(error, ValueError):
            self.issue("missing-file", argument, f"{path!r} is not a path: {error}")
        elif isinstance(error, PermissionError):
            self.issue("unreadable", argument, f"{path!r} may not be read: change the permissions of its folder")
        elif isinstance(error, FileNotFoundError) and os.path.islink(path):
            self.issue("missing-file", argument, f"{path!r} is a broken link: mend it or leave it out")
        elif isinstance(error, FileNotFoundError):
            self.issue("missing-file", argument, f"{path!r} does not exist: correct the path")
        else:
            self.issue("missing-file", argument, f"{path!r} cannot be reached: {error.strerror}")

    def _check_name(self, argument: str, name: str) -> bool:
        problem = member_name_problem(name, self.manifest_name)
        if problem:
            self.issue("bad-member-name", argument, problem)
        return problem is None

    def _contents(self, argument: str, value: object) -> Source | None:
        if isinstance(value, str):
            return self._text(argument, value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return BytesSource(data=bytes(value))
        if _is_model(value):
            return self._model(argument, value)
        if hasattr(value, "read") and hasattr(value, "seek"):
            return self._stream(argument, value)
        if isinstance(value, Source):
            return value
        if problem := _checkpoint_problem(value):
            self.issue("bad-value", argument, problem)
            return None
        known = "a path, bytes, text with a line break, an open binary file, or a module or state_dict of torch"
        self.issue("bad-type", argument, f"cannot take {reprlib.repr(value)}: give {known}")
        return None

    def _model(self, argument: str, value: object) -> Source | None:
        from marpack.archive.plan.torch_models import model_source

        try:
            return model_source(value)
        except ValueError as error:
            self.issue("bad-value", argument, str(error))
            return None

    def _stream(self, argument: str, file: Any) -> Source | None:
        try:
            if not isinstance(file.read(0), bytes):
                self.issue("bad-type", argument, "the file is open for text: open it with mode 'rb'")
                return None
            start = file.tell()
            file.seek(0, os.SEEK_END)
            size = file.tell() - start
            file.seek(start)
        except (OSError, ValueError) as error:
            message = f"the open file cannot be read and seek ({error}): open it with mode 'rb', or give the bytes"
            self.issue("unreadable", argument, message)
            return None
        if size <= 0 < start:
            self.issue("bad-value", argument, "the open file stands at its end: seek(0) first, or give the bytes")
            return None
        return StreamSource(file=file, start=start, size=size)


def _torch_is_there() -> bool:
    """Tell whether anything can be torch's: not before it is imported, which marpack leaves to others."""
    return sys.modules.get("torch") is not None


def _is_model(value: object) -> bool:
    if not _torch_is_there():
        return False
    from marpack.archive.plan.torch_models import is_model

    return is_model(value)


def _checkpoint_problem(value: object) -> str | None:
    if not _torch_is_there():
        return None
    from marpack.archive.plan.torch_models import checkpoint_problem

    return checkpoint_problem(value)


def _own_name(value: object) -> str | None:
    """Return the name that a value brings: a path's last part, an open file's."""
    if isinstance(value, str) and "\n" in value:
        return None
    if isinstance(value, (str, os.PathLike)):
        return os.path.basename(os.fsdecode(value))
    name = getattr(value, "name", None)
    return os.path.basename(name) if isinstance(name, str) else None


def _same_contents(one: Candidate, other: Candidate) -> bool:
    """Compare two claimants of a name: the one time that planning reads contents."""
    if one.source == other.source:
        return True
    if one.size != other.size:
        return False
    return all(mine == theirs for mine, theirs in zip_longest(_read(one), _read(other)))


def _read(candidate: Candidate) -> Iterator[bytes]:
    return candidate.member(Compression.STORED, packed_ns=0, normalise=False).chunks()
