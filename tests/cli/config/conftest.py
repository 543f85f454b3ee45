"""A folder with settings that are good, and a model store."""

from __future__ import annotations

from pathlib import Path

import pytest

import marpack
from tests.support.settings_commands import GOOD

T = 1_600_000_000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.properties").write_text(GOOD)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Path:
    """A model store: one model, and another in two versions."""
    (folder / "store").mkdir()
    for name, version, file in (("a", "1.0", "a.mar"), ("b", "1.9", "b-old.mar"), ("b", "1.10", "b.mar")):
        plan = marpack.plan_archive(
            model_name=name, version=version, handler="base_handler", serialized_file=b"w", timestamp=T
        )
        marpack.write_archive(plan, folder / "store" / file)
    return folder / "store"
