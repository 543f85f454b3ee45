"""The newest export: which it is, which file the weights are, and what is said where there is none (K178)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import PlanError
from marpack.kaptain import (
    Config,
    Model,
    ModelValidationException,
    S3ConfigurationProvider,
    TorchServingArtifactBuilder,
)
from marpack.remote.storage import StorageFolder, StoredFile
from marpack.serving.kaptain.exports.stored_exports import (
    PHASES,
    Export,
    export_location,
    newest_export,
    newest_of,
)

if TYPE_CHECKING:
    from tests.support.object_store import S3Server

A, B, C = ("a" * 32, "b" * 32, "c" * 32)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return Model("dev/mnist", config=Config(base_model_storage_uri=tmp_path))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the folder of the model."""
    return tmp_path / "dev" / "mnist"


def export(home: Path, name: str, at: float, data: bytes = b"weights") -> Path:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (at, at))
    return path


def test_the_newest_of_all_phases_is_found_by_its_time(model: Model, home: Path) -> None:
    export(home, f"trained/{A}/model.pt", 30)
    export(home, f"trained/{B}/model.pt", 10)
    export(home, f"tuned/{C}/model.pt", 20)
    found = newest_export(model)
    assert (found.folder.path, found.phase) == (str(home / "trained" / A), "trained")
    assert [file.name for file in found.files] == ["model.pt"]
    export(home, f"tuned/{B}/model.pt", 31)
    assert newest_export(model).folder.path == str(home / "tuned" / B)


def test_a_folder_is_as_new_as_its_newest_file(model: Model, home: Path) -> None:
    export(home, f"trained/{A}/0001/saved_model.pb", 10)
    export(home, f"trained/{A}/0001/variables/variables.index", 30)
    export(home, f"trained/{B}/model.pt", 20)
    found = newest_export(model)
    assert [file.name for file in found.files] == ["0001/saved_model.pb", "0001/variables/variables.index"]


def test_of_one_time_the_tuned_model_is_the_later(model: Model, home: Path) -> None:
    """Stores keep whole seconds, and tuning follows training."""
    export(home, f"tuned/{A}/model.pt", 10)
    export(home, f"trained/{B}/model.pt", 10)
    assert newest_export(model).phase == "tuned"


def test_two_of_one_phase_and_time_are_not_guessed_between(model: Model, home: Path) -> None:
    export(home, f"trained/{A}/model.pt", 10)
    export(home, f"trained/{B}/model.pt", 10)
    with pytest.raises(ModelValidationException, match="model_uri=") as caught:
        newest_export(model)
    assert str(home / "trained" / A) in str(caught.value)
    assert str(home / "trained" / B) in str(caught.value)
    assert (model.state, model.exported_model) == ("untrained", None)


def test_times_that_a_store_does_not_tell_are_not_guessed(model: Model, home: Path) -> None:
    found = [
        Export(
            name=name,
            folder=StorageFolder.of(home / phase / name),
            files=(StoredFile(name="model.pt", size=1, modified=None),),
            phase=phase,
        )
        for name, phase in ((A, PHASES[0]), (B, PHASES[1]))
    ]
    assert newest_of(found[:1]) is found[0]
    with pytest.raises(ModelValidationException, match="their times do not tell"):
        newest_of(found)


def test_where_there_is_none_it_is_said_where_it_was_looked_for(model: Model, home: Path) -> None:
    export(home, f"deploy/{A}/model-store/dev-mnist.mar", 10)
    export(home, f"trained/metrics-{A}.json", 10, b"{}")
    export(home, "model.json", 10)
    with pytest.raises(ModelValidationException) as caught:
        newest_export(model)
    for expected in (*(str(home / phase) for phase in PHASES), "serialized_file", "model_uri", "exported_model"):
        assert expected in str(caught.value)


def test_what_is_below_another_models_id_is_that_models(model: Model, home: Path) -> None:
    for phase in ("trained", "tuned", "deploy"):
        export(home, f"trained/{phase}/{A}/model.pt", 10)
    with pytest.raises(ModelValidationException, match="nothing was exported"):
        newest_export(model)
    other = Model("dev/mnist/trained", config=model.config)
    assert newest_export(other).folder.path == str(home / "trained" / "tuned" / A)


