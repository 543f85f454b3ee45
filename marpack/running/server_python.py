"""The Python that a worker runs on, and the TorchServe that is installed there."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

from marpack.errors import MarpackError, MissingExtraError
from marpack.frozen import frozen

_ASK = "import importlib.util as u; s = u.find_spec('ts'); print(s.submodule_search_locations[0] if s else '')"


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

    Raises ``MissingExtraError`` where this one has none, ``MarpackError`` where another has none.
    """
    if executable is None:
        spec = importlib.util.find_spec("ts")
        package = spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else ""
        where = sys.executable
    else:
        where = os.fspath(executable)
        done = subprocess.run(
            [where, "-c", _ASK], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
        package = done.stdout.strip()
    version_file = os.path.join(package, "version.txt")
    if not package or not os.path.exists(version_file):
        if executable is None:
            raise MissingExtraError("running a model", "run")
        raise MarpackError(f"{where!r} has no TorchServe: {where} -m pip install torchserve==0.12.0 torch pyyaml")
    with open(version_file, encoding="ascii") as file:
        version = tuple(int(part) for part in file.read().strip().split("."))
    return ServerPython(executable=where, package=package, version=version)
