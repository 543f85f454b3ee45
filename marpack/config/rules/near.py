"""Whether a key that a reader does not know is a slip of one that it knows."""

from __future__ import annotations

from collections.abc import Iterable

from marpack.config.settings.other_keys import folded

# What a byte order mark becomes in front of the first key of a properties file.
_MARK = "\xef\xbb\xbf"

# So many letters too many, too few or changed are a slip of the hand; with more, another word may be meant.
_SLIPS = 2


def nearest_key(name: str, known: Iterable[str], *, likeness: float) -> str | None:
    """Return the known key that this one is, but for case, separators and slips.

    ``likeness`` is how alike the two must be, from 0 to 1; with 1 no slips are forgiven.
    """
    import difflib  # slow to import, and needed for mistakes only

    keys = {folded(key): key for key in known}
    close = difflib.get_close_matches(folded(name), keys, n=1, cutoff=likeness)
    return keys[close[0]] if close else None


def is_slip(name: str, known: str) -> bool:
    """Tell whether a key is surely meant to be a known one: the same but for case, separators and two letters."""
    one, other = folded(name.removeprefix(_MARK)), folded(known)
    if abs(len(one) - len(other)) > _SLIPS:
        return False
    before = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        here = [row]
        for column, there in enumerate(other, 1):
            change = before[column - 1] + (letter != there)
            here.append(min(before[column] + 1, here[-1] + 1, change))
        before = here
    return before[-1] <= _SLIPS
