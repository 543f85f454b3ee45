"""What a server makes of a deploy folder in which the last file, config.properties, has not appeared yet."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from marpack.serving import StorageFolder, serve_build
from tests.conftest import require
from tests.support.torchserve import environment, install_folder

MODEL = {"model_name": "m", "handler": "base_handler"}


def test_a_server_does_not_start_without_settings(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """KServe's runtime for TorchServe starts it so, below /mnt/models."""
    require(shutil.which("java"), "Java to run TorchServe")
    artifact = serve_build([MODEL], StorageFolder.of(tmp_path / "models"))
    Path(artifact.config_path).unlink()
    python = environment("0.12.0", install_folder(pytestconfig))
    command = [str(python), "-m", "ts.model_server", "--start", f"--ts-config={artifact.config_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, f"--ts-config file not found: {artifact.config_path}\n")
