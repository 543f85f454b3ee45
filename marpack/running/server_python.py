"""The Python that a worker runs on, and the TorchServe that is installed there."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

from marpack.errors import MarpackError, MissingExtraError
from marpack.frozen import frozen

# The oldest whose worker has been seen to be driven by this code.
OLDEST = (0, 9, 0)
# The one that is meant where none is named, and whose words are restated.
NEWEST = (0, 12, 0)
# What a worker is started by, as a program of its own.
_KEEPER = os.path.join(os.path.dirname(__file__), "keeper.py")
# Seconds for an interpreter to say what it has.
_PATIENCE = 60
_MARK = "marpack:"
# The worker does not find what lies in the folder in which it is started, either.
_ASK = f"""
import json, sys
sys.path = [place for place in sys.path if place]
from importlib.util import find_spec
ts = find_spec("ts")
places = list(ts.submodule_search_locations or [""]) if ts else [""]
print({_MARK!r} + json.dumps([places[0], find_spec("torch") is not None]))
"""
_ANOTHER = "name a Python that has TorchServe and torch (--python, python=, or pytest's mar_worker_python)"
# What interpreters have answered: it takes a tenth of a second to ask one.
_answers: dict[str, tuple[str, bool]] = {}
_INSTALL = f"-m pip install torchserve=={'.'.join(map(str, NEWEST))} torch pyyaml packaging"


@frozen
class ServerPython:
    """An interpreter, the folder of its package ``ts``, and the version of that."""

    executable: str
    package: str
    version: tuple[int, ...]

    @property
    def worker_script(self) -> str:
        """What a worker runs."""
        return os.path.join(self.package, "model_service_worker.py")


def server_python(executable: str | os.PathLike[str] | None = None) -> ServerPython:
    """Return this Python, or the one at a path, with the TorchServe that it finds.

    Raises ``MissingExtraError`` where this one has none, ``MarpackError`` where another has none, where it has no
    torch or an older TorchServe than 0.9.0, for what is no Python, and where marpack itself lies in a zip.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise MarpackError(
            "a model is run over a Unix socket, which this system's Python has not: use Linux or WSL"
        )
    if not os.path.isfile(_KEEPER):
        raise MarpackError(
            f"a model is run by {_KEEPER!r}, which is no file here: install marpack (pip install marpack), or "
            "unpack what Python imports it from"
        )
    if executable is None:
        if not sys.executable:
            raise MarpackError("this program does not know its own interpreter: name one (--python, python=)")
        spec = importlib.util.find_spec("ts")
        package = spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else ""
        has_torch = importlib.util.find_spec("torch") is not None
        where = sys.executable
    else:
        # A relative one means what it means here, and not in the folder that a worker is started in.
        where = os.fspath(executable)
        where = os.path.abspath(where) if os.path.dirname(where) else where
        package, has_torch = _answers.get(where) or _ask(where)
    version_file = os.path.join(package, "version.txt")
    if not package or not os.path.exists(version_file):
        if executable is None:
            raise MissingExtraError("running a model", "run", _ANOTHER)
        raise MarpackError(f"{where!r} has no TorchServe: {where} {_INSTALL}")
    if not has_torch:
        raise MarpackError(f"{where!r} has TorchServe, but no torch: {where} -m pip install torch")
    with open(version_file, encoding="ascii") as file:
        text = file.read().strip()
    if executable is not None:
        _answers[where] = package, has_torch
    version = tuple(int(part) for part in re.findall(r"\d+", text)[:3])
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise MarpackError(
            f"{where!r} has TorchServe {text}: models are run by {oldest} and newer: {where} {_INSTALL}"
        )
    # The worker takes its own folder, links followed, out of what it searches.
    return ServerPython(executable=where, package=os.path.realpath(package), version=version)


def _ask(executable: str) -> tuple[str, bool]:
    try:
        process = subprocess.Popen(
            [executable, "-c", _ASK],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=tempfile.gettempdir(),
        )
    except OSError as error:
        raise MarpackError(f"{executable!r} cannot be started: {error.strerror}: name a Python") from None
    with process:
        try:
            output, trouble = process.communicate(timeout=_PATIENCE)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # it has not been waited for: the number is still its own
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise MarpackError(f"{executable!r} does not answer as a Python within {_PATIENCE} seconds") from None
    for line in output.decode("utf-8", "replace").splitlines():
        if line.startswith(_MARK):
            package, has_torch = json.loads(line[len(_MARK) :])
            return package, has_torch
    said = trouble.decode("utf-8", "replace").strip().splitlines()
    why = f": {said[-1]}" if said else ""
    raise MarpackError(f"{executable!r} does not answer as a Python: it ended with {process.returncode}{why}")
