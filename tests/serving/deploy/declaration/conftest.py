"""A folder with the files that declared models are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.declarations import T


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(T))
    (tmp_path / "model.py").write_text("class Net: pass\n")
    (tmp_path / "handler.py").write_text("def handle(data, context): return data\n")
    (tmp_path / "net.pt").write_bytes(b"weights")
    (tmp_path / "other.pt").write_bytes(b"other")
    (tmp_path / "requirements.txt").write_text("six\n")
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(name)
    return tmp_path
