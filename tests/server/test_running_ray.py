"""Ray Serve answers as a ``Worker`` does, and as a running server, but for what ``differences.RAY`` says."""

from __future__ import annotations

import os
import signal
import socket
import threading
import urllib.parse
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.running import Request, Response, Worker
from marpack.running.differences import RAY
from marpack.running.served_model import ServedModel
from tests.server import asked
from tests.server.asked import ASKED, LARGEST_REQUEST, LARGEST_RESPONSE, Asked, get
from tests.server.asks import write_archives
from tests.server.test_running_requests import ID, given
from tests.support.processes import wait_for
from tests.support.raw_http import all_at_once
from tests.support.ray_cluster import App, RayServe
from tests.support.torchserve import TorchServe, addresses, environment, install_folder, setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("ray")

VERSION = "0.12.0"
BATCH = 3
# Long enough for a busy machine, and short for the answer that never comes.
ANSWER_SECONDS = 10
# For what takes a deployment as long as it takes.
PATIENCE = 300
OPTIONS: dict[str, Any] = {
    "response_timeout": ANSWER_SECONDS,
    "max_request_size": LARGEST_REQUEST,
    "max_response_size": LARGEST_RESPONSE,
    "header_names": ("Do",),
}
# Several begin on two cores, and what happens to one is seen soon.
RAY_OPTIONS = {"ray_actor_options": {"num_cpus": 0.05}, "health_check_period_s": 1}
# As a person may write it into a configuration: the model itself says batches of 2.
BATCHES = {"batch_size": 4, "max_batch_delay": 200}

# Requests that are answered otherwise, by the difference.
OTHERWISE = {
    "not-http": {
        "other blanks behind a value",
        "another blank before a value",
        "only another blank",
        "a form feed in a value",
        "a method of its own",
    },
    "status": {"a status of its own", "a status in between", "no status", "fails with 600", "fails with 99"},
    "expect": {"another expectation"},
}
SAMPLED = {
    "returns dict",
    "returns bytes",
    "a status and a phrase",
    "headers",
    "a content type",
    "fails",
    "fails with 404",
    "a stream",
    "a body that is too large",
    "no such model",
    "no such version",
    "no such route",
    "the root",
}
DIFFERENCES = {each.code: each for each in RAY}

TELLS = """\
import os, time
import helper

GPU = os.environ.get("CUDA_VISIBLE_DEVICES")

count = 0


def handle(data, context):
    global count
    if data is None:
        return None
    count += len(data)
    if isinstance(file := data[0]["body"], str):
        open(f"{file} begun", "w").close()
        while not os.path.exists(file):
            time.sleep(0.01)
    else:
        time.sleep(0.02 * file)
    told = {"batch": len(data), "worker": os.getpid(), "count": count, "helper": helper.NAME, "says": SAYS}
    told["threads"] = os.environ.get("OMP_NUM_THREADS")
    return [told | {"gpus": [context.system_properties.get("gpu_id"), GPU]}] * len(data)
"""


def tells(name: str, version: str = "1.0", *, helper: str = "", says: str = "") -> marpack.ArchivePlan:
    """Plan a model that tells what it knows; its modules are called as those of any other."""
    return marpack.plan_archive(
        model_name=name,
        version=version,
        handler={"model.py": f"SAYS = {says!r}\n{TELLS}".encode()},
        extra_files={"helper.py": f"NAME = {helper!r}\n".encode()},
    )


@pytest.fixture(scope="module")
def python(pytestconfig: pytest.Config, warm: Callable[[str], Path | None]) -> Path:
    return warm(VERSION) or environment(VERSION, install_folder(pytestconfig))


