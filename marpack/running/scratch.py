"""The folders that a worker needs for as long as it lives."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile

from marpack.errors import MarpackError
from marpack.running.removal import remove_folder

# Bytes of a socket's path, less than every system takes; and how its name may end.
_LONGEST = 100
_SOCKET = "worker.999999"
_SHORT = ("/tmp", "/var/tmp", "/dev/shm")


class Scratch:
    """A folder for a model, and one for sockets, whose path is short: the same, unless temporary ones lie deep."""

    def __init__(self) -> None:
        self.folder = _made(tempfile.gettempdir())
        self.sockets = self.folder
        try:
            if not _is_short(self.folder):
                self.sockets = _made_short()
        except BaseException:
            self.remove()
            raise

    @property
    def folders(self) -> tuple[str, ...]:
        """Both, the model's first."""
        return tuple(dict.fromkeys([self.folder, self.sockets]))

    def remove(self) -> bool:
        """Remove both; return whether they are gone."""
        gone = [remove_folder(folder) for folder in self.folders]
        return all(gone)


def _made(place: str) -> str:
    # As its name is where links have been followed: so the worker is told of it.
    real = os.path.realpath(place)
    while True:
        folder = os.path.join(real, f"marpack-run-{secrets.token_hex(4)}")
        try:
            os.mkdir(folder, stat.S_IRWXU)
        except FileExistsError:
            continue
        except BaseException:  # as Ctrl-C, of which one hears when the system has made it
            with contextlib.suppress(OSError):
                os.rmdir(folder)
            raise
        return folder


def _is_short(folder: str) -> bool:
    return len(os.fsencode(os.path.join(folder, _SOCKET))) <= _LONGEST


def _made_short() -> str:
    for place in _SHORT:
        with contextlib.suppress(OSError):
            folder = _made(place)
            if _is_short(folder):
                return folder
            os.rmdir(folder)
    raise MarpackError(
        f"no folder for a worker's socket: the path of {tempfile.gettempdir()!r} is too long for one, and "
        f"{', '.join(_SHORT)} cannot be written to: set TMPDIR to a folder with a shorter path"
    )
