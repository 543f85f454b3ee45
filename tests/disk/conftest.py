"""What is packed, and the store that it is packed into."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from tests.support.archives import T


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "handler.py").write_text("def handle(data, context): return data\n")
    (folder / "weights.pt").write_bytes(random.Random(1).randbytes(3_000_000))
    os.utime(folder / "weights.pt", (T, T))
    return {
        "model_name": "m",
        "handler": folder / "handler.py",
        "serialized_file": folder / "weights.pt",
        "timestamp": T,
    }


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder
