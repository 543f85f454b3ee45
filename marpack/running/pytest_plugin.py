"""The fixture ``mar_worker`` for pytest, which finds it where marpack is installed.

Every project whose environment has marpack loads this. It may load nothing else of marpack until a test asks for
the fixture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from marpack.running.kept_workers import KeptWorkers
    from marpack.running.worker import Worker

_PYTHON = "mar_worker_python"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting."""
    parser.addini(
        _PYTHON,
        "the Python that runs TorchServe's workers for mar_worker, from this file's folder; default: this one",
    )


@pytest.fixture(scope="session")
def mar_worker(pytestconfig: pytest.Config) -> Iterator[Callable[..., Worker]]:
    """Load archives by TorchServe's own worker, which runs their code: a function of an archive and options.

    It takes what marpack.running.Worker takes, and returns one that is loaded. Tests that ask for the same share
    it; all are ended with the session.
    """
    from marpack.running.kept_workers import KeptWorkers

    workers = KeptWorkers(python=_python(pytestconfig))
    logs = _Logs(workers)
    pytestconfig.pluginmanager.register(logs)
    try:
        yield workers.worker
    finally:
        pytestconfig.pluginmanager.unregister(logs)
        workers.close()


def _python(config: pytest.Config) -> str | None:
    """Return the interpreter that the settings name: a path is one from their file."""
    named = str(config.getini(_PYTHON) or "")
    if os.path.dirname(named):
        return os.path.join(
            config.inipath.parent if config.inipath else config.rootpath, os.path.expanduser(named)
        )
    return named or None


class _Logs:
    """Gives what workers wrote during a test to its report, which shows it where the test fails."""

    def __init__(self, workers: KeptWorkers) -> None:
        self._workers = workers

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
        """Add it before the report is made."""
        text = "\n".join(self._workers.written())
        if text:
            item.add_report_section(call.when, "mar_worker", text)
        yield
