"""What is exported by several tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.exports import digits, store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``digits.mar`` and what ``store`` writes."""
    folder = tmp_path_factory.mktemp("exports")
    digits(folder)
    store(folder)
    return folder
