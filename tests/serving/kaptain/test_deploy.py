"""``Model.deploy``: what it uploads, and the manifests that it writes."""

from __future__ import annotations

import logging
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import properties
from marpack.errors import CheckError
from marpack.kaptain import Config, Resources, Transformer
from marpack.kaptain.platform.constants import CONFIG_MAP_KIND, SECRET_KIND
from marpack.serving.kaptain.artifacts.artifact_builder import TorchServingArtifactBuilder
from tests.support.deploys import (
    ID,
    NAME,
    SERVING,
    T,
    digits_model,
    documents,
    predictor,
    record,
    said,
    service,
    storage_uri,
    tree,
)

pytestmark = pytest.mark.usefixtures("project", "heard")

SECRET = "hunter2"
MAR = f"{NAME}.mar"


@pytest.fixture
def the_same_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw one random name for all folders."""
    real = os.urandom
    monkeypatch.setattr(os, "urandom", lambda size: bytes(size) if size == 16 else real(size))


# ---------------------------------------------------------------------------------------- what lies in the store


def test_the_folder_is_what_kserve_mounts_and_the_manifest_names_it() -> None:
    model = digits_model()
    assert model.deploy(cpu="1", memory="4G") is True
    [folder] = [path for path in Path("store/dev/mnist/deploy").iterdir() if path.is_dir()]
    assert re.fullmatch("[0-9a-f]{32}", folder.name)
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        f"model-store/{MAR}",
        "config/config.properties",
    }
    assert storage_uri() == model.deployment.uri == f"file://{folder.absolute()}"
    with zipfile.ZipFile(folder / "model-store" / MAR) as archive:
        assert archive.testzip() is None
        assert {"model.py", "handler.py", "digits.pt", "index_to_name.json"} <= set(archive.namelist())


def test_without_a_server_named_the_settings_are_kaptains_own_text(caplog: pytest.LogCaptureFixture) -> None:
    model = digits_model()
    model.deploy()
    written = TorchServingArtifactBuilder.write_config_properties(NAME, MAR, ".")
    artifact = model.deployment.artifact
    assert artifact is not None
    assert Path(artifact.config_path).read_bytes() == Path(written).read_bytes()
    assert "protocolVersion" not in predictor()["model"]
    assert [each.code for each in model.deployment.findings if each.key == "service_envelope"] == [
        "kserve-literal-settings"
    ]
    assert 'deploy(torchserve_version="0.9.0")' in said(caplog, logging.WARNING)


@pytest.mark.parametrize("version", ["0.9.0", "0.12.0"])
def test_for_a_current_kserve_settings_and_protocol_agree(version: str) -> None:
    model = digits_model()
    model.deploy(torchserve_version=version)
    settings = properties.loads(Path(model.deployment.artifact.config_path).read_bytes())
    assert (settings["enable_envvars_config"], settings.get("service_envelope")) == ("true", None)
    assert settings["management_address"] == settings["inference_address"] == "http://0.0.0.0:8085"
    assert predictor()["model"]["protocolVersion"] == "v1"
    assert "kserve-literal-settings" not in [each.code for each in model.deployment.findings]
    snapshot = marpack.ModelSnapshot.from_json(settings["model_snapshot"])
    assert snapshot.models[NAME]["1.0"].max_workers == 5


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        ({"torchserve_version": "0.9.0"}, []),
        ({"torchserve_version": "0.9.0", "protocol_version": "v2"}, []),
        ({"torchserve_version": "0.12.0"}, ["kserve-release"]),
        ({"torchserve_version": "0.12.0", "runtime_version": "0.12.0"}, []),
        ({"torchserve_version": "0.5.2", "predictor_form": "pytorch"}, []),
        ({"torchserve_version": "0.9.0", "env": {"A": "{{ user }}"}}, ["kserve-template"]),
        ({"torchserve_version": "0.9.0", "resources": Resources(cpu_request=2)}, ["kserve-resources"]),
        ({"protocol_version": "v2"}, ["kserve-literal-settings", "kserve-envelope"]),
        ({"torchserve_version": "0.9.0", "protocol_version": "grpc-v1"}, ["kserve-protocol"]),
    ],
    ids=str,
)
def test_where_server_settings_and_service_do_not_agree_it_is_told(
    arguments: dict[str, Any], codes: list[str]
) -> None:
    model = digits_model()
    model.deploy(**arguments)
    assert [each.code for each in model.deployment.findings] == [*codes, "kserve-storage-uri"]
    if any(each.severity == "error" for each in model.deployment.findings):
        with pytest.raises(CheckError):
            model.deploy(replace=True, check="error", **arguments)


def test_where_requests_go_follows_the_protocol() -> None:
    model = digits_model()
    model.deploy(torchserve_version="0.9.0", protocol_version="v2")
    assert model.deployment.predict_url == f"{model.deployment.url}/v2/models/{NAME}/infer"
    model.deploy(torchserve_version="0.9.0", protocol_version="grpc-v2", replace=True)
    assert model.deployment.predict_url is None


def test_for_the_server_of_kaptains_time_the_text_stays_its_own() -> None:
    model = digits_model()
    model.deploy(torchserve_version="0.5.2")
    settings = properties.loads(Path(model.deployment.artifact.config_path).read_bytes())
    assert settings["service_envelope"] == "kfserving"
    assert "protocolVersion" not in predictor()["model"]


def test_own_settings_are_used_unchanged() -> None:
    text = Path(TorchServingArtifactBuilder.write_config_properties(NAME, MAR, ".")).read_bytes() + b"# mine\n"
    Path("own.properties").write_bytes(text)
    model = digits_model(serving_config={**SERVING, "config_properties": "own.properties"})
    model.deploy()
    assert Path(model.deployment.artifact.config_path).read_bytes() == text


@pytest.mark.usefixtures("the_same_folder")
def test_the_same_call_gives_the_same_bytes() -> None:
    for folder in ("a", "b"):
        os.mkdir(folder)
        digits_model(f"{folder}/store").deploy(
            timestamp=T, output=folder, service_account_name="reader", cpu=1, env={"B": "1", "A": "2"}
        )
    first, second = ({Path(*Path(name).parts[1:]): data for name, data in tree(each).items()} for each in "ab")
    assert first.keys() == second.keys()
    # The places differ, and nothing else.
    for b, a in ((b"/b/store", b"/a/store"), (b'"b/dev', b'"a/dev')):
        second = {path: data.replace(b, a) for path, data in second.items()}
    assert second == first


# --------------------------------------------------------------------------------------------------- the manifest


def test_the_service_of_the_tutorial() -> None:
    model = digits_model(labels=["fraud", "a, b"])
    model.deploy(cpu="1", memory="4G", namespace="prod")
    assert service()["metadata"] == {
        "name": NAME,
        "namespace": "prod",
        "labels": {"app.kubernetes.io/managed-by": "marpack", "app.kubernetes.io/name": NAME},
        "annotations": {"marpack/labels": '["fraud", "a, b"]', "marpack/model-id": ID},
    }
    assert predictor() == {
        "scaleTarget": 2,
        "scaleMetric": "concurrency",
        "model": {
            "modelFormat": {"name": "pytorch"},
            "storageUri": model.deployment.uri,
            "resources": {side: {"cpu": "1", "memory": "4G"} for side in ("requests", "limits")},
        },
    }
    assert model.deployment.url == f"http://{NAME}.prod.svc.cluster.local"
    assert model.deployment.predict_url == f"{model.deployment.url}/v1/models/{NAME}:predict"
    assert model.deployment.documents == tuple(documents().values())


def test_every_further_keyword_is_in_the_service() -> None:
    digits_model().deploy(
        autoscale=7,
        gpus=1,
        resources=None,
        min_replicas=0,
        max_replicas=4,
        scale_metric="rps",
        container_concurrency=9,
        timeout=60,
        service_account_name="reader",
        args=["--ncs"],
        env={"OMP_NUM_THREADS": "1"},
        env_from={"name": "keys", "type": SECRET_KIND},
        runtime="kserve-torchserve",
        runtime_version="0.9.0-gpu",
        image="registry/ts:1",
        protocol_version="v2",
        torchserve_version="0.9.0",
        transformer=Transformer(
            image_name="registry/feast:1",
            args=["--x", "1"],
            volumes=[{"name": "feature-store", "type": CONFIG_MAP_KIND, "path": "/wine"}],
            env_from={"name": "feast-conf", "type": SECRET_KIND},
        ),
    )
    found = predictor()
    assert (found["scaleTarget"], found["scaleMetric"], found["containerConcurrency"]) == (7, "rps", 9)
    assert (found["minReplicas"], found["maxReplicas"], found["timeout"]) == (0, 4, 60)
    assert found["serviceAccountName"] == "reader"
    model = found["model"]
    assert (model["runtime"], model["runtimeVersion"], model["image"]) == (
        "kserve-torchserve",
        "0.9.0-gpu",
        "registry/ts:1",
    )
    assert (model["args"], model["protocolVersion"]) == (["--ncs"], "v2")
    assert model["env"] == [{"name": "OMP_NUM_THREADS", "value": "1"}]
    assert model["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert model["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert service()["spec"]["transformer"]["containers"][0]["image"] == "registry/feast:1"


@pytest.mark.parametrize("gpus", [None, 0, "0"])
def test_no_gpu_is_no_resource(gpus: Any) -> None:
    digits_model().deploy(gpus=gpus)
    assert "resources" not in predictor()["model"]


def test_resources_may_differ_in_request_and_limit() -> None:
    digits_model().deploy(resources=Resources(cpu_request="500m", cpu_limit=2, memory_limit="4Gi"))
    assert predictor()["model"]["resources"] == {
        "requests": {"cpu": "500m"},
        "limits": {"cpu": "2", "memory": "4Gi"},
    }


def test_the_older_form_says_the_target_by_an_annotation() -> None:
    digits_model().deploy(predictor_form="pytorch", autoscale=3)
    assert "model" not in predictor()
    assert "scaleTarget" not in predictor()
    assert service()["metadata"]["annotations"]["autoscaling.knative.dev/target"] == "3"


def test_a_variable_that_sounds_secret_is_told_without_its_value(caplog: pytest.LogCaptureFixture) -> None:
    model = digits_model()
    model.deploy(env={"API_TOKEN": SECRET})
    assert "env.API_TOKEN" in said(caplog, logging.WARNING)
    assert SECRET not in said(caplog, logging.DEBUG) + repr(model.deployment) + "".join(model.deployment.warnings)


def test_output_is_where_the_manifests_go() -> None:
    model = digits_model()
    model.deploy(output="manifests/prod")
    assert model.deployment.files == (f"manifests/prod/{NAME}.yaml",)
    assert documents(f"manifests/prod/{NAME}.yaml")
    assert record()["deployed"]["manifest"] == f"manifests/prod/{NAME}.yaml"


def test_relative_paths_begin_at_base_dir(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    model = digits_model(config=Config(base_dir=project, base_model_storage_uri="store"))
    model.deploy()
    assert model.deployment.files == (str(project / f"{NAME}.yaml"),)
    assert (project / "store" / ID / "deploy" / "deployment.json").exists()
    assert os.listdir(".") == []


def test_each_deploy_renews_the_revision() -> None:
    model = digits_model()
    before = model.revision
    model.deploy()
    assert model.revision != before
