"""The SDK's ``Model``: its arguments, what is wrong with them, and what it does not do here."""

from __future__ import annotations

import copy
import inspect
import pickle
from pathlib import Path
from typing import Any

import pytest

from marpack import MarpackError, PlanError
from marpack.kaptain import (
    Config,
    InvalidModelProperty,
    Model,
    ModelFramework,
    ModelValidationException,
    NotDoneHereError,
    S3ConfigurationProvider,
    UnsupportedModelFrameworkException,
)

SECRET = "hunter2"
# In the order of the SDK's reference.
POSITIONAL = (
    *("dev/mnist", "MNIST", "MNIST Model", "0.0.1", ModelFramework.PYTORCH, "1.11.0", "trainer.py"),
    *("image:tag", "base:tag", ["model.py"], "requirements.txt", ["dev"]),
)


def wrong(**values: Any) -> PlanError:
    values.setdefault("id", "m")
    with pytest.raises(InvalidModelProperty) as caught:
        Model(**values)
    return caught.value


def test_positional_arguments_are_in_the_order_of_the_sdk() -> None:
    config = Config(base_model_storage_uri="store")
    model = Model(*POSITIONAL, config, {"handler": "image_classifier"})
    assert list(model.properties().values()) == [*POSITIONAL, config, {"handler": "image_classifier"}]
    named: dict[str, Any] = dict(
        zip(model.properties(), [*POSITIONAL, config, {"handler": "image_classifier"}], strict=True)
    )
    assert Model(**named) == model


def test_an_id_is_enough() -> None:
    model = Model("m")
    assert {name: value for name, value in model.properties().items() if value} == {"id": "m", "config": Config()}
    assert (model.serving_config, model.labels, model.framework) == ({}, None, None)
    assert (model.state, model.hyperparameters, model.metrics, model.deployment) == ("untrained", None, None, None)


def test_pythons_own_errors_name_the_class_that_users_know() -> None:
    with pytest.raises(TypeError, match=r"^Model\.__init__\(\) missing"):
        Model()  # type: ignore[call-arg]


@pytest.mark.parametrize("framework", ["pytorch", "PyTorch", "PYTORCH", " pytorch ", ModelFramework.PYTORCH])
def test_a_framework_is_one_however_it_is_written(framework: Any) -> None:
    model = Model("m", framework=framework)
    assert model == Model("m", framework=ModelFramework.PYTORCH)
    assert model.framework is ModelFramework.PYTORCH


def test_everything_that_is_wrong_comes_at_once() -> None:
    values: dict[str, Any] = {
        "id": " ",
        "name": 5,
        "description": "",
        "framework": "caffe",
        "main_file": b"a",
        "extra_files": [5],
        "requirements": 5,
        "labels": "dev",
        "config": {},
        "serving_config": [],
        "colour": "red",
    }
    assert sorted(issue.argument for issue in wrong(**values).issues) == sorted(values)


def test_an_unknown_keyword_is_answered_with_the_known_ones() -> None:
    known = "there are id, name, description"
    assert f"colour: is not an argument of Model: {known}" in str(wrong(colour="red"))
    assert f"did you mean 'serving_config'? {known}" in str(wrong(serving_confg={}))


@pytest.mark.parametrize(
    "name", ["id", "name", "description", "version", "framework_version", "main_file", "image_name", "base_image"]
)
def test_blank_text_is_refused_and_none_is_not(name: str) -> None:
    assert [issue.argument for issue in wrong(**{name: " \n"}).issues] == [name]
    if name != "id":
        values: dict[str, Any] = {"id": "m", name: None}
        assert getattr(Model(**values), name) is None


def test_an_id_of_none_is_refused() -> None:
    assert "name the model" in str(wrong(id=None))


@pytest.mark.parametrize(
    "kind",
    [UnsupportedModelFrameworkException, InvalidModelProperty, ModelValidationException, PlanError, MarpackError],
)
def test_an_unknown_framework_is_caught_by_every_name_that_it_has(kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"caffe.*pytorch, tensorflow"):
        Model("m", framework="caffe")
    with pytest.raises(kind) as caught:
        Model(" ", framework="caffe")
    assert isinstance(caught.value, PlanError)
    assert len(caught.value.issues) == 2


def test_a_property_that_is_set_is_checked_as_by_the_constructor() -> None:
    model = Model("m")
    model.framework = "tf"  # type: ignore[assignment]  # as scripts do
    model.serving_config = None  # type: ignore[assignment]
    assert (model.framework, model.serving_config) == (ModelFramework.TENSORFLOW, {})
    for name, value in (("framework", "caffe"), ("id", ""), ("serving_confg", {})):
        with pytest.raises(InvalidModelProperty):
            setattr(model, name, value)
    assert model == Model("m", framework=ModelFramework.TENSORFLOW)


