"""Folders that a handler has written to, removed: however deep they are, and without following a link."""

from __future__ import annotations

import contextlib
import os
import stat
import uuid

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


def remove_folder(folder: str) -> bool:
    """Remove a folder with all that is in it; return whether it is gone.

    Folders below it are moved up into it before they are emptied: no path gets long, and nothing is recursive.
    """
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            return False
        with contextlib.suppress(OSError):  # an empty one takes no descriptor, of which there may be none left
            os.rmdir(folder)
            return True
        with contextlib.suppress(OSError):  # a handler may have taken rights away
            os.chmod(folder, stat.S_IRWXU)
        top = os.open(folder, _FOLDER)
        try:
            waiting = _emptied(top, top)
            while waiting:
                name = waiting.pop()
                # What cannot be emptied, or moved, stays; so does the folder, then.
                with contextlib.suppress(OSError):
                    waiting += _emptied_below(top, name)
        finally:
            os.close(top)
        os.rmdir(folder)
    return not os.path.lexists(folder)


def _emptied_below(top: int, name: str) -> list[str]:
    """Remove a folder in ``top``; return what the folders in it are called now, in ``top``."""
    place = os.open(name, _FOLDER, dir_fd=top)
    try:
        found = _emptied(place, top)
    finally:
        os.close(place)
    with contextlib.suppress(OSError):
        os.rmdir(name, dir_fd=top)
    return found


def _emptied(place: int, top: int) -> list[str]:
    """Remove the files of a folder, and move its folders to ``top``; return their names there."""
    found = []
    for name in os.listdir(place):
        with contextlib.suppress(OSError):
            mode = os.stat(name, dir_fd=place, follow_symlinks=False).st_mode
            if not stat.S_ISDIR(mode):
                os.unlink(name, dir_fd=place)
                continue
            if mode & stat.S_IRWXU != stat.S_IRWXU:
                with contextlib.suppress(OSError):
                    os.chmod(name, stat.S_IRWXU, dir_fd=place)
            moved = name if place == top else uuid.uuid4().hex
            if place != top:
                os.rename(name, moved, src_dir_fd=place, dst_dir_fd=top)
            found.append(moved)
    return found
