"""Names that are given and not known: which they are like, and which there are."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from marpack.findings import Issue


def unknown_name(name: str, known: Collection[str], what: str) -> Issue:
    """Return what to say of a name that is not ``what``, as ``"an argument of deploy"``."""
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    message = f"is not {what}: {hint}there are {', '.join(known)}"
    return Issue(code="unknown-key", argument=name, message=message)
