"""Copies of this process that are killed before one of their changes to the disk."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

_CHANGES = {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.chmod"}


def killed_at(number: int, call: Callable[[], object]) -> bool:
    """Do a call in a copy of this process that is killed before its change of this number; tell whether it was."""
    copy = os.fork()
    if not copy:
        seen = 0

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal seen
            is_writing = (
                event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            )
            if is_writing or event in _CHANGES:
                if seen == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                seen += 1

        gc.disable()  # what tests have left, folders that go with what names them among it, is not this copy's
        sys.addaudithook(count)
        try:
            call()
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0
