from __future__ import annotations

import contextlib
import os
import resource
import time
from typing import TYPE_CHECKING

import pytest

pytest_plugins = ["tests.support.fixtures"]

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--differential-cases",
        type=int,
        metavar="N",
        help="hold N new generated inputs against the official archiver instead of the usual 200",
    )
    parser.addoption(
        "--fuzz-seconds",
        type=float,
        default=60,
        metavar="N",
        help="read archives that are changed at random for N seconds instead of the usual 60",
    )
    parser.addoption(
        "--fuzz-seed", type=int, metavar="N", help="read the one changed archive of this number again"
    )


def require(condition: object, what: str) -> None:
    """Skip where something outside Python is absent, fail in CI, where it must be there."""
    if condition:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{what} is required in CI")
    pytest.skip(f"needs {what}")


@pytest.fixture(autouse=True, scope="session")
def utc() -> Iterator[None]:
    """Run in UTC: the official tool writes local times."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@contextlib.contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: what the disk does when it is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
