"""Wait for processes that tests have started, but not for ever."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# No verdict: however slow the machine, it is there long before.
WAIT_SECONDS = 120


def end_of(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Return what a process has written when it ends; kill it where it never does."""
    try:
        return process.communicate(timeout=WAIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def wait_for(what: Callable[[], object], expected: object) -> None:
    """Wait for what another thread or process is about to do."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := what()) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
