"""An open archive in each form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import marpack
from marpack.archive.read.archive import Archive
from tests.support.every_form import FORMS, packed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=FORMS)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    with marpack.open_archive(packed(tmp_path, request.param)) as opened:
        yield opened
