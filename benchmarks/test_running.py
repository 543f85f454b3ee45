"""A model that is asked: from a command to its answer, and a request to a model that is loaded.

Beside marpack stands TorchServe, which has a front end of Java before the same worker, and the handler itself,
called in this process. TorchServe is installed in the environment that runs this (the extra ``run``), and Java 17.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import socket
import subprocess
import sys
import sysconfig
import time
import warnings
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from contenders import turns
from inputs import DIGITS, pack_digits
from servers import Server, write_config

import marpack
from marpack.running import Request, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAMPLE = (DIGITS / "sample.json").read_bytes()
BATCH = 8
REQUESTS = 200
WARM_UP = 20
START_SECONDS = 120
SCRIPTS = sysconfig.get_path("scripts")


@pytest.fixture(scope="module")
def archive(inputs: Path) -> Path:
    """The digits, as the README packs them."""
    store = inputs / "store"
    store.mkdir()
    return pack_digits(store)


def start(server: Server) -> None:
    """Start a server; return when it has answered a request."""
    server.begin()
    deadline = time.monotonic() + START_SECONDS
    while True:
        # Nobody listens yet, or no worker is there.
        with contextlib.suppress(OSError, HTTPException), connected(server.port) as connection:
            if ask(connection)[0][0] == HTTPStatus.OK:
                return
        assert time.monotonic() < deadline, "it does not answer"
        time.sleep(0.01)


@contextlib.contextmanager
def connected(port: int) -> Iterator[HTTPConnection]:
    """Give a connection that stays, as that of a program that asks again and again."""
    with contextlib.closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def ask(*connections: HTTPConnection) -> list[tuple[int, bytes]]:
    """Ask by all connections at once; return the status and the body of each answer."""
    for connection in connections:
        connection.request("POST", "/predictions/digits", SAMPLE, {"Content-Type": "application/json"})
    answers = [connection.getresponse() for connection in connections]
    return [(answer.status, answer.read()) for answer in answers]


def answer_of(process: subprocess.Popen[bytes]) -> Any:
    """Let a command begin, and return the JSON that it prints as soon as it is whole."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    process.stdin.close()
    said = b""
    while data := os.read(process.stdout.fileno(), 1 << 16):
        said += data
        with contextlib.suppress(ValueError):
            return json.loads(said)
    raise AssertionError("it gave no answer")


@turns({"marpack": 7, "torchserve": 7})
def test_first_answer(
    benchmark: Any, archive: Path, environment: dict[str, str], tmp_path: Path, contender: str, turn: int
) -> None:
    """From the command to the answer: of a server, from ``torchserve --start`` until it has given one."""
    benchmark.group = "from a command to the first answer"
    if contender == "marpack":
        words = [f"{SCRIPTS}/marpack", "run", str(archive), "--input", str(DIGITS / "sample.json")]
        with subprocess.Popen(
            # Begun by what is measured: a shell that waits for a line.
            ["sh", "-c", 'read line && exec "$@"', "sh", *words],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert benchmark.pedantic(answer_of, args=(process,))["class"] == "eight"
        return
    config, port = write_config(tmp_path, archive.parent, load_models=archive.name)
    server = Server(tmp_path, environment, config, port)
    try:
        benchmark.pedantic(start, args=(server,))
    finally:
        server.stop()


@pytest.fixture(scope="module")
def in_process(archive: Path, inputs: Path) -> Callable[[int], Any]:
    """Return the handler's own method, called with so many requests, as TorchServe's loader has loaded it."""
    folder = inputs / "unpacked"
    with marpack.open_archive(archive) as opened:
        opened.extract(folder)
    sys.path.insert(0, str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves files to the collector
        # As its worker's script.
        metrics = importlib.import_module("ts.metrics.metric_cache_yaml_impl").MetricsCacheYamlImpl(
            config_file_path=str(Path(importlib.import_module("ts").__path__[0], "configs", "metrics.yaml"))
        )
        metrics.initialize_cache()
        metrics.model_name = "digits"
        loader = importlib.import_module("ts.model_loader").ModelLoaderFactory.get_model_loader()
        service = loader.load("digits", str(folder), "handler.py", None, BATCH, None, True, metrics)
        handle, context = service._entry_point, service.context
        gc.collect()
    no_headers = importlib.import_module("ts.context").RequestProcessor({})

    def call(count: int) -> Any:
        # As its worker, which says whom it answers, and takes the JSON apart itself.
        context.request_ids = metrics.request_ids = dict.fromkeys(range(count), "0")
        context.request_processor = [no_headers] * count
        return handle([{"body": json.loads(SAMPLE)} for _ in range(count)], context)

    return call


@pytest.fixture(scope="module")
def ways(
    archive: Path, inputs: Path, environment: dict[str, str], in_process: Callable[[int], Any], request: Any
) -> Iterator[dict[str, Callable[[], object]]]:
    """Each contender's way to ask so many requests at once, all loaded, each with one worker."""
    count = request.param
    asked = [Request.json(json.loads(SAMPLE)) for _ in range(count)]
    snapshot = {
        "digits": {
            "1.0": {
                "marName": "digits.mar",
                "minWorkers": 1,
                "maxWorkers": 1,
                "batchSize": count,
                "maxBatchDelay": 100,
            }
        }
    }
    folder = inputs / f"server-{count}"
    folder.mkdir()
    models = f"models={json.dumps(snapshot)}"
    config, port = write_config(folder, archive.parent, models, load_models=archive.name)
    server = Server(folder, environment, config, port)
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(Worker(archive, batch_size=count))
        stack.callback(server.stop)
        start(server)
        connections = [stack.enter_context(connected(port)) for _ in range(count)]
        yield {
            "marpack": lambda: worker.predict(asked),
            "torchserve": lambda: ask(*connections),
            "handler": lambda: in_process(count),
        }


@turns({"marpack": 7, "torchserve": 7, "handler": 7})
@pytest.mark.parametrize("ways", [1, BATCH], indirect=True)
def test_request(
    benchmark: Any, ways: dict[str, Callable[[], object]], request: Any, contender: str, turn: int
) -> None:
    """The median of so many requests, or of so many batches that are asked at once."""
    count = request.node.callspec.params["ways"]
    benchmark.group = "one request to a loaded model" if count == 1 else f"{count} requests at once, a batch"
    benchmark.pedantic(ways[contender], rounds=REQUESTS, warmup_rounds=WARM_UP)
