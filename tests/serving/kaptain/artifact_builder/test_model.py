"""The model that is built, and its name."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from marpack.errors import PlanError
from marpack.serving import Model, sanitize_string
from tests.support.built_artifacts import arguments_at_fault, build, serving_model
from tests.support.folder_contents import unchanged


def test_model_takes_every_documented_field() -> None:
    documented = (
        "self id name description version framework framework_version main_file image_name base_image extra_files"
        " requirements labels config serving_config"
    )
    assert [*inspect.signature(Model.__init__).parameters] == [*documented.split(), "unknown"]
    model = Model(id="x")
    assert (model.serving_config, model.extra_files, model.requirements) == ({}, None, None)


def test_model_of_wrong_types_says_so_of_every_field() -> None:
    wrong: dict[str, Any] = {"id": 5, "name": 5, "extra_files": 5, "serving_config": [], "requirements": 5}
    with pytest.raises(PlanError) as caught:
        Model(**wrong)
    assert arguments_at_fault(caught.value) == sorted(wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"extra_files": [5]}, {"extra_files": b"a.json"}, {"requirements": b"six"}, {"requirements": [5]}],
    ids=str,
)
def test_model_with_what_is_no_path_is_refused(wrong: dict[str, Any], folder: Path) -> None:
    with unchanged(folder), pytest.raises(PlanError):
        build(serving_model({"serialized_file": "net.pt"}, **wrong))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dev/mnist", "dev-mnist"),
        ("MNIST", "mnist"),
        ("a__b..c", "a-b-c"),
        (" -x- ", "x"),
        ("a--b", "a--b"),
        ("\u00e9t\u00e9", "t"),
    ],
)
def test_sanitized(text: str, name: str) -> None:
    assert sanitize_string(text) == name


@pytest.mark.parametrize("text", ["", "///", "---", "\u00e9", "a" * 64])
def test_names_that_cannot_be_sanitized(text: str, folder: Path) -> None:
    with pytest.raises(ValueError, match="choose"):
        sanitize_string(text)
    with unchanged(folder), pytest.raises(PlanError) as caught:
        build(serving_model(id=text), exported_model="net.pt")
    assert arguments_at_fault(caught.value) == ["id"]
