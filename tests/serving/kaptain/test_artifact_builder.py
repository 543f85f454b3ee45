"""The serving build: ``serving_config`` with its fallbacks, config.properties, and the folder made of them."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import random
import traceback
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import properties
from marpack.errors import (
    ArchiveExistsError,
    ConfigError,
    DownloadError,
    MarpackError,
    PlanError,
    SourceChangedError,
    TargetError,
    UploadError,
)
from marpack.serving import Model, TorchServingArtifactBuilder, sanitize_string
from tests.conftest import full_disk
from tests.typing.test_seed import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from marpack.serving import ServingArtifact

T = 1_600_000_000
NAME = "dev-mnist"
MAR = f"{NAME}.mar"
SERVING = {"model_file": "model.py", "handler": "image_classifier"}
SECRET = "hunter2"
SECRET_URLS = [
    f"https://user:{SECRET}@host.invalid/m.pt",
    f"https://host.invalid/m.pt?X-Amz-Signature={SECRET}",
    f"https://host.invalid/m.pt?sv=1&sig={SECRET}",
]
write_config_properties = TorchServingArtifactBuilder.write_config_properties


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text("class Net: pass\n")
    (tmp_path / "handler.py").write_text("def handle(data, context): return data\n")
    (tmp_path / "net.pt").write_bytes(b"weights")
    (tmp_path / "requirements.txt").write_text("six\n")
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(name)
    return tmp_path


def serving_model(serving: dict[str, Any] | None = None, **changes: Any) -> Model:
    return Model(**{"id": "dev/mnist", "serving_config": {**SERVING, **(serving or {})}, **changes})


def build(model: Model, directory: str = "deploy", *, force: bool = False, **arguments: Any) -> ServingArtifact:
    return TorchServingArtifactBuilder(model, **{"timestamp": T, **arguments}).build(directory, force=force)


def members(result: ServingArtifact) -> set[str]:
    with zipfile.ZipFile(result.archive.path) as archive:
        return set(archive.namelist()) - {"MAR-INF/MANIFEST.json"}


def content(result: ServingArtifact, name: str) -> bytes:
    with zipfile.ZipFile(result.archive.path) as archive:
        return archive.read(name)


def manifest(result: ServingArtifact) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(content(result, "MAR-INF/MANIFEST.json"))
    return document


def listing(folder: Path) -> dict[str, bytes | None]:
    """Return everything in a folder: files with their contents."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")
    }


@contextlib.contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    before = listing(folder)
    yield
    assert listing(folder) == before


def arguments_at_fault(error: PlanError) -> list[str]:
    return sorted(issue.argument for issue in error.issues)


def shown(error: BaseException) -> str:
    """Return everything that a program could show of an error."""
    trace = traceback.format_exception(type(error), error, error.__traceback__)
    return "\n".join([str(error), repr(error), repr(error.args), *trace])


class Export:
    """Training's export, which counts how often it is asked for."""

    def __init__(self, value: Any = "net.pt") -> None:
        self.calls = 0
        self.value = value

    def __call__(self) -> Any:
        self.calls += 1
        return self.value


class Growing:
    """A source that is not what it said it was."""

    name = "net.pt"
    size = 3

    def open(self) -> io.BytesIO:
        return io.BytesIO(b"more than three")


# ------------------------------------------------------------------------------------------------- the model


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


# --------------------------------------------------------------------------------------------- the state_dict


def test_serialized_file_goes_before_the_export() -> None:
    export = Export()
    Path("other.pt").write_bytes(b"other")
    result = build(serving_model({"serialized_file": "other.pt"}), exported_model=export)
    assert (members(result), export.calls) == ({"model.py", "other.pt"}, 0)


@pytest.mark.parametrize(
    "given",
    [
        lambda folder: "net.pt",
        lambda folder: folder / "net.pt",
        lambda folder: (folder / "net.pt").as_uri(),
        lambda folder: {"net.pt": b"weights"},
        lambda folder: io.BytesIO(b"weights"),
    ],
    ids=["path", "Path", "URL", "named bytes", "file"],
)
@pytest.mark.parametrize("called", [False, True])
def test_exported_model_in_every_form(given: Callable[[Path], Any], called: bool, folder: Path) -> None:
    value = given(folder)
    export = Export(value)
    result = build(serving_model(), exported_model=export if called else value)
    weights = manifest(result)["model"]["serializedFile"]
    assert content(result, weights) == b"weights"
    assert weights == ("model.pt" if isinstance(value, io.BytesIO) else "net.pt")
    assert export.calls == int(called)


