"""From what a caller gives to the files it stands for: paths, wildcards, folders, contents in memory."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from marpack.archive.entry import (
    BytesSource,
    Compression,
    Entry,
    FileSource,
    SeekableFile,
    Source,
    StreamSource,
)
from marpack.archive.layout import check_member_name, is_excluded_folder, is_pattern, parents
from marpack.errors import Issue

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Candidate", "ExtraFiles", "FileArgument", "Inputs", "SourceLike", "Tree", "literal_path", "tree"]

SourceLike: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | SeekableFile | Source"
FileArgument: TypeAlias = "SourceLike | Mapping[str, SourceLike]"
ExtraFiles: TypeAlias = "str | os.PathLike[str] | Tree | Mapping[str, SourceLike] | Iterable[ExtraFiles]"

# Of contents without a file of their own: readable by all, as a fresh file is.
_DEFAULT_MODE = 0o644


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """A folder that keeps its shape inside the archive; see ``tree``."""

    folder: str
    prefix: str


def tree(folder: str | os.PathLike[str], *, prefix: str | os.PathLike[str] | None = None) -> Tree:
    """Keep a folder together: an item for ``extra_files``, which flattens a folder named by its path.

    ``prefix`` is where it goes in the archive, by default the folder's own name; ``""`` is the root.
    Sub-folders named ``__pycache__`` or ``__MACOSX`` or beginning with a dot are left out.
    """
    path = os.fsdecode(folder)
    own_name = os.path.basename(os.path.abspath(path))
    return Tree(folder=path, prefix=own_name if prefix is None else os.fsdecode(prefix))


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

    def entry(self, compression: Compression, *, packed_ns: int, normalise: bool) -> Entry:
        """Settle the member; ``normalise`` takes nothing from the machine that packs."""
        return Entry(
            name=self.name,
            source=self.source,
            size=self.size,
            mode=_DEFAULT_MODE if normalise else self.mode,
            mtime_ns=packed_ns if normalise or self.mtime_ns is None else self.mtime_ns,
            compression=compression,
            origin=self.origin,
        )


class Inputs:
    """Gathers the files of an archive in the archiver's order of copying, and all that is wrong with them."""

    def __init__(self) -> None:
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
        if isinstance(value, Mapping):
            if len(value) != 1:
                self.issue("bad-value", argument, f"give one {{name: contents}}, not {len(value)} of them")
                return None
            [(name, value)] = value.items()
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
            own_name = _own_name(value) or default_name
            if own_name is None:
                self.issue("bad-value", argument, "contents need a name: give {'handler.py': contents}")
                return None
            name = own_name
        self._add(argument, name, value, keep_time=False)
        return name

    def add_path(self, argument: str, path: str) -> None:
        """Add the one file of a role by its path."""
        self._add_regular_file(argument, os.path.basename(path), path, keep_time=False)

    def add_extra_files(self, value: object) -> None:
        """Add extra files in every form they come in."""
        try:
            self._add_extra_files(value)
        except RecursionError:
            self.issue("bad-value", "extra_files", "lists are nested too deeply: give one list")

    def _add_extra_files(self, value: object) -> None:
        if isinstance(value, str):
            for item in value.split(","):
                self._add_comma_item(item)
        elif isinstance(value, os.PathLike):
            self._add_path(os.fsdecode(value))
        elif isinstance(value, Tree):
            self._add_tree(value)
        elif isinstance(value, Mapping):
            for name, source in value.items():
                if isinstance(name, str):
                    self._add("extra_files", name, source, keep_time=True)
                else:
                    self.issue("bad-type", "extra_files", f"the name {name!r} must be a str")
        elif _is_iterable(value):
            for part in value:
                if isinstance(part, str):
                    self._add_item(part)
                else:
                    self._add_extra_files(part)
        else:
            self.issue(
                "bad-type",
                "extra_files",
                f"cannot take {type(value).__name__}: contents need a name, give {{'name': contents}}",
            )

    def text(self, argument: str, text: str) -> BytesSource | None:
        """Return a text as the bytes of a file, UTF-8."""
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

    def _add_comma_item(self, item: str) -> None:
        """Add one item of the archiver's comma list; blanks around it are not part of it (D-05)."""
        if not os.path.lexists(item):
            item = item.strip()
        if item:
            self._add_item(item)

    def _add_item(self, item: str) -> None:
        # D-06: a file of exactly that name is meant before a wildcard is.
        if os.path.lexists(item) or not is_pattern(item):
            self._add_path(item)
            return
        try:
            found = sorted(glob.glob(item))
        except (ValueError, RecursionError) as error:
            self.issue("bad-value", "extra_files", f"the pattern {item!r} cannot be searched for: {error}")
            return
        if not found:
            self.warnings.append(f"no file matches the pattern {item!r} of extra_files")
        for path in found:
            self._add_path(path)

    def _add_path(self, path: str) -> None:
        """Add a file under its own name, or a folder's contents at the root (A4)."""
        if os.path.isdir(path):
            self._add_folder(path, "")
        else:
            self._add_regular_file("extra_files", os.path.basename(path), path, keep_time=True)

    def _add_tree(self, item: Tree) -> None:
        prefix = item.prefix.rstrip("/")
        if prefix and (problem := check_member_name(prefix)):
            self.issue("bad-member-name", "extra_files", problem)
        elif os.path.isdir(item.folder):
            self._add_folder(item.folder, f"{prefix}/" if prefix else "")
        elif os.path.lexists(item.folder):
            self.issue("not-a-file", "extra_files", f"tree() needs a folder, and {item.folder!r} is none")
        else:
            self.issue(
                "missing-file", "extra_files", f"the folder {item.folder!r} does not exist: correct the path"
            )

    def _add_folder(self, top: str, prefix: str) -> None:
        # Not by recursion: a path can be deeper than Python's stack.
        waiting: list[tuple[str, str, frozenset[tuple[int, int]]]] = [(top, prefix, frozenset())]
        while waiting:
            folder, prefix, above = waiting.pop()
            try:
                status = os.stat(folder)
                with os.scandir(folder) as listing:
                    found = sorted(listing, key=lambda item: item.name)
            except OSError as error:
                self.issue("unreadable", "extra_files", f"cannot list the folder {folder!r}: {error.strerror}")
                continue
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                self.issue("not-a-file", "extra_files", f"{folder!r} is a link to a folder that holds it")
                continue
            for item in found:
                if not _is_folder(item):
                    self._add_regular_file("extra_files", prefix + item.name, item.path, keep_time=True)
                elif not is_excluded_folder(item.name):
                    waiting.append((item.path, f"{prefix}{item.name}/", above | {identity}))

    def _add(self, argument: str, name: str, value: object, *, keep_time: bool) -> None:
        if isinstance(value, os.PathLike) or (isinstance(value, str) and "\n" not in value):
            self._add_regular_file(argument, name, os.fsdecode(value), keep_time=keep_time)
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

    def _add_regular_file(self, argument: str, name: str, path: str, *, keep_time: bool) -> None:
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
        problem = check_member_name(name)
        if problem:
            self.issue("bad-member-name", argument, problem)
        return problem is None

    def _contents(self, argument: str, value: object) -> Source | None:
        if isinstance(value, str):
            return self.text(argument, value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return BytesSource(data=bytes(value))
        if hasattr(value, "read") and hasattr(value, "seek"):
            return self._stream(argument, value)
        if isinstance(value, Source):
            return value
        self.issue(
            "bad-type",
            argument,
            f"cannot take {type(value).__name__}: give a path, bytes, text with a line break, "
            "or an open binary file",
        )
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
            self.warnings.append(f"the open file of {argument} stands at its end: nothing of it is packed")
        return StreamSource(file=file, start=start, size=max(size, 0))


def _own_name(value: object) -> str | None:
    """Return the name that a value brings: a path's last part, an open file's."""
    if isinstance(value, str) and "\n" in value:
        return None
    if isinstance(value, (str, os.PathLike)):
        return os.path.basename(os.fsdecode(value))
    name = getattr(value, "name", None)
    return os.path.basename(name) if isinstance(name, str) else None


def _is_iterable(value: object) -> TypeGuard[Iterable[object]]:
    contents = isinstance(value, (bytes, bytearray, memoryview)) or hasattr(value, "read")
    return isinstance(value, Iterable) and not contents


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link that cannot be followed is reported as a file that cannot be read
        return False


def _same_contents(one: Candidate, other: Candidate) -> bool:
    """Compare two claimants of a name: the one time that planning reads contents."""
    if one.source == other.source:
        return True
    if one.size != other.size:
        return False
    return all(mine == theirs for mine, theirs in zip_longest(_read(one), _read(other)))


def _read(candidate: Candidate) -> Iterator[bytes]:
    return candidate.entry(Compression.STORED, packed_ns=0, normalise=False).chunks()
