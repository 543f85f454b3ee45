"""What a trainer calls, in a process of its own with nothing but variables to go by (K108, K139, K176, K254)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack import UploadError
from marpack.kaptain import (
    Config,
    MetadataUtil,
    Model,
    ModelAlreadyExistsException,
    ModelExportUtil,
    ModelPlanError,
    ModelValidationException,
    S3ConfigurationProvider,
)
from tests.conftest import full_disk

if TYPE_CHECKING:
    from tests.support.object_store import S3Server

SECRET = "hunter2"
# The last lines of the tutorials' trainers; the weights stand for what torch.save writes.
TRAINER = """\
import os
from pathlib import Path
test_loss, correct = 0.25, 9
if "MODEL_LIFECYCLE_PHASE" in os.environ:
    from marpack.kaptain.platform.metadata_util import MetadataUtil
    MetadataUtil.record_metrics({"loss": test_loss, "accuracy": "{:.4f}".format(float(correct) / 10)})
Path("model.pt").write_bytes(b"weights")
if "MODEL_LIFECYCLE_PHASE" in os.environ:
    from marpack.kaptain.platform.model_export_util import ModelExportUtil
    ModelExportUtil().upload_model("model.pt")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MODEL_LIFECYCLE_PHASE", "TRAINED_MODEL_UPLOAD_PATH", "RANK", "S3_ENDPOINT", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.pt").write_bytes(b"weights")
    return tmp_path


