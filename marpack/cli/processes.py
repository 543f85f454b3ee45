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

# What is made while an archive is looked at is gone after it. Python looks for circles at every 700 new objects;
# with this, looking at small archives takes a twentieth less.
_COLLECTED_AT = 20_000


class _Pool(ProcessPoolExecutor):
    """Ends its processes when it is shut down, which is when none has anything to do, or when one has been killed.

    One that waits for work holds a lock meanwhile. When it is killed at the wrong moment, the others wait for the
    lock for ever, and the pool for them (Python 3.11: one in eight runs that had a process killed).
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Kill what is left, and give back what it took."""
        for process in list((self._processes or {}).values()):
            process.kill()
        super().shutdown(wait=wait, cancel_futures=cancel_futures)


def process_pool(processes: int) -> ProcessPoolExecutor:
    """Return so many processes, begun.

    On Linux they are forks, which have loaded what this one has: two begin to work after 10 ms, where new Pythons
    take 250 to load the rules. A fork copies no other thread, and so may wait for ever for what one was about to
    give back: where there are any, and on systems whose libraries do not bear forks, Python starts anew.
    """
    forks = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if forks else "spawn")
    pool = _Pool(processes, mp_context=context, initializer=_begin)
    with _not_interrupted():
        pool.submit(_begun)  # all forks are made with the first task, and here there are no threads yet
    return pool


@contextmanager
def _not_interrupted() -> Iterator[None]:
    """Let Ctrl-C wait meanwhile, where systems know that.

    What Python calls at a fork (logging, random) would lose it with a traceback, and a fork would end by it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def ended_at_once() -> Iterator[None]:
    """When this ends early, end all processes that were begun meanwhile, rather than wait for what they do.

    A pool's thread notices it, and is waited for: Python, when it ends, would write into the pipe that the thread
    is about to close (Python 3.11: an OSError in one of a hundred interruptions).
    """
    before, threads = set(multiprocessing.active_children()), set(threading.enumerate())
    try:
        yield
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.kill()
        for thread in set(threading.enumerate()) - threads:
            if not thread.daemon:  # for which Python waits at its end, too
                thread.join()
        raise


def _begun() -> None:
    """Do nothing."""


def _begin() -> None:
    """Make a new process leave signals to the first one, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is sent to all; who began this one ends it
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # of the fork, see _not_interrupted
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    gc.freeze()
    gc.set_threshold(_COLLECTED_AT)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """End when the parent has: one that was killed outright cannot say so."""
    wait([sentinel])
    os._exit(1)
