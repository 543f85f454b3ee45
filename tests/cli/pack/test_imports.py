"""No start loads what it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from marpack.cli import main
from tests.support.pack_command import BASICS

# Each of these takes as long to import as a small archive to write.
UNNEEDED = {
    *("asyncio", "bz2", "concurrent.futures", "fsspec", "hashlib", "logging", "lzma", "pathlib", "rich", "shutil"),
    *("socket", "ssl", "subprocess", "tarfile", "tempfile", "urllib.parse", "zipfile", "zlib_ng"),
}


@pytest.mark.parametrize("check", ["off", "warn"])
def test_packing_imports_no_more_than_it_needs(check: str) -> None:
    command = [*BASICS, "--check", check]
    code = f"import sys; from marpack.cli import main; main({command!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert UNNEEDED & loaded == set()
    assert not [name for name in loaded if name.startswith(("marpack.serving", "marpack.remote", "yaml"))]
    if check == "off":
        ours = ("marpack.archive.inspection", "marpack.archive.read", "marpack.checks", "marpack.config")
        assert not [name for name in loaded if name.startswith((*ours, "marpack.compat"))]


@pytest.mark.parametrize("command", [["--help"], ["check", "m.mar"], [*BASICS, "--force"]])
def test_only_run_loads_what_runs_archives(command: list[str]) -> None:
    assert main(BASICS) == 0
    code = (
        f"import sys; from marpack.cli import main\ntry: main({command!r})\nexcept SystemExit: pass\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "marpack.cli" in done.stdout.split()
    assert not [name for name in done.stdout.split() if name.startswith("marpack.running")]
