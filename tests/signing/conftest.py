"""The library that signs, and a folder that is signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.signing.signed_folder import Signed
from tests.support import signatures


@pytest.fixture(scope="session")
def library() -> None:
    """Ask for model-signing, without which there is nothing to test."""
    signatures.require_model_signing()


@pytest.fixture
def signed(library: None, tmp_path: Path) -> Signed:
    return Signed(tmp_path)
