"""``marpack pack`` of a small model in the current folder, and the command as a process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

T = 1_600_000_000
BASICS = ["pack", "--model-name", "m", "--version", "1.0", "--handler", "h.py"]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marpack", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@contextlib.contextmanager
def packing_into_a_pipe(words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command, which has begun to write the archive to a pipe that nobody reads."""
    with subprocess.Popen(
        [sys.executable, "-m", "marpack", *words, "--output", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        yield process