@pytest.mark.parametrize("name", ["a\\b", "\x1b[31m", "a\nb"])
def test_what_nobody_can_have_exported_is_no_export(name: str, model: Model, home: Path) -> None:
    export(home, f"trained/{A}/model.pt", 1)
    export(home, f"trained/{name}/model.pt", 2)
    assert newest_export(model).name == A


def test_weights_are_one_file(model: Model, home: Path) -> None:
    export(home, f"trained/{A}/model.pt", 10)
    export(home, f"trained/metrics-{A}.json", 20, b'{"loss": {"latest": 0.5}}')
    export(home, f"trained/{A}/extra_files/labels.json", 10)
    assert newest_export(model).weights.name == "model.pt"
    export(home, f"trained/{A}/other.pt", 10)
    with pytest.raises(ModelValidationException, match=r"holds 2 files.*'model.pt', 'other.pt'"):
        newest_export(model).weights  # noqa: B018


def test_of_many_files_some_are_named(model: Model, home: Path) -> None:
    for number in range(9):
        export(home, f"trained/{A}/{number}.pt", 10)
    with pytest.raises(ModelValidationException, match=r"'4.pt' and 4 more"):
        newest_export(model).weights  # noqa: B018


def test_the_model_remembers_what_was_found(model: Model, home: Path) -> None:
    before = model.revision
    export(home, f"tuned/{A}/model.pt", 10)
    export(home, f"tuned/metrics-{A}.json", 10, b'{"loss": {"latest": 0.5}, "other": {"latest": "NaN"}}')
    newest_export(model)
    assert (model.state, model.exported_model) == ("tuned", str(home / "tuned" / A))
    assert model.metrics is not None
    assert model.metrics["loss"] == {"latest": 0.5}
    assert model.revision != before
    # Nothing has happened to it since.
    before = model.revision
    newest_export(model)
    assert model.revision == before
    export(home, f"trained/{B}/model.pt", 20)
    newest_export(model)
    assert [model.state, model.metrics] == ["trained", None]


def test_metrics_are_known_as_soon_as_the_trainer_has_recorded_them(model: Model, home: Path) -> None:
    """The tutorial logs them before it deploys."""
    export(home, f"trained/{A}/model.pt", 10)
    assert [model.metrics] == [None]
    name = os.path.basename(model.trainer_environment("tuned")["TRAINED_MODEL_UPLOAD_PATH"])
    assert [model.metrics] == [None]
    export(home, f"tuned/{name}/model.pt", 20)
    assert [model.metrics] == [None]
    export(home, f"tuned/metrics-{name}.json", 20, b'{"loss": {"latest": 0.5}}')
    assert [model.metrics] == [{"loss": {"latest": 0.5}}]
    # Asking changes nothing else: what is deployed is looked for by deploy.
    assert (model.state, model.exported_model) == ("untrained", None)
    # Known, they are not asked for again.
    export(home, f"tuned/metrics-{name}.json", 20, b'{"loss": {"latest": 0.4}}')
    assert [model.metrics] == [{"loss": {"latest": 0.5}}]


@pytest.mark.parametrize("name", ["..", "/etc", "dev//mnist", "dev/", "./m"])
def test_an_id_that_leads_out_of_the_storage_is_refused(name: str, tmp_path: Path) -> None:
    model = Model(name, config=Config(base_model_storage_uri=tmp_path))
    for call in (newest_export, export_location):
        with pytest.raises(PlanError, match="no place below the storage"):
            call(model)


