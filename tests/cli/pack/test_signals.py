"""A signal ends the command at once, with its status, and leaves nothing."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pack_command import BASICS, packing_into_a_pipe
from tests.support.processes import WAIT_SECONDS, end_of


@pytest.mark.slow
def test_signal_while_nobody_reads_standard_output(long_work: list[str]) -> None:
    """What is left must not be written at the end: that would wait for the reader."""
    with packing_into_a_pipe(long_work) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 143
        assert process.stderr is not None
        assert process.stderr.read() == b""


def has_open(process: subprocess.Popen[bytes], path: Path) -> bool:
    """Tell whether a process reads a file; what it writes has no name to be seen by."""
    with contextlib.suppress(FileNotFoundError):  # one that has been closed meanwhile
        return any(each.readlink() == path for each in Path(f"/proc/{process.pid}/fd").iterdir())
    return False


@pytest.fixture
def _not_under_nohup() -> Iterator[None]:
    handler = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, handler)


@pytest.mark.usefixtures("_not_under_nohup")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_ended_by_a_signal(number: int, status: int, folder: Path) -> None:
    with open("huge.pt", "wb") as file:
        file.truncate(1 << 36)
    before = set(folder.iterdir())
    with subprocess.Popen(
        [sys.executable, "-m", "marpack", *BASICS, "--serialized-file", "huge.pt"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        while not has_open(process, folder / "huge.pt"):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        out, err = end_of(process)
    assert (process.returncode, out) == (status, b"")
    assert b"Traceback" not in err
    assert set(folder.iterdir()) == before


@pytest.mark.slow
def test_signal_that_is_ignored_stays_so() -> None:
    """As under nohup."""
    code = (
        "import os, signal, sys; from marpack.archive.write import zip_stream; from marpack.cli import main; "
        "signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "zip_stream.end_records = lambda record=zip_stream.end_records, **values: "
        "(os.kill(os.getpid(), signal.SIGHUP), record(**values))[1]; "
        f"sys.exit(main({BASICS!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
