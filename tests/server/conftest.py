from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.torchserve import environment, install_folder, package_home
from tests.support.warm_workers import warm_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def warm(pytestconfig: pytest.Config) -> Iterator[Callable[[str], Path | None]]:
    """Return the interpreter with which a server of a version starts its workers in no time (``warm_workers``).

    It is None, for ordinary workers, where ``MARPACK_ORDINARY_WORKERS`` is in the environment.
    """
    with contextlib.ExitStack() as stack:

        @functools.cache
        def interpreter(version: str) -> Path | None:
            if "MARPACK_ORDINARY_WORKERS" in os.environ or not hasattr(os, "pidfd_open"):
                return None
            python = environment(version, install_folder(pytestconfig))
            # A short path: there is a socket below it.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="warm-", ignore_cleanup_errors=True))
            return stack.enter_context(
                warm_python(
                    python,
                    Path(folder),
                    script="model_service_worker.py",
                    imports=["ts.torch_handler.base_handler", "ts.model_service_worker"],
                    anew="ts",
                    home=str(package_home(python)),
                )
            )

        yield interpreter