def test_a_model_without_a_storage_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("S3_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ModelValidationException, match="there is no storage"):
        newest_export(Model("m"))


def test_locations_are_new_each_time(model: Model) -> None:
    assert export_location(model) != export_location(model)
    assert not list(Path(str(model.config.base_model_storage_uri)).iterdir())


@pytest.mark.slow
def test_exports_in_a_store(s3: S3Server) -> None:
    model = Model("dev/wine", config=Config(base_model_storage_uri="s3://models/of/exports"))
    location = export_location(model, "tuned")
    prefix = "s3://models/of/exports/dev/wine/tuned/"
    assert location.startswith(prefix)
    key = location.removeprefix("s3://models/")
    s3.put(f"{key}/model.joblib", b"model")
    parent, _, name = key.rpartition("/")
    s3.put(f"{parent}/metrics-{name}.json", b'{"accuracy": {"latest": 1}}')
    found = newest_export(model)
    assert (found.folder.location, found.weights.name, found.phase) == (location, "model.joblib", "tuned")
    assert (model.exported_model, model.metrics) == (location, {"accuracy": {"latest": 1.0}})
    s3.empty()


# ------------------------------------------------------------------------------------------------ the builder


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text("class Net: pass\n")
    return tmp_path


def served(tmp_path: Path, **serving: str) -> Model:
    serving = {"model_file": "model.py", "handler": "image_classifier", **serving}
    return Model("dev/mnist", config=Config(base_model_storage_uri=tmp_path), serving_config=serving)


def test_the_builder_packs_the_newest_export_under_its_name(files: Path, home: Path) -> None:
    export(home, f"trained/{A}/digits.pt", 10, b"old")
    export(home, f"tuned/{B}/digits.pt", 20, b"new")
    model = served(files)
    result = TorchServingArtifactBuilder(model).build("deploy")
    with marpack.open_archive(result.archive.path) as archive:
        assert archive.manifest.model.serialized_file == "digits.pt"
        assert archive.read("digits.pt") == b"new"
    assert model.state == "tuned"


@pytest.mark.parametrize("given", ["serialized_file", "exported_model"])
def test_the_builder_looks_nowhere_when_weights_are_given(given: str, files: Path, home: Path) -> None:
    export(home, f"trained/{A}/model.pt", 10)
    (files / "own.pt").write_bytes(b"own")
    model = served(files, **({"serialized_file": "own.pt"} if given == "serialized_file" else {}))
    arguments = {"exported_model": "own.pt"} if given == "exported_model" else {}
    TorchServingArtifactBuilder(model, **arguments).build("deploy")  # type: ignore[arg-type]
    assert model.state == "untrained"


@pytest.mark.slow
def test_the_builder_reaches_weights_as_the_configuration_says(
    files: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in s3.environment:
        monkeypatch.delenv(name)
    s3.put("of/exports/own.pt", b"own")
    model = served(files, serialized_file="s3://models/of/exports/own.pt")
    model.config.storage_config_provider = S3ConfigurationProvider("key-id", "secret", s3_endpoint=s3.endpoint)
    result = TorchServingArtifactBuilder(model).build("deploy")
    with marpack.open_archive(result.archive.path) as archive:
        assert archive.read("own.pt") == b"own"
    TorchServingArtifactBuilder(model).build("s3://models/of/exports/deploy")
    assert "of/exports/deploy/model-store/dev-mnist.mar" in s3.names()
    s3.empty()


def test_the_builder_says_where_it_looked_beside_all_else_that_is_wrong(files: Path, home: Path) -> None:
    model = served(files, handler="gone.py", model_file="gone.py")
    with pytest.raises(PlanError) as caught:
        TorchServingArtifactBuilder(model).build("deploy")
    assert isinstance(caught.value, ModelValidationException)
    assert {issue.argument for issue in caught.value.issues} >= {"serialized_file", "handler", "model_file"}
    assert str(home / "trained") in str(caught.value)
    export(home, f"trained/{A}/one.pt", 10)
    export(home, f"trained/{A}/two.pt", 10)
    with pytest.raises(PlanError, match=r"'one.pt', 'two.pt'"):
        TorchServingArtifactBuilder(served(files)).build("deploy")
    assert not (files / "deploy").exists()


def test_the_builder_begins_relative_paths_where_the_configuration_says(
    files: Path, home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(home, f"trained/{A}/model.pt", 10)
    model = served(files)
    model.config.base_dir = files
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert TorchServingArtifactBuilder(model).build("deploy").archive.size > 0


def test_many_exports_beside_one_of_many_files_are_compared_once() -> None:
    def made(name: str, files: int, at: float) -> Export:
        found = tuple(StoredFile(name=str(number), size=0, modified=at) for number in range(files))
        return Export(name=name, folder=StorageFolder.of("store"), files=found, phase="trained")

    newest = made("newest", 100_000, 2.0)
    assert newest_of([*(made(str(number), 1, 1.0) for number in range(100_000)), newest]) is newest
