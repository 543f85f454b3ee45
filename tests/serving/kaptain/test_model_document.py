"""``save_as_json`` and ``load_from_json``: one document in the model's store, strict when it is read (K136)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack import MarpackError, PlanError
from marpack.kaptain import (
    Config,
    InvalidModelProperty,
    Model,
    ModelAlreadyExistsException,
    ModelFramework,
    ModelPlanError,
    ModelValidationException,
    UndefinedModelProperty,
    UnsupportedModelFrameworkException,
)
from tests.conftest import full_disk

if TYPE_CHECKING:
    from tests.support.object_store import S3Server

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def described(**changes: Any) -> Model:
    values: dict[str, Any] = {
        "id": "dev/mnist",
        "name": "MNIST",
        "framework": ModelFramework.PYTORCH,
        "extra_files": ["datasets/MNIST", "model.py"],
        "labels": ["dev"],
        "config": Config(base_model_storage_uri="store"),
        "serving_config": {"model_file": "model.py", "handler": "image_classifier"},
    }
    model = Model(**{**values, **changes})
    model.state = "tuned"
    model.hyperparameters = {"--epochs": 5, "--lr": 0.1, "--tokenizer": "bert"}
    model.metrics = {"loss": {"latest": 0.5, "max": float("inf")}}
    model.exported_model = "store/dev/mnist/tuned/x"
    return model


def saved(folder: Path, document: Any) -> Config:
    """Put a document where a model's would be."""
    folder = folder / "store" / "m"
    folder.mkdir(parents=True)
    (folder / "model.json").write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return Config(base_model_storage_uri="store")


def good(**changes: Any) -> dict[str, Any]:
    return {"format": "marpack-kaptain-model", "format_version": 1, "id": "m", **changes}


def test_a_model_comes_back_with_all_that_is_known_of_it(folder: Path) -> None:
    model = described()
    assert model.save_as_json() is None  # type: ignore[func-returns-value]  # as the SDK
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*.json")] == [
        "store/dev/mnist/model.json"
    ]
    again = Model.load_from_json("store/dev/mnist", model.config)
    assert again == model
    assert vars(again) == vars(model)


@pytest.mark.parametrize(
    "path", ["models/mnist", "models/mnist/", "models/mnist/model.json", "models/own.json", "own.json"]
)
def test_a_path_is_a_folder_or_a_file_and_is_loaded_by_the_same_name(path: str, folder: Path) -> None:
    config = Config(base_dir=folder / "base")
    model = described(config=config)
    model.save_as_json(path)
    file = path if path.endswith(".json") else f"{path.rstrip('/')}/model.json"
    assert (folder / "base" / file).is_file()
    assert Model.load_from_json(path, config) == model
    url = (folder / "base" / path).as_uri()
    assert Model.load_from_json(url, config) == model


@pytest.mark.slow
def test_a_store(s3: S3Server) -> None:
    config = Config(base_model_storage_uri="s3://models/of/documents")
    model = described(config=config)
    model.save_as_json()
    assert "of/documents/dev/mnist/model.json" in s3.names()
    assert Model.load_from_json("s3://models/of/documents/dev/mnist", config) == model
    with pytest.raises(ModelAlreadyExistsException):
        model.save_as_json("s3://models/of/documents/dev/mnist")
    s3.empty()


def test_a_document_that_is_there_stays_unless_it_is_to_be_replaced() -> None:
    described().save_as_json()
    with pytest.raises(ModelAlreadyExistsException, match="overwrite=True") as caught:
        described(name="other").save_as_json()
    assert isinstance(caught.value, FileExistsError)
    assert Model.load_from_json("store/dev/mnist", Config()).name == "MNIST"
    described(name="other").save_as_json(overwrite=True)
    assert Model.load_from_json("store/dev/mnist", Config()).name == "other"


