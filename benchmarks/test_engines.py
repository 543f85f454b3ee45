"""An archive on three engines: TorchServe, Ray Serve and KServe's model server, asked by 1 to 64 clients.

And what an archive on Ray Serve takes beside a deployment of Ray's that answers with a constant. What an engine
needs: TorchServe Java 17, KServe an environment of its own, which is made in pytest's cache.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import engines
import pytest
from engines import Engine, Model
from inputs import DIGITS, pack_digits, pack_handler

SAMPLE = (DIGITS / "sample.json").read_text()
CLIENTS = Path(__file__).parent / "clients.py"
ENGINES = ("ray", "kserve", "torchserve")
WAITS = """\
import time

def handle(data, context):
    if data is None:
        return None
    time.sleep(0.05)
    return ["a constant"] * len(data)
"""
CONSTANT = """\
def handle(data, context):
    return ["a constant"] * len(data) if data else None
"""
# By the model: what its rows are called, and how many turns ask it. One that waits takes as long each time.
LOADS = {
    "digits": ("digits", 3),
    "waits": ("50 ms", 2),
    "waits-2": ("50 ms, 2 workers", 2),
    "waits-8": ("50 ms, batches of 8", 2),
}
COUNTS = (1, 4, 16, 64)
# Two workers, or batches, show what they are for where more than one asks.
SOME = {"waits-2": (16,), "waits-8": (16, 64)}
BATCHES = "batchSize: 8\nmaxBatchDelay: 10\n"
# Paths on Ray Serve: the archive, and who does nothing.
OVERHEAD = {
    "marpack": "/constant/predictions/constant",
    "one-of-two": "/two/predictions/constant",
    "bare": "/bare",
    "unread": "/unread",
}
SECONDS = 2
# Torch's in each worker: several spin while they wait, and workers that share two cores with their clients stop
# each other for tens of milliseconds. Ray tells a replica as many as it has cores.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
# A Java that has just been started is slow for thousands of requests.
WARM_UP = {"clients": 4, "warm_up": 0, "seconds": 4}


class Engines:
    """The engines, of which one runs at a time: what does nothing takes its part of two cores too."""

    def __init__(self, ways: dict[str, Callable[[], AbstractContextManager[Engine]]]) -> None:
        self._ways = ways
        self._stack = ExitStack()
        self._running: tuple[str, Engine] | None = None

    def running(self, name: str) -> Engine:
        """Return an engine that is warm, started in the place of another."""
        if self._running is None or self._running[0] != name:
            self.end()
            engine = self._stack.enter_context(self._ways[name]())
            self._running = name, engine
            model = "constant" if name == "constants" else "digits"
            ask(engine.port, engine.path(model), body=SAMPLE, **WARM_UP)
        return self._running[1]

    def end(self) -> None:
        """End the one that runs."""
        self._running = None
        self._stack.close()


def ask(port: int, path: str, **told: Any) -> dict[str, float]:
    """Have clients ask; return what they measured."""
    words = [sys.executable, str(CLIENTS), json.dumps({"port": port, "path": path, **told})]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def running(
    inputs: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, pytestconfig: Any
) -> Iterator[Engines]:
    """Give the engines, with all models."""
    store = inputs / "store-of-engines"
    store.mkdir()
    archives = {name: pack_handler(store, name, WAITS) for name in ("waits", "waits-2")}
    archives["waits-8"] = pack_handler(store, "waits-8", WAITS, config=BATCHES)
    archives["digits"] = pack_digits(store)
    bodies = {"digits": SAMPLE}
    models = [
        Model(
            name=name,
            archive=path,
            workers=2 if name == "waits-2" else 1,
            batch_size=8 if name == "waits-8" else 1,
            body=bodies.get(name, "[]"),
        )
        for name, path in sorted(archives.items())
    ]
    alone = [model for model in models if model.workers == 1]
    constants = [
        Model(name=name, archive=pack_handler(store, name, CONSTANT), workers=1, batch_size=1, body="[]")
        for name in ("constant", "another")
    ]

    def in_folder(start: Callable[..., AbstractContextManager[Engine]], *arguments: Any) -> Any:
        return start(*arguments, tmp_path_factory.mktemp("engine"), {**environment, **ONE_THREAD})

    def start_kserve() -> Any:
        return in_folder(engines.kserve, alone, engines.kserve_python(pytestconfig.cache.mkdir("engines")))

    all_of_them = Engines(
        {
            "torchserve": partial(in_folder, engines.torchserve, models),
            "ray": partial(in_folder, engines.ray, models),
            # What does nothing on a cluster takes its part of two cores, too.
            "constants": partial(in_folder, engines.ray, constants),
            "kserve": start_kserve,
        }
    )
    try:
        yield all_of_them
    finally:
        all_of_them.end()


def of_overhead() -> Iterator[Any]:
    """Give who is asked by how many clients, in turn; the goal is of one."""
    for clients, rounds in {1: 7, 16: 3}.items():
        for turn in range(rounds):
            for contender in random.Random(turn).sample([*OVERHEAD], len(OVERHEAD)):
                yield pytest.param(clients, contender, turn, id=f"{contender} {clients} {turn}")


def of_loads() -> Iterator[Any]:
    """Give which engine is asked for which model by how many clients, all of one engine before the next begins.

    A turn goes through the engines from last to first where the one before has gone from first to last.
    """
    for turn in range(max(rounds for _, rounds in LOADS.values())):
        for contender in ENGINES if turn % 2 == 0 else reversed(ENGINES):
            for model, (title, rounds) in LOADS.items():
                if turn >= rounds or (contender, model) == ("kserve", "waits-2"):
                    continue
                for clients in SOME.get(model, COUNTS):
                    parameters = contender, model, f"{title}, {of_clients(clients)}", clients, turn
                    yield pytest.param(*parameters, id=f"{contender} {model} {clients} {turn}")


def of_clients(count: int) -> str:
    """Return the words for so many clients."""
    return "1 client" if count == 1 else f"{count} clients"


@pytest.mark.parametrize(("clients", "contender", "turn"), [*of_overhead()])
def test_overhead(benchmark: Any, running: Engines, clients: int, contender: str, turn: int) -> None:
    """An archive whose handler returns a constant, beside deployments of Ray's that do, on one cluster."""
    port = running.running("constants").port
    told = {"path": OVERHEAD[contender], "body": "[]", "clients": clients, "warm_up": 0.5, "seconds": SECONDS}
    measure(benchmark, f"a constant, {of_clients(clients)}", port, told)


@pytest.mark.parametrize(("contender", "model", "group", "clients", "turn"), [*of_loads()])
def test_load(
    benchmark: Any, running: Engines, contender: str, model: str, group: str, clients: int, turn: int
) -> None:
    """A model on an engine."""
    engine = running.running(contender)
    body = SAMPLE if model == "digits" else "[]"
    told = {"path": engine.path(model), "body": body, "clients": clients, "warm_up": 0.5, "seconds": SECONDS}
    measure(benchmark, group, engine.port, told)


def measure(benchmark: Any, group: str, port: int, told: dict[str, Any]) -> None:
    """Have clients ask, once; what they measured is told beside the time that they were there."""
    benchmark.group = group
    benchmark.extra_info |= benchmark.pedantic(ask, args=(port,), kwargs=told)
