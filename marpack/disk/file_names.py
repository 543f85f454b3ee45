"""What a system takes as the name of a file, and names of which it makes none, or one that is called otherwise.

Windows' rules are Microsoft's ("Naming Files, Paths, and Namespaces"), as Python's ``ntpath.isreserved`` has them.
"""

from __future__ import annotations

import os
import re
import sys

_NOT_ALLOWED = re.compile(r'[<>:"|?*\\\x00-\x1f]')
# Up to the first dot. The console's two have a dollar, and superscript digits are digits here.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[1-9\xb9\xb2\xb3])", re.IGNORECASE)


def file_name_problem(name: str) -> str | None:
    """Return why this system has no file of a name, its folders parted by ``/``, and the way out; else None."""
    if sys.platform == "win32" and (problem := windows_name_problem(name)):
        return f"of which Windows keeps no file ({problem}): use another system, or WSL"
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        encoding = sys.getfilesystemencoding()
        return (
            f"which is no name of a file in the locale's encoding, {encoding}: set PYTHONUTF8=1, or another locale"
        )
    return None


def windows_name_problem(name: str) -> str | None:
    """Return what is wrong with a name, its folders parted by ``/``, on Windows; None where nothing is."""
    for part in name.split("/"):
        if found := _NOT_ALLOWED.search(part):
            return f"{found[0]!r} is not allowed in it"
        if part.endswith((" ", ".")):
            return f"{part[-1]!r} is left out at its end"
        if is_device(part):
            return f"{part!r} is a device"
    return None


def is_device(part: str) -> bool:
    """Tell whether a part of a path is a device on Windows, whatever comes after a dot."""
    return _DEVICE.fullmatch(part.partition(".")[0].rstrip(" ")) is not None


def relative_name(path: str, folder: str) -> str:
    """Return what a path is called from a folder on, as ``os.path.relpath``, its parts parted by ``/``.

    Raises ``ValueError`` where it lies on another drive of Windows.
    """
    return os.path.relpath(path, folder).replace(os.sep, "/")


def lies_below(path: str) -> bool:
    """Tell whether a path, from a folder on, names that folder or something in it; none with a drive does."""
    drive, rest = os.path.splitdrive(os.path.normpath(path))
    return not drive and rest.replace(os.sep, "/").partition("/")[0] not in ("", os.pardir)


def without_last_separator(path: str) -> str:
    """Return the path of a folder without a separator at its end; a root keeps its own."""
    drive, rest = os.path.splitdrive(path)
    return drive + (rest.rstrip(f"{os.sep}{os.altsep or ''}") or rest[:1])
