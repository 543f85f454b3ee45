"""What every engine's app decides without the engine: which model, which options, the server's own answers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from marpack.errors import MarpackError
from marpack.running.chosen import chosen, versions
from marpack.running.differences import RAY
from marpack.running.model_settings import ModelSettings
from marpack.running.ray_options import deployment_names, deployment_options
from marpack.running.request import Request
from marpack.running.served_model import ServedModel
from marpack.running.server_python import NEWEST
from marpack.running.without_model import without_model

THREE = versions([("a", "1", False), ("b", "1", False), ("b", "2", True)])


@pytest.mark.parametrize(
    ("target", "number"),
    [
        ("/predictions/a", 0),
        ("/predictions/b", 2),
        ("/predictions/b/1", 1),
        ("/predictions/b/2/more", 2),
        ("/explanations/b/1", 1),
        ("/invocations?model_name=b", 2),
        ("/models/b/invoke", 2),
        ("/b/1/predict", 1),
        ("/v1/models/b:predict", 2),
        ("/v2/models/b:x/infer", 2),
        # Who is not there is told of by whoever else is: of another version the default one.
        ("/predictions/b/3", 2),
        ("/predictions/c", 0),
        ("/nowhere", 0),
        ("/predictions/b%zz", 0),
    ],
)
def test_a_path_chooses_a_model(target: str, number: int) -> None:
    assert chosen("POST", target, THREE, server=NEWEST) == number


def test_no_model_is_named() -> None:
    with pytest.raises(LookupError):
        chosen("POST", "/invocations", THREE, server=NEWEST)
    assert chosen("POST", "/invocations", THREE[1:], server=NEWEST) == 1


def test_the_first_version_is_the_default_unless_another_is() -> None:
    told = versions([("a", "1", False), ("a", "2", False), ("b", "1", False), ("b", "2", True)])
    assert [each.is_default for each in told] == [True, False, False, True]
    with pytest.raises(ValueError, match="'a' has two default versions, 1 and 2"):
        versions([("a", "1", True), ("a", "2", True)])


def settings(**more: Any) -> ModelSettings:
    return ModelSettings(**{"model_name": "a", "version": "1", "handler": "h.py", **more})


def test_names_of_deployments() -> None:
    a, b = settings(), settings(model_name="b c")
    assert deployment_names([a, b]) == ["a", "b c"]
    assert deployment_names([a, settings(version="2"), b]) == ["a:1", "a:2", "b c"]


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([settings(), settings()], "2 of these archives are 'a:1'"),
        ([settings(model_name="a#b")], "'a#b' has a '#'"),
        ([settings(model_name="front"), settings()], "'front' cannot be one of several"),
    ],
)
def test_names_that_deployments_cannot_have(models: list[ModelSettings], message: str) -> None:
    with pytest.raises(MarpackError, match=message):
        deployment_names(models)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"max_ongoing_requests": 100, "num_replicas": 1}),
        ({"min_workers": 3, "max_workers": 3}, {"max_ongoing_requests": 100, "num_replicas": 3}),
        (
            {"min_workers": 1, "max_workers": 3, "batch_size": 64},
            {
                "max_ongoing_requests": 128,
                "autoscaling_config": {"min_replicas": 1, "max_replicas": 3, "target_ongoing_requests": 128},
            },
        ),
        ({"gpu": 0}, {"max_ongoing_requests": 100, "num_replicas": 1, "ray_actor_options": {"num_gpus": 1}}),
    ],
)
def test_options_of_deployments(more: dict[str, Any], expected: dict[str, Any]) -> None:
    model = settings(**more)
    told = {"user_config": {"batch_size": model.batch_size, "max_batch_delay": model.max_batch_delay}}
    assert deployment_options(model) == {**expected, **told}


def test_a_sequence_belongs_to_one_worker() -> None:
    assert deployment_options(settings(sequences=True))["num_replicas"] == 1
    with pytest.raises(MarpackError, match="'a' has sequenceBatching"):
        deployment_options(settings(sequences=True, max_workers=2))


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/ping", (200, {"status": "Healthy"})),
        ("POST", "/ping/x?y", (200, {"status": "Healthy"})),
        ("OPTIONS", "/", (404, None)),
        ("GET", "/api-description", (404, None)),
        ("POST", "/wfpredict/flow", (404, None)),
        ("OPTIONS", "/predictions/a", (404, None)),
        ("POST", "/predictions/a", None),
        ("GET", "/nowhere", None),
        ("GET", "/predictions/a%zz", None),
    ],
)
def test_what_is_answered_without_a_model(method: str, target: str, expected: tuple[int, Any] | None) -> None:
    answer = without_model(method, target, healthy=True, server=NEWEST)
    if expected is None:
        assert answer is None
        return
    assert answer is not None
    status, said = expected
    assert answer.status == status
    if said is None:
        assert answer.json()["type"] == "ResourceNotFoundException"
    else:
        assert answer.json() == said
    assert answer.header("content-length") == str(len(answer.body))


def test_headers_are_spelled_as_the_handler_asks_for_them() -> None:
    request = Request(headers=(("X-A", "1"), ("content-TYPE", "a/b"), ("x-a", "2")))
    model = ServedModel(archive="m.mar", header_names=("Content-Type",))
    assert model.spelled(request).headers == (("x-a", "1"), ("Content-Type", "a/b"), ("x-a", "2"))
    with pytest.raises(ValueError, match="no name of a header: 'a b'"):
        ServedModel(archive="m.mar", header_names=("a b",))


def test_each_difference_says_what_and_why() -> None:
    assert len({each.code for each in RAY}) == len(RAY)
    assert all(each.what.endswith(".") and each.why.endswith(".") for each in RAY)
    assert all(name == name.lower() for each in RAY for name in each.headers)


def test_ray_is_asked_for_where_it_is_needed() -> None:
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from marpack.running import ServedModel\n"
        "import marpack\n"
        "try: import marpack.running.ray\n"
        "except marpack.MissingExtraError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "serving an archive on Ray Serve needs an optional dependency: pip install 'marpack[ray]'\n"
    )
