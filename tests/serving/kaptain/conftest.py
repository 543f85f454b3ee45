from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.support.deploys import fill

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with the files of the digits example, and with no store of the environment's."""
    for name in ("S3_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    fill(folder)
    return folder


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> None:
    """Keep all that a deploy says."""
    caplog.set_level(logging.DEBUG, "marpack.kaptain")
