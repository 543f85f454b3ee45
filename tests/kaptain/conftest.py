from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from marpack.kaptain import envs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def switches() -> Iterator[None]:
    """Take back what a script sets: in a notebook it would be for one session."""
    before = dict(vars(envs))
    yield
    vars(envs).clear()
    vars(envs).update(before)
