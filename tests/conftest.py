from __future__ import annotations

import contextlib
import gc
import importlib
import os
import re
import resource
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from marpack.archive.formats.freed_memory import keep_freed_memory
from marpack.disk.threads import usable_cpus

pytest_plugins = ["tests.support.fixtures"]

if TYPE_CHECKING:
    from collections.abc import Iterator

# The lanes of long tests, in the order in which they are begun.
LANES = ("server", "slow")
# Folders all of whose tests are of one lane: Java is started in the one; what another tool or a server of objects
# takes part in is in the other.
FOLDER_LANES = {"server": "server", "differential": "slow"}
# Of a module whose tests are all slow.
IMPORTS_TORCH = re.compile(r"^(import torch|torch = )", re.MULTILINE)

# Of a process whose files are cut short: Python (3.11.7) takes no notice when what it compiles is, and whoever
# imports the module next finds "marshal data too short".
NO_BYTECODE = ("PYTHONDONTWRITEBYTECODE", "1")

# No verdict may hang on how fast the machine is. In CI hypothesis has a profile of its own, with 100 examples.
settings.register_profile("dev", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
if not os.environ.get("CI"):
    settings.load_profile("dev")


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
        default=10,
        metavar="N",
        help="read archives that are changed at random for N seconds instead of the usual 10",
    )
    parser.addoption(
        "--fuzz-seed", type=int, metavar="N", help="read the one changed archive of this number again"
    )


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background job ignores SIGINT, and so would the processes that tests start and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # The thread that watches over the tests' time is no Python's; 3.15 counts it, and forks are warned of.
    if sys.version_info >= (3, 15):
        config.addinivalue_line("filterwarnings", "ignore:This process .* is multi-threaded:DeprecationWarning")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import what is in a lane that is not wanted: whole folders, and what imports torch."""
    unwanted = [lane for lane in LANES if f"not {lane}" in config.getoption("markexpr")]
    if collection_path.is_dir():
        return FOLDER_LANES.get(collection_path.name) in unwanted or None
    if "slow" not in unwanted or collection_path.suffix != ".py":
        return None
    return bool(IMPORTS_TORCH.search(collection_path.read_text(encoding="utf-8"))) or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Under xdist, begin the long tests first, so that all cores are busy to the end."""
    for item in items:
        if lane := FOLDER_LANES.get(item.nodeid.split("/", 2)[1]):
            item.add_marker(getattr(pytest.mark, lane))
        elif hasattr(getattr(item, "module", None), "torch") and not item.get_closest_marker("server"):
            item.add_marker(pytest.mark.slow)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    items.sort(key=lambda item: [item.get_closest_marker(lane) is None for lane in LANES])
    for number, item in enumerate(items):
        if item.get_closest_marker("slow") and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(f"alone-{number}"))


@pytest.hookimpl(optionalhook=True)
def pytest_collection_finish() -> None:
    """Have no collection of garbage look through 20,000 tests again: each took half a second."""
    gc.collect()
    gc.freeze()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """With ``-n auto``, one process more than there are cores: servers are waited for much of the time."""
    return usable_cpus() + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With ``--dist loadgroup``, keep a file's tests together, which share its fixtures; slow ones go alone."""
    if config.getoption("dist") != "loadgroup":
        return None
    scheduling: Any = importlib.import_module("xdist.scheduler").LoadGroupScheduling

    class FileScheduling(scheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            scope: str = super()._split_scope(nodeid)
            return nodeid.partition("::")[0] if scope == nodeid else scope

    return FileScheduling(config, log)


def require(condition: object, what: str) -> None:
    """Skip where something outside Python is absent, fail in CI, where it must be there."""
    if condition:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{what} is required in CI")
    pytest.skip(f"needs {what}")


@pytest.fixture(autouse=True, scope="session")
def kept_memory() -> None:
    """Ask for the 16 MiB of a process before anything is measured, not with what it inflates first."""
    keep_freed_memory()


@pytest.fixture(autouse=True, scope="session")
def colours_where_a_terminal_is() -> Iterator[None]:
    """Let no variable of who runs the tests have colours in what is captured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FORCE_COLOR", raising=False)
        yield


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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.setenv(*NO_BYTECODE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
