"""What files are at a moment: whether they are others later on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

# Which file it is, its size and the time of its last change; None where there is none.
State = tuple[int, int, int] | None


def states(paths: Iterable[str]) -> dict[str, State]:
    """Return what is known of files, and of all files below those that are folders.

    What Python and editors leave in a folder does not count: ``__pycache__``, names that begin with a dot, and
    backups, which end with "~".
    """
    found: dict[str, State] = {}
    for path in paths:
        found[path] = _state(path)
        if os.path.isdir(path):
            found |= {below: _state(below) for below in _files_below(path)}
    return found


def _state(path: str) -> State:
    try:
        what = os.stat(path)
    except OSError:
        return None
    # A folder's time changes with what is in it, which is looked at itself.
    return (what.st_ino, 0, 0) if os.path.isdir(path) else (what.st_ino, what.st_size, what.st_mtime_ns)


def _files_below(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        for name in names:
            if not name.startswith(".") and not name.endswith(("~", ".pyc")):
                yield os.path.join(place, name)
