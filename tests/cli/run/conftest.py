"""A folder with a model and inputs for it, and the command in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from marpack.cli import main
from tests.support.run_command import PICTURE, Capture, archive
from tests.support.torchserve import SHARED_VERSION


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    archive()
    Path("a.json").write_text('{"a": 1}')
    Path("picture.png").write_bytes(PICTURE)
    for word in ("raise", "picture", "hang", "die", "created", "hostile", "describe", "long", "two"):
        Path(f"{word}.txt").write_text(word)
    return tmp_path


@pytest.fixture(scope="module")
def worker_python(run_python: Callable[[str], Path]) -> Path:
    return run_python(SHARED_VERSION)


@pytest.fixture
def run(worker_python: Path, capsys: Capture) -> Callable[..., tuple[int, str, str]]:
    """Return how the command ends, and what it writes."""

    def run_it(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["run", *words, "--python", str(worker_python)])
        return (status, *capsys.readouterr())

    return run_it
