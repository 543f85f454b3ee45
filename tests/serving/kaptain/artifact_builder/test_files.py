"""Extra files and requirements, for which the model's own are the fallback."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from marpack.errors import PlanError
from tests.support.built_artifacts import build, content, manifest, members, serving_model
from tests.support.folder_contents import unchanged


@pytest.mark.parametrize("text", ["a.json,b.json,", "a.json, b.json", " a.json ,, b.json , ", ",a.json,b.json"])
def test_commas_at_the_end_and_blanks_around_do_not_count(text: str) -> None:
    result = build(serving_model({"serialized_file": "net.pt", "extra_files": text}))
    assert members(result) == {"model.py", "net.pt", "a.json", "b.json"}


def test_the_models_files_and_requirements_are_the_fallback() -> None:
    model = serving_model({"serialized_file": "net.pt"}, extra_files=["a.json"], requirements="requirements.txt")
    result = build(model)
    assert members(result) == {"model.py", "net.pt", "a.json", "requirements.txt"}
    assert manifest(result)["model"]["requirementsFile"] == "requirements.txt"


def test_requirements_of_the_model_may_be_a_list() -> None:
    result = build(serving_model({"serialized_file": "net.pt"}, requirements=["six", "torch>=1.7"]))
    assert content(result, "requirements.txt") == b"six\ntorch>=1.7\n"


def test_serving_config_goes_before_the_model() -> None:
    Path("serving.txt").write_text("six\n")
    serving = {"serialized_file": "net.pt", "extra_files": "b.json", "requirements_file": "serving.txt"}
    result = build(serving_model(serving, extra_files=["a.json"], requirements="requirements.txt"))
    assert members(result) == {"model.py", "net.pt", "b.json", "serving.txt"}


def test_nothing_to_fall_back_to() -> None:
    result = build(serving_model({"serialized_file": "net.pt"}))
    assert members(result) == {"model.py", "net.pt"}
    assert "requirementsFile" not in manifest(result)["model"]


@pytest.mark.parametrize("nothing", ["", [], ","])
def test_an_empty_value_means_none_and_no_fallback(nothing: object) -> None:
    serving = {"serialized_file": "net.pt", "extra_files": nothing}
    if nothing != ",":
        serving["requirements_file"] = nothing
    model = serving_model(
        serving, extra_files=["a.json"], requirements="" if nothing == "," else "requirements.txt"
    )
    assert members(build(model)) == {"model.py", "net.pt"}


def test_folders_of_the_model_are_packed_and_warned_of(folder: Path) -> None:
    (folder / "datasets" / "MNIST").mkdir(parents=True)
    (folder / "datasets" / "MNIST" / "images").write_bytes(b"data")
    (folder / "datasets" / "labels").write_bytes(b"d" * 1200)
    model = serving_model({"serialized_file": "net.pt"}, extra_files=["model.py", "datasets"])
    result = build(model)
    assert members(result) == {"model.py", "net.pt", "MNIST/images", "labels"}
    (warning,) = result.warnings
    assert "datasets" in warning
    assert "serving_config" in warning
    assert "1,204 bytes" in warning, "how much a data set is, which no server needs (K247)"
    # Who names the folder for serving means it.
    result = build(serving_model({"serialized_file": "net.pt", "extra_files": "datasets"}), "other")
    assert result.warnings == ()


def test_the_model_file_may_be_an_extra_file_too() -> None:
    result = build(serving_model({"serialized_file": "net.pt"}, extra_files=["model.py"]))
    with zipfile.ZipFile(result.archive.path) as archive:
        assert archive.namelist().count("model.py") == 1


def test_another_file_of_the_same_name_is_refused(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "model.py").write_text("class Other: pass\n")
    with unchanged(folder), pytest.raises(PlanError, match=r"model\.py"):
        build(serving_model({"serialized_file": "net.pt"}, extra_files=["other/model.py"]))


def test_a_model_that_extends_another_is_packed(folder: Path) -> None:
    source = "from torchvision.models.resnet import ResNet\n\n\nclass ImageClassifier(ResNet):\n    pass\n"
    (folder / "model.py").write_text(source)
    (folder / "trainer.py").write_text("from model import ImageClassifier\n")
    result = build(serving_model({"serialized_file": "net.pt"}, main_file="trainer.py", extra_files=["model.py"]))
    assert members(result) == {"model.py", "net.pt"}
    assert content(result, "model.py").decode() == source
