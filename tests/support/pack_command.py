"""``marpack pack`` of a small model in the current folder, and the command as a process."""

from __future__ import annotations

import os
import subprocess
import sys

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
