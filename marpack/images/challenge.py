"""What a registry asks for: the header of a 401, read in a time that grows as it does. Pure."""

from __future__ import annotations

import re

_LONGEST = 4096
# Schemes, each with what it is told; a word is looked at from its beginning alone, or long ones take their square.
_TOLD = re.compile(
    r'(?<![A-Za-z0-9_-])(?:([A-Za-z][A-Za-z0-9-]*) +)?([A-Za-z][A-Za-z0-9_-]*)=(?:"([^"]*)"|([^\s",]*))'
)
_KNOWN = ("basic", "bearer")


def challenge_in(header: str) -> tuple[str, dict[str, str]]:
    """Return the first scheme that is known here, in lower case, and what is told of it (RFC 9110, 11.6.1)."""
    found: list[tuple[str, dict[str, str]]] = []
    for scheme, name, quoted, plain in _TOLD.findall(header) if len(header) <= _LONGEST else ():
        if scheme or not found:
            found.append((scheme.lower(), {}))
        found[-1][1].setdefault(name.lower(), quoted or plain)
    if header.strip().lower() == "basic":
        found.append(("basic", {}))
    return next((each for each in found if each[0] in _KNOWN), ("", {}))