def test_a_full_disk_leaves_the_document_that_was_there(folder: Path) -> None:
    described().save_as_json()
    before = (folder / "store" / "dev" / "mnist" / "model.json").read_bytes()
    with full_disk(100), pytest.raises(OSError, match="too large"):
        described(name="other").save_as_json(overwrite=True)
    assert [(path.name, path.read_bytes()) for path in folder.rglob("*") if path.is_file()] == [
        ("model.json", before)
    ]


def test_the_same_model_gives_the_same_bytes(folder: Path) -> None:
    model = described()
    model.save_as_json("a.json")
    model.save_as_json("b.json")
    assert (folder / "a.json").read_bytes() == (folder / "b.json").read_bytes()
    document = json.loads((folder / "a.json").read_bytes(), parse_constant=pytest.fail)
    assert list(document) == [
        *("format", "format_version", "id", "name", "description", "version", "framework", "framework_version"),
        *("main_file", "image_name", "base_image", "extra_files", "requirements", "labels", "serving_config"),
        *("state", "revision", "hyperparameters", "metrics", "exported_model"),
    ]


def test_paths_are_written_as_texts() -> None:
    described(extra_files=[Path("model.py")], serving_config={"handler": Path("handler.py")}).save_as_json()
    again = Model.load_from_json("store/dev/mnist", Config())
    assert (again.extra_files, again.serving_config) == (["model.py"], {"handler": "handler.py"})


def test_without_a_storage_a_path_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("S3_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ModelValidationException, match="there is no storage"):
        Model("m").save_as_json()
    Model("m").save_as_json("m.json")
    assert Model.load_from_json("m.json", Config.default()) == Model("m")


def test_what_json_does_not_hold_is_named_all_at_once(folder: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)
    model = described(serving_config={"handler": b"bytes", 5: "five"}, extra_files=["a"])
    model.hyperparameters = {"nan": float("nan"), "set": {1}, "loop": loop}
    with pytest.raises(ModelPlanError) as caught:
        model.save_as_json()
    assert {issue.argument for issue in caught.value.issues} == {"serving_config", "hyperparameters"}
    assert len(caught.value.issues) == 4
    assert not (folder / "store").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"serving_config": {"serialized_file": f"https://user:{SECRET}@host.invalid/m.pt"}},
        {"serving_config": {"serialized_file": f"https://host.invalid/m.pt?X-Amz-Signature={SECRET}"}},
        {"serving_config": {"nested": [{"api_key": SECRET}]}},
        {"description": f"token={SECRET}"},
    ],
    ids=str,
)
def test_a_secret_is_written_only_when_that_is_asked_for(changes: dict[str, Any], folder: Path) -> None:
    model = described(**changes)
    with pytest.raises(ModelPlanError, match="True for with_secrets") as caught:
        model.save_as_json()
    assert SECRET not in str(caught.value)
    assert [issue.argument for issue in caught.value.issues] == list(changes)
    assert not (folder / "store").exists()
    model.save_as_json(with_secrets=True)
    assert Model.load_from_json("store/dev/mnist", model.config) == model


def test_the_configuration_is_not_written(folder: Path) -> None:
    config = Config(base_model_storage_uri=f"file://{folder}/store?token={SECRET}", docker_registry_url=SECRET)
    described(config=config).save_as_json(str(folder / "m.json"))
    assert SECRET not in (folder / "m.json").read_text()


def test_a_document_of_contents_is_refused(folder: Path) -> None:
    with pytest.raises(ModelPlanError, match="name files instead of contents"):
        described(description="x" * (1 << 20)).save_as_json()
    assert not (folder / "store").exists()


