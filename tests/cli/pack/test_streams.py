"""Streams that are closed, full, or whose reader goes away, and progress at a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pack_command import BASICS, run


@pytest.mark.slow
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
@pytest.mark.parametrize("words", ["", "--quiet", "--extra-files *.none --serialized-file huge.pt"])
def test_closed_streams(closed: str, words: str, long_work: list[str]) -> None:
    command = f"{sys.executable} -m marpack {' '.join(BASICS)} --archive-format zip-store {words} {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert Path("m.mar").exists()


@pytest.mark.slow
def test_full_streams(long_work: list[str]) -> None:
    command = [sys.executable, "-m", "marpack", *BASICS, "-f"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (
            1,
            "marpack: error: all is done, but the result cannot be printed: No space left on device\n",
        )
        for words in ([], long_work[len(BASICS) :]):
            warned = [*command, "--extra-files", "*.none", *words]
            assert subprocess.run(warned, stderr=full, stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_reader_that_goes_away() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "marpack", *BASICS], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
    assert Path("m.mar").exists()


def on_a_terminal(*words: str) -> str:
    """Run the command on a pseudo-terminal and return what a person sees."""
    reading, writing = pty.openpty()
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=writing, stdin=subprocess.DEVNULL
    ) as process:
        os.close(writing)
        seen = b""
        # Linux reports the end of a terminal as an input/output error.
        with contextlib.suppress(OSError):
            while data := os.read(reading, 1 << 16):
                seen += data
    os.close(reading)
    assert process.returncode == 0
    return seen.decode()


@pytest.mark.slow
def test_progress_on_a_terminal(long_work: list[str]) -> None:
    assert "MB" in on_a_terminal("-m", "marpack", *long_work)


@pytest.mark.slow
def test_progress_without_rich(long_work: list[str]) -> None:
    hidden = "import sys; sys.modules['rich.console'] = None; from marpack.cli import main; sys.exit(main())"
    seen = on_a_terminal("-c", hidden, *long_work)
    assert re.search("\r [1-9][0-9]%", seen)
    assert "100%" in seen


@pytest.mark.slow
def test_no_progress_for_short_work_when_quiet_or_piped(long_work: list[str]) -> None:
    assert on_a_terminal("-m", "marpack", *BASICS) == ""
    assert on_a_terminal("-m", "marpack", *long_work, "--quiet", "-f") == ""
    assert run(*long_work, "-f").stderr == ""
