"""The names that an archive may give its members (spec/archive.md, R clauses). Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import TypeAlias

from marpack.archive.layout import MAX_COMPONENT, MAX_NAME, printable
from marpack.errors import Issue

__all__ = ["CASE_COLLISION", "name_issue", "names_issues"]

# The code of names that are one where case does not count; Linux, and so the server, tells them apart.
CASE_COLLISION = "case-collision"

# As most names are, so that the rules need not be gone through one by one for thousands of them.
_PLAIN_NAME = re.compile(r"\w [\w.-]* (/ \w [\w.-]*)*", re.VERBOSE | re.ASCII)
# By its name where case does not count: how it is spelled, and what lies in it; a file has no inside.
_Folder: TypeAlias = "dict[str, tuple[str, _Folder | None]]"
# Programs go down folder by folder; Python's own remove none that is a thousand deep.
_MAX_PARTS = 256
_DRIVE = re.compile(r"[A-Za-z]:")


def name_issue(name: str) -> Issue | None:
    """Return what is wrong with a name by itself: one that could leave the folder, or that no folder takes."""
    if len(name) <= MAX_COMPONENT and _PLAIN_NAME.fullmatch(name):
        return None
    parts = name.split("/")
    code, problem = "", ""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return _issue("name-encoding", name, "is not valid Unicode")
    if not name:
        code, problem = "name-empty", "is empty"
    elif "\0" in name:
        code, problem = "name-nul", "holds a NUL character, where other programs end it"
    elif "\\" in name:
        code, problem = "name-backslash", "holds a backslash, which separates folders on Windows"
    elif name.startswith("/"):
        code, problem = "name-absolute", "is absolute"
    elif _DRIVE.match(name):
        code, problem = "name-drive", "begins with a drive"
    elif ".." in parts:
        code, problem = "name-traversal", "leads out of a folder by '..'"
    elif not all(parts) or "." in parts:
        code, problem = "name-dot", "has an empty or '.' part"
    elif len(encoded) > MAX_NAME or any(len(part.encode()) > MAX_COMPONENT for part in parts):
        code, problem = "name-long", f"is too long: {MAX_COMPONENT} bytes a part and {MAX_NAME} in all is the most"
    elif len(parts) > _MAX_PARTS:
        code, problem = "name-long", f"is too deep: {_MAX_PARTS} parts is the most"
    return _issue(code, name, problem) if code else None


def names_issues(names: Iterable[str], also_folders: Iterable[str] = (), *, most: int) -> Iterator[Issue]:
    """Yield what is wrong with the names of files side by side: twice the same, a file that is a folder too.

    ``also_folders`` are the names of folders that need not hold one of the files, ``most`` is how many files and
    folders there may be.
    """
    seen: set[str] = set()
    root: _Folder = {}
    count = 0
    for name, is_file in chain(zip(names, repeat(True)), zip(also_folders, repeat(False))):
        if is_file and name in seen:
            yield _issue("duplicate", name, "is there more than once, and readers differ in which one counts")
            continue
        seen.add(name)
        folder = root
        parts = name.split("/")
        for depth, part in enumerate(parts, 1):
            is_end = is_file and depth == len(parts)
            key = _folded(part)
            if key not in folder:
                count += 1
                if count > most:
                    message = f"holds more files and folders than {most:,}, twice the limit of members"
                    yield Issue(code="too-many-members", argument="", message=message)
                    return
                folder[key] = part, None if is_end else {}
            spelled, found = folder[key]
            if spelled != part:
                path = "/".join(parts[:depth])
                yield _issue(CASE_COLLISION, path, f"is one name with {spelled!r} where case does not count")
            elif (found is None) != is_end:
                path = "/".join(parts[:depth])
                yield _issue("file-and-folder", path, "is a file, and a folder for others")
            if found is None:
                break
            folder = found


def _folded(name: str) -> str:
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def _issue(code: str, name: str, problem: str) -> Issue:
    return Issue(code=code, argument=printable(name), message=problem)
