"""Which saved model ``Model.deploy`` takes, and what it does with one of another framework."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.kaptain import Model, ModelFramework, UnsupportedModelDeploymentException
from tests.support.deploys import ID, SERVING, T, digits_model, predictor, said, storage_uri

pytestmark = pytest.mark.usefixtures("project", "heard")


# --------------------------------------------------------------------------------------------- which saved model


def test_the_newest_export_is_packed_under_its_name() -> None:
    export("trained", "old.pt", seconds=1)
    export("tuned", "model.pt", seconds=2)
    model = digits_model(serving_config={**SERVING, "serialized_file": None})
    model.deploy()
    assert packed_weights(model) == "model.pt"
    assert model.state == "tuned"


@pytest.mark.parametrize(
    "uri",
    [
        "elsewhere/net.pt",
        "elsewhere",
        "elsewhere/",
        "file://{cwd}/elsewhere/net.pt",
        "file://{cwd}/elsewhere",
        "{cwd}/elsewhere/net.pt",
    ],
)
def test_a_saved_model_may_be_named_by_path_or_url_and_goes_before_serving_config(
    uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    Path("elsewhere").mkdir()
    Path("elsewhere/net.pt").write_bytes(Path("digits.pt").read_bytes())
    model = digits_model()
    model.deploy(model_uri=uri.format(cwd=os.getcwd()))
    assert packed_weights(model) == "net.pt"
    assert "serialized_file of serving_config is not packed" in said(caplog, logging.WARNING)


def test_an_export_that_is_named_is_read_as_the_newest_is() -> None:
    """What was exported beside the weights is not weights, whichever way the folder was found."""
    export("trained", "model.pt", seconds=1)
    folder = Path("store", ID, "trained", f"{1:032x}")
    (folder / "extra_files").mkdir()
    (folder / "extra_files" / "labels.json").write_bytes(b"{}")
    model = digits_model()
    model.deploy(model_uri=str(folder))
    assert packed_weights(model) == "model.pt"


def export(phase: str, name: str, *, seconds: int) -> None:
    folder = Path("store", ID, phase, f"{seconds:032x}")
    folder.mkdir(parents=True)
    (folder / name).write_bytes(Path("digits.pt").read_bytes())
    os.utime(folder / name, (T + seconds, T + seconds))


def packed_weights(model: Model) -> str | None:
    with marpack.open_archive(str(model.deployment.artifact.archive.path)) as archive:
        assert isinstance(archive, marpack.ModelArchive)
        return archive.manifest.model.serialized_file


# ----------------------------------------------------------------------------------------------- other frameworks


@pytest.mark.parametrize(
    ("framework", "format_name", "protocol"),
    [
        (ModelFramework.SKLEARN, "sklearn", None),
        ("tensorflow", "tensorflow", None),
        ("tf", "tensorflow", None),
        ("xgboost", "xgboost", None),
        ("lightgbm", "lightgbm", None),
        ("onnx", "onnx", "v2"),
    ],
)
def test_of_another_framework_only_manifests_are_written(
    framework: Any, format_name: str, protocol: str | None
) -> None:
    export("trained", "model.joblib", seconds=1)
    model = digits_model(framework=framework, serving_config=None)
    assert model.deploy(cpu="0.5", memory="500M", replace=True)
    folder = Path("store", ID, "trained", f"{1:032x}").absolute()
    assert storage_uri() == f"file://{folder}"
    assert predictor()["model"]["modelFormat"] == {"name": format_name}
    assert predictor()["model"].get("protocolVersion") == protocol
    assert [path.name for path in Path("store", ID, "deploy").iterdir()] == ["deployment.json"]
    assert model.deployment.artifact is None


def test_of_another_framework_the_saved_model_may_be_anywhere_that_kserve_reads() -> None:
    model = digits_model(framework="sklearn", serving_config={"requirements_file": "requirements.txt"})
    model.deploy(model_uri="gs://bucket/wine")
    assert storage_uri() == "gs://bucket/wine"
    codes = [each.code for each in model.deployment.findings]
    assert codes == ["kserve-access", "kserve-requirements"]


@pytest.mark.parametrize(
    ("location", "uri"),
    [("s3a://b/m", "s3://b/m"), ("gcs://b/m", "gs://b/m"), ("S3://b/m/", "s3://b/m"), ("s3://b/m", "s3://b/m")],
)
def test_a_store_is_called_as_kserve_calls_it(location: str, uri: str) -> None:
    model = digits_model(framework="sklearn", serving_config=None)
    model.deploy(model_uri=location)
    assert storage_uri() == uri


def test_a_folder_with_blanks_in_its_path_is_a_url_without() -> None:
    model = digits_model("my store")
    model.deploy()
    assert "/my%20store/" in storage_uri()
    assert Path("my store", ID, "deploy").is_dir()


def test_a_store_that_kserve_does_not_read_is_told() -> None:
    model = digits_model(framework="sklearn", serving_config=None)
    model.deploy(model_uri="sftp://host/wine")
    assert "kserve-storage-uri" in [each.code for each in model.deployment.findings]


def test_a_framework_without_a_server_is_said_to_have_none() -> None:
    with pytest.raises(UnsupportedModelDeploymentException, match=r"mxnet.*marpack packs PyTorch"):
        digits_model(framework="mxnet").deploy()
