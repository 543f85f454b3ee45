"""What a model asks for, installed for it alone, as with the server's install_py_dep_per_model (J69)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from marpack.errors import NotServedError
from marpack.running.model_settings import ModelSettings
from marpack.running.registration_errors import bad_request
from marpack.running.server_python import ServerPython

# Seconds that pip may take; the server waits for ever.
_LONGEST = 3600
# Of the output that is kept, the last bytes.
_KEPT = 1 << 20


def install(
    python: ServerPython,
    settings: ModelSettings,
    folder: str,
    *,
    path: str,
    scratch: str,
    environment: Mapping[str, str],
    longest: float = _LONGEST,
) -> str:
    """Install what the archive at ``path`` asks for, and return the interpreter that its workers start with.

    ``folder`` is the model's, or a link to it, beside which everything goes then; ``scratch`` is a folder for what
    pip and venv need meanwhile, and ``environment`` what they are started with, which is a worker's. With
    ``use_venv`` it goes into a virtual environment, made by the server's own script, where it has one.

    Raises ``NotServedError`` with the server's answer, and what was written as its log, where it fails or takes
    more than ``longest`` seconds. Whatever ends it, no process of it is left.
    """
    parent = os.path.dirname(folder) if os.path.islink(folder) else folder
    run = _Run(path, settings.model_name, scratch, environment, longest)
    executable = python.executable
    venv_script = os.path.join(python.package, "utils", "setup_model_venv.py")
    uses_venv = settings.use_venv and os.path.exists(venv_script)
    if uses_venv:
        venv = os.path.join(parent, "venv")
        run([executable, venv_script, venv], parent, "Virtual environment creation failed for model")
        executable = os.path.join(venv, "bin", "python")
    if settings.requirements_file is not None:
        file = os.path.join(folder, settings.requirements_file)
        where = ["--upgrade-strategy", "only-if-needed"] if uses_venv else ["-t", parent]
        words = [executable, "-m", "pip", "install", "-U", *where, "-r", file]
        run(words, parent, "Custom pip package installation failed for model")
    return executable


class _Run:
    """Runs commands one after another, each with all that it begins."""

    def __init__(
        self, path: str, model_name: str, scratch: str, environment: Mapping[str, str], longest: float
    ) -> None:
        self._path = path
        self._model_name = model_name
        self._output = os.path.join(scratch, "installed")
        self._longest = longest
        # What a pip that is killed has not put away goes with the rest.
        temporary = os.path.join(scratch, "installing")
        os.makedirs(temporary, exist_ok=True)
        self._environment = {**environment, "TMPDIR": temporary}

    def __call__(self, words: Sequence[str], folder: str, failure: str) -> None:
        # A file, for the end of a pipe comes only with the last process that has been started from there.
        with open(self._output, "wb") as output:
            process = subprocess.Popen(
                words,
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            status: int | None = process.wait(self._longest)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if status != 0:
            raise self._failed(failure, status)

    def _failed(self, failure: str, status: int | None) -> NotServedError:
        with open(self._output, "rb") as file:
            file.seek(max(0, os.path.getsize(self._output) - _KEPT))
            lines = file.read().decode("utf-8", "replace").splitlines()
        refused = bad_request(f"{failure} {self._model_name}")
        said = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "")
        why = f"it took more than {self._longest} s" if status is None else said
        return NotServedError(self._path, refused.message, status=refused.status, why=why, log=lines)
