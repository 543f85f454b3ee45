"""Canaries and their end, ``undeploy``, and the record that they go by (K160 to K163, K251, K332)."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from marpack.kaptain import Config, Model, ModelDeploymentException, Resources, Transformer
from marpack.kaptain.platform.constants import CONFIG_MAP_KIND, SECRET_KIND
from tests.support.deploys import ID, NAME, SERVING, digits_model, documents, predictor, record, storage_uri, tree

pytestmark = pytest.mark.usefixtures("project")

MANIFEST = Path(f"{NAME}.yaml")
RECORD = Path("store", ID, "deploy", "deployment.json")


def deployed(**arguments: Any) -> Model:
    model = digits_model(labels=["fraud"])
    arguments = {"cpu": "1", "memory": "4G", "namespace": "prod", "torchserve_version": "0.9.0", **arguments}
    assert model.deploy(**arguments)
    return model


def folders() -> int:
    return sum(path.is_dir() for path in RECORD.parent.iterdir())


def without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return the document without some keys of the predictor and the storageUri."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    for key in keys:
        del copy["spec"]["predictor"][key]
    del copy["spec"]["predictor"]["model"]["storageUri"]
    return copy


def isvc() -> dict[str, Any]:
    return documents()["InferenceService"]


# -------------------------------------------------------------------------------------------------- the tutorial


def test_a_canary_is_the_same_document_with_its_folder_and_its_share() -> None:
    model = deployed(min_replicas=2, env={"A": "1"})
    before = isvc()
    baseline = model.deployment.uri
    model.deploy_canary(canary_traffic_percentage=30)
    assert predictor()["canaryTrafficPercent"] == 30
    assert without(isvc(), "canaryTrafficPercent") == without(before)
    assert storage_uri() == model.deployment.uri != baseline
    assert Path(storage_uri().removeprefix("file://"), "model-store", f"{NAME}.mar").is_file()
    assert model.deployment.canary_traffic_percentage == 30
    assert record()["deployed"]["service"]["storage_uri"] == baseline


def test_promoted_the_canary_is_the_document() -> None:
    model = deployed()
    before = isvc()
    model.deploy_canary(30)
    canary = storage_uri()
    model.promote_canary()
    assert without(isvc()) == without(before)
    assert storage_uri() == model.deployment.uri == canary
    assert model.deployment.canary_traffic_percentage is None
    assert record()["deployed"]["service"]["storage_uri"] == canary
    assert "canary" not in record()["deployed"]


def test_rolled_back_the_document_is_the_old_one_byte_for_byte() -> None:
    model = deployed(env={"A": "yes"}, args=["--x"])
    before, remembered = MANIFEST.read_bytes(), RECORD.read_bytes()
    model.deploy_canary(30)
    assert MANIFEST.read_bytes() != before
    model.rollback_canary()
    assert (MANIFEST.read_bytes(), RECORD.read_bytes()) == (before, remembered)


def test_a_canary_of_what_is_deployed_is_told(caplog: pytest.LogCaptureFixture) -> None:
    folder = Path("store", ID, "trained", "1" * 32)
    folder.mkdir(parents=True)
    os.rename("digits.pt", folder / "model.pt")
    model = digits_model(serving_config={**SERVING, "serialized_file": None})
    model.deploy()
    model.deploy_canary(30)
    assert "the canary is of the same saved model" in caplog.text
    assert "the same saved model" in model.deployment.warnings[0]


def test_called_again_only_the_share_changes() -> None:
    model = deployed()
    model.deploy_canary(30)
    first, count = isvc(), folders()
    model.deploy_canary(70)
    assert predictor()["canaryTrafficPercent"] == 70
    first["spec"]["predictor"]["canaryTrafficPercent"] = 70
    assert (isvc(), folders()) == (first, count)
    assert model.deployment.artifact is None


def test_called_again_with_a_model_the_canary_is_another() -> None:
    model = deployed()
    model.deploy_canary(30)
    first = storage_uri()
    model.deploy_canary(30, model_uri="digits.pt")
    assert storage_uri() != first
    assert folders() == 3


@pytest.mark.parametrize("share", [0, 100])
def test_all_and_none_are_shares(share: int) -> None:
    deployed().deploy_canary(share)
    assert predictor()["canaryTrafficPercent"] == share


def test_a_canary_is_for_the_server_of_the_deploy() -> None:
    model = deployed(torchserve_version="0.9.0")
    model.deploy_canary(5)
    config = Path(storage_uri().removeprefix("file://"), "config", "config.properties").read_text()
    assert "enable_envvars_config=true" in config


def test_another_process_goes_on_from_the_record() -> None:
    deployed()
    before = isvc()
    MANIFEST.unlink()
    digits_model().deploy_canary(30)
    assert without(isvc(), "canaryTrafficPercent") == without(before)
    digits_model().promote_canary()
    assert without(isvc()) == without(before)


def test_a_deploy_that_replaces_drops_the_canary() -> None:
    model = deployed()
    model.deploy_canary(30)
    assert model.deploy(replace=True)
    assert "canaryTrafficPercent" not in predictor()
    with pytest.raises(ModelDeploymentException, match="has no canary"):
        model.promote_canary()


def test_of_another_framework_a_canary_is_another_folder() -> None:
    model = digits_model(framework="sklearn", serving_config=None)
    model.deploy(model_uri="s3://bucket/one")
    model.deploy_canary(20, model_uri="s3://bucket/two")
    assert (storage_uri(), predictor()["canaryTrafficPercent"]) == ("s3://bucket/two", 20)
    model.promote_canary()
    assert storage_uri() == "s3://bucket/two"


# ------------------------------------------------------------------------------------------- where there is none


@pytest.mark.parametrize("method", ["promote_canary", "rollback_canary", "undeploy"])
def test_without_a_deploy_there_is_nothing_to_change(method: str) -> None:
    before = tree(".")
    with pytest.raises(ModelDeploymentException, match=f"is not deployed, and {method}"):
        getattr(digits_model(), method)()
    with pytest.raises(ModelDeploymentException, match="is not deployed, and deploy_canary"):
        digits_model().deploy_canary(30)
    assert tree(".") == before


@pytest.mark.parametrize("method", ["promote_canary", "rollback_canary"])
def test_without_a_canary_there_is_none_to_end(method: str) -> None:
    model = deployed()
    before = tree(".")
    with pytest.raises(ModelDeploymentException, match="has no canary"):
        getattr(model, method)()
    assert tree(".") == before


# ------------------------------------------------------------------------------------------------------ undeploy


def test_undeploy_says_how_the_cluster_is_told_and_forgets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "marpack.kaptain")
    model = deployed()
    model.deploy_canary(30)
    model.undeploy()
    assert f"kubectl delete -f {MANIFEST}" in caplog.text
    assert model.deployment.commands == (f"kubectl delete -f {MANIFEST}",)
    # What the line names, and what the cluster may still read.
    assert MANIFEST.is_file()
    assert folders() == 2
    with pytest.raises(ModelDeploymentException, match="is not deployed"):
        model.undeploy()
    assert digits_model().deploy() is True


def test_undeploy_on_another_machine_names_the_objects() -> None:
    deployed()
    MANIFEST.unlink()
    model = digits_model()
    model.undeploy()
    assert model.deployment.commands == (f"kubectl delete inferenceservice/{NAME} -n prod",)


# -------------------------------------------------------------------------------------------- where manifests go


def test_a_change_goes_where_the_manifest_went() -> None:
    deployed(output="manifests")
    model = digits_model()
    model.deploy_canary(30)
    model.promote_canary()
    assert not MANIFEST.exists()
    assert storage_uri(f"manifests/{NAME}.yaml") == model.deployment.uri


def test_a_folder_of_another_machine_gives_way_to_base_dir() -> None:
    deployed(output=os.path.abspath("../gone"))
    os.rename(f"../gone/{NAME}.yaml", "elsewhere.yaml")
    os.rmdir("../gone")
    digits_model().deploy_canary(30)
    assert MANIFEST.is_file()
    assert not Path("../gone").exists()


def test_a_canary_may_go_elsewhere() -> None:
    model = deployed()
    before = MANIFEST.read_bytes()
    model.deploy_canary(30, output="canary")
    assert MANIFEST.read_bytes() == before
    model.promote_canary()
    assert storage_uri(f"canary/{NAME}.yaml") == model.deployment.uri


def test_a_manifest_that_was_edited_is_kept_beside_the_new_one(caplog: pytest.LogCaptureFixture) -> None:
    model = deployed()
    edited = MANIFEST.read_text() + "# tolerations to come\n"
    for number in (1, 2):
        MANIFEST.write_text(edited)
        model.deploy_canary(number)
    assert Path(f"{MANIFEST}.edited").read_text() == Path(f"{MANIFEST}.edited-2").read_text() == edited
    assert "had been changed since marpack wrote it" in caplog.text
    assert yaml.safe_load(MANIFEST.read_text())["spec"]["predictor"]["canaryTrafficPercent"] == 2
    assert [name for name in os.listdir(".") if name.startswith(".")] == []


# ---------------------------------------------------------------------------------------------------- the record


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("\xff", "is not JSON"),
        ("[]", "is no record of a deploy"),
        ('{"format": "1"}', "is no record of a deploy"),
        ('{"format": 2, "model": "dev/mnist", "deployed": {"new": 1}}', "another marpack: its format is 2"),
        ('{"format": 1, "model": "dev/wine", "deployed": null}', "is the record of another model, 'dev/wine'"),
        ('{"format": 1, "model": "dev/mnist"}', "lacks 'deployed'"),
        ('{"format": 1, "model": "dev/mnist", "deployed": []}', "does not say what is deployed"),
        ('{"format": 1, "model": "dev/mnist", "deployed": {}}', "lacks 'service'"),
        (
            '{"format": 1, "model": "dev/mnist", "deployed": {"service": {"name": "A"}}}',
            "does not say what is deployed",
        ),
        (
            '{"format": 1, "model": "dev/mnist", "deployed": {"service": {"name": "a", "storage_uri": "s3://b/c", '
            '"hack": 1}, "manifest": "a.yaml"}}',
            "does not say what is deployed",
        ),
        (
            '{"format": 1, "model": "dev/mnist", "deployed": {"service": {"name": "a", '
            '"storage_uri": "s3://b/c"}, "manifest": 5}}',
            "does not say what is deployed",
        ),
        (f'{{"format": 1, "model": "dev/mnist", "deployed": {"[" * 100_000}', "is not JSON"),
        (" " * (1 << 21), "is larger than"),
    ],
)
def test_a_record_that_cannot_be_read_is_said_to_be_and_stays(text: str, says: str) -> None:
    RECORD.parent.mkdir(parents=True)
    RECORD.write_bytes(text.encode("latin-1"))
    before = tree(".")
    model = digits_model()
    for call in (model.deploy, lambda: model.deploy(replace=True), lambda: model.deploy_canary(1), model.undeploy):
        with pytest.raises(ModelDeploymentException, match=says) as caught:
            call()
        assert "deployment.json" in str(caught.value)
    assert tree(".") == before


@pytest.mark.parametrize(
    "account",
    [
        "text",
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "reader"},
        },
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "admin", "namespace": "prod"}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader", "namespace": "kube-system"}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}, "automount": True},
    ],
    ids=str,
)
def test_a_record_brings_no_other_document_into_the_manifest(account: Any) -> None:
    model = deployed(service_account_name="reader")
    changed = record()
    changed["deployed"]["service_account"] = account
    RECORD.write_text(json.dumps(changed))
    before = tree(".")
    with pytest.raises(ModelDeploymentException, match="service_account"):
        model.deploy_canary(30)
    assert tree(".") == before


@pytest.mark.parametrize("elsewhere", ["../elsewhere/{name}.yaml", "{parent}/elsewhere/{name}.yaml"])
def test_a_record_has_nothing_written_elsewhere(elsewhere: str, project: Path) -> None:
    model = deployed()
    (project.parent / "elsewhere").mkdir()
    changed = record()
    changed["deployed"]["manifest"] = elsewhere.format(name=NAME, parent=project.parent)
    RECORD.write_text(json.dumps(changed))
    model.deploy_canary(30)
    assert predictor()["canaryTrafficPercent"] == 30
    assert os.listdir(project.parent / "elsewhere") == []


def test_all_that_a_service_has_comes_back_from_the_record() -> None:
    model = digits_model()
    model.deploy(
        resources=Resources(cpu_request="500m", cpu_limit=1.5, memory_limit="4Gi"),
        transformer=Transformer(
            image_name="registry/feast:1",
            args=["--x"],
            volumes=[{"name": "store", "type": CONFIG_MAP_KIND, "path": "/wine"}],
            env_from={"name": "feast", "type": SECRET_KIND},
        ),
        env={"ON": "yes", "N": "1"},
        env_from={"name": "keys", "type": SECRET_KIND},
        args=["--ncs"],
        min_replicas=0,
    )
    before = MANIFEST.read_bytes()
    model.deploy_canary(1)
    digits_model().rollback_canary()
    assert MANIFEST.read_bytes() == before


def test_the_record_has_no_path_of_this_machine_but_where_that_was_asked() -> None:
    model = digits_model(
        config=Config(base_dir=os.getcwd(), base_model_storage_uri="store"), serving_config=SERVING
    )
    model.deploy()
    assert record()["deployed"]["manifest"] == f"{NAME}.yaml"
    model.deploy(replace=True, output=os.path.abspath("../out"))
    assert record()["deployed"]["manifest"] == os.path.abspath(f"../out/{NAME}.yaml")
