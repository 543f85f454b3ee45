"""Environments in which one package of PyPI is installed, made once and kept in pytest's cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import require

if TYPE_CHECKING:
    from collections.abc import Sequence


def environment(cache: Path, name: str, requirements: Sequence[str], *, alone: bool = False) -> Path:
    """Return the interpreter of an environment that has these packages, without what they depend on.

    Everything else is found behind them in the environment that runs the tests. One that is ``alone`` has what
    they depend on, of their own choice, and nothing else.
    """
    folder = cache / f"{name}-{sys.implementation.cache_tag}"
    python = folder / "bin" / "python"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{folder.name}.lock").open("w") as lock:  # another process may be about to make it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not python.exists():
            _make(folder, requirements, alone=alone)
        if not alone:
            _look_behind(folder)
    return python


def _look_behind(folder: Path) -> None:
    """Have what the environment has not be looked for in that which runs the tests."""
    [packages] = folder.glob("lib/python3*/site-packages")
    behind = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    path, text = packages / "behind.pth", "\n".join(sorted(behind)) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        # A process that starts at that moment finds all of it, or what was there before.
        new = path.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.replace(path)


def _make(folder: Path, requirements: Sequence[str], *, alone: bool) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    # Made aside and renamed: one that was interrupted is never taken for a whole one.
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        made = Path(aside, "environment")
        venv.create(made, symlinks=True, with_pip=False)
        _install(requirements, made / "bin" / "python", alone=alone)
        made.rename(folder)


def _install(requirements: Sequence[str], python: Path, *, alone: bool) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    with_them = [] if alone else ["--no-deps"]
    # What a test has put there would count as installed.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*pip, *with_them, *requirements], capture_output=True, text=True, check=False, env=variables
    )
    require(done.returncode == 0, f"{requirements[0]}, but pip said: {done.stderr.strip()[-500:]}")
