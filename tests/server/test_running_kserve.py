"""KServe's model server, with archives as its models, answers as TorchServe does but for what a table says."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import signal
import socket
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.running import Request, Response, Worker
from marpack.running.differences import KSERVE
from tests.running.conftest import marked
from tests.server import asked
from tests.server.asked import ASKED, LARGEST_REQUEST, LARGEST_RESPONSE, Asked
from tests.server.kserve_archives import REFUSES, write_archives
from tests.server.test_running_requests import ANSWER_SECONDS, BATCH, ID, NEWEST, given
from tests.support.model_server import ModelServer
from tests.support.processes import wait_for
from tests.support.raw_http import Connection, all_at_once
from tests.support.torchserve import TorchServe, addresses, install_folder, setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.server

PAGE = Path(marpack.__file__).parents[1] / "docs" / "kserve.md"

# Of the requests that can be sent at all, those that are answered otherwise, and which row of the table says so.
OTHERWISE = {
    "other blanks behind a value": "not-http",
    "another blank before a value": "not-http",
    "only another blank": "not-http",
    "a form feed in a value": "not-http",
    "the last request": "connection",
    "v2": "v2-bodies",
    "kservev2 of v1": "v2-bodies",
    "v2 explain": "paths",
    "kservev2 explains": "paths",
    "a status of its own": "status",
    "a status in between": "status",
    "no status": "status",
    "fails with 600": "status",
    "fails with 99": "status",
}
# What KServe itself answers, of rows that are about more than one status.
STATUSES = {"paths": {404}, "v2-bodies": {400, 422}}
V1, V2 = re.compile(r"/v1/models/[^/]+:(predict|explain)"), re.compile(r"/v2/models/[^/]+/(infer|explain)")


def name_of(case: Asked) -> str:
    """Return under which name the model server has the model of a case."""
    return "-".join(filter(None, ["batch" if case.model == "batch" else "asks", case.envelope]))


def asked_of(case: Asked, name: str) -> list[Request]:
    """Return the requests of a case to a model of this name."""
    requests = []
    for request in case.requests:
        path = request.path or f"/v1/models/asks:{'explain' if request.explain else 'predict'}"
        path = path.replace("/models/asks", f"/models/{name}", 1)
        requests.append(replace(request, path=path, explain=False))
    return requests


def spelled(request: Request) -> Request:
    """Return a request with its headers as a handler is given them that is told of the name "Do"."""
    names = {"do": "Do"}
    headers = tuple((names.get(name.lower(), name.lower()), value) for name, value in request.sent_headers)
    return replace(request, headers=headers)


def can_be_sent(case: Asked) -> bool:
    """Return whether KServe has a route for all of its requests, and a client need not wait for ever."""
    return all(
        request.method == "POST"
        and (request.path is None or V1.match(request.path) or V2.match(request.path))
        and request.values("expect") != ["much"]
        for request in case.requests
    )


SENT = [case for case in ASKED if can_be_sent(case)]


def told(response: Response) -> Any:
    """Return what is the same of two answers: no reason, no order or case of headers, none that KServe adds."""
    headers = [
        (name.lower(), "ID" if ID.fullmatch(value) else value)
        for name, value in response.headers
        if name.lower() not in ("date", "server")
    ]
    return response.status, sorted(headers), response.parts, response.complete


def is_as_the_table_says(code: str, answer: Any, own: Any) -> bool:
    """Tell whether an answer, which is not the worker's own, differs from that in what a row is about alone."""
    [row] = [row for row in KSERVE if row.code == code]
    status, headers, parts, _ = answer
    if row.headers:
        kept = [each for each in own[1] if each[0] not in row.headers]
        return bool(
            answer == (own[0], sorted([*kept, *(each for each in headers if each[0] in row.headers)]), *own[2:])
        )
    kinds = {
        "status": b'"InternalServerException"',
        "not-http": b"Invalid HTTP request received.",
        "paths": b"Not Found",
    }
    return status in STATUSES.get(code, {row.status}) and kinds.get(code, b'"detail"') in b"".join(parts)


@pytest.fixture(scope="module")
def cache(pytestconfig: pytest.Config) -> Path:
    return install_folder(pytestconfig)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kserve")
    write_archives(folder)
    return folder


@pytest.fixture(scope="module")
def server(store: Path, cache: Path, run_python: Callable[[str], Path]) -> Iterator[ModelServer]:
    """Return a model server in which each archive is, in several ways."""
    common = {"python": str(run_python(NEWEST)), "response_timeout": ANSWER_SECONDS}
    limits = {"max_request_size": LARGEST_REQUEST, "max_response_size": LARGEST_RESPONSE}
    asks = {**common, **limits, "archive": str(store / "asks.mar"), "header_names": ["Do"]}
    models = {f"asks-{envelope}": {**asks, "envelope": envelope} for envelope in ("kserve", "kservev2")}
    models |= {f"asks-{envelope}": {**asks, "envelope": envelope} for envelope in ("json", "body")}
    models["asks"] = asks
    models["batch"] = {**asks, "batch_size": BATCH, "max_batch_delay": 20_000}
    models["one"] = {**common, "archive": str(store / "one.mar"), "batch_size": 4, "max_batch_delay": 20_000}
    models["two"] = {**common, "archive": str(store / "two.mar")}
    models["leaving"] = models["two"]
    models["moody"] = {**common, "archive": str(store / "moody.mar")}
    with ModelServer.running(models, cache) as running:
        yield running


