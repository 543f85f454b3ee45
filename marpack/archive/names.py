"""The names of archives and of their members (spec/archive.md): what may be packed, what may be read. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Literal, TypeAlias

from marpack.archive.forms import ARCHIVE_FORMATS, SUFFIXES, WORKFLOW_SUFFIX, ArchiveFormat
from marpack.archive.manifest import MANIFEST_NAME
from marpack.display import SURROGATE
from marpack.findings import Issue

if TYPE_CHECKING:
    from marpack.issue_codes import ReadCode

# What a file system and the server's unpacker take (255 and 4,095 bytes).
MAX_COMPONENT = 255
MAX_NAME = 4095

_ARCHIVE_NAME = re.compile(r"[A-Za-z0-9] [A-Za-z0-9_.-]*", re.VERBOSE)

# As most names are, so that the rules need not be gone through one by one for thousands of them.
_PLAIN_NAME = re.compile(r"\w [\w.-]* (/ \w [\w.-]*)*", re.VERBOSE | re.ASCII)
# Programs go down folder by folder; Python's own remove none that is a thousand deep.
_MAX_PARTS = 256
_DRIVE = re.compile(r"[A-Za-z]:")
# Of a name and its parts, in this order; each with its code, but for the depth, which is a length.
_Rule: TypeAlias = "ReadCode | Literal['too deep']"
_RULES: tuple[tuple[_Rule, Callable[[str, Sequence[str]], object]], ...] = (
    ("name-encoding", lambda name, _: SURROGATE.search(name)),
    ("name-empty", lambda name, _: not name),
    ("name-nul", lambda name, _: "\0" in name),
    ("name-backslash", lambda name, _: "\\" in name),
    ("name-absolute", lambda name, _: name.startswith("/")),
    ("name-drive", lambda name, _: _DRIVE.match(name)),
    ("name-traversal", lambda _, parts: ".." in parts),
    ("name-dot", lambda _, parts: "" in parts or "." in parts),
    ("name-long", lambda name, parts: _size(name) > MAX_NAME or max(map(_size, parts)) > MAX_COMPONENT),
    ("too deep", lambda _, parts: len(parts) > _MAX_PARTS),
)
_READ: dict[_Rule, str] = {
    "name-encoding": "is not valid Unicode",
    "name-empty": "is empty",
    "name-nul": "holds a NUL character, where other programs end it",
    "name-backslash": "holds a backslash, which separates folders on Windows",
    "name-absolute": "is absolute",
    "name-drive": "begins with a drive",
    "name-traversal": "leads out of a folder by '..'",
    "name-dot": "has an empty or '.' part",
    "name-long": f"is too long: {MAX_COMPONENT} bytes a part and {MAX_NAME} in all is the most",
    "too deep": f"is too deep: {_MAX_PARTS} parts is the most",
}
# What is not in it may be packed.
_PLANNED: dict[_Rule, str] = {
    "name-encoding": "is not valid Unicode: rename the file",
    "name-empty": "in the archive is empty",
    "name-nul": "in the archive holds a NUL character",
    "name-backslash": "in the archive holds a backslash: separate folders with '/'",
    "name-absolute": "in the archive is absolute: make it relative to the archive's root",
    "name-traversal": "in the archive has an empty, '.' or '..' part: write it plainly",
    "name-dot": "in the archive has an empty, '.' or '..' part: write it plainly",
    "name-long": f"in the archive is too long: at most {MAX_COMPONENT} bytes a part and {MAX_NAME} in all",
}


def _broken_rule(name: str, rules: Container[_Rule]) -> _Rule | None:
    """Return the first of the rules that a name breaks."""
    if len(name) <= MAX_COMPONENT and _PLAIN_NAME.fullmatch(name):
        return None
    parts = name.split("/")
    return next((code for code, is_broken in _RULES if code in rules and is_broken(name, parts)), None)


def model_name_problem(name: str, archive_format: ArchiveFormat) -> str | None:
    """Return what is wrong with a model name (A1), or None; an unknown form counts as a zip."""
    known = archive_format if archive_format in ARCHIVE_FORMATS else "default"
    return _archive_name_problem("model", name, SUFFIXES[known])


def workflow_name_problem(name: str) -> str | None:
    """Return what is wrong with the name of a workflow (W2), or None."""
    return _archive_name_problem("workflow", name, WORKFLOW_SUFFIX)


def _archive_name_problem(kind: str, name: str, suffix: str) -> str | None:
    if not _ARCHIVE_NAME.fullmatch(name):
        return (
            f"the {kind} name {name!r} is not allowed: "
            "begin with an ASCII letter or digit and go on with letters, digits, '_', '-' or '.'"
        )
    longest = MAX_COMPONENT - len(suffix)
    if len(name) > longest:
        return f"the {kind} name is {len(name)} characters long: the name of its archive has room for {longest}"
    return None


def member_name_problem(name: str, manifest_name: str = MANIFEST_NAME) -> str | None:
    """Return what is wrong with the name of a member (A8, W6), or None; the manifest has its folder to itself."""
    code = _broken_rule(name, _PLANNED)
    top, reserved = (path.partition("/")[0] for path in (name, manifest_name))
    if top.upper() == reserved and code in (None, "name-long"):
        where = f"{reserved}, which is kept for the manifest ({manifest_name})"
        return f"the name {name!r} in the archive lies in {where}: move it elsewhere"
    return f"the name {name!r} {_PLANNED[code]}" if code else None


def is_excluded_folder(name: str) -> bool:
    """Tell whether a sub-folder of this name is left out when a folder is packed (A5)."""
    return name.startswith(".") or name in {"__MACOSX", "__pycache__"}


def is_pattern(item: str) -> bool:
    """Tell whether an extra-files item is a wildcard (A4)."""
    return "*" in item or "?" in item or ("[" in item and "]" in item)


def member_order(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key: the files of a folder by name, then its sub-folders by name (A9)."""
    *folders, file = name.split("/")
    return (*((1, folder) for folder in folders), (0, file))


def is_chosen(name: str, chosen: str) -> bool:
    """Tell a member that is called ``chosen``, or lies in the folder of that name."""
    return name == chosen or name.startswith(f"{chosen.rstrip('/')}/")


def parents(name: str) -> list[str]:
    """Return the folders that hold a member, outermost first."""
    return [name[:end] for end, character in enumerate(name) if character == "/"] if "/" in name else []


# The code of names that are one where case does not count; Linux, and so the server, tells them apart.
CASE_COLLISION: ReadCode = "case-collision"

# By its name where case does not count: how it is spelled, and what lies in it; a file has no inside.
_Folder: TypeAlias = "dict[str, tuple[str, _Folder | None]]"


def name_issue(name: str) -> Issue | None:
    """Return what is wrong with a name by itself: one that could leave the folder, or that no folder takes."""
    code = _broken_rule(name, _READ)
    return _issue("name-long" if code == "too deep" else code, name, _READ[code]) if code else None


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


def _size(text: str) -> int:
    return len(text.encode())


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    import unicodedata  # slow to import, and needed for names that are not ASCII only

    return unicodedata.normalize("NFC", name).casefold()


def _issue(code: ReadCode, name: str, problem: str) -> Issue:
    return Issue(code=code, argument=name, message=problem)
