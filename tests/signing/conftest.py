"""The library that signs, and a folder that is signed; what they need is imported by whoever asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.signing.signed_folder import Signed


@pytest.fixture(scope="session")
def library() -> None:
    """Ask for model-signing, without which there is nothing to test."""
    from tests.support.signatures import require_model_signing

    require_model_signing()


@pytest.fixture
def signed(library: None, tmp_path: Path) -> Signed:
    from tests.signing.signed_folder import Signed

    return Signed(tmp_path)