@pytest.fixture
def target(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Begin a training run that exports to this folder."""
    monkeypatch.setenv("TRAINED_MODEL_UPLOAD_PATH", str(folder / "store" / "run"))
    return folder / "store" / "run"


def listing(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def saved_model(folder: Path) -> Path:
    """Write the files of a SavedModel."""
    for name in ("saved_model.pb", "variables/variables.index", "assets/words.txt"):
        path = folder / "mnist" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder / "mnist"


def test_the_trainer_of_the_tutorial(folder: Path) -> None:
    (folder / "work").mkdir()
    model = Model("dev/mnist", config=Config(base_model_storage_uri="store"))
    environment = {**os.environ, **model.trainer_environment()}
    subprocess.run([sys.executable, "-c", TRAINER], cwd=folder / "work", env=environment, check=True)
    [path] = (folder / "store" / "dev" / "mnist" / "trained").glob("*/model.pt")
    assert path.read_bytes() == b"weights"
    assert [each.name for each in path.parent.iterdir()] == ["model.pt"]
    recorded = json.loads(path.parent.with_name(f"metrics-{path.parent.name}.json").read_bytes())
    assert recorded["accuracy"]["latest"] == 0.9


def test_the_trainer_of_the_tutorial_outside_of_a_run(folder: Path) -> None:
    (folder / "work").mkdir()
    subprocess.run([sys.executable, "-c", TRAINER], cwd=folder / "work", check=True)
    assert list(listing(folder)) == ["model.pt", "work/model.pt"]


@pytest.mark.slow
def test_the_trainer_of_the_tutorial_and_a_store(
    folder: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in s3.environment:
        monkeypatch.delenv(name)
    provider = S3ConfigurationProvider("key-id", SECRET, s3_endpoint=s3.endpoint)
    config = Config(storage_config_provider=provider, base_model_storage_uri="s3://models/of/trainers")
    told = Model("dev/mnist", config=config).trainer_environment(with_credentials=True)
    subprocess.run([sys.executable, "-c", TRAINER], cwd=folder, env={**os.environ, **told}, check=True)
    parent, _, name = told["TRAINED_MODEL_UPLOAD_PATH"].removeprefix("s3://models/").rpartition("/")
    # KServe downloads all that begins like the export.
    assert {key for key in s3.names() if key.startswith("of/trainers/")} == {
        f"{parent}/metrics-{name}.json",
        f"{parent}/{name}/model.pt",
    }
    s3.empty()


def test_a_file_keeps_its_name(target: Path) -> None:
    assert ModelExportUtil().upload_model("model.pt") == str(target)
    assert listing(target) == {"model.pt": b"weights"}


def test_a_saved_model_gets_the_folder_of_a_version(folder: Path, target: Path) -> None:
    saved_model(folder)
    ModelExportUtil().upload_model("mnist")
    assert set(listing(target)) == {
        "0001/saved_model.pb",
        "0001/variables/variables.index",
        "0001/assets/words.txt",
    }


@pytest.mark.parametrize("inside", ["model.pt", "1/saved_model.pb"])
def test_the_contents_of_another_folder_go_there(inside: str, folder: Path, target: Path) -> None:
    path = folder / "export" / inside
    path.parent.mkdir(parents=True)
    path.write_bytes(b"data")
    ModelExportUtil().upload_model(Path("export"))
    assert listing(target) == {inside: b"data"}


def test_extra_files_are_told_from_the_model(folder: Path, target: Path) -> None:
    (folder / "labels.json").write_text("{}")
    (folder / "more" / "deep").mkdir(parents=True)
    (folder / "more" / "deep" / "a.txt").write_text("a")
    ModelExportUtil().upload_model("model.pt", extra_files=["labels.json", "more"])
    assert set(listing(target)) == {"model.pt", "extra_files/labels.json", "extra_files/more/deep/a.txt"}


def test_everything_that_is_wrong_comes_at_once_and_nothing_is_there(folder: Path, target: Path) -> None:
    (folder / "empty").mkdir()
    extra: Any = ["gone.json", "empty", 5, "model.pt", folder / "model.pt"]
    with pytest.raises(ModelPlanError) as caught:
        ModelExportUtil().upload_model("gone.pt", extra_files=extra)
    assert [(issue.argument, issue.code) for issue in caught.value.issues] == [
        ("path", "missing-file"),
        ("extra_files", "missing-file"),
        ("extra_files", "missing-file"),
        ("extra_files", "bad-type"),
        ("extra_files", "collision"),
    ]
    assert not target.parent.exists()


@pytest.mark.parametrize("path", ["", None, 5, b"model.pt"])
def test_what_is_no_path_is_refused(path: Any, target: Path) -> None:
    with pytest.raises(ModelPlanError, match="path"):
        ModelExportUtil().upload_model(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFOs")
def test_a_pipe_is_no_model(folder: Path, target: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(ModelPlanError, match="neither a file nor a folder"):
        ModelExportUtil().upload_model("pipe")


def test_a_link_to_a_folder_is_not_left_out_in_silence(folder: Path, target: Path) -> None:
    path = saved_model(folder)
    (path / "more").symlink_to(path)
    (path / "link.txt").symlink_to(path / "saved_model.pb")
    with pytest.raises(ModelPlanError, match=r"more' is a link to a folder"):
        ModelExportUtil().upload_model("mnist")
    (path / "more").unlink()
    ModelExportUtil().upload_model("mnist")
    assert listing(target)["0001/link.txt"] == b"saved_model.pb"


def calls() -> list[Any]:
    return [lambda: ModelExportUtil().upload_model("model.pt"), lambda: MetadataUtil.record_metrics({"loss": 1})]


@pytest.mark.parametrize("call", calls(), ids=["upload_model", "record_metrics"])
@pytest.mark.parametrize("value", [None, "", "/"])
def test_outside_of_a_training_run_the_variables_are_named(
    call: Any, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("TRAINED_MODEL_UPLOAD_PATH", value)
    with pytest.raises(ModelValidationException, match=r"TRAINED_MODEL_UPLOAD_PATH.*trainer_environment\(\)"):
        call()


@pytest.mark.parametrize("call", calls(), ids=["upload_model", "record_metrics"])
@pytest.mark.parametrize("value", ["s3://bucket", "s3://bucket/"])
def test_a_whole_bucket_is_no_folder(call: Any, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINED_MODEL_UPLOAD_PATH", value)
    with pytest.raises(ModelValidationException, match="add a folder"):
        call()


def test_a_place_that_cannot_be_written_is_told_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINED_MODEL_UPLOAD_PATH", f"https://user:{SECRET}@host.invalid/run")
    with pytest.raises(UploadError, match=r"host\.invalid") as caught:
        ModelExportUtil().upload_model("model.pt")
    assert SECRET not in str(caught.value)


def test_a_full_disk_leaves_no_part_of_a_model_and_the_metrics_as_they_were(folder: Path, target: Path) -> None:
    MetadataUtil.record_metrics({"loss": 0.5})
    path = saved_model(folder)
    (path / "variables" / "variables.data").write_bytes(b"x" * (1 << 16))
    before = listing(target.parent)
    with full_disk(1 << 10):
        with pytest.raises(OSError, match="too large"):
            ModelExportUtil().upload_model("mnist")
        with pytest.raises(OSError, match="too large"):
            MetadataUtil.record_metrics({f"loss of {number}": 0.5 for number in range(99)})
    assert listing(target.parent) == before
    assert not target.exists()


def test_another_worker_that_uploads_the_same_is_no_error(target: Path) -> None:
    """All workers of the tutorial's run upload, and so may a trainer that is started again."""
    for _ in range(2):
        ModelExportUtil().upload_model("model.pt")
    assert listing(target) == {"model.pt": b"weights"}


@pytest.mark.parametrize("data", [b"WEIGHTS", b"longer weights"])
def test_another_model_does_not_take_the_place_of_one(data: bytes, folder: Path, target: Path) -> None:
    ModelExportUtil().upload_model("model.pt")
    (folder / "model.pt").write_bytes(data)
    with pytest.raises(ModelAlreadyExistsException, match="folder of its own"):
        ModelExportUtil().upload_model("model.pt")
    assert listing(target) == {"model.pt": b"weights"}


def test_only_the_first_worker_of_a_distributed_run_writes(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert ModelExportUtil().upload_model("model.pt") == str(target)
    MetadataUtil.record_metrics({"loss": 0.5})
    assert not target.parent.exists()
    with pytest.raises(ModelPlanError):
        MetadataUtil.record_metrics({"loss": "low"})
    monkeypatch.setenv("RANK", "0")
    ModelExportUtil().upload_model("model.pt")
    assert listing(target) == {"model.pt": b"weights"}


def test_metrics_of_every_epoch_are_joined(target: Path) -> None:
    for loss in (0.5, 0.25):
        MetadataUtil.record_metrics({"loss": loss})
    recorded = json.loads(target.with_name("metrics-run.json").read_bytes())
    assert recorded == {"loss": {"latest": 0.25, "min": 0.25, "max": 0.5}}
    # Recorded before the export, as in the tutorial.
    ModelExportUtil().upload_model("model.pt")
    assert list(listing(target)) == ["model.pt"]