@pytest.mark.parametrize("value", [5, ["--epochs"], {5: 1}])
def test_hyperparameters_are_a_table(value: Any) -> None:
    model = Model("m")
    with pytest.raises(InvalidModelProperty, match="hyperparameters"):
        model.hyperparameters = value
    model.hyperparameters = {"--epochs": 5}
    assert dict(model.hyperparameters.items()) == {"--epochs": 5}


def test_a_table_of_the_callers_may_get_keys_later() -> None:
    """The page on TorchServe writes config.properties for a model that is there, and then names the file."""
    serving: dict[str, Any] = {"handler": "image_classifier"}
    model = Model("m", serving_config=serving)
    serving["config_properties"] = "config.properties"
    assert model.serving_config["config_properties"] == "config.properties"


def test_models_are_equal_by_their_properties() -> None:
    one, other = Model("m", name="M"), Model("m", name="M")
    assert one.revision != other.revision
    assert one == other
    assert one != Model("m")
    assert one != Model("m", name="M", config=Config(base_model_storage_uri="elsewhere"))
    assert one != "m"
    with pytest.raises(TypeError):
        hash(one)


def test_a_revision_is_random_and_renewed() -> None:
    model = Model("m")
    before = model.revision
    model.renew_revision()
    assert len({before, model.revision, Model("m").revision}) == 3


@pytest.mark.parametrize("made", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_is_equal_and_knows_as_much(made: Any) -> None:
    config = Config(
        storage_config_provider=S3ConfigurationProvider("key", SECRET), base_model_storage_uri="s3://b/m"
    )
    model = Model(*POSITIONAL, config=config, serving_config={"handler": "image_classifier"})
    model.hyperparameters = {"--epochs": 5}
    twin = made(model)
    assert twin == model
    assert vars(twin) == vars(model)
    assert type(twin) is Model


def test_no_secret_is_shown() -> None:
    config = Config(
        storage_config_provider=S3ConfigurationProvider("key", SECRET, SECRET),
        base_model_storage_uri=f"s3://user:{SECRET}@bucket/models",
    )
    model = Model(
        "m", config=config, serving_config={"serialized_file": f"https://user:{SECRET}@host.invalid/m.pt"}
    )
    assert SECRET not in repr(model)
    assert SECRET not in repr(model.meta())
    assert "dev" in repr(Model("dev/mnist"))


CALLS = {
    "train": lambda model: model.train(
        workers=2, cpu="1", memory="2G", gpus=0, hyperparameters={"--steps": 10}, args={}
    ),
    "tune": lambda model: model.tune(
        trials=16, parallel_trials=2, workers=2, hyperparameters={}, objectives=["accuracy"], objective_goal=0.99
    ),
    "log_data": lambda model: model.log_data("name", "uri", features=["a"]),
    "log_metrics": lambda model: model.log_metrics({"accuracy": 0.9}, "training"),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_needs_a_cluster_says_what_to_do_instead(name: str) -> None:
    with pytest.raises(NotDoneHereError) as caught:
        CALLS[name](Model("m"))
    assert isinstance(caught.value, MarpackError)
    assert caught.value.what == f"{name}()"
    ways = {"train": "trainer_environment", "tune": "trainer_environment('tuned')"}
    assert ways.get(name, "MLflow") in caught.value.instead
    if name in ("train", "tune"):
        for way in ("upload_model", "exported_model=", "model_uri=", "serialized_file"):
            assert way in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_the_signature_says_what_the_sdk_takes() -> None:
    assert list(inspect.signature(Model).parameters)[:14] == list(Model("m").properties())


def test_what_a_trainer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = Model("dev/mnist", config=Config(base_model_storage_uri="store"))
    told, again = model.trainer_environment(), model.trainer_environment("tuned")
    assert set(told) == {"MODEL_LIFECYCLE_PHASE", "TRAINED_MODEL_UPLOAD_PATH"}
    # A trainer may have another folder to work in.
    folder = Path(told["TRAINED_MODEL_UPLOAD_PATH"])
    assert folder.parent == tmp_path / "store" / "dev" / "mnist" / "trained"
    assert len(folder.name) == 32
    assert Path(again["TRAINED_MODEL_UPLOAD_PATH"]).parent.name == "tuned"
    assert not (tmp_path / "store").exists()
    with pytest.raises(PlanError, match="trained, tuned"):
        model.trainer_environment("deploy")  # type: ignore[arg-type]


def test_a_trainer_is_told_keys_only_when_they_are_asked_for() -> None:
    provider = S3ConfigurationProvider("key-id", SECRET, s3_endpoint="http://minio:9000", s3_force_path_style=True)
    model = Model("m", config=Config(storage_config_provider=provider))
    told = model.trainer_environment()
    assert SECRET not in str(told)
    assert told["TRAINED_MODEL_UPLOAD_PATH"].startswith("s3://kaptain/models/m/trained/")
    # Without it the trainer would ask Amazon's store for the bucket.
    assert (told["S3_ENDPOINT"], told["S3_FORCE_PATH_STYLE"]) == ("http://minio:9000", "true")
    told = model.trainer_environment(with_credentials=True)
    assert (told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"]) == ("key-id", SECRET)
