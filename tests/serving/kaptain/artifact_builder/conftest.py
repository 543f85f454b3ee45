"""The folder of a model, in which its artifact is built."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text("class Net: pass\n")
    (tmp_path / "handler.py").write_text("def handle(data, context): return data\n")
    (tmp_path / "net.pt").write_bytes(b"weights")
    (tmp_path / "requirements.txt").write_text("six\n")
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(name)
    return tmp_path