@pytest.fixture(scope="module")
def models(python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ServedModel]:
    """Return the models that are asked, by the path before theirs."""
    folder = tmp_path_factory.mktemp("asked")
    write_archives(folder)
    asks, options = folder / "asks.mar", {"python": python, **OPTIONS}
    return {
        "asks": ServedModel(archive=asks, **options),
        "blank": ServedModel(archive=folder / "blank.mar", **options),
        "batch": ServedModel(archive=folder / "batch.mar", batch_size=BATCH, max_batch_delay=20_000, **options),
        **{
            envelope: ServedModel(archive=asks, envelope=envelope, **options)
            for envelope in ("body", "json", "kserve", "kservev2")
        },
    }


@pytest.fixture(scope="module")
def cluster(models: dict[str, ServedModel], python: Path, ray_serve: RayServe) -> Iterator[RayServe]:
    three = {"OMP_NUM_THREADS": "3"}
    several = (
        ServedModel(archive=tells("one", helper="h1", says="s1"), python=python, gpu=True),
        ServedModel(archive=tells("two", "1.0", helper="h2", says="s2"), python=python, environment=three),
        ServedModel(archive=tells("two", "2.0", helper="h3", says="s3"), python=python, is_default=True),
    )
    shared = ServedModel(archive=tells("shared"), python=python, batch_size=2, min_workers=2)
    busy = ServedModel(archive=tells("busy"), python=python, batch_size=4, max_batch_delay=1)
    apps = [
        *(App(name=name, models=(each,), prefix=f"/{name}", ray=RAY_OPTIONS) for name, each in models.items()),
        App(name="several", models=several, prefix="/", ray=RAY_OPTIONS),
        App(name="busy", models=(busy,), prefix="/busy", ray=RAY_OPTIONS),
        App(name="shared", models=(shared,), prefix="/shared", ray={**RAY_OPTIONS, "user_config": BATCHES}),
    ]
    ray_serve.serve(*apps)
    yield ray_serve
    # Each of a dozen replicas takes some of a core as long as it is there, which is to the end of all tests.
    for app in apps:
        ray_serve.delete(app.name)


@pytest.fixture(scope="module")
def worker(models: dict[str, ServedModel]) -> Iterator[Callable[[str], Worker]]:
    """Return a worker of one of the models."""
    begun: dict[str, Worker] = {}

    def of(name: str) -> Worker:
        if name not in begun:
            begun[name] = models[name].worker(models[name].settings())
            begun[name].start()
        return begun[name]

    yield of
    for each in begun.values():
        each.close()


def app_of(case: Asked) -> str:
    return case.envelope or case.model.rpartition(" ")[2]


def told(responses: Sequence[Response]) -> list[object]:
    """Return what responses say, without what a difference says that it is not TorchServe's."""
    ignored = {name for each in RAY for name in each.headers}
    return [
        [
            response.status,
            response.complete,
            sorted((name.lower(), value) for name, value in response.headers if name.lower() not in ignored),
            [ID.sub("ID", repr(part)) for part in response.parts],
        ]
        for response in responses
    ]


def as_given(model: ServedModel, request: Request) -> Request:
    """Return what becomes of a request on its way to the handler."""
    headers = request.sent_headers
    if not request.values("x-request-id"):
        headers = (*headers, ("x-request-id", "00000000-0000-4000-8000-000000000000"))
    return model.spelled(replace(request, headers=headers))


def path_of(case: Asked, request: Request) -> str:
    verb = "explanations" if request.explain else "predictions"
    return request.path or f"/{verb}/{urllib.parse.quote(case.model)}"


COMPARED = [case for case in ASKED if case.title not in set.union(*OTHERWISE.values())]


@pytest.mark.parametrize("case", COMPARED, ids=[given(case.title) for case in COMPARED])
def test_the_answers_are_those_of_a_worker(
    case: Asked, cluster: RayServe, models: dict[str, ServedModel], worker: Callable[[str], Worker]
) -> None:
    name = app_of(case)
    one = worker(name)
    with ThreadPoolExecutor(1) as thread:
        expected = thread.submit(one.predict, [as_given(models[name], each) for each in case.requests])
        answers = all_at_once(
            cluster.port, [(each, f"/{name}{path_of(case, each)}") for each in case.requests], seconds=PATIENCE
        )
    assert told(answers) == told(expected.result())


