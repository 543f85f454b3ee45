"""The keys of ``serving_config``: which there are, what they take, and where paths begin."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import properties
from marpack.errors import PlanError
from marpack.serving import Model
from tests.support.built_artifacts import (
    MAR,
    NAME,
    T,
    arguments_at_fault,
    build,
    manifest,
    members,
    serving_model,
    write_config_properties,
)
from tests.support.folder_contents import listing, unchanged

# --------------------------------------------------------------------------------------------- serving_config


def test_the_folder_holds_exactly_the_archive_and_the_settings(folder: Path) -> None:
    result = build(serving_model({"serialized_file": "net.pt"}))
    assert set(listing(folder / "deploy")) == {
        "model-store",
        f"model-store/{MAR}",
        "config",
        "config/config.properties",
    }
    assert (result.directory, result.archive.path) == ("deploy", f"deploy/model-store/{MAR}")
    assert (result.config_path, result.warnings) == ("deploy/config/config.properties", ())
    assert os.stat(result.archive.path).st_size == result.archive.size


def test_key_name_and_stem_are_the_sanitized_id() -> None:
    result = build(serving_model({"serialized_file": "net.pt"}, version="0.0.1"))
    snapshot = json.loads(properties.loads(Path(result.config_path).read_bytes())["model_snapshot"])
    assert manifest(result)["model"]["modelName"] == NAME
    assert snapshot["models"][NAME]["1.0"]["marName"] == os.path.basename(result.archive.path) == MAR
    # The model's own version is the training's; the archive and the snapshot agree on another.
    assert manifest(result)["model"]["modelVersion"] == "1.0"


def test_version_of_both_may_be_another() -> None:
    result = build(serving_model({"serialized_file": "net.pt"}), model_version="2.1")
    assert manifest(result)["model"]["modelVersion"] == "2.1"
    assert result.snapshot is not None
    assert list(result.snapshot.models[NAME]) == ["2.1"]


def test_every_key_is_packed() -> None:
    write_config_properties(NAME, MAR, ".")
    config = {
        "model_file": "model.py",
        "handler": "handler.py",
        "serialized_file": "net.pt",
        "extra_files": "a.json,b.json,",
        "requirements_file": "requirements.txt",
        "config_properties": "config.properties",
    }
    result = build(Model(id="dev/mnist", serving_config=config))
    assert members(result) == {"model.py", "handler.py", "net.pt", "a.json", "b.json", "requirements.txt"}
    assert manifest(result)["model"] == {
        "modelName": NAME,
        "serializedFile": "net.pt",
        "handler": "handler.py",
        "modelFile": "model.py",
        "modelVersion": "1.0",
        "requirementsFile": "requirements.txt",
    }


def test_the_archive_is_what_pack_makes() -> None:
    result = build(serving_model({"serialized_file": "net.pt", "extra_files": "a.json"}))
    plan = marpack.plan_archive(
        model_name=NAME,
        handler="image_classifier",
        model_file="model.py",
        serialized_file="net.pt",
        extra_files="a.json",
        timestamp=T,
    )
    assert Path(result.archive.path).read_bytes() == b"".join(marpack.iter_archive(plan))


def test_the_minimal_configuration_of_the_tutorial() -> None:
    result = build(serving_model({"requirements_file": "requirements.txt"}), exported_model="net.pt")
    assert members(result) == {"model.py", "net.pt", "requirements.txt"}


@pytest.mark.parametrize("key", ["model_file", "handler"])
@pytest.mark.parametrize("value", [None, ""])
def test_mandatory_keys(key: str, value: object, folder: Path) -> None:
    with unchanged(folder), pytest.raises(PlanError, match=f"{key}: is missing") as caught:
        build(serving_model({key: value}), exported_model="net.pt")
    assert arguments_at_fault(caught.value) == [key]


def test_every_unknown_and_missing_key_at_once(folder: Path) -> None:
    model = Model(
        id="///",
        serving_config={
            "modelfile": "model.py",
            "handlers": "x",
            "colour": "red",
            "serialized_file": "gone.pt",
            "extra_files": "gone.json,gone.yaml",
            "requirements_file": "gone.txt",
            "config_properties": "gone.properties",
        },
    )
    with unchanged(folder), pytest.raises(PlanError) as caught:
        build(model)
    text = str(caught.value)
    assert "modelfile: is not a key of serving_config: did you mean 'model_file'?" in text
    assert "colour: is not a key of serving_config: there are model_file, handler, serialized_file" in text
    for expected in (
        "model_file: is missing",
        "handler: is missing",
        "gone.pt",
        "gone.json",
        "gone.yaml",
        "gone.txt",
    ):
        assert expected in text, expected
    assert "gone.properties" in text
    assert set(arguments_at_fault(caught.value)) >= {"id", "modelfile", "handlers", "colour"}


@pytest.mark.parametrize(
    "key", ["model_file", "handler", "serialized_file", "config_properties", "requirements_file"]
)
@pytest.mark.parametrize("value", [5, True, b"model.py", {"a": 1}])
def test_values_that_are_no_paths(key: str, value: object, folder: Path) -> None:
    with unchanged(folder), pytest.raises(PlanError) as caught:
        build(serving_model({key: value}), exported_model="net.pt")
    assert arguments_at_fault(caught.value) == [key]


@pytest.mark.parametrize("key", ["model_file", "handler", "serialized_file", "config_properties"])
def test_a_list_is_no_path(key: str) -> None:
    with pytest.raises(PlanError, match=key):
        build(serving_model({key: ["model.py"]}), exported_model="net.pt")


def test_path_like_values_and_lists() -> None:
    serving = {
        "model_file": Path("model.py"),
        "handler": Path("handler.py"),
        "serialized_file": Path("net.pt"),
        "extra_files": [Path("a.json"), "b.json"],
        "requirements_file": Path("requirements.txt"),
    }
    result = build(serving_model(serving))
    assert members(result) == {"model.py", "handler.py", "net.pt", "a.json", "b.json", "requirements.txt"}


def test_relative_paths_begin_at_the_base_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    os.chdir(elsewhere)
    serving = {
        "handler": "handler.py",
        "extra_files": "*.json",
        "requirements_file": str(folder / "requirements.txt"),
    }
    result = build(serving_model(serving), base_dir=folder, exported_model="net.pt")
    assert members(result) == {"model.py", "handler.py", "net.pt", "a.json", "b.json", "requirements.txt"}
    assert (elsewhere / "deploy").is_dir()


def test_the_base_folders_own_name_is_no_wildcard(folder: Path) -> None:
    base = folder / "[x]*"
    base.mkdir()
    for name in ("model.py", "net.pt", "a.json"):
        (base / name).write_bytes((folder / name).read_bytes())
    result = build(serving_model({"extra_files": "*.json"}), base_dir=base, exported_model="net.pt")
    assert members(result) == {"model.py", "net.pt", "a.json"}


# ------------------------------------------------------------------------------------------------- the handler


def test_a_built_in_handler_is_a_name_even_where_a_file_is_called_so(folder: Path) -> None:
    (folder / "image_classifier").write_text("x")
    result = build(serving_model({"serialized_file": "net.pt"}))
    assert manifest(result)["model"]["handler"] == "image_classifier"
    assert members(result) == {"model.py", "net.pt"}


@pytest.mark.parametrize(
    "handler", ["handler.py", "handler", "handler.py:handle", "handler:handle", "./handler.py"]
)
def test_custom_handlers_are_named_as_for_the_archiver(handler: str) -> None:
    result = build(serving_model({"handler": handler, "serialized_file": "net.pt"}))
    assert manifest(result)["model"]["handler"] == os.path.basename(handler)
    assert "handler.py" in members(result)


def test_a_misspelt_handler_is_answered_with_the_nearest(folder: Path) -> None:
    with unchanged(folder), pytest.raises(PlanError, match="did you mean 'image_classifier'"):
        build(serving_model({"handler": "image_clasifier"}), exported_model="net.pt")


def test_a_serving_config_of_none_is_an_empty_one(folder: Path) -> None:
    model: Any = Model(id="m", serving_config=None)
    assert model == Model(id="m")
    with unchanged(folder), pytest.raises(PlanError) as caught:
        build(model)
    assert arguments_at_fault(caught.value) == ["handler", "model_file", "serialized_file"]


def test_a_missing_handler_is_reported_once_beside_all_else(folder: Path) -> None:
    with unchanged(folder), pytest.raises(PlanError) as caught:
        build(Model(id="m", serving_config={"model_file": "gone.py", "serialized_file": "net.pt"}))
    assert arguments_at_fault(caught.value) == ["handler", "model_file"]
