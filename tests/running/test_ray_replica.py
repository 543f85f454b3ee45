"""A replica of Ray Serve without a cluster: what it is told, and what it says of its health."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.errors import MarpackError, NotServedError
from marpack.running import Request, Response, ServedModel
from tests.export.exports import digits
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.server

VERSION = "0.12.0"
REPOSITORY = Path(__file__).parents[2]
ASKED = Request.json(1, path="/predictions/m")
TELLS = "def handle(data, context):\n    return data and [context.system_properties['batch_size']] * len(data)\n"
# Loaded only while a file is there; asked for its end, the process ends.
FRAGILE = """\
import os


class Handler:
    def initialize(self, context):
        if not os.path.exists({marker!r}):
            raise ValueError("the weights are gone")

    def handle(self, data, context):
        if data[0].get("body") == "end":
            os._exit(1)
        return [os.getpid()] * len(data)
"""


@pytest.fixture(scope="module")
def ray_module() -> Any:
    """Return the module, which asks for Ray: that warns of what it is going to change itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("marpack.running.ray")


def planned(text: str) -> marpack.ArchivePlan:
    return marpack.plan_archive(model_name="m", version="1.0", handler={"h.py": text.encode()})


@pytest.fixture
def replica(ray_module: Any, run_python: Callable[[str], Path]) -> Callable[[str], Any]:
    """Make a replica of a handler's text."""

    def make(text: str) -> Any:
        model = ServedModel(archive=planned(text), python=run_python(VERSION))
        return ray_module.ModelReplica(model, model.settings())

    return make


async def settled(replica: Any) -> None:
    """Wait until the worker has done what it was told to do."""
    await asyncio.get_running_loop().run_in_executor(replica._worker._thread, int)


def test_the_batch_size_can_be_set(replica: Callable[[str], Any]) -> None:
    """Another size takes another load; another delay does not."""

    async def talk() -> list[object]:
        one = replica(TELLS)
        told: list[object] = []
        for config in ({}, {"batch_size": 1, "max_batch_delay": 7}, {"batch_size": 1}):
            await one.reconfigure(config)
            told.append(((await one.answer(ASKED)).json(), one._worker.worker.pid))
        await one.reconfigure({"batch_size": 3, "max_batch_delay": 5})
        told += [each.json() for each in await asyncio.gather(*(one.answer(ASKED) for _ in range(3)))]
        # What is not said is what the archive says, whatever was said before.
        await one.reconfigure({})
        told.append((await one.answer(ASKED)).json())
        one.__del__()
        return told

    first, second, third, *last = asyncio.run(talk())
    assert first == second == third
    assert last == [3, 3, 3, 1]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"batchSize": 2}, "user_config has batch_size, max_batch_delay, and not batchSize"),
        ({"batch_size": 0}, "batch_size of user_config is a number from 1"),
        ({"batch_size": "2"}, "batch_size of user_config is a number"),
        ({"max_batch_delay": -1}, "max_batch_delay of user_config is a number from 0"),
    ],
)
def test_what_cannot_be_set_is_refused(
    config: dict[str, object], message: str, replica: Callable[[str], Any]
) -> None:
    with pytest.raises(ValueError, match=message):
        asyncio.run(replica(TELLS).reconfigure(config))


def test_it_is_not_healthy_while_its_model_cannot_be_loaded(replica: Callable[[str], Any], tmp_path: Path) -> None:
    """A worker that has died is started again before anybody asks, as by the server."""
    marker = tmp_path / "weights"
    marker.touch()

    async def talk() -> None:
        one = replica(FRAGILE.format(marker=str(marker)))
        await one.reconfigure({})
        await one.check_health()
        before = (await one.answer(ASKED)).text()
        end = Request.text("end", path="/predictions/m")
        assert (await one.answer(end)).status == 500
        await settled(one)
        await one.check_health()
        assert (await one.answer(ASKED)).text() != before

        marker.unlink()
        assert (await one.answer(end)).status == 500
        await settled(one)
        with pytest.raises(NotServedError, match="the weights are gone"):
            await one.check_health()
        ping = await one.answer(Request(method="GET", path="/ping"))
        assert (ping.status, ping.json()) == (500, {"status": "Unhealthy"})
        answer = await one.answer(ASKED)
        assert (answer.status, answer.json()["type"]) == (503, "ServiceUnavailableException")

        marker.touch()
        assert (await one.answer(ASKED)).status == 200
        await one.check_health()
        one.__del__()

    asyncio.run(talk())


def test_a_worker_that_dies_while_nobody_asks_is_started_again(
    replica: Callable[[str], Any], tmp_path: Path
) -> None:
    marker = tmp_path / "weights"
    marker.touch()

    async def talk() -> None:
        one = replica(FRAGILE.format(marker=str(marker)))
        await one.reconfigure({})
        os.kill(one._worker.worker.pid, 9)
        wait_for(lambda: one._worker.worker.runs, False)
        await one.check_health()
        await settled(one)
        assert one._worker.worker.runs
        one.__del__()

    asyncio.run(talk())


def test_a_replica_that_is_told_nothing_is_loaded_before_it_is_asked(replica: Callable[[str], Any]) -> None:
    async def talk() -> int:
        one = replica(TELLS)
        await one.check_health()
        answer: Response = await one.answer(ASKED)
        one.__del__()
        return answer.status

    assert asyncio.run(talk()) == 200


def test_a_python_that_is_none_is_an_error_of_the_replica(ray_module: Any, tmp_path: Path) -> None:
    model = ServedModel(archive=planned(TELLS), python=tmp_path / "nowhere")
    with pytest.raises(MarpackError, match="cannot be started"):
        ray_module.ModelReplica(model, model.settings())


def test_a_model_that_is_not_served_is_none(replica: Callable[[str], Any]) -> None:
    with pytest.raises(NotServedError, match="nowhere"):
        asyncio.run(replica("import nowhere\n").reconfigure({}))


def test_what_an_application_is_told(ray_module: Any) -> None:
    plan = planned(TELLS)
    with pytest.raises(ValueError, match="none is given"):
        ray_module.application()
    with pytest.raises(ValueError, match="nobody would be told batch_size"):
        ray_module.application(ServedModel(archive=plan), batch_size=2)
    with pytest.raises(MarpackError, match="2 of these archives are 'm"):
        ray_module.application(plan, plan)


def test_an_application_knows_its_options(ray_module: Any) -> None:
    application = ray_module.application(
        planned(TELLS), min_workers=2, max_workers=4, gpu=True, ray={"ray_actor_options": {"num_cpus": 0.5}}
    )
    deployment = application._bound_deployment
    assert deployment.name == "m"
    assert deployment.ray_actor_options == {"num_cpus": 0.5, "num_gpus": 1}
    scaling = deployment._deployment_config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas) == (2, 4)
    fixed = ray_module.application(planned(TELLS), min_workers=2, max_workers=4, ray={"num_replicas": 3})
    assert fixed._bound_deployment.num_replicas == 3


def test_the_example_of_the_docs(ray_module: Any, tmp_path: Path) -> None:
    """It is the file of an application, which is made of an archive beside it."""
    docs = (REPOSITORY / "docs" / "ray.md").read_text(encoding="utf-8")
    example = re.search(r"<!-- tried: [^\n]* -->\n```python\n(.*?)^```", docs, re.MULTILINE | re.DOTALL)
    assert example
    digits(tmp_path)
    told: dict[str, Any] = {"__file__": str(tmp_path / "app.py")}
    exec(example[1], told)
    assert told["app"]._bound_deployment.name == "digits"
