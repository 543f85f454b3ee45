"""The process that workers are copies of outlives whoever is killed while it asks for one."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.torchserve import SHARED_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def start(warm: Callable[[str], Path | None]) -> Path:
    found = warm(SHARED_VERSION)
    if found is None:
        pytest.skip("workers are started in the ordinary way")
    return found


def ask_and_leave(start: Path, folder: Path) -> None:
    """Ask for a worker that begins in a folder, as its client does, and be gone before there is an answer."""
    told = json.dumps({"argv": ["model_service_worker.py", "x"], "env": {}, "cwd": str(folder)}).encode()
    with (folder.parent / "output").open("wb") as file, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(start.with_name("workers")))
        socket.send_fds(client, [len(told).to_bytes(4, "big")], [file.fileno()] * 3)
        client.sendall(told)


def test_a_server_that_was_killed_is_in_nobodys_way(start: Path, tmp_path: Path) -> None:
    """Its models are gone, or a file beside them has a worker begun in the ordinary way, of which nobody hears."""
    (tmp_path / "models").mkdir()
    script = tmp_path / "model_service_worker.py"
    script.write_text("print('begun')\nraise SystemExit\n")
    (tmp_path / "shadows").mkdir()
    (tmp_path / "shadows" / "torch.txt").touch()
    for _ in range(20):
        ask_and_leave(start, tmp_path / "gone")
        ask_and_leave(start, tmp_path / "shadows")
    done = subprocess.run(
        [start, script, "x"], cwd=tmp_path / "models", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "begun\n"), done.stderr