def test_each_difference_is_known() -> None:
    assert OTHERWISE.keys() <= DIFFERENCES.keys()
    assert len(DIFFERENCES) == len(RAY)
    assert set.union(*OTHERWISE.values()) <= {case.title for case in ASKED}


@pytest.mark.parametrize(
    ("code", "case"),
    [
        (code, case)
        for code, titles in OTHERWISE.items()
        for case in ASKED
        if case.title in titles and code != "expect"
    ],
    ids=lambda each: each if isinstance(each, str) else given(each.title),
)
def test_what_is_answered_otherwise(code: str, case: Asked, cluster: RayServe) -> None:
    path = f"/asks{path_of(case, case.requests[0])}"
    [answer] = all_at_once(cluster.port, [(case.requests[0], path)])
    assert answer.status == DIFFERENCES[code].status


@pytest.fixture(scope="module")
def server(
    models: dict[str, ServedModel],
    pytestconfig: pytest.Config,
    warm: Callable[[str], Path | None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[int]:
    """Run a TorchServe with two models, and give the port at which it answers."""
    config = tmp_path_factory.mktemp("config") / "config.properties"
    lines = [
        *addresses(),
        f"model_store={os.path.dirname(str(models['asks'].archive))}",
        "load_models=asks.mar,batch.mar",
        "default_workers_per_model=1",
        "number_of_netty_threads=1",
        "disable_system_metrics=true",
        "disable_token_authorization=true",
        f"max_request_size={LARGEST_REQUEST}",
        f"max_response_size={LARGEST_RESPONSE}",
    ]
    config.write_text("\n".join([*lines, ""]))
    with TorchServe.from_file(config, VERSION, install_folder(pytestconfig), warm=warm(VERSION)):
        port = urllib.parse.urlsplit(setting(config, "inference_address", "")).port
        assert port is not None
        yield port


# None of these tells what headers the handler was given.
SAMPLE = [
    *(case for case in ASKED if case.title in SAMPLED),
    asked.one("health", get("/ping")),
    asked.one("health, and more", get("/ping/x")),
]


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: given(case.title))
def test_the_answers_are_those_of_a_server(case: Asked, cluster: RayServe, server: int) -> None:
    requests = [(each, path_of(case, each)) for each in case.requests]
    answers = all_at_once(cluster.port, [(each, f"/asks{path}") for each, path in requests])
    assert told(answers) == told(all_at_once(server, requests))


def test_no_model_is_named_of_several(cluster: RayServe, server: int) -> None:
    request = Request.json(1)
    assert told(all_at_once(cluster.port, [(request, "/invocations")])) == told(
        all_at_once(server, [(request, "/invocations")])
    )


def test_another_expectation_is_refused_when_the_body_has_come(cluster: RayServe) -> None:
    with socket.create_connection(("127.0.0.1", cluster.port), timeout=PATIENCE) as connection:
        connection.sendall(
            b"POST /asks/predictions/asks HTTP/1.1\r\nHost: h\r\nExpect: much\r\nContent-Length: 2\r\n\r\n{}"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 417 ")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/ping", "GET", 200),
        ("/ping/", "GET", 200),
        ("/predictions/asks", "OPTIONS", 404),
        ("/", "OPTIONS", 404),
        ("/api-description", "GET", 404),
        ("/wfpredict/flow", "POST", 404),
        ("/models", "GET", 404),
        ("/models/asks", "DELETE", 404),
    ],
)
def test_paths_without_a_model(path: str, method: str, status: int, cluster: RayServe) -> None:
    for prefix in ("/asks", ""):
        [answer] = all_at_once(cluster.port, [(Request(method=method), prefix + path)])
        assert answer.status == status
        kind = answer.json()["status"] if status == 200 else answer.json()["type"]
        assert kind == ("Healthy" if status == 200 else "ResourceNotFoundException")


