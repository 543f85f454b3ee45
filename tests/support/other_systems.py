"""What Windows and macOS have not, and do otherwise, put over this system: for a process of its own.

It is no such system: paths are this one's, and so are links, permissions and the terminal.
"""

from __future__ import annotations

import asyncio  # noqa: F401  # these ask once, when they are imported, what their system has
import builtins
import errno
import os
import shutil
import signal
import stat
import subprocess  # noqa: F401
import sys
import tarfile  # noqa: F401
import tempfile  # noqa: F401
from typing import Any

# Of https://docs.python.org/3/library/os.html: "Availability: Unix", or Linux.
_UNIX_MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
_UNIX_NAMES = (
    *(
        "chown",
        "fchmod",
        "fchown",
        "fork",
        "geteuid",
        "getgid",
        "getpgid",
        "getuid",
        "kill_pg",
        "killpg",
        "lchown",
    ),
    *(
        "mkfifo",
        "mknod",
        "posix_fadvise",
        "posix_fallocate",
        "posix_spawn",
        "pread",
        "preadv",
        "pwrite",
        "pwritev",
    ),
    *("readv", "sendfile", "setsid", "statvfs", "sync", "uname", "waitid", "waitstatus", "writev"),
    *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_SYNC"),
)
_LINUX_NAMES = (
    *("O_DIRECT", "O_PATH", "O_TMPFILE", "copy_file_range", "eventfd", "memfd_create", "pidfd_open"),
    *("posix_fadvise", "posix_fallocate", "sched_getaffinity", "sched_setaffinity", "splice", "waitid"),
)
_UNIX_SIGNALS = ("SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGPIPE", "SIGUSR1", "SIGWINCH", "SIGCHLD")


def become(system: str) -> None:
    """Have this process find what it would on ``windows`` or ``macos``."""
    sys.platform = {"windows": "win32", "macos": "darwin"}[system]
    _drop(os, _LINUX_NAMES)
    if system == "macos":
        _hide_proc()
        return
    _drop(os, _UNIX_NAMES)
    _drop(signal, _UNIX_SIGNALS)
    for name in _UNIX_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # there is no such module
    _forbid_folders_of_descriptors()
    _rename_as_windows()


def _drop(module: Any, names: tuple[str, ...]) -> None:
    for name in names:
        if hasattr(module, name):
            delattr(module, name)


def _hide_proc() -> None:
    for module, name in ((os, "open"), (os, "readlink"), (os, "listdir"), (builtins, "open")):
        _wrap(module, name, _refuse_proc)


def _refuse_proc(path: Any, *_: Any, **__: Any) -> None:
    if isinstance(path, str) and path.startswith("/proc"):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def _forbid_folders_of_descriptors() -> None:
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    if hasattr(shutil, "_rmtree_impl"):  # from 3.14 on chosen when it is imported, and not at each call
        shutil._rmtree_impl = shutil._rmtree_unsafe  # type: ignore[attr-defined]
    os.supports_dir_fd.clear()
    os.supports_fd.clear()
    for name in ("open", "stat", "mkdir", "unlink", "rmdir", "rename", "link", "chmod", "utime", "readlink"):
        _wrap(os, name, _refuse_descriptors)
    _wrap(os, "open", _refuse_folders)


def _refuse_descriptors(*_: Any, **named: Any) -> None:
    if any(named.get(name) is not None for name in ("dir_fd", "src_dir_fd", "dst_dir_fd")):
        raise NotImplementedError("dir_fd unavailable on this platform")


def _refuse_folders(path: Any, *_: Any, **__: Any) -> None:
    if isinstance(path, str) and os.path.isdir(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _rename_as_windows() -> None:
    """Nothing that is open is renamed, replaced or removed, and rename replaces nothing."""
    for name in ("rename", "replace", "unlink", "remove"):
        _wrap(os, name, _refuse_open_files)
    _wrap(os, "rename", _refuse_taken_names)


def _refuse_open_files(*paths: Any, **_: Any) -> None:
    for path in paths:
        if isinstance(path, str) and os.path.realpath(path) in _open_files():
            raise PermissionError(errno.EACCES, "it is being used by another process", path)


def _refuse_taken_names(_: Any, path: Any, **__: Any) -> None:
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


def _open_files() -> set[str]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISREG(os.stat(f"/proc/self/fd/{name}").st_mode):
                found.add(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:  # that of the listing itself
            continue
    return found


def _wrap(module: Any, name: str, refuse: Any) -> None:
    real = getattr(module, name)

    def wrapped(*words: Any, **named: Any) -> Any:
        refuse(*words, **named)
        return real(*words, **named)

    setattr(module, name, wrapped)
