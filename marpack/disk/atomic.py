"""Whole or not at all: a file or a folder appears under its name only when it is complete.

A file is built without a name where the system has such files, and a folder under a hidden name beside the target
(the server skips those). Only what was built here is ever removed: of a folder that a killed process left nobody
can tell that nobody works there, on another machine perhaps, and so it stays.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from marpack.disk.folders import exchange_folders, remove_folder, rename_folder
from marpack.disk.new_file import NewFile, copy_file, hidden_beside
from marpack.errors import ArchiveExistsError, TargetError

# Removing a folder takes one for each folder in another.
_SPARE_DESCRIPTORS = 8
_OTHER_NAME = "choose another name"


def path_problem(path: str) -> str | None:
    """Return why no disk has such a path, None where one may."""
    try:
        return "is no path: it holds a null byte" if b"\0" in os.fsencode(path) else None
    except UnicodeEncodeError:
        return "is no path: it holds half of a character"


def require_writable_folder(path: str) -> None:
    """Raise ``TargetError`` unless ``path`` is a folder that takes new files; ``""`` is the current one."""
    path = path or "."
    if not os.path.isdir(path):
        what = "is not a folder" if os.path.lexists(path) else "does not exist"
        raise TargetError(path, f"{what}: create the folder or choose another")
    if not os.access(path, os.W_OK | os.X_OK):
        raise TargetError(path, "may not be written to: change its permissions or choose another folder")


def require_creatable_folder(path: str) -> None:
    """Raise ``TargetError`` unless ``path`` is a folder that takes new files, or can become one."""
    if problem := path_problem(path):
        raise TargetError(path, problem)
    while path and not os.path.lexists(path):
        path = os.path.dirname(path)
    require_writable_folder(path)


def require_replaceable_file(path: str, *, force: bool) -> None:
    """Raise ``TargetError`` or ``ArchiveExistsError`` unless ``replacing_file`` may make ``path``."""
    if problem := path_problem(path):
        raise TargetError(path, problem)
    require_writable_folder(os.path.dirname(path))
    if not path or os.path.isdir(path):
        raise TargetError(path, "is a folder: name a file")
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        problem = "is not a regular file: open it and give that to write_archive(), or redirect --output - to it"
        raise TargetError(path, problem)
    if os.path.lexists(path) and not force:
        raise ArchiveExistsError(path)
    if os.path.islink(path):
        require_writable_folder(os.path.dirname(os.path.realpath(path)))


def require_replaceable_folder(path: str, *, force: bool, marker: str, may_be_empty: bool = False) -> None:
    """Raise ``TargetError`` or ``ArchiveExistsError`` unless ``replacing_folder`` may make ``path``.

    A folder is replaced whole, so one that holds files but not ``marker`` is somebody's own and stays, and so
    does one in which another file system is mounted.
    """
    require_writable_folder(os.path.dirname(path))
    if os.path.basename(path) in {"", ".", ".."}:
        raise TargetError(path, "does not name a new folder: give the name that the model's folder shall have")
    try:
        status = os.lstat(path)
        files = os.listdir(path) if stat.S_ISDIR(status.st_mode) else []
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        what = "link" if stat.S_ISLNK(status.st_mode) else "file"
        raise TargetError(path, f"is a {what}: remove it, or {_OTHER_NAME}")
    if files and not os.path.isfile(os.path.join(path, marker)):
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(status, os.lstat(path)):
                problem = f"holds files but no {marker}, so it is nothing that could be replaced"
                raise TargetError(path, f"{problem}: move it away, or {_OTHER_NAME}")
        # Somebody else has just replaced it.
        require_replaceable_folder(path, force=force, marker=marker, may_be_empty=may_be_empty)
        return
    if not files and may_be_empty:
        return
    if not force:
        raise ArchiveExistsError(path)
    for folder, below, _ in os.walk(path):
        if any(os.path.ismount(os.path.join(folder, name)) for name in below):
            raise TargetError(path, f"has another file system mounted in it: unmount that, or {_OTHER_NAME}")


@contextlib.contextmanager
def replacing_file(path: str, *, force: bool) -> Iterator[BinaryIO]:
    """Open a new file for reading and writing, and give it its name when the block ends well.

    A link is followed, and an existing file's permission bits are kept.
    """
    with replacing_files({path: False}, force=force) as [file]:
        yield file


@contextlib.contextmanager
def replacing_files(paths: Mapping[str, bool], *, force: bool) -> Iterator[list[BinaryIO]]:
    """Open new files for reading and writing, and give all of them their names, or none, when the block ends.

    They get them in the order of ``paths``, which says of each whether it is to be its owner's alone, from its
    first byte on. Otherwise it is as ``replacing_file`` has it. Who is killed between two names leaves the first,
    and what that one replaced under a hidden name.
    """
    for path in paths:
        require_replaceable_file(path, force=force)
    private = {os.path.realpath(path): is_private for path, is_private in paths.items()}
    if len(private) < len(paths):
        raise TargetError(max(paths), "is named twice, by a link: name another file")
    # What replaces a private file is private from its first byte on.
    files = {
        path: NewFile(path, mode=0o600 if is_private or os.path.exists(path) else 0o666)
        for path, is_private in private.items()
    }
    placed: dict[str, str | None] = {}
    try:
        with contextlib.ExitStack() as opened:
            yield [opened.enter_context(file.open()) for file in files.values()]
        for number, (path, file) in enumerate(files.items(), start=1):
            if force and not private[path]:
                with contextlib.suppress(FileNotFoundError):
                    file.change_mode(stat.S_IMODE(os.stat(path).st_mode))
            # Of the last one nothing has to be undone.
            before = kept_aside(path) if force and number < len(files) else None
            try:
                file.give_name(force=force)
            except BaseException:
                _remove_file(before)
                raise
            placed[path] = before
    except BaseException:
        for path, before in reversed(placed.items()):
            if before is None:
                _remove_file(path)
            else:
                os.replace(before, path)
        raise
    finally:
        for file in files.values():
            file.close()
    for before in placed.values():
        _remove_file(before)


@contextlib.contextmanager
def replacing_folder(path: str, *, force: bool, marker: str, may_be_empty: bool = False) -> Iterator[str]:
    """Make a new folder, and give it its name when the block ends well; a replaced one is removed.

    Its permission bits are those of the folder that it replaces. With ``may_be_empty`` it also takes the place of
    a folder without files, by or without ``force``.
    """
    require_replaceable_folder(path, force=force, marker=marker, may_be_empty=may_be_empty)
    # Wherever the process goes meanwhile.
    path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    temporary = hidden_beside(path)
    # Who has no descriptor left could not look into what is to be removed, either.
    with contextlib.ExitStack() as spare:
        for _ in range(_SPARE_DESCRIPTORS):
            spare.enter_context(open(os.devnull, "rb", buffering=0))
        os.mkdir(temporary)
        try:
            yield temporary
            while not rename_folder(temporary, path):
                if not force:
                    raise ArchiveExistsError(path)
                require_replaceable_folder(path, force=force, marker=marker)
                with contextlib.suppress(FileNotFoundError):
                    os.chmod(temporary, stat.S_IMODE(os.stat(path).st_mode))
                if exchange_folders(temporary, path, aside=hidden_beside(path)):
                    break
        except BaseException as error:
            spare.close()
            remove_folder(temporary)
            if isinstance(error, OSError) and error.errno == errno.EXDEV:
                raise TargetError(
                    path, "lies in a layer of an overlay: remove it first, or " + _OTHER_NAME
                ) from error
            raise
    remove_folder(temporary)


def kept_aside(path: str) -> str | None:
    """Give a file a second name, which needs no room on the disk, and return that; None where there is no file."""
    aside = hidden_beside(path)
    try:
        try:
            os.link(path, aside)
        except OSError:  # a file system without hard links
            copy_file(path, aside)
    except FileNotFoundError:
        return None
    return aside


def _remove_file(path: str | None) -> None:
    if path is not None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
