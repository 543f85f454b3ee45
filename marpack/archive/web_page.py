"""Web pages under the names of archives: what servers send with status 200 instead of a file. Pure."""

from __future__ import annotations

from typing import Final

LONGEST_START: Final = 64
_STARTS: Final = (b"<!doctype html", b"<html")

WHAT: Final = "is a web page and no archive, as a server sends one to log in, or for a folder"
FIX: Final = "correct the URL, or get it again"


def begins_page(start: bytes) -> bool:
    """Tell whether a file begins as a page of HTML does; ``LONGEST_START`` bytes are enough."""
    return start.lstrip().lower().startswith(_STARTS)
