from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.torchserve import warm_interpreters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def warm(pytestconfig: pytest.Config) -> Iterator[Callable[[str], Path | None]]:
    """Return the interpreter with which a server of a version starts its workers in no time, None without one."""
    with warm_interpreters(pytestconfig, script="model_service_worker.py") as interpreter:
        yield interpreter
