"""How much room a file system has."""

from __future__ import annotations

import os

__all__ = ["free_space"]


def free_space(folder: str) -> int | None:
    """Return the bytes that this process may still write there, None where the system does not say."""
    try:
        status = os.statvfs(folder)
    except (AttributeError, OSError):  # Windows; file systems of their own kind
        return None
    return status.f_bavail * status.f_frsize
