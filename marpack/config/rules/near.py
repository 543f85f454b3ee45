"""Whether a key that a reader does not know is a slip of one that it knows."""

from __future__ import annotations

import re
from collections.abc import Iterable


def nearest_key(name: str, known: Iterable[str], *, likeness: float) -> str | None:
    """Return the known key that this one is, but for case, separators and slips.

    ``likeness`` is how alike the two must be, from 0 to 1; with 1 no slips are forgiven.
    """
    import difflib  # slow to import, and needed for mistakes only

    folded = {_folded(key): key for key in known}
    close = difflib.get_close_matches(_folded(name), folded, n=1, cutoff=likeness)
    return folded[close[0]] if close else None


def _folded(key: str) -> str:
    return re.sub("[-_. ]", "", key).lower()
