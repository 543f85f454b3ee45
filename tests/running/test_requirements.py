"""What a model asks for is installed by pip beside it, or nothing is left of the attempt (J69)."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack.archive.read.open import open_archive
from marpack.errors import NotServedError
from marpack.running.environment import worker_environment
from marpack.running.model_folder import unpack
from marpack.running.model_settings import settings_of
from marpack.running.requirements import install
from marpack.running.server_python import ServerPython, server_python
from tests.support.torchserve import environment, install_folder
from tests.support.wheels import wheel, wheel_name

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

# An interpreter that has pip; no server is asked here.
PYTHON = ServerPython(executable=sys.executable, package=os.devnull, version=(0, 12, 0))
HANDLER = b"def handle(data, context):\n    return data\n"
GIVES_UP = "Custom pip package installation failed for model m"


def packed(folder: Path, requirements: str, *, config: str | None = None, form: str = "default") -> Path:
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": HANDLER},
        requirements_file={"needs.txt": requirements.encode()},
        config_file=None if config is None else {"c.yaml": config.encode()},
        extra_files={wheel_name("thing"): wheel("thing", "VALUE = 7\n")},
        archive_format=form,  # type: ignore[arg-type]
    )
    return Path(marpack.write_archive(plan, folder / plan.file_name).path)


def installed(
    path: Path, scratch: Path, *, python: ServerPython = PYTHON, longest: float = 300
) -> tuple[str, Path]:
    """Return the interpreter for workers, and the folder that things were installed into."""
    scratch.mkdir()
    with open_archive(path) as archive:
        folder = unpack(archive, str(scratch))
        executable = install(
            python,
            settings_of(archive),
            folder,
            path=archive.path,
            scratch=str(scratch),
            environment=worker_environment(folder, {}),
            longest=longest,
        )
    return executable, Path(folder)


def test_it_lies_beside_the_handler(tmp_path: Path) -> None:
    path = packed(tmp_path, f"--no-index\n./{wheel_name('thing')}\n")
    executable, folder = installed(path, tmp_path / "scratch")
    assert executable == sys.executable
    assert (folder / "thing.py").read_text() == "VALUE = 7\n"
    assert (folder / "handler.py").exists()


def test_it_never_lies_in_a_folder_of_the_users(tmp_path: Path) -> None:
    (tmp_path / wheel_name("thing")).write_bytes(wheel("thing", "VALUE = 7\n"))
    path = packed(tmp_path, f"--no-index\n{tmp_path / wheel_name('thing')}\n", form="no-archive")
    before = sorted(path.rglob("*"))
    _, folder = installed(path, tmp_path / "scratch")
    assert (folder.parent / "thing.py").exists()
    assert folder.parent.is_relative_to(tmp_path / "scratch")
    assert sorted(path.rglob("*")) == before


@pytest.mark.parametrize(
    ("requirements", "why"),
    [
        ("--no-index\nno_such_thing\n", "ERROR: No matching distribution found for no_such_thing"),
        ("--no-index\n./absent-1.0-py3-none-any.whl\n", "No such file or directory"),
    ],
)
def test_the_server_answers_that_it_failed(requirements: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(NotServedError, match=GIVES_UP) as raised:
        installed(packed(tmp_path, requirements), tmp_path / "scratch")
    error = raised.value
    assert (error.status, error.message) == (400, GIVES_UP)
    assert why in error.why
    assert error.why in error.log


@pytest.mark.server
def test_an_environment_of_the_models_own(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """Made by the server's own script; without that, by a server that knows no such thing."""
    python = server_python(environment("0.12.0", install_folder(pytestconfig)))
    path = packed(tmp_path, f"--no-index\n./{wheel_name('thing')}\n", config="useVenv: true\n")
    executable, folder = installed(path, tmp_path / "scratch", python=python)
    assert executable == str(folder / "venv" / "bin" / "python")
    where = subprocess.run(
        [executable, "-c", "import thing, ts; print(thing.__file__)"], capture_output=True, text=True, check=True
    )
    assert where.stdout.startswith(str(folder / "venv"))
    assert not (folder / "thing.py").exists()
    old = server_python(environment("0.9.0", install_folder(pytestconfig)))
    executable, folder = installed(path, tmp_path / "other", python=old)
    assert (executable, (folder / "thing.py").exists()) == (old.executable, True)


@pytest.fixture
def silent() -> Iterator[tuple[str, socket.socket]]:
    """Return requirements from a package index that never answers, and where it listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        port = listener.getsockname()[1]
        yield f"--index-url http://127.0.0.1:{port}/simple\nthing\n", listener


def hangs_up(listener: socket.socket) -> bool:
    """Tell whether who has connected is gone."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(60)
        while connection.recv(1 << 16):
            pass
    return True


def test_time_is_limited(silent: tuple[str, socket.socket], tmp_path: Path) -> None:
    requirements, listener = silent
    path = packed(tmp_path, requirements)
    for longest in (10, 120):
        with pytest.raises(NotServedError, match=f"it took more than {longest} s") as raised:
            installed(path, tmp_path / f"scratch-{longest}", longest=longest)
        assert raised.value.message == GIVES_UP
        if select.select([listener], [], [], 0)[0]:
            break  # on a busy machine pip may not have come so far in the shorter time
    assert hangs_up(listener)


INTERRUPTED = """
import sys
from pathlib import Path
from tests.running.test_requirements import installed
installed(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_an_interruption_ends_pip_too(silent: tuple[str, socket.socket], tmp_path: Path) -> None:
    requirements, listener = silent
    words = [sys.executable, "-c", INTERRUPTED, str(packed(tmp_path, requirements)), str(tmp_path / "scratch")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            connection, _ = listener.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                connection.settimeout(60)
                while connection.recv(1 << 16):
                    pass
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert "KeyboardInterrupt" in said
