from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.running import Worker
from tests.support.processes import wait_for
from tests.support.torchserve import environment, install_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSION = "0.12.0"


@pytest.fixture
def worker(run_python: Callable[[str], Path]) -> Callable[..., Worker]:
    """Make a worker of a handler's text, which is not started; ``files`` lie beside it."""

    def make(
        text: str,
        *,
        version: str = VERSION,
        files: dict[str, str] | None = None,
        config: str | None = None,
        **options: Any,
    ) -> Worker:
        plan = marpack.plan_archive(
            model_name="m",
            version="1.0",
            handler={"handler.py": text.encode()},
            config_file=None if config is None else {"model-config.yaml": config.encode()},
            extra_files={name: contents.encode() for name, contents in (files or {}).items()},
        )
        return Worker(plan, **{"python": run_python(version), **options})

    return make


@pytest.fixture
def ordinary(pytestconfig: pytest.Config) -> Path:
    """Return TorchServe's own interpreter: a worker is its process then, and has its environment."""
    return environment(VERSION, install_folder(pytestconfig))


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder for temporary files, whose path is short and has blanks and quotes in it.

    Fail where a test leaves a descriptor, a process in whose environment that folder is, or something in it.
    """
    tmp_path_factory.getbasetemp()  # made where temporary files lie when it is first asked for
    folder = Path(tempfile.mkdtemp(prefix="run 'x\"$y "))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    before = descriptors()
    yield folder
    # What other tests have left may be collected meanwhile, and what another thread ends is about to go.
    wait_for(lambda: descriptors() - before, set())
    wait_for(lambda: marked(str(folder)), [])  # whom nobody waits for may still be about to end
    folder.rmdir()


def descriptors() -> set[str]:
    """Return the descriptors of this process, each with what it is of."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:  # the one by which they are listed
            continue
    return found


def marked(text: str) -> list[str]:
    """Return the command lines of other processes in whose environment or arguments a text is."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            command = (process / "cmdline").read_bytes()
            told = (process / "environ").read_bytes() + command
        except OSError:  # it has ended meanwhile
            continue
        if text.encode() in told:
            found.append(command.decode(errors="replace"))
    return found
