"""A worker ends whatever comes between: its keeper, the guard of a program that was killed, an interruption."""

from __future__ import annotations

import gc
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.errors import MarpackError, NotServedError
from marpack.running import Worker
from marpack.running.held import Held
from marpack.running.kept_log import KeptLog
from marpack.running.server_python import server_python
from tests.running.conftest import descriptors, marked
from tests.running.test_worker import ASKED, ECHO, died, is_running, when_asked
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Make = Callable[..., Worker]

pytestmark = pytest.mark.server


def keeper_of(worker: Worker) -> int:
    return worker._held.process._process.pid  # type: ignore[union-attr]


def test_signals_for_all_do_not_end_a_keeper(worker: Make, ordinary: Path) -> None:
    """As those of a terminal to whoever runs in it."""
    with worker(ECHO, python=ordinary) as loaded:
        pid = loaded.pid
        [ignored] = re.findall(
            r"^SigIgn:\s*(\w+)$", Path(f"/proc/{keeper_of(loaded)}/status").read_text(), re.MULTILINE
        )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            assert int(ignored, 16) >> (number - 1) & 1, number
            os.kill(keeper_of(loaded), number)
        assert loaded.predict(ASKED).ok
        assert loaded.pid == pid


SIGNALS = """
import os, signal
NUMBERS = signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE
FOUND = str([os.readlink("/proc/self/fd/0"), *(signal.getsignal(each) for each in NUMBERS)])
"""


def test_a_worker_has_the_signals_and_the_input_of_any_program(worker: Make, ordinary: Path) -> None:
    done = subprocess.run(
        [ordinary, "-c", f"{SIGNALS}print(FOUND, end='')"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    with worker(when_asked("return [FOUND]", first=SIGNALS), python=ordinary) as loaded:
        assert loaded.predict(ASKED).text() == done.stdout


def test_what_a_dead_worker_had_begun_to_write_is_a_line(worker: Make) -> None:
    text = when_asked("os.write(1, b'no end'); os._exit(3)", first="import os")
    with worker(text) as loaded:
        assert died(loaded.predict(ASKED))
        assert died(loaded.predict(ASKED))
        assert [line.text for line in loaded.log if "no end" in line.text] == ["no end"] * 2


def test_a_python_that_is_gone(worker: Make, tmp_path: Path, ordinary: Path) -> None:
    """When its keeper begins it."""
    python = tmp_path / "python"
    this = shlex.quote(str(python))
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] || mv {this} {this}.gone\nexec {shlex.quote(str(ordinary))} "$@"\n'
    )
    python.chmod(0o755)
    with pytest.raises(NotServedError) as refused:
        worker(ECHO, python=python).start()
    assert refused.value.why == "the worker ended before it listened, with status 127"
    assert refused.value.log == (f"{python}: No such file or directory",)


def test_a_guard_alone_ends_the_group(tmp_path: Path, temporary: Path, ordinary: Path, worker: Make) -> None:
    """Of a program that was killed, and its worker's keeper too: what is in the group, and named nowhere."""
    plan = marpack.plan_archive(
        model_name="m",
        version="1.0",
        handler={
            "handler.py": when_asked(
                "return [str(subprocess.Popen(['sleep', '600'], env={'PATH': os.defpath}).pid)]",
                first="import os, subprocess",
            ).encode()
        },
    )
    archive = marpack.write_archive(plan, tmp_path / "m.mar").path
    program = f"""
import time
from marpack.running import Request, Worker
worker = Worker({str(archive)!r}, python={str(ordinary)!r})
worker.start()
print(worker._held.process._process.pid, worker.pid, worker.predict(Request.json(1)).text(), flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        keeper, *pids = map(int, process.stdout.readline().split())
        assert [is_running(pid) for pid in pids] == [True, True]
        for pid in (keeper, process.pid):
            os.kill(pid, signal.SIGKILL)
    try:
        for pid in pids:
            wait_for(lambda pid=pid: is_running(pid), False)  # type: ignore[misc]
    finally:
        if is_running(pids[1]):
            os.kill(pids[1], signal.SIGKILL)
    wait_for(lambda: [*temporary.iterdir()], [])
    wait_for(lambda: marked(str(temporary)), [])


def test_no_folder_is_left_where_there_is_none_for_a_socket(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = temporary / ("y" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    monkeypatch.setattr("marpack.running.scratch._SHORT", ("/nowhere", str(deep)))
    with pytest.raises(MarpackError, match="set TMPDIR to a folder with a shorter path"):
        Held(KeptLog())
    deep.rmdir()


def test_no_folder_is_left_where_there_can_be_no_guard(temporary: Path) -> None:
    """As of a program that has no descriptor left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            Held(KeptLog())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [*temporary.iterdir()] == []


class Interrupted(BaseException):
    """As KeyboardInterrupt, which pytest takes for the user's."""


def interrupting(after: int) -> Callable[[FrameType, str, Any], Any]:
    """Return a trace function that interrupts what begins a worker, before the line of this number."""
    left = after

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        place = frame.f_globals.get("__name__"), frame.f_code.co_name
        if place not in WATCHED and place != THREAD:
            return None
        if event == ("return" if place == THREAD else "line"):
            left -= 1
            if not left:
                raise Interrupted
        return trace

    return trace


WATCHED = {
    ("marpack.running.worker_process", "__init__"),
    ("marpack.running.output", "__init__"),
    ("marpack.running.output", "follow"),
    ("marpack.running.guard", "watch"),
    ("marpack.running.guard", "_tell"),
}
# It waits until its thread runs, with locks that nobody may be interrupted with: it is when it has done.
THREAD = ("threading", "start")


@pytest.mark.skipif(sys.gettrace() is not None, reason="somebody else traces")
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of what goes as soon as nobody has it
def test_an_interruption_at_any_line_of_the_beginning(tmp_path: Path, ordinary: Path) -> None:
    """As by Ctrl-C: whoever is interrupted while a process begins has nothing that could be closed."""
    python = server_python(ordinary)
    held, number, begun = Held(KeptLog()), 0, False
    gc.collect()  # of what other tests have left
    try:
        while not begun:
            number += 1
            before = descriptors(), {*threading.enumerate()}
            sys.settrace(interrupting(number))
            try:
                held.begin(python, folder=str(tmp_path), environment={}, asynchronous=False, debugger=None)
                begun = True
            except Interrupted:
                pass
            finally:
                sys.settrace(None)
            gc.collect()
            # What is of others may go meanwhile.
            left = descriptors() - before[0], {*threading.enumerate()} - before[1]
            assert begun or left == (set(), set()), number
        assert number > 50
    finally:
        held.close(grace=0)
