"""What Windows and macOS have not, and do otherwise, put over this system: for a process of its own.

It is no such system: links, permissions, the terminal, and which letters are one, are this one's. Windows' paths
have drives and backslashes, and of some names there is no file.
"""

from __future__ import annotations

import asyncio  # noqa: F401  # these ask once, when they are imported, what their system has
import builtins
import contextlib
import errno
import io
import ntpath
import os
import pathlib
import re
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
    for name in ("_USE_CP_SENDFILE", "_USE_CP_COPY_FILE_RANGE"):  # by what it found when it was imported
        setattr(shutil, name, False)
    if system == "macos":
        _hide_proc()
        return
    _drop(os, _UNIX_NAMES)
    _drop(signal, _UNIX_SIGNALS)
    for name in _UNIX_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # there is no such module
    _forbid_folders_of_descriptors()
    _rename_as_windows()
    _name_as_windows()


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
    if sys.version_info >= (3, 14):
        shutil._rmtree_impl = shutil._rmtree_unsafe  # type: ignore[attr-defined,unused-ignore]
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
        if isinstance(path, str) and os.path.isfile(path) and _of(os.lstat(path)) in _open_files():
            raise PermissionError(errno.EACCES, "it is being used by another process", path)


def _refuse_taken_names(_: Any, path: Any, **__: Any) -> None:
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


# What takes a path, or two.
_WITH_PATH = (
    *("access", "chdir", "chmod", "link", "listdir", "lstat", "mkdir", "open", "readlink", "remove", "rename"),
    *("replace", "rmdir", "scandir", "stat", "symlink", "truncate", "unlink", "utime"),
)


def _name_as_windows() -> None:
    """Have paths a drive and backslashes; ``C:`` is this system's root."""
    for module, name in (*((os, name) for name in _WITH_PATH), (builtins, "open"), (io, "open")):
        _translate(module, name)
    here, links = os.getcwd, os.readlink
    os.getcwd = lambda: _of_windows(here())
    os.readlink = lambda path, **named: _of_windows(links(path, **named))  # type: ignore[assignment]
    os.sep, os.altsep, os.pathsep = "\\", "/", ";"
    os.path = sys.modules["os.path"] = ntpath  # which asks the system by os alone
    for name in ("TMPDIR", "HOME"):
        if name in os.environ:
            os.environ[name] = _of_windows(os.environ[name])


def _of_windows(path: str) -> str:
    return f"C:{path}".replace("/", "\\") if path.startswith("/") else path.replace("/", "\\")


def _translate(module: Any, name: str) -> None:
    real = getattr(module, name)

    def translated(*words: Any, **named: Any) -> Any:
        paths = 2 if name in ("link", "rename", "replace", "symlink") else 1
        return real(*(_of_this_system(word) if n < paths else word for n, word in enumerate(words)), **named)

    setattr(module, name, translated)


def _of_this_system(path: Any) -> Any:
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    if not isinstance(path, str):
        return path  # a descriptor
    drive, rest = ntpath.splitdrive(path)
    if drive.upper() not in ("", "C:"):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    for part in rest.replace("/", "\\").split("\\"):
        if part not in ("", ".", "..") and is_reserved(part):
            raise OSError(errno.EINVAL, "the filename, directory name, or volume label syntax is incorrect", path)
    return rest.replace("\\", "/")


def _open_files() -> set[tuple[int, int]]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of the listing itself
            status = os.fstat(int(name))
            if stat.S_ISREG(status.st_mode):
                found.add(_of(status))
    return found


def _of(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def is_reserved(part: str) -> bool:
    """Ask Python, which says of characters since 3.13 alone."""
    if sys.version_info >= (3, 13):
        return ntpath.isreserved(part)
    return bool(re.search(r'[<>:"|?*\x00-\x1f]|[ .]$', part)) or pathlib.PureWindowsPath(part).is_reserved()


def _wrap(module: Any, name: str, refuse: Any) -> None:
    real = getattr(module, name)

    def wrapped(*words: Any, **named: Any) -> Any:
        refuse(*words, **named)
        return real(*words, **named)

    setattr(module, name, wrapped)