def test_exported_bytes_are_called_model_pt() -> None:
    result = build(serving_model(), exported_model=b"weights")
    assert manifest(result)["model"]["serializedFile"] == "model.pt"
    assert content(result, "model.pt") == b"weights"


def test_neither_a_file_nor_an_export(folder: Path) -> None:
    with unchanged(folder), pytest.raises(PlanError, match=r"serialized_file: is missing.*exported_model="):
        build(serving_model())


@pytest.mark.parametrize("value", ["", None, 5, "gone.pt", Path("gone.pt")], ids=repr)
@pytest.mark.parametrize("called", [False, True])
def test_an_export_that_is_nothing_is_an_error(value: object, called: bool, folder: Path) -> None:
    with unchanged(folder), pytest.raises(PlanError) as caught:
        build(serving_model(), exported_model=(lambda: value) if called else value)
    assert arguments_at_fault(caught.value) == ["serialized_file"]


def test_an_url_without_a_file(folder: Path) -> None:
    with unchanged(folder), pytest.raises(DownloadError, match="does not exist"):
        build(serving_model(), exported_model=(folder / "gone.pt").as_uri())


def test_what_the_export_raises_passes_through(folder: Path) -> None:
    def export() -> str:
        raise RuntimeError("training has not finished")

    with unchanged(folder), pytest.raises(RuntimeError, match="has not finished"):
        build(serving_model(), exported_model=export)


def _occupied(folder: Path) -> None:
    (folder / "deploy" / "model-store").mkdir(parents=True)
    (folder / "deploy" / "model-store" / MAR).write_bytes(b"old")


def _file_for_a_folder(folder: Path) -> None:
    (folder / "deploy").mkdir()
    (folder / "deploy" / "config").write_text("")


def _file_for_the_target(folder: Path) -> None:
    (folder / "deploy").write_text("")


def _folder_for_the_settings(folder: Path) -> None:
    (folder / "deploy" / "config" / "config.properties").mkdir(parents=True)


