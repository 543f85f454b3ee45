"""Files that are looked at again and again, until one of them changes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from marpack.disk.file_states import State, states

# Seconds between two looks.
_PAUSE = 0.25


def changed(paths: Iterable[str], before: Mapping[str, State]) -> list[str]:
    """Wait until files are others than before; return which.

    An editor, or a build, writes several in a row: the wait goes on until two looks see the same.
    """
    last = before
    while True:
        time.sleep(_PAUSE)
        now = states(paths)
        if now == last != before:
            return sorted(path for path in {*now, *before} if now.get(path) != before.get(path))
        last = now
