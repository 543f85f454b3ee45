"""An archive that is written to standard output, and what becomes of the rest of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from marpack.cli import main
from tests.support.pack_command import BASICS, packing_into_a_pipe
from tests.support.processes import end_of


@pytest.mark.slow
@pytest.mark.parametrize("form", ["default", "zip-store", "tgz", "auto"])
def test_standard_output_gets_the_bytes_of_the_file(form: str) -> None:
    words = [*BASICS, "--archive-format", form, "--serialized-file", "w.pt"]
    assert main([*words, "--output", "file.mar", "--quiet"]) == 0
    command = f"{shlex.join([sys.executable, '-m', 'marpack', *words])} --output - --digest | cat > piped.mar"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert Path("piped.mar").read_bytes() == Path("file.mar").read_bytes()
    assert done.stdout == ""
    assert done.stderr.startswith("standard output: 3 members, ")
    digest = hashlib.sha256(Path("file.mar").read_bytes()).hexdigest()
    assert done.stderr.splitlines()[-1].split() == ["sha256", digest, "-"]


def to_stdout(*words: str, stdout: int | IO[bytes] = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "marpack", *BASICS, "--output", "-", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )


def test_what_is_told_beside_standard_output() -> None:
    done = to_stdout("--json", "--extra-files", "*.none")
    assert (done.returncode, done.stdout[:2]) == (0, b"PK")
    warning, told = done.stderr.decode().split("\n", 1)
    assert warning == "marpack: warning: no file matches the pattern '*.none' of extra_files"
    assert json.loads(told)["path"] == "-"
    assert json.loads(told)["size"] == len(done.stdout)
    again = to_stdout("--quiet", "--extra-files", "*.none")
    assert (again.returncode, again.stdout, again.stderr) == (0, done.stdout, b"")


@pytest.mark.slow
def test_standard_output_that_is_full_or_closed(long_work: list[str]) -> None:
    for words in ([], long_work[len(BASICS) :]):
        with open("/dev/full", "wb") as full:
            done = to_stdout(*words, stdout=full)
        assert (done.returncode, done.stderr.decode()) == (
            1,
            "marpack: error: standard output cannot be written: No space left on device\n",
        )
    command = shlex.join([sys.executable, "-m", "marpack", *BASICS, "--output", "-"])
    closed = subprocess.run(["sh", "-c", f"{command} >&-"], capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stdout) == (1, "")
    assert closed.stderr.startswith("marpack: error: standard output is closed: ")


def test_standard_output_that_is_a_terminal() -> None:
    reading, writing = pty.openpty()
    done = to_stdout(stdout=writing)
    os.close(writing)
    with contextlib.suppress(OSError):
        assert os.read(reading, 1) == b""
    os.close(reading)
    assert done.returncode == 1
    assert done.stderr.startswith(b"marpack: error: standard output is a terminal")


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["--quiet"]])
def test_pipe_that_breaks(words: list[str], long_work: list[str]) -> None:
    command = shlex.join([sys.executable, "-m", "marpack", *long_work, "--output", "-", *words])
    script = f"{{ {command}; echo $? >&2; }} | head -c 1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"P", b"1\n")


def test_source_that_cannot_be_read_into_standard_output(long_work: list[str]) -> None:
    with packing_into_a_pipe(long_work) as process:
        os.truncate("huge.pt", 1 << 20)
        _, err = end_of(process)
    assert process.returncode == 1
    assert b"'huge.pt'" in err
    assert b"pack again" in err
