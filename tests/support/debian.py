"""Programs of Debian's packages, fetched and unpacked without being installed."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import require

if TYPE_CHECKING:
    from collections.abc import Sequence


def unpacked(folder: Path, packages: Sequence[str], *, needed: bool = False) -> Path:
    """Return a folder below which packages are unpacked; they are fetched where it is not there yet.

    With ``needed``, so is all that they need and this machine has not installed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:  # another process may be about to fetch them
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder, packages, needed=needed)
    return folder


def libraries(folder: Path) -> str:
    """Return the path of the libraries that were unpacked there, as the loader is told it."""
    return ":".join(map(str, folder.glob("usr/lib/*-linux-gnu*")))


def _fetch(folder: Path, packages: Sequence[str], *, needed: bool) -> None:
    what = ", ".join(packages)
    require(shutil.which("apt-get") and shutil.which("dpkg"), f"{what}, or apt-get")
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        own = [
            *("-o", f"Dir::State::lists={aside}/lists", "-o", f"Dir::Cache={aside}/cache"),
            *("-o", "APT::Sandbox::User=root"),
        ]
        Path(aside, "lists", "partial").mkdir(parents=True)
        Path(aside, "cache", "archives", "partial").mkdir(parents=True)
        made = Path(aside, "unpacked")
        made.mkdir()
        said = _download(packages, [], aside, needed=needed)
        if said:  # where the lists are missing, or old, as in an image of Debian's
            said = _apt([*own, "update"], aside) or _download(packages, own, aside, needed=needed)
        require(not said, f"{what}, but apt-get said: {said}")
        for package in Path(aside).glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, made], check=True)
        made.rename(folder)


def _download(packages: Sequence[str], options: Sequence[str], folder: str, *, needed: bool) -> str:
    if needed:
        words = ["apt-get", *options, "--simulate", "--no-install-recommends", "install", *packages]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr[-500:]
        packages = re.findall(r"^Inst (\S+)", done.stdout, re.MULTILINE)
    return _apt([*options, "download", *packages], folder)


def _apt(words: list[str], folder: str) -> str:
    done = subprocess.run(["apt-get", "--quiet", *words], cwd=folder, capture_output=True, text=True, check=False)
    return done.stderr[-500:] if done.returncode else ""