@pytest.mark.parametrize(
    ("serving", "arguments", "prepare"),
    [
        ({"colour": "red"}, {}, None),
        ({"model_file": "gone.py"}, {}, None),
        ({"handler": "gone.py"}, {}, None),
        ({"extra_files": "gone.json"}, {}, None),
        ({"requirements_file": "gone.txt"}, {}, None),
        ({"config_properties": "gone.properties"}, {}, None),
        ({"config_properties": "other.properties"}, {}, None),
        ({}, {"torchserve_version": "newest"}, None),
        ({}, {"min_workers": "many"}, None),
        ({}, {"min_workers": 9}, None),
        ({}, {"min_wokers": 1}, None),
        ({}, {"model_version": ""}, None),
        ({}, {"archive_format": "rar"}, None),
        ({}, {}, _occupied),
        ({}, {}, _file_for_a_folder),
        ({}, {}, _file_for_the_target),
        ({}, {}, _folder_for_the_settings),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_export_is_not_asked_for_and_nothing_written_when_anything_is_wrong(
    serving: dict[str, Any], arguments: dict[str, Any], prepare: Callable[[Path], None] | None, folder: Path
) -> None:
    write_config_properties("other", "other.mar", ".")
    os.rename("config.properties", "other.properties")
    if prepare is not None:
        prepare(folder)
    export = Export()
    with unchanged(folder), pytest.raises((MarpackError, ValueError, TypeError, OSError)):
        build(serving_model(serving), exported_model=export, **arguments)
    assert export.calls == 0


# ---------------------------------------------------------------------------------- extra files, requirements


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


# -------------------------------------------------------------------------------------- the default settings


def test_the_generated_file_is_the_documented_one() -> None:
    result = build(serving_model({"serialized_file": "net.pt"}))
    assert Path(result.config_path).read_text() == EXAMPLE.replace("<YOUR_MODEL_NAME>", NAME)
    assert result.snapshot is not None
    assert result.snapshot.model_count == 1


def test_written_into_a_folder_and_named_as_a_path() -> None:
    written = write_config_properties(NAME, MAR, ".")
    assert os.fspath(written) == str(written) == written.path
    assert os.path.samefile(written, "config.properties")
    assert written.warnings == ()


def test_keys_in_their_order_and_the_snapshot_in_one_line() -> None:
    text = Path(write_config_properties("m", "other.mar", Path())).read_text()
    assert [line.partition("=")[0] for line in text.splitlines()] == [
        "inference_address",
        "management_address",
        "number_of_netty_threads",
        "service_envelope",
        "install_py_dep_per_model",
        "job_queue_size",
        "model_store",
        "model_snapshot",
    ]
    snapshot = text.splitlines()[-1].partition("=")[2]
    document = json.loads(snapshot)
    assert json.dumps(document) == snapshot
    assert list(document) == ["name", "modelCount", "models"]
    assert list(document["models"]["m"]["1.0"].items()) == [
        ("defaultVersion", True),
        ("marName", "other.mar"),
        ("minWorkers", 1),
        ("maxWorkers", 5),
        ("batchSize", 1),
        ("maxBatchDelay", 5000),
        ("responseTimeout", 120),
    ]


def test_every_reader_takes_it_alike() -> None:
    data = Path(write_config_properties(NAME, MAR, ".")).read_bytes()
    as_java = properties.loads(data)
    # The launcher and KServe's wrapper: a line, its first "=", no escapes.
    as_python = dict(line.strip().split("=", 1) for line in data.decode().splitlines())
    assert as_java == as_python
    assert marpack.ServerConfig.loads(data).model_snapshot == marpack.ModelSnapshot.from_json(
        as_java["model_snapshot"]
    )


def test_numbers_may_be_others() -> None:
    numbers: dict[str, Any] = {
        "min_workers": 2,
        "max_workers": 3,
        "batch_size": 4,
        "max_batch_delay": 50,
        "response_timeout": 6,
    }
    written = marpack.ServerConfig.load(write_config_properties(NAME, MAR, ".", **numbers)).model_snapshot
    built = build(serving_model({"serialized_file": "net.pt"}), **numbers).snapshot
    assert written == built
    assert built is not None
    entry = built.models[NAME]["1.0"]
    assert {key: getattr(entry, key) for key in numbers} == numbers


@pytest.mark.parametrize(
    ("version", "envelope", "port", "token"),
    [
        (None, "kfserving", 8081, None),
        ("0.5.2", "kfserving", 8081, None),
        ("0.5.3", "kserve", 8081, None),
        ("0.8.0", "kserve", 8081, None),
        ("0.8.1", "kserve", 8085, None),
        ("0.9.0", "kserve", 8085, None),
        ("0.11.1", "kserve", 8085, "true"),
        ("0.12.0", "kserve", 8085, "true"),
    ],
)
def test_one_keyword_adapts_it_to_a_release(
    version: str | None, envelope: str, port: int, token: str | None
) -> None:
    written = write_config_properties(NAME, MAR, ".", torchserve_version=version)
    built = build(serving_model({"serialized_file": "net.pt"}), torchserve_version=version)
    for path, warnings in ((written.path, written.warnings), (built.config_path, built.warnings)):
        data = Path(path).read_bytes()
        found = properties.loads(data)
        assert (found["service_envelope"], found.get("disable_token_authorization")) == (envelope, token)
        # The literal text is said not to work exactly where it does not.
        assert any("service_envelope" in warning for warning in warnings) == (envelope == "kserve")
        assert any("disable_token_authorization" in warning for warning in warnings) == (token is not None)
        assert any("management_address" in warning for warning in warnings) == (port == 8085)
        assert found["management_address"] == f"http://0.0.0.0:{port}"
        assert found["inference_address"] == "http://0.0.0.0:8085"
        if version is not None:
            findings = marpack.lint_config(data, torchserve_version=version, target="kserve")
            assert [finding for finding in findings if finding.severity == "error"] == []


def test_lint_warns_of_the_envelope_and_the_port_of_the_literal_file() -> None:
    text = Path(write_config_properties(NAME, MAR, ".")).read_bytes()
    found = {(finding.key, finding.severity) for finding in marpack.lint_config(text)}
    assert {("service_envelope", "warning"), ("management_address", "warning")} <= found
    assert all(severity != "error" for _, severity in found)
    # Who says that KServe's wrapper reads it means today's.
    told = {(each.code, each.severity) for each in marpack.lint_config(text, target="kserve")}
    assert ("kserve-port", "error") in told


def test_a_file_that_is_there_is_replaced() -> None:
    Path("config.properties").write_text("old=1\n")
    path = Path(write_config_properties(NAME, MAR, "."))
    assert "old" not in path.read_text()


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a\0b", "", "a/b"])
def test_names_that_cannot_be_written_safely(name: str, folder: Path) -> None:
    with unchanged(folder), pytest.raises(ConfigError):
        write_config_properties(name, "m.mar", ".")
    with unchanged(folder), pytest.raises(ConfigError):
        write_config_properties("m", f"{name}.mar" if name else "", ".")


@pytest.mark.parametrize("name", [5, None, b"m"])
def test_names_that_are_no_text(name: Any, folder: Path) -> None:
    with unchanged(folder), pytest.raises((ConfigError, TypeError), match=r"[nN]ame|str"):
        write_config_properties(name, "m.mar", ".")
    with unchanged(folder), pytest.raises((ConfigError, TypeError), match=r"[nN]ame|str"):
        write_config_properties("m", name, ".")


def test_a_folder_that_is_not_there(folder: Path) -> None:
    with unchanged(folder), pytest.raises(TargetError, match="does not exist"):
        write_config_properties(NAME, MAR, "nowhere")


# ------------------------------------------------------------------------------------------- custom settings


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data,
        lambda data: b"# ours\r\n\r\n" + data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"job_queue_size=10", b"job_queue_size : \\\n  99"),
        lambda data: data.replace(b"model_snapshot=", b"job_queue_size=7\nunknown_key=x\nmodel_snapshot="),
        lambda data: data.rstrip(b"\n"),
        lambda data: data.partition(b"model_snapshot=")[0] + f"load_models={MAR}\n".encode(),
        lambda data: data.partition(b"model_snapshot=")[0] + b"load_models=all\nmax_request_size=1\n",
    ],
    ids=["as it is", "CRLF", "continued line", "unknown key", "no line end", "load_models", "all"],
)
def test_a_custom_file_is_used_as_it_is(change: Callable[[bytes], bytes], folder: Path) -> None:
    own = change(Path(write_config_properties(NAME, MAR, ".")).read_bytes())
    (folder / "own.properties").write_bytes(own)
    result = build(serving_model({"serialized_file": "net.pt", "config_properties": "own.properties"}))
    assert Path(result.config_path).read_bytes() == own
    assert (result.snapshot is None) == (b"model_snapshot" not in own)


