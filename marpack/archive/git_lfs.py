"""Pointers of Git LFS: the small texts that stand in a clone for files that were not fetched. Pure."""

from __future__ import annotations

import re
from typing import Final

# Git LFS's spec.md: a pointer has less than 1024 bytes, and its first line is the version. (hawser is what Git LFS
# was called before 1.0.)
LONGEST_POINTER: Final = 1024
_VERSION: Final = re.compile(rb"version https://(?:git-lfs|hawser)\.github\.com/spec/v[0-9]+\r?\n", re.ASCII)
_REST: Final = re.compile(
    rb"(?: ext-[0-9]-\S+ [ ] \S+ \r?\n )* oid [ ] sha256:[0-9a-f]{64} \r?\n size [ ] (?P<size>[0-9]{1,19}) \s* \Z",
    re.VERBOSE,
)

WHAT: Final = "a pointer of Git LFS, not the file it stands for"
FIX: Final = "fetch the file where it was cloned, with: git lfs pull"


def begins_pointer(start: bytes) -> bool:
    """Tell whether a file begins as a pointer does; 64 bytes are enough."""
    return _VERSION.match(start) is not None


def pointed_size(data: bytes) -> int | None:
    """Return the size of the file that a whole pointer stands for, None for what is no pointer."""
    first = _VERSION.match(data) if len(data) < LONGEST_POINTER else None
    rest = None if first is None else _REST.match(data, first.end())
    return None if rest is None else int(rest["size"])
