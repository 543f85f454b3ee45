"""The files that are stated: a file as a whole, the members of an archive, the files of a folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from functools import partial
from typing import TYPE_CHECKING

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.sources import CHUNK_SIZE, open_at_once
from marpack.disk.threads import checked_threads, ordered_map
from marpack.errors import ArchiveError, MarpackError, SourceChangedError
from marpack.signing.statement import MOST_FILES, WHOLE, Resource, resource_name_problem

if TYPE_CHECKING:
    from marpack.archive.read.archive import Archive
    from marpack.archive.result import Progress

# One core takes 1 to 2 GB of SHA-256 in a second; more threads than this read no faster.
MAX_THREADS = 8
# So deep is no model any more.
_DEEPEST = 256


def whole(archive: Archive, progress: Progress | None = None) -> Resource:
    """Return an archive's file as one resource; of its bytes as they are open here, whatever its path now names.

    Raises ``ValueError`` for a folder, and ``SourceChangedError`` for a file that was written to meanwhile.
    """
    if archive.form == "folder":
        raise ValueError("a folder is no file: its files are stated, each by itself")
    sha256 = new_sha256()
    for piece in archive.raw():
        sha256.update(piece)
        if progress:
            progress(len(piece))
    return Resource(name=WHOLE, sha256=sha256.hexdigest())


def members(archive: Archive, progress: Progress | None = None) -> Iterator[Resource]:
    """Yield the members of an archive, each as the file that it is unpacked to; folders are none.

    Raises ``UnsafeArchiveError`` and ``LimitError`` for an archive that others would unpack otherwise, or that
    holds too much, and ``ArchiveError`` for damage.
    """
    archive.refuse(case_sensitive=True)
    for member, reader in archive.contents(frozenset(archive.members)):
        sha256 = new_sha256()
        for piece in reader.pieces():
            sha256.update(piece)
            if progress:
                progress(len(piece))
        yield _resource(archive.path, member.name, sha256.hexdigest())


def whole_file(path: str, progress: Progress | None = None) -> Resource:
    """Return a file of any kind as one resource; raise ``OSError``, and ``MarpackError`` for what is none."""
    return Resource(name=WHOLE, sha256=_sha256(path, path, follow=True, progress=progress))


def folder_names(folder: str) -> Iterator[tuple[str, bool]]:
    """Yield the files of a folder, and of the folders in it: name, and whether it is a link; none is followed.

    Raises ``MarpackError`` for what is neither file, folder nor link, and for more files than a model has.
    """
    waiting, count = [""], 0
    while waiting:
        below = waiting.pop()
        if below.count("/") >= _DEEPEST:
            raise MarpackError(f"{folder!r}: {below!r} is too deep: {_DEEPEST} parts is the most")
        with os.scandir(os.path.join(folder, below) if below else folder) as items:
            for item in items:
                name = f"{below}/{item.name}" if below else item.name
                count += 1
                if count > MOST_FILES:
                    raise MarpackError(f"{folder!r} holds more than {MOST_FILES:,} files and folders")
                if item.is_symlink():
                    yield name, True
                elif item.is_dir():
                    waiting.append(name)
                elif item.is_file():
                    yield name, False
                else:
                    raise MarpackError(f"{folder!r}: {name!r} is neither a file nor a folder: remove it")


def folder_files(
    folder: str, names: Collection[str], *, threads: int | None = None, progress: Progress | None = None
) -> Iterator[Resource]:
    """Yield files of a folder as resources, in the order of ``names``, several read at once.

    Raises ``OSError``, ``SourceChangedError`` for a file that grows or shrinks, and ``MarpackError`` for a name
    that no statement takes.
    """
    most = min(checked_threads(threads, MAX_THREADS), max(len(names), 1))
    for name in names:
        if problem := resource_name_problem(name):
            raise MarpackError(f"{folder!r}: {name!r} {problem}: rename it")
    read = partial(_in_folder, folder)
    for name, sha256, size in ordered_map(read, names, threads=most, ahead=most):
        if progress:
            progress(size)
        yield Resource(name=name, sha256=sha256)


def _in_folder(folder: str, name: str) -> tuple[str, str, int]:
    path = os.path.join(folder, name)
    sizes: list[int] = []
    return name, _sha256(path, name, follow=False, progress=sizes.append), sum(sizes)


def _sha256(path: str, shown: str, *, follow: bool, progress: Progress | None) -> str:
    descriptor = open_at_once(path, os.O_RDONLY | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise MarpackError(f"{shown!r} is not a regular file: name one, or a folder")
        sha256, left = new_sha256(), status.st_size
        while data := os.read(descriptor, CHUNK_SIZE):
            sha256.update(data)
            left -= len(data)
            if progress:
                progress(len(data))
        after = os.fstat(descriptor)
        if left or (after.st_size, after.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
            raise SourceChangedError(repr(shown), "was written to while it was read", "try when nobody writes")
    finally:
        os.close(descriptor)
    return sha256.hexdigest()


def _resource(path: str, name: str, sha256: str) -> Resource:
    if problem := resource_name_problem(name):
        raise ArchiveError(path, problem, code="name-encoding", member=name)
    return Resource(name=name, sha256=sha256)