# ------------------------------------------------------------------------------- what others may have written


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"format": NaN}', "is not JSON"),
        (b'{"id": "m", "id": "n"}', "is not JSON"),
        (json.dumps(good(serving_config={"a": [[[]]] * 3})).encode() + b" x", "is not JSON"),
        (b'{"format": "marpack-kaptain-model", "a": ' + b"[" * 30 + b"]" * 30 + b"}", "nested too deeply"),
        (b'{"n": ' + b"9" * 10_000 + b"}", "is not JSON"),
        ([], "no model that save_as_json"),
        ({}, "no model that save_as_json"),
        ({"id": "m"}, "no model that save_as_json"),
        ("text", "no model that save_as_json"),
        (good(format_version=2), "update marpack"),
        (good(format_version="1"), "update marpack"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_another_document_is_told_what_it_is(document: Any, why: str, folder: Path) -> None:
    config = saved(folder, document)
    with pytest.raises(ModelValidationException, match=why) as caught:
        Model.load_from_json("store/m", config)
    assert "model.json" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_no_secret_of_a_broken_document_is_shown(folder: Path) -> None:
    config = saved(folder, f'{{"token={SECRET}": 1, "token={SECRET}": 2}}'.encode())
    with pytest.raises(ModelValidationException) as caught:
        Model.load_from_json("store/m", config)
    assert SECRET not in str(caught.value)


def test_a_document_without_end_is_not_read(folder: Path) -> None:
    config = saved(folder, good())
    os.truncate(folder / "store" / "m" / "model.json", 1 << 34)
    with pytest.raises(MarpackError, match="larger than"):
        Model.load_from_json("store/m", config)


def test_one_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(ModelValidationException, match=r"store/m/model\.json' is not there"):
        Model.load_from_json("store/m", Config())
    for value in ("", " ", None, 5):
        with pytest.raises(ModelPlanError, match="model_uri"):
            Model.load_from_json(value, Config())  # type: ignore[arg-type]


def test_everything_that_is_wrong_in_a_document_comes_at_once(folder: Path) -> None:
    config = saved(
        folder,
        good(
            id="",
            framework="caffe",
            labels=5,
            serving_config=[],
            colour="red",
            state="deployed",
            revision=5,
            hyperparameters=[],
            metrics={"loss": {"latest": "low"}},
            exported_model=5,
        ),
    )
    with pytest.raises(UnsupportedModelFrameworkException) as caught:
        Model.load_from_json("store/m", config)
    assert {issue.argument.partition(":")[0] for issue in caught.value.issues} == {
        *(
            "id",
            "framework",
            "labels",
            "serving_config",
            "colour",
            "state",
            "revision",
            "hyperparameters",
            "metrics",
        ),
        "exported_model",
    }


def test_a_document_without_an_id(folder: Path) -> None:
    document = good(framework="caffe")
    del document["id"]
    config = saved(folder, document)
    for kind in (UndefinedModelProperty, UnsupportedModelFrameworkException, InvalidModelProperty, PlanError):
        with pytest.raises(kind):
            Model.load_from_json("store/m", config)


@pytest.mark.parametrize("name", ["config", "exports", "deployment", "_secret"])
def test_what_no_document_has_is_refused(name: str, folder: Path) -> None:
    config = saved(folder, good(**{name: {}}))
    with pytest.raises(InvalidModelProperty) as caught:
        Model.load_from_json("store/m", config)
    assert [issue.argument for issue in caught.value.issues] == [name]


def test_a_subclass_is_loaded_as_one(folder: Path) -> None:
    class Ours(Model):
        """A user's own."""

    config = saved(folder, good())
    assert type(Ours.load_from_json("store/m", config)) is Ours


def test_a_small_document_is_enough(folder: Path) -> None:
    config = saved(folder, good())
    assert Model.load_from_json("store/m", config) == Model("m", config=config)


@pytest.mark.parametrize(
    "text", [b'{"token": "hunter2",}', b'{"token": "hunter2\xff"}', b"[" * 100_000 + b"hunter2"]
)
def test_what_cannot_be_read_is_nowhere_in_the_error(text: bytes, folder: Path) -> None:
    """What a tool keeps of an error has what it came from, which holds the whole text."""
    config = saved(folder, text)
    with pytest.raises(ModelValidationException, match="is not JSON") as caught:
        Model.load_from_json("store/m", config)
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in f"{error!r} {vars(error)}"
        error = error.__cause__ or error.__context__