def test_a_custom_file_that_names_another_archive_is_refused(folder: Path) -> None:
    write_config_properties("other", "other.mar", ".")
    serving = {"serialized_file": "net.pt", "config_properties": "config.properties"}
    with unchanged(folder), pytest.raises(ConfigError) as caught:
        build(serving_model(serving))
    [finding] = [found for found in caught.value.findings if "marName" in found.key]
    assert "other.mar" in finding.message
    assert finding.file is not None
    assert os.path.samefile(finding.file, "config.properties")
    assert finding.line == 8


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (MAR, "other.mar", "model_snapshot.models.dev-mnist.1.0.marName"),
        ('"1.0"', '"2.0"', "model_snapshot.models.dev-mnist.2.0"),
        ("job_queue_size=10", "job_queue_size=ten", "job_queue_size"),
        ("job_queue_size", "job_que_size", "job_que_size"),
        ('"batchSize": 1, ', "", "model_snapshot.models.dev-mnist.1.0.batchSize"),
        ("=http://0.0.0.0:8085", "=http:\\u12", ""),
    ],
)
def test_a_custom_file_that_would_not_serve_the_archive(old: str, new: str, key: str, folder: Path) -> None:
    text = Path(write_config_properties(NAME, MAR, ".")).read_text()
    assert old in text
    (folder / "own.properties").write_text(text.replace(old, new))
    with unchanged(folder), pytest.raises(ConfigError) as caught:
        build(serving_model({"serialized_file": "net.pt", "config_properties": "own.properties"}))
    assert key in {finding.key for finding in caught.value.findings} or (
        key and any(finding.key.startswith(key) for finding in caught.value.findings)
    )
    for finding in caught.value.findings:
        assert finding.file is not None
        assert finding.file.endswith("own.properties")
        assert finding.line


@pytest.mark.parametrize("what", ["nothing", "folder"])
def test_a_custom_file_that_cannot_be_read(what: str, folder: Path) -> None:
    if what == "folder":
        (folder / "own.properties").mkdir()
    serving = {"serialized_file": "net.pt", "config_properties": "own.properties", "model_file": "gone.py"}
    with unchanged(folder), pytest.raises(PlanError) as caught:
        build(serving_model(serving))
    assert arguments_at_fault(caught.value) == ["config_properties", "model_file"]


# -------------------------------------------------------------------------------------------- whole or not at all


def test_an_archive_that_exists_stays_unless_it_is_forced() -> None:
    model = serving_model({"serialized_file": "net.pt"})
    build(model)
    Path("net.pt").write_bytes(b"other")
    with unchanged(Path("deploy")), pytest.raises(ArchiveExistsError):
        build(model)
    assert content(build(model, force=True), "net.pt") == b"other"


def test_other_files_of_the_folder_stay(folder: Path) -> None:
    (folder / "deploy" / "model-store").mkdir(parents=True)
    (folder / "deploy" / "model-store" / "other.mar").write_bytes(b"other")
    build(serving_model({"serialized_file": "net.pt"}))
    assert (folder / "deploy" / "model-store" / "other.mar").read_bytes() == b"other"


