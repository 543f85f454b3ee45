"""``Model.meta``: a copy of everything, which nothing changes (K135)."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from marpack.kaptain import Model, ModelFramework

if TYPE_CHECKING:
    from collections.abc import Callable

SERVING = {"handler": "image_classifier", "extra_files": ["a.json"], "deep": {"list": [{"a": 1}]}}


def described() -> Model:
    model = Model("m", "M", framework="pytorch", extra_files=["a.py"], serving_config=copy.deepcopy(SERVING))
    model.hyperparameters = {"--epochs": 5}
    model.metrics = {"loss": {"latest": 0.5}}
    return model


def test_it_has_everything_but_the_configuration() -> None:
    model = described()
    meta = model.meta()
    assert {each.name for each in dataclasses.fields(meta)} == {
        *set(model.properties()) - {"config"},
        *("state", "revision", "hyperparameters", "metrics", "exported_model"),
    }
    assert (meta.id, meta.framework, meta.extra_files) == ("m", ModelFramework.PYTORCH, ("a.py",))
    assert (meta.revision, meta.state) == (model.revision, "untrained")


def test_what_happens_to_the_model_does_not_happen_to_it() -> None:
    model = described()
    meta = model.meta()
    serving: Any = model.serving_config
    serving["deep"]["list"][0]["a"] = 2
    model.name = "other"
    model.renew_revision()
    assert meta.name == "M"
    assert meta.serving_config["deep"]["list"][0]["a"] == 1
    assert meta.revision != model.revision


def test_nothing_in_it_can_be_changed() -> None:
    meta: Any = described().meta()
    with pytest.raises(AttributeError):
        meta.name = "other"
    changes: list[Callable[[], Any]] = [
        lambda: meta.serving_config.update(a=1),
        lambda: meta.serving_config.__setitem__("a", 1),
        lambda: meta.serving_config["deep"].clear(),
        lambda: meta.serving_config["deep"]["list"][0].pop("a"),
        lambda: meta.hyperparameters.setdefault("a", 1),
        lambda: meta.metrics["loss"].__delitem__("latest"),
        lambda: meta.metrics.__ior__({"a": 1}),
    ]
    for change in changes:
        with pytest.raises(TypeError, match="does not change"):
            change()
    assert isinstance(meta.serving_config["extra_files"], tuple)


@pytest.mark.parametrize("made", [copy.copy, copy.deepcopy, lambda meta: pickle.loads(pickle.dumps(meta))])
def test_a_copy_of_it_is_equal(made: Any) -> None:
    meta = described().meta()
    assert made(meta) == meta


def test_it_goes_where_data_goes() -> None:
    meta = described().meta()
    assert json.loads(json.dumps(dataclasses.asdict(meta)))["serving_config"] == SERVING
    assert dict(meta.serving_config, a=1)["a"] == 1