@pytest.fixture(scope="module")
def worker(store: Path, run_python: Callable[[str], Path]) -> Iterator[Callable[[str, str], Worker]]:
    """Return what loads ``asks.mar`` as the model server has it."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def loaded(model: str, envelope: str) -> Worker:
            return stack.enter_context(
                Worker(
                    store / "asks.mar",
                    python=run_python(NEWEST),
                    envelope=envelope or None,
                    batch_size=BATCH if model == "batch" else None,
                    max_request_size=LARGEST_REQUEST,
                    max_response_size=LARGEST_RESPONSE,
                    response_timeout=ANSWER_SECONDS,
                )
            )

        yield loaded


def ask(server: ModelServer, *requests: Request) -> list[Response]:
    return all_at_once(server.port, [(request, request.path or "") for request in requests])


def predict(model: str, value: object = None, **more: Any) -> Request:
    return Request.json({} if value is None else value, path=f"/v1/models/{model}:predict", **more)


def test_there_are_enough_requests() -> None:
    assert sum(len(case.requests) for case in SENT) >= 150
    assert {case.envelope for case in SENT} == {"", "kserve", "kservev2", "json", "body"}
    assert set(OTHERWISE) <= {case.title for case in SENT}
    assert {*OTHERWISE.values(), "methods", "expect"} <= {row.code for row in KSERVE}


@pytest.mark.parametrize("case", SENT, ids=[given(f"{case.envelope} {case.title}") for case in SENT])
def test_the_answers_are_those_of_a_worker(
    case: Asked, server: ModelServer, worker: Callable[[str, str], Worker]
) -> None:
    loaded = worker(case.model, case.envelope)
    with ThreadPoolExecutor(1) as thread:
        expected = thread.submit(loaded.predict, list(map(spelled, asked_of(case, "asks"))))
        answers = list(map(told, ask(server, *asked_of(case, name_of(case)))))
    own = list(map(told, expected.result()))
    if code := OTHERWISE.get(case.title):
        assert answers != own
        assert all(map(is_as_the_table_says, [code] * len(own), answers, own)), answers
    else:
        assert answers == own


@pytest.mark.parametrize(
    ("envelope", "path"), [("kserve", "/v1/models/{}:predict"), ("kservev2", "/v2/models/{}/infer")]
)
def test_the_answers_are_those_of_torchserve_with_the_same_envelope(
    envelope: str,
    path: str,
    server: ModelServer,
    store: Path,
    cache: Path,
    warm: Callable[[str], Path | None],
    tmp_path: Path,
) -> None:
    config = tmp_path / "config.properties"
    lines = [*addresses(), f"model_store={store}", "load_models=asks.mar", "default_workers_per_model=1"]
    lines += ["number_of_netty_threads=1", "disable_system_metrics=true", "disable_token_authorization=true"]
    config.write_text("\n".join([*lines, f"service_envelope={envelope}", ""]))
    port = urllib.parse.urlsplit(setting(config, "inference_address", "")).port
    assert port is not None

    tensor = {"name": "i", "shape": [1], "datatype": "BYTES", "data": [{"a": 1}]}
    one = {"instances": [{"a": 1}]} if envelope == "kserve" else {"id": "7", "inputs": [tensor]}
    several = asked.V1 if envelope == "kserve" else asked.V2
    things = [["status", 418, "I'm a teapot"], ["headers", ["X-B", "1"]], ["fails", "ValueError", "why"]]
    things += [["fails", "PredictionException", "no", 404], ["returns", "nan"], ["dies", "os._exit"]]
    requests = [Request.json(several, path=path)]
    requests += [Request.json(one, path=path, headers={"Do": json.dumps(do)}) for do in [["dump"], *things]]
    if envelope == "kserve":
        requests.append(Request.json(several, path=path.replace("predict", "explain")))

    def sent(name: str) -> list[tuple[Request, str]]:
        return [(spelled(each), (each.path or "").format(name)) for each in requests]

    with TorchServe.from_file(config, NEWEST, cache, warm=warm(NEWEST)):
        expected = [all_at_once(port, [each])[0] for each in sent("asks")]
    answers = [all_at_once(server.port, [each])[0] for each in sent(f"asks-{envelope}")]
    assert list(map(told, answers)) == list(map(told, expected))
    assert {each.status for each in expected} >= {200, 418, 404, 503, 500}


@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("PUT", 405), ("DELETE", 405)])
def test_no_other_method_is_known(method: str, status: int, server: ModelServer) -> None:
    asked_so = Request(method=method, path="/v1/models/asks:predict")
    assert [each.status for each in ask(server, asked_so)] == [status]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/predictions/asks", 404),
        ("/explanations/asks", 404),
        ("/invocations", 404),
        ("/v2/models/asks/versions/1.0/infer", 501),
        ("/v1/models/none:predict", 404),
    ],
)
def test_no_other_path_is_known(path: str, status: int, server: ModelServer) -> None:
    assert [each.status for each in ask(server, Request.json(asked.V2, path=path))] == [status]


def test_requests_that_come_together_are_a_batch(server: ModelServer) -> None:
    answers = ask(server, *[predict("one")] * 8)
    assert [answer.json()["given"] for answer in answers] == [4] * 8


def test_modules_of_the_same_name_do_not_meet(server: ModelServer) -> None:
    [two] = ask(server, predict("two"))
    [one, *_] = ask(server, *[predict("one")] * 4)
    assert (one.json()["told"], two.json()["told"]) == ("one", "two")
    assert one.json()["pid"] != two.json()["pid"]
    wait_for(lambda: bool(re.search("INFO.*two: I was told two", server.log())), True)


def test_what_a_handler_counts_is_not_among_the_servers_metrics(server: ModelServer) -> None:
    [answer] = ask(server, predict("two"))
    [metrics] = ask(server, Request(path="/metrics", method="GET"))
    assert (answer.status, metrics.status) == (200, 200)
    assert "request_predict_seconds" in metrics.text()
    assert "TimesAsked" not in metrics.text()


def test_who_may_ask_a_model_may_end_it(server: ModelServer) -> None:
    """With its process; the others are as they were."""
    [there] = ask(server, predict("leaving"))
    [ended] = ask(server, Request(path="/v2/repository/models/leaving/unload"))
    assert (there.status, ended.status) == (200, 200)
    [gone, other] = ask(server, predict("leaving"), predict("two"))
    assert (gone.status, other.status) == (404, 200)
    with pytest.raises(ProcessLookupError):
        wait_for(lambda: os.kill(there.json()["pid"], 0), "its worker to end")


def test_a_worker_that_is_killed_comes_back_and_no_request_is_lost(server: ModelServer) -> None:
    """But the one that it had been given, or was given before anybody could see that it has ended."""
    [before] = ask(server, predict("two"))
    os.kill(before.json()["pid"], signal.SIGKILL)
    answers = ask(server, *[predict("two")] * 4)  # which the server need not take in their order
    assert sorted(answer.status for answer in answers)[:3] == [200] * 3
    assert {answer.status for answer in answers} <= {200, 507}
    told = [answer.json()["pid"] for answer in answers if answer.status == 200]
    assert before.json()["pid"] not in told


def test_a_model_is_not_ready_while_it_cannot_be_loaded_again(server: ModelServer, store: Path) -> None:
    refuses = store / REFUSES
    [before] = ask(server, predict("moody"))
    refuses.touch()
    os.kill(before.json(), signal.SIGKILL)
    wait_for(lambda: server.is_ready("moody"), False)
    [answer] = ask(server, predict("moody"))
    assert (answer.status, answer.json()) == (503, {"error": "Model with name moody is not ready."})
    assert server.is_ready("asks")
    refuses.unlink()
    wait_for(lambda: server.is_ready("moody"), True)
    [after] = ask(server, predict("moody"))
    assert after.status == 200
    assert after.json() != before.json()


def test_an_expectation_that_nobody_knows_is_answered_when_all_has_come(server: ModelServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(
            b"POST /v1/models/asks:predict HTTP/1.1\r\nHost: h\r\nExpect: much\r\nContent-Length: 2\r\n\r\n{}"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 417 ")


def test_it_ends_in_good_order(
    store: Path, cache: Path, run_python: Callable[[str], Path], tmp_path: Path
) -> None:
    """Who is being answered is answered, and nothing is left: of the script on the page, as it stands."""
    _, script = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    there = 'envelope="kserve", python="/opt/torchserve/bin/python"'
    assert there in script
    script = script.replace(there, f"python={str(run_python(NEWEST))!r}")
    mark = f"marpack-test-{os.getpid()}-{tmp_path.name}"
    arguments = ["--model_name", "two", "--archive", str(store / "two.mar")]
    with (
        ModelServer.of_script(script, arguments, ["two"], cache, {"MARK": mark}) as server,
        Connection(server.port, 60) as connection,
    ):
        assert marked(mark)
        connection.send(predict("two", {"seconds": 1}), "/v1/models/two:predict")
        [fast] = ask(server, Request(method="GET", path="/v2/health/live"))  # the other has been read before
        assert fast.status == 200
        server.process.terminate()
        assert connection.response().status == 200
        server.process.wait(120)
        wait_for(lambda: marked(mark), [])