def ask(cluster: RayServe, path: str, value: int = 1) -> Any:
    [answer] = all_at_once(cluster.port, [(Request.json(value), path)], seconds=PATIENCE)
    assert answer.status == 200, answer
    return answer.json()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/predictions/one", ["h1", "s1"]),
        ("/predictions/one/1.0/more", ["h1", "s1"]),
        ("/predictions/two", ["h3", "s3"]),
        ("/predictions/two/1.0", ["h2", "s2"]),
        ("/predictions/two/2.0", ["h3", "s3"]),
        ("/invocations?model_name=two", ["h3", "s3"]),
        ("/v2/models/two/infer", ["h3", "s3"]),
    ],
)
def test_models_whose_modules_have_the_same_names(path: str, says: list[str], cluster: RayServe) -> None:
    found = ask(cluster, path)
    assert [found["helper"], found["says"]] == says


def test_a_gpu_is_given_to_whom_it_is_said(cluster: RayServe) -> None:
    """It is the first that the handler sees, of those that Ray gives."""
    number, seen = ask(cluster, "/predictions/one")["gpus"]
    assert number == 0
    assert seen in ("0", "1")
    number, seen = ask(cluster, "/predictions/two")["gpus"]
    assert number is None
    assert not seen


def test_threads_are_as_many_as_cpus_unless_it_is_said(cluster: RayServe) -> None:
    """Of a part of a CPU one."""
    assert ask(cluster, "/predictions/one")["threads"] == "1"
    assert ask(cluster, "/predictions/two/1.0")["threads"] == "3"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/predictions/three", "Model not found: three"),
        ("/predictions/one/2.0", "Model version: 2.0 does not exist for model: one"),
        ("/predictions/two/3.0", "Model version: 3.0 does not exist for model: two"),
        ("/predict", "Requested resource is not found, please refer to API document."),
    ],
)
def test_models_that_are_not_there(path: str, message: str, cluster: RayServe) -> None:
    [answer] = all_at_once(cluster.port, [(Request.json(1), path)])
    assert (answer.status, answer.json()["message"]) == (404, message)


def ask_at_once(cluster: RayServe, path: str, count: int) -> list[Any]:
    with ThreadPoolExecutor(count) as threads:
        return [*threads.map(lambda _: ask(cluster, path), range(count))]


def test_replicas_share_the_load_in_batches(cluster: RayServe) -> None:
    """What comes together is given to the handler together, and each replica has a state of its own."""
    told = [each for _ in range(3) for each in ask_at_once(cluster, "/shared/predictions/shared", 16)]
    assert len({each["worker"] for each in told}) == 2
    assert {each["batch"] for each in told} <= {1, 2, 3, 4}
    assert max(each["batch"] for each in told) > 2
    most = {
        each["worker"]: max(other["count"] for other in told if other["worker"] == each["worker"]) for each in told
    }
    assert sum(most.values()) == len(told)


def test_what_comes_while_a_replica_is_busy_is_the_next_batch(cluster: RayServe) -> None:
    """The handler takes 500 times as long as a batch waits."""

    def ask_thrice(_: int) -> list[int]:
        return [ask(cluster, "/busy/predictions/busy", 25)["batch"] for _ in range(3)]

    with ThreadPoolExecutor(12) as threads:
        told = [each for some in threads.map(ask_thrice, range(12)) for each in some]
    # All but the first few, of which the first is alone.
    assert sum(batch == 4 for batch in told) >= 24, told


