"""The engines that serve an archive: each is started, with all models, and ended with all that it began."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from servers import Server, free_ports, write_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["KSERVE", "Engine", "Model", "kserve", "kserve_python", "ray", "torchserve"]

KSERVE = "0.21.0"
_FOLDER = Path(__file__).parent
_START_SECONDS = 180
_END_SECONDS = 60
_LOG_TAIL = 4000


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model that engines serve: its archive, how many workers it has, and how large its batches are.

    An archive says itself how large they are, but TorchServe is told so.
    """

    name: str
    archive: Path
    workers: int
    batch_size: int
    body: str


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that runs: its port, and the path at which a model is asked."""

    port: int
    path: Callable[[str], str]


@contextlib.contextmanager
def torchserve(models: Sequence[Model], folder: Path, environment: Mapping[str, str]) -> Iterator[Engine]:
    """Serve models by TorchServe, whose archives lie in one folder."""
    [store] = {model.archive.parent for model in models}
    told = {
        model.name: {
            "1.0": {
                "marName": model.archive.name,
                "minWorkers": model.workers,
                "maxWorkers": model.workers,
                "batchSize": model.batch_size,
                "maxBatchDelay": 10,
            }
        }
        for model in models
    }
    archives = ",".join(model.archive.name for model in models)
    config, port = write_config(folder, store, f"models={json.dumps(told)}", load_models=archives)
    engine = Engine(port=port, path=lambda name: f"/predictions/{name}")
    server = Server(folder, dict(environment), config, port)
    try:
        server.begin()
        _await(engine, models, folder / "ts_log.log")
        yield engine
    finally:
        server.stop()


@contextlib.contextmanager
def ray(models: Sequence[Model], folder: Path, environment: Mapping[str, str]) -> Iterator[Engine]:
    """Serve models on a Ray cluster of its own; see ``serve_by_ray.py``."""
    # Sockets lie in it, whose paths are short.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as home:
        [port] = free_ports(1)
        told = {
            "port": port,
            "folder": home,
            "models": {
                f"/{each.name}": {"archive": str(each.archive), "workers": each.workers} for each in models
            },
        }
        own = {"HOME": home, "RAY_TMPDIR": home, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(
                [sys.executable, _FOLDER / "serve_by_ray.py", json.dumps(told)],
                cwd=folder,
                env={**environment, **own},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            ) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                if b"served\n" not in process.stdout:
                    raise OSError(f"Ray does not serve. {_end_of(folder / 'log')}")
                engine = Engine(port=port, path=lambda name: f"/{name}/predictions/{name}")
                _await(engine, models, folder / "log", process)
                yield engine
            finally:
                process.stdin.close()
                _end(process)


@contextlib.contextmanager
def kserve(
    models: Sequence[Model], python: Path, folder: Path, environment: Mapping[str, str]
) -> Iterator[Engine]:
    """Serve models that have one worker by KServe's model server, which ``python`` has."""
    [port] = free_ports(1)
    told = {"archives": {each.name: str(each.archive) for each in models}, "python": sys.executable}
    words = [str(python), str(_FOLDER / "serve_by_kserve.py"), json.dumps(told), "--http_port", str(port)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [*words, "--enable_grpc", "false"], cwd=folder, env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            engine = Engine(port=port, path=lambda name: f"/v1/models/{name}:predict")
            _await(engine, models, folder / "log", process)
            yield engine
        finally:
            process.send_signal(signal.SIGTERM)
            _end(process)


def kserve_python(folder: Path) -> Path:
    """Return the Python of an environment with KServe, made in a folder unless it is there."""
    home = folder / f"kserve-{KSERVE}-{sys.implementation.cache_tag}"
    python = home / "bin" / "python"
    made = home / "made"
    if not made.exists():
        venv.create(home, clear=True, with_pip=False, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
        subprocess.run([*pip, f"kserve=={KSERVE}"], check=True)
        made.touch()
    return python


def _await(
    engine: Engine, models: Sequence[Model], log: Path, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Return when every model has answered; raise ``OSError`` with the end of a log where one does not in time."""
    deadline = time.monotonic() + _START_SECONDS
    for model in models:
        while not _answers(engine, model):
            if time.monotonic() > deadline or (process is not None and process.poll() is not None):
                raise OSError(f"{engine.path(model.name)} is not answered. {_end_of(log)}")
            time.sleep(0.1)


def _end_of(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-_LOG_TAIL:]


def _answers(engine: Engine, model: Model) -> bool:
    connection = HTTPConnection("127.0.0.1", engine.port, timeout=_START_SECONDS)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", engine.path(model.name), model.body.encode(), headers)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):  # nobody listens yet
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait until it has ended in good order, or end it."""
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
