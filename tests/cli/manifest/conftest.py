"""A folder with an archive, and no store of the environment's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving.kserve.test_described import pack
from tests.support.manifest_command import STORE


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [*STORE, "MARPACK_CHECK", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"]:
        monkeypatch.delenv(name, raising=False)
    pack(tmp_path / "mnist.mar")
    return tmp_path