def test_of_a_worker_that_dies_one_batch_is_lost(cluster: RayServe, tmp_path: Path) -> None:
    """Whatever waits in its replica is answered by the next."""
    path, may_end = "/busy/predictions/busy", tmp_path / "may end"
    worker = ask(cluster, path)["worker"]

    def ask_slowly(_: int) -> int:
        [answer] = all_at_once(cluster.port, [(Request.json(str(may_end)), path)], seconds=PATIENCE)
        return answer.status

    with ThreadPoolExecutor(16) as threads:
        asking = [threads.submit(ask_slowly, number) for number in range(16)]
        try:
            wait_for(may_end.with_name("may end begun").exists, True)
            os.kill(worker, signal.SIGKILL)
        finally:
            may_end.touch()
    statuses = [each.result() for each in asking]
    assert 1 <= sum(status != 200 for status in statuses) <= 4, statuses


def runs(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def test_a_replica_that_is_killed_comes_back(cluster: RayServe) -> None:
    """What it was given, answered or waiting, is lost, and no more; of its worker nothing is left."""
    path = "/shared/predictions/shared"
    before = {each["worker"] for _ in range(3) for each in ask_at_once(cluster, path, 16)}
    replicas, unpacked = cluster.replicas("shared"), cluster.unpacked()
    assert len(before) == len(replicas) == 2
    back = threading.Event()

    def ask_on(_: int) -> list[int]:
        statuses: list[int] = []
        while not back.is_set() or statuses[-1] != 200:
            [answer] = all_at_once(cluster.port, [(Request.json(1), path)], seconds=PATIENCE)
            statuses.append(answer.status)
        return statuses

    killed = min(replicas)
    with ThreadPoolExecutor(24) as threads:
        asking = [threads.submit(ask_on, number) for number in range(24)]
        wait_for(lambda: all(map(Future.running, asking)), True)
        os.kill(killed, signal.SIGKILL)
        try:
            wait_for(lambda: killed not in cluster.replicas("shared") and len(cluster.replicas("shared")), 2)
        finally:
            back.set()
        lost = [sum(status != 200 for status in each.result()) for each in asking]
    # Each client waits for one answer at a time; the other replica loses none.
    assert max(lost) <= 1, lost
    assert sum(lost) < len(lost), lost
    wait_for(lambda: sum(map(runs, before)), 1)
    wait_for(lambda: len(cluster.unpacked()), len(unpacked))
    wait_for(lambda: len({each["worker"] for each in ask_at_once(cluster, path, 16)}), 2)


def test_what_a_handler_writes_is_in_the_log_of_its_replica(cluster: RayServe) -> None:
    request = asked.do("fails", "ValueError", "written by the handler")
    [answer] = all_at_once(cluster.port, [(request, "/asks/predictions/asks")])
    assert answer.status == 503
    wait_for(lambda: "ValueError: written by the handler" in cluster.log(), True)
    assert "Traceback (most recent call last)" in cluster.log()
    assert "Backend received inference at" not in cluster.log()


def test_a_model_that_is_not_served_says_why(cluster: RayServe, python: Path) -> None:
    plan = marpack.plan_archive(model_name="m", version="1.0", handler={"m.py": b"import nowhere\n"})
    app = App(
        name="broken",
        models=(ServedModel(archive=plan, python=python),),
        prefix="/broken",
        ray={**RAY_OPTIONS, "max_constructor_retry_count": 1},
    )
    with pytest.raises(OSError, match="ModuleNotFoundError: No module named"):
        cluster.serve(app)
    cluster.delete("broken")


def test_nothing_is_left_of_an_application(cluster: RayServe, python: Path) -> None:
    model = ServedModel(archive=tells("gone"), python=python)
    others = cluster.unpacked()  # some of which may be about to go
    cluster.serve(App(name="gone", models=(model,), prefix="/gone", ray=RAY_OPTIONS))
    worker = ask(cluster, "/gone/predictions/gone")["worker"]
    assert runs(worker)
    assert cluster.unpacked() - others
    cluster.delete("gone")
    wait_for(lambda: runs(worker), False)
    wait_for(lambda: cluster.unpacked() - others, set())
    wait_for(lambda: cluster.replicas("gone"), {})
