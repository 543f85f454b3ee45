"""The file of a Secret that lies there already: keys may have been put into it by hand (K348)."""

from __future__ import annotations

import os

from marpack.serving.kserve.storage_access import PLACEHOLDERS

_LONGEST = 1 << 20


def secret_path(path: str) -> str:
    """Return where the Secret of the manifest at ``path`` goes: beside it."""
    return f"{os.path.splitext(path)[0]}-secret.yaml"


def holds_keys(path: str) -> bool:
    """Tell whether a file is a Secret whose placeholders were replaced; False where there is no file.

    ``OSError`` of a file that cannot be read passes through.
    """
    if not os.path.isfile(path):
        return False
    text = _read(path)
    return all(name in text for name in PLACEHOLDERS) and not any(each in text for each in PLACEHOLDERS.values())


def difference(path: str, text: str) -> str | None:
    """Return where a Secret that stays says otherwise how the store is reached than ``text``; None where not."""
    if _without_keys(_read(path)) == _without_keys(text):
        return None
    change = "remove it, to have it written anew, and put the keys in again"
    return f"{path!r} stays as it is, and says otherwise how the store is reached: {change}"


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(_LONGEST)


def _without_keys(text: str) -> list[str]:
    return [
        line for line in text.splitlines() if "AWS_" not in line and line.strip() not in ("data:", "stringData:")
    ]
