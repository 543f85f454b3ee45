"""Whole or not at all: a file or a folder appears under its name only when it is complete.

It is built under a hidden name beside the target (the server skips those), and only what was built here is
ever removed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
from typing import TYPE_CHECKING

from marpack.errors import ArchiveExistsError, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["check_file", "check_folder", "check_replaceable_folder", "replacing_file", "replacing_folder"]

# Small members leave in one write.
_BUFFER_SIZE = 1 << 18


def check_folder(path: str) -> None:
    """Raise ``TargetError`` unless ``path`` is a folder that takes new files; ``""`` is the current one."""
    path = path or "."
    if not os.path.isdir(path):
        what = "is not a folder" if os.path.lexists(path) else "does not exist"
        raise TargetError(path, f"{what}: create the folder or choose another")
    if not os.access(path, os.W_OK | os.X_OK):
        raise TargetError(path, "may not be written to: change its permissions or choose another folder")


def check_file(path: str, *, force: bool) -> None:
    """Raise ``TargetError`` or ``ArchiveExistsError`` unless ``replacing_file`` may make ``path``."""
    check_folder(os.path.dirname(path))
    if os.path.isdir(path):
        raise TargetError(path, "is a folder: name the file that the archive goes to")
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        raise TargetError(path, "is not a regular file: write iter_archive(plan) to it instead")
    if os.path.lexists(path) and not force:
        raise ArchiveExistsError(path)


def check_replaceable_folder(path: str, *, force: bool, marker: str) -> None:
    """Raise ``TargetError`` or ``ArchiveExistsError`` unless ``replacing_folder`` may make ``path``.

    A folder is replaced whole, so one that holds files but not ``marker`` is somebody's own and stays.
    """
    check_folder(os.path.dirname(path))
    if not os.path.lexists(path):
        return
    if os.path.islink(path) or not os.path.isdir(path):
        what = "link" if os.path.islink(path) else "file"
        raise TargetError(path, f"is a {what}: remove it, or choose another model name or export path")
    if os.listdir(path) and not os.path.isfile(os.path.join(path, marker)):
        raise TargetError(
            path,
            f"holds files but no {marker}, so it is not a model that could be replaced: "
            "move it away, or choose another model name or export path",
        )
    if not force:
        raise ArchiveExistsError(path)


@contextlib.contextmanager
def replacing_file(path: str, *, force: bool) -> Iterator[BinaryIO]:
    """Open a new file for reading and writing, and give it its name when the block ends well.

    A link is followed, and an existing file's permission bits are kept.
    """
    check_file(path, force=force)
    path = os.path.realpath(path)
    temporary = _temporary_name(path)
    try:
        with open(temporary, "x+b", buffering=_BUFFER_SIZE) as file:
            yield file
        if force:
            with contextlib.suppress(FileNotFoundError):
                os.chmod(temporary, stat.S_IMODE(os.stat(path).st_mode))
            os.replace(temporary, path)
        else:
            _rename_new(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def replacing_folder(path: str, *, force: bool, marker: str) -> Iterator[str]:
    """Make a new folder, and give it its name when the block ends well; a replaced one is removed."""
    check_replaceable_folder(path, force=force, marker=marker)
    temporary = _temporary_name(path)
    os.mkdir(temporary)
    try:
        yield temporary
        while not _rename_folder(temporary, path):
            if not force:
                raise ArchiveExistsError(path)
            check_replaceable_folder(path, force=force, marker=marker)
            if _exchange(temporary, path):
                break
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    shutil.rmtree(temporary, ignore_errors=True)


def _temporary_name(path: str) -> str:
    return os.path.join(os.path.dirname(path), f".marpack-{os.urandom(8).hex()}.tmp")


def _rename_new(temporary: str, path: str) -> None:
    """Give a file its name unless the name is taken, also by somebody who took it meanwhile."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise ArchiveExistsError(path) from None
    except OSError:
        # A file system without hard links: the check and the renaming are two steps there.
        if os.path.lexists(path):
            raise ArchiveExistsError(path) from None
        os.rename(temporary, path)
    else:
        os.unlink(temporary)


def _rename_folder(temporary: str, path: str) -> bool:
    """Give a folder its name unless a folder that is not empty has it."""
    try:
        os.rename(temporary, path)
    except OSError as error:
        if error.errno in {errno.EEXIST, errno.ENOTEMPTY}:
            return False
        raise
    return True


def _exchange(temporary: str, path: str) -> bool:
    """Swap two folders; False when ``path`` has gone meanwhile.

    Linux swaps them in one step, so that the name is never without a model. Elsewhere the old one is moved
    aside first, and moved back should the new one not take its place.
    """
    swapped = _exchange_at_once(temporary, path)
    if swapped is not None:
        return swapped
    aside = _temporary_name(path)
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return False
    try:
        os.rename(temporary, path)
    except OSError:
        os.rename(aside, path)
        raise
    os.rename(aside, temporary)
    return True


_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def _exchange_at_once(one: str, other: str) -> bool | None:
    """Swap two names by ``renameat2``; None where there is no such call."""
    if sys.platform != "linux":
        return None
    import ctypes  # rarely needed, and slow to import

    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return None
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code == errno.ENOENT:
        return False
    if code in {errno.EINVAL, errno.ENOSYS, errno.EPERM}:
        return None
    raise OSError(code, os.strerror(code), other)
