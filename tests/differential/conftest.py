from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What another tool or a server of objects takes part in is in the slow lane."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
