"""Run KServe's model server with models of marpack's, in an environment of its own.

kserve asks for older packages than the tests have. Its server listens on all interfaces and has no option for
another place: here it is given the loopback's address where it makes its configuration.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import marpack
from tests.support import environments
from tests.support.torchserve import LOOPBACK, free_ports, stop, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

VERSION = "0.21.0"
START_SECONDS = 300
LOG_TAIL = 4000

LISTEN_HERE = """
from tests.support.on_loopback import listen_on_loopback
listen_on_loopback()
"""
# As a custom predictor is written.
SERVE = """
import argparse, json, kserve
from marpack.running.kserve import MarModel
parser = argparse.ArgumentParser(parents=[kserve.model_server.parser])
parser.add_argument("models", type=json.loads)
arguments = parser.parse_args()
models = [MarModel(name, **options) for name, options in arguments.models.items()]
for model in models:
    model.load()
kserve.ModelServer().start(models)
"""


class ModelServer:
    """A running model server: its process, and the port on which it answers."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self._log = log

    @classmethod
    @contextlib.contextmanager
    def running(cls, models: Mapping[str, Mapping[str, Any]], cache: Path) -> Iterator[ModelServer]:
        """Run a server of models, each by the name that it has there and its options, until the block is left."""
        with cls.of_script(SERVE, [json.dumps(models)], models, cache, {}) as server:
            yield server

    @classmethod
    @contextlib.contextmanager
    def of_script(
        cls, script: str, arguments: Sequence[str], models: Iterable[str], cache: Path, more: Mapping[str, str]
    ) -> Iterator[ModelServer]:
        """Run a script with arguments, which serves models of these names; ``more`` are variables."""
        with tempfile.TemporaryDirectory(prefix="kserve-", ignore_cleanup_errors=True) as folder:
            [port] = free_ports(1)
            told = ["--http_port", str(port), "--enable_grpc", "false", *arguments]
            log = Path(folder, "log")
            with log.open("wb") as file:
                process = subprocess.Popen(
                    [python(cache), "-c", LISTEN_HERE + script, *told],
                    cwd=folder,
                    env=variables(Path(folder)) | dict(more),
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            server = cls(process, port, log)
            try:
                wait_until(lambda: all(map(server.is_ready, models)), server.log, START_SECONDS)
                yield server
            finally:
                stop(process)

    def is_ready(self, model: str) -> bool:
        """Return whether the server says that a model is ready; raise ``OSError`` where it has ended."""
        if self.process.poll() is not None:
            raise OSError(f"the model server ended with {self.process.returncode}. {self.log()}")
        try:
            with LOOPBACK.open(f"http://127.0.0.1:{self.port}/v2/models/{model}/ready") as response:
                return bool(json.load(response)["ready"])
        except OSError:  # it does not listen yet, or the model is not ready
            return False

    def log(self) -> str:
        """Return what the server has written last."""
        return self._log.read_text("utf-8", "replace")[-LOG_TAIL:]


def python(cache: Path) -> Path:
    """Return the interpreter that has kserve, and nothing of TorchServe."""
    return environments.environment(cache, f"kserve-{VERSION}", [f"kserve=={VERSION}"], alone=True)


def variables(folder: Path) -> dict[str, str]:
    """Return the variables of a process that finds marpack and the tests, with temporary files in a folder."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("KSERVE_", "TS_"))}
    places = dict.fromkeys([Path(marpack.__file__).parents[1], Path(__file__).parents[2]])
    return others | {"PYTHONPATH": os.pathsep.join(map(str, places)), "TMPDIR": str(folder)}
