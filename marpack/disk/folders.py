"""Make, rename, swap and remove folders."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY}
_NO_SUCH_CALL = {errno.EINVAL, errno.ENOSYS, errno.EPERM}


@contextlib.contextmanager
def new_folders(*folders: str) -> Iterator[None]:
    """Make the folders that are missing; after an error, those that were made and are empty are removed again."""
    made: list[str] = []
    try:
        for folder in folders:
            missing = []
            while folder and not os.path.isdir(folder):
                missing.append(folder)
                folder = os.path.dirname(folder)
            for path in reversed(missing):
                with contextlib.suppress(FileExistsError):  # another process has just made it
                    os.mkdir(path)
                    made.append(path)
        yield
    except BaseException:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                os.rmdir(path)
        raise


def remove_folder(path: str) -> None:
    """Remove a folder and what is in it, as far as possible."""
    import shutil  # slow to import, and seldom needed

    try:
        shutil.rmtree(path, ignore_errors=True)
    except BaseException:  # interrupted, which is no reason to leave the rest
        shutil.rmtree(path, ignore_errors=True)
        raise


def rename_folder(folder: str, path: str) -> bool:
    """Give a folder the name ``path``; False if a folder that is not empty has it."""
    try:
        os.rename(folder, path)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def exchange_folders(folder: str, path: str, *, aside: str) -> bool:
    """Swap ``folder`` with the one at ``path``; False if that one has gone, or has been replaced, meanwhile.

    Linux swaps them in one step, so that ``path`` always names one of them. Elsewhere the old one is first
    moved to the name ``aside``, and back should the new one not take its place.
    """
    swapped = _exchange_at_once(folder, path)
    if swapped is not None:
        return swapped
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return False
    try:
        renamed = rename_folder(folder, path)
    except BaseException:
        os.rename(aside, path)
        raise
    if renamed:
        os.rename(aside, folder)
    else:  # somebody else's new folder has come first, and takes the place of the old one too
        remove_folder(aside)
    return renamed


def _exchange_at_once(one: str, other: str) -> bool | None:
    """Swap two names by ``renameat2``; None where there is no such call."""
    if sys.platform != "linux":
        return None
    try:
        import ctypes  # needed only here, and slow to import
    except ImportError:  # Python can be built without
        return None
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return None
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code == errno.ENOENT:
        return False
    if code in _NO_SUCH_CALL:
        return None
    raise OSError(code, os.strerror(code), other)