def _files(folder: Path) -> dict[str, bytes | None]:
    return {name: data for name, data in listing(folder).items() if data is not None}


@pytest.mark.parametrize("again", [False, True])
def test_nothing_half_written_when_the_source_changes(again: bool, folder: Path) -> None:
    if again:
        build(serving_model(), exported_model="net.pt")
    before = _files(folder)
    with pytest.raises(SourceChangedError):
        build(serving_model(), exported_model=Growing(), force=True)
    assert _files(folder) == before


@pytest.mark.parametrize("again", [False, True])
def test_nothing_half_written_when_the_disk_is_full(again: bool, folder: Path) -> None:
    if again:
        build(serving_model(), exported_model="net.pt")
    before = _files(folder)
    weights = random.Random(0).randbytes(1 << 19)
    with full_disk(1 << 18), pytest.raises(OSError, match="too large"):
        build(serving_model(), exported_model=weights, force=True)
    assert _files(folder) == before


def test_settings_are_replaced_whole_or_not_at_all(folder: Path) -> None:
    (folder / "config.properties").write_text("old=1\n")
    with full_disk(100), unchanged(folder), pytest.raises(OSError, match="too large"):
        write_config_properties(NAME, MAR, ".")


# --------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize("url", SECRET_URLS)
@pytest.mark.parametrize("key", ["model_file", "handler", "serialized_file", "extra_files", "config_properties"])
def test_no_secret_of_an_url_where_a_path_is_meant(key: str, url: str) -> None:
    with pytest.raises((MarpackError, OSError)) as caught:
        build(serving_model({key: url}), exported_model="net.pt")
    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize("url", SECRET_URLS)
@pytest.mark.parametrize("called", [False, True])
def test_no_secret_of_the_exports_url(url: str, called: bool) -> None:
    pytest.importorskip("aiohttp")
    with pytest.raises(DownloadError) as caught:
        build(serving_model(), exported_model=(lambda: url) if called else url)
    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize("url", SECRET_URLS)
def test_no_secret_in_a_repr(url: str) -> None:
    model = serving_model({"serialized_file": url}, requirements=["--index-url", url])
    assert SECRET not in repr(model)
    assert SECRET not in repr(TorchServingArtifactBuilder(model, exported_model=url))


@pytest.mark.parametrize(
    "line",
    [
        f"keystore_pass={SECRET}\nkeystore_pss={SECRET}",
        f"my_secret={SECRET}\njob_queue_size=x",
        f"vmargs='-Djavax.net.ssl.keyStorePassword={SECRET}'",
        f"cors_allowed_origin='{SECRET_URLS[0]}'",
        *(f"inference_address={url}" for url in SECRET_URLS),
        *(f"load_models={url}, {url}" for url in SECRET_URLS),
        *(f"allowed_urls={url}(\njob_queue_size=x" for url in SECRET_URLS),
    ],
)
def test_no_secret_of_a_custom_file(line: str, folder: Path) -> None:
    data = Path(write_config_properties(NAME, MAR, ".")).read_text().partition("model_snapshot")[0]
    (folder / "own.properties").write_text(f"{data}\n{line}\n")
    serving = {"serialized_file": "net.pt", "config_properties": "own.properties"}
    with pytest.raises(ConfigError) as caught:
        build(serving_model(serving))
    assert SECRET not in shown(caught.value)
    assert SECRET not in repr(caught.value.findings)


@pytest.mark.parametrize("target", ["s3://bucket/x", "https://host.invalid/x", Path("gs://bucket/x")])
def test_a_url_is_no_folder_to_build_into(target: Any, folder: Path) -> None:
    model = serving_model({"serialized_file": "net.pt"})
    if target != "s3://bucket/x":
        with unchanged(folder), pytest.raises((TargetError, UploadError), match=r"cannot be written|lost a slash"):
            build(model, target)
    with unchanged(folder), pytest.raises(TargetError, match="build into a local folder, and upload that"):
        write_config_properties("m", "m.mar", target)


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


def test_an_export_that_is_a_path_with_a_line_break(folder: Path) -> None:
    (folder / "net\n.pt").write_bytes(b"weights")
    assert content(build(serving_model(), exported_model="net\n.pt"), "net\n.pt") == b"weights"


@pytest.mark.slow
def test_an_exported_module_is_packed_and_not_called() -> None:
    torch = pytest.importorskip("torch")
    assert "model.pt" in members(build(serving_model(), exported_model=torch.nn.Linear(1, 1)))
