"""Processes that work for a command, and end with it, however it ends."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait


def process_pool(processes: int) -> ProcessPoolExecutor:
    """Return so many processes.

    On Linux they are forks, which have loaded what this one has: two begin to work after 10 ms, where new Pythons
    take 250 to load the rules. Elsewhere libraries of the system do not bear that.
    """
    method = "fork" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_begin)


@contextmanager
def ended_at_once() -> Iterator[None]:
    """When this ends early, end all processes that were begun meanwhile, rather than wait for what they do."""
    before = set(multiprocessing.active_children())
    try:
        yield
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.kill()
        raise


def _begin() -> None:
    """Make a new process leave signals to the first one, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is sent to all; who began this one ends it
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    gc.freeze()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """End when the parent has: one that was killed outright cannot say so."""
    wait([sentinel])
    os._exit(1)
