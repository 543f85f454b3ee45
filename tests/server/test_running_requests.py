"""A ``Worker`` answers as a running server does: both are given the same requests."""

from __future__ import annotations

import contextlib
import functools
import re
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from marpack.running import Response, Worker
from tests.server.asked import ASKED, LARGEST_REQUEST, LARGEST_RESPONSE, NEVER_ANSWERED, Asked
from tests.server.asks import write_archives
from tests.support.raw_http import SECONDS, all_at_once
from tests.support.torchserve import TorchServe, addresses, environment, install_folder, setting, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NEWEST, OLD = "0.12.0", "0.9.0"
# How long the server waits for an answer: long enough for a busy machine, and short for the one that never comes.
ANSWER_SECONDS = 10
BATCH = 3
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

SERVERS = [
    (OLD, ""),
    (OLD, "kserve"),
    (NEWEST, "kserve"),
    (NEWEST, "kservev2"),
    (NEWEST, "json"),
    (NEWEST, "body"),
    (NEWEST, ""),
]
CASES = [
    (server, case)
    for server in SERVERS
    for case in ASKED
    if case.envelope == server[1] and (case.by_old_server or server[0] == NEWEST)
]


def test_there_are_enough_requests() -> None:
    assert sum(len(case.requests) for (version, _), case in CASES if version == NEWEST) >= 70
    assert sum(len(case.requests) for (version, _), case in CASES if version == OLD) >= 22
    assert len({case.title for case in ASKED}) == len(ASKED)


@pytest.fixture(scope="module")
def cache(pytestconfig: pytest.Config) -> Path:
    return install_folder(pytestconfig)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    write_archives(folder)
    return folder


class Both:
    """A running server, and workers of the same models."""

    def __init__(self, server: TorchServe, port: int, worker: Callable[[str], Worker]) -> None:
        self.server = server
        self.worker = functools.cache(worker)
        self._port = port

    def ask_server(self, case: Asked, *, seconds: float = SECONDS) -> list[Response]:
        name = urllib.parse.quote(case.model)
        self.await_worker(case.model)
        paths = [
            each.path or f"/{'explanations' if each.explain else 'predictions'}/{name}" for each in case.requests
        ]
        return all_at_once(self._port, [*zip(case.requests, paths, strict=True)], seconds=seconds)

    def await_worker(self, model: str) -> None:
        """Wait until the server has started a worker again that has died."""

        def ready() -> bool:
            [described] = self.server.describe(model)
            return [worker["status"] for worker in described["workers"]] == ["READY"]

        wait_until(ready, lambda: f"the worker of {model} does not get ready", SECONDS)


@pytest.fixture(scope="module")
def both(
    store: Path, cache: Path, warm: Callable[[str], Path | None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], Both]]:
    """Return what runs a server of a version and an envelope, one at a time."""
    with contextlib.ExitStack() as stack:

        @functools.lru_cache(1)
        def running(version: str, envelope: str) -> Both:
            stack.close()
            python = warm(version) or environment(version, cache)

            def worker(model: str) -> Worker:
                return stack.enter_context(
                    Worker(
                        store / f"{model.rpartition(' ')[2]}.mar",
                        batch_size=BATCH if model == "batch" else None,
                        envelope=envelope or None,
                        python=python,
                        max_request_size=LARGEST_REQUEST,
                        max_response_size=LARGEST_RESPONSE,
                        response_timeout=ANSWER_SECONDS,
                    )
                )

            config = tmp_path_factory.mktemp("config") / "config.properties"
            lines = [
                *addresses(),
                f"model_store={store}",
                "load_models=asks.mar",
                "default_workers_per_model=1",
                "number_of_netty_threads=1",
                "disable_system_metrics=true",
                "disable_token_authorization=true",
                "enable_model_api=true",
                f"max_request_size={LARGEST_REQUEST}",
                f"max_response_size={LARGEST_RESPONSE}",
                f"default_response_timeout={ANSWER_SECONDS}",
                *([f"service_envelope={envelope}"] if envelope else []),
            ]
            config.write_text("\n".join([*lines, ""]))
            server = stack.enter_context(TorchServe.from_file(config, version, cache, warm=warm(version)))
            if not envelope:
                server.register("blank.mar")
                server.register("batch.mar", batch_size=BATCH, max_batch_delay=20_000)
            port = urllib.parse.urlsplit(setting(config, "inference_address", "")).port
            assert port is not None
            return Both(server, port, worker)

        yield running


def told(responses: Iterable[Response]) -> list[str]:
    """Return what responses say, in lines, without what no two have in common: ids."""
    lines = []
    for response in responses:
        lines.append(f"{response.status} {response.reason!r}{'' if response.complete else ' broken off'}")
        lines += [f"{name}: {'ID' if ID.fullmatch(value) else value}" for name, value in response.headers]
        lines += [repr(part) for part in response.parts]
    return lines


def given(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower())


@pytest.mark.parametrize(
    ("server", "case"),
    CASES,
    ids=[f"{version}-{envelope}-{given(case.title)}" for (version, envelope), case in CASES],
)
def test_the_answers_are_those_of_the_server(
    server: tuple[str, str], case: Asked, both: Callable[[str, str], Both]
) -> None:
    running = both(*server)
    worker = running.worker(case.model)
    with ThreadPoolExecutor(1) as thread:
        expected = thread.submit(running.ask_server, case)
        answers = worker.predict(case.requests)
    assert told(answers) == told(expected.result())


def test_what_the_server_never_answers_is_answered(both: Callable[[str, str], Both]) -> None:
    """A known difference (J25): nobody would wait for an answer that does not come."""
    running = both(NEWEST, "")
    with pytest.raises(TimeoutError):
        running.ask_server(NEVER_ANSWERED, seconds=ANSWER_SECONDS)
    [answer] = running.worker(NEVER_ANSWERED.model).predict(NEVER_ANSWERED.requests)
    assert (answer.status, answer.body, answer.header("ts_stream_next")) == (200, b"x", "false")
