"""A folder with a small model, and work that takes long enough to be seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pack_command import BASICS, T


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(T))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # a buffer that cannot be emptied is tested, too
    Path("h.py").write_text("def handle(data, context): return data\n")
    Path("w.pt").write_bytes(b"weights")
    return tmp_path


@pytest.fixture
def long_work() -> list[str]:
    with open("huge.pt", "wb") as file:
        file.truncate(100 << 20)
    return [*BASICS, "--archive-format", "zip-store", "--serialized-file", "huge.pt"]
