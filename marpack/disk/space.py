"""How much room a file system has, and having it set blocks aside before they are written."""

from __future__ import annotations

import errno
import os
import sys

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def free_space(folder: str) -> int | None:
    """Return the bytes that this process may still write there, None where the system does not say."""
    try:
        status = os.statvfs(folder)
    except (AttributeError, OSError):  # Windows; file systems of their own kind
        return None
    return status.f_bavail * status.f_frsize


def reserve(file_descriptor: int, offset: int, size: int) -> None:
    """Set ``size`` bytes aside from ``offset`` on, which makes the file at least as long.

    A copy of 512 MiB that follows takes 0.03 s less on ext4, of the 0.17 s that packing takes, and a disk without
    room says so at once: ``OSError``. Where the system cannot, nothing happens. (``os.posix_fallocate`` is no way
    to find that out: the C library then writes a byte to every block.)
    """
    if sys.platform != "linux" or size == 0:
        return
    try:
        import ctypes  # slow to import, and needed for large members only
    except ImportError:  # Python can be built without
        return
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
    if fallocate and fallocate(file_descriptor, 0, ctypes.c_int64(offset), ctypes.c_int64(size)) != 0:
        code = ctypes.get_errno()
        if code in _NO_ROOM:
            raise OSError(code, os.strerror(code))
