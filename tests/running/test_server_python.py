"""Which Python a worker runs on, and what is said of one that will not do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from marpack.errors import MarpackError, MissingExtraError
from marpack.running import Worker, server_python

PATH = "m.mar"


def python(folder: Path, text: str) -> Path:
    """Make a program that is asked as an interpreter."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def answering(folder: Path, version: str | None, *, torch: bool = True) -> Path:
    """Make one that has a TorchServe of this version."""
    package = folder / "ts"
    package.mkdir()
    if version is not None:
        (package / "version.txt").write_text(f"{version}\n")
    told = f'["{package}", {str(torch).lower()}]'
    return python(folder, f"echo 'something else'; echo 'marpack:{told}'")


@pytest.mark.parametrize("text", ["0.12.0", "0.9.0", "0.12.0b20250101", "1.0"])
def test_one_that_will_do(tmp_path: Path, text: str) -> None:
    found = server_python.server_python(answering(tmp_path, text))
    assert found.version >= server_python.OLDEST
    assert found.worker_script == str(tmp_path / "ts" / "model_service_worker.py")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "has no TorchServe: .* -m pip install torchserve"),
        ("0.8.2", "has TorchServe 0.8.2: models are run by 0.9.0 and newer"),
    ],
)
def test_another_torchserve(tmp_path: Path, text: str | None, said: str) -> None:
    with pytest.raises(MarpackError, match=said):
        Worker(PATH, python=answering(tmp_path, text))


def test_no_torch(tmp_path: Path) -> None:
    with pytest.raises(MarpackError, match="has TorchServe, but no torch: "):
        Worker(PATH, python=answering(tmp_path, "0.12.0", torch=False))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 3", "does not answer as a Python: it ended with 3"),
        ("echo 'bad thing' >&2; exit 1", "it ended with 1: bad thing"),
        ("echo 3.11", "does not answer as a Python"),
        ("sleep 600 & sleep 600", "does not answer as a Python within 1 seconds"),
    ],
)
def test_no_python(tmp_path: Path, text: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_python, "_PATIENCE", 1 if "sleep" in text else 60)
    with pytest.raises(MarpackError, match=said):
        Worker(PATH, python=python(tmp_path, text))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(MarpackError, match="cannot be started: No such file or directory"):
        Worker(PATH, python=tmp_path / "python")
    with pytest.raises(MarpackError, match="cannot be started"):
        Worker(PATH, python=tmp_path)


def test_this_one_has_no_torchserve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ts", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="marpack\\[run\\]"):
        Worker(PATH)


def test_a_package_that_is_only_called_like_it(tmp_path: Path) -> None:
    """What lies in the folder in which marpack is started is not what a worker finds."""
    with pytest.raises(MarpackError, match="has no TorchServe"):
        server_python.server_python(sys.executable)


@pytest.mark.parametrize(
    ("name", "size", "least"),
    [
        *(("max_request_size", -1, 0), ("max_request_size", 2**31, 0)),
        *(("max_response_size", 0, 1), ("max_response_size", -1, 1), ("max_response_size", 2**31, 1)),
    ],
)
def test_sizes_that_no_message_says(name: str, size: int, least: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be from {least} to 2147483647"):
        Worker(PATH, **{name: size})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "asked",
    [
        *({"batch_size": 0}, {"batch_size": 2**31}, {"gpu": -1}, {"gpu": 2**31}),
        *({"startup_timeout": 0}, {"response_timeout": -1.0}),
    ],
)
def test_numbers_that_are_none(asked: dict[str, Any]) -> None:
    """Told before anything is begun."""
    with pytest.raises(ValueError, match=next(iter(asked))):
        Worker(PATH, **asked)
