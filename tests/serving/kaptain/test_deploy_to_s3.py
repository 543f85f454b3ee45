"""Deploys to a store that speaks S3: what is there, who may read it, and what failures leave."""

from __future__ import annotations

import logging
import os
import re
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from marpack.kaptain import (
    Config,
    Model,
    ModelDeploymentException,
    ModelExportUtil,
    ModelPlanError,
    S3ConfigurationProvider,
)
from marpack.remote.local_folder import LocalFolder
from tests.support.deploys import ID, NAME, SERVING, digits_model, documents, predictor, storage_uri, tree
from tests.support.object_store import judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.object_store import S3Server

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("project"), pytest.mark.xdist_group("moto")]

BASE = "s3://models/kaptain"
HOME = f"kaptain/{ID}/deploy"
SECRET_FILE = Path(f"{NAME}-secret.yaml")
KEY_ID, KEY = "AKIAKAPTAIN", "hunter2/of+Kaptain"


@pytest.fixture
def store(s3: S3Server, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    for name, value in s3.environment.items():  # project has taken them away
        monkeypatch.setenv(name, value)
    s3.empty()
    s3.abandon()
    yield s3
    s3.empty()


def with_provider(endpoint: str, **changes: Any) -> Model:
    provider = S3ConfigurationProvider(KEY_ID, KEY, region_name="eu-west-1", s3_endpoint=endpoint)
    return digits_model(config=Config(storage_config_provider=provider, base_model_storage_uri=BASE), **changes)


def test_the_store_holds_the_folder_and_the_record(store: S3Server) -> None:
    model = digits_model(BASE)
    model.deploy(cpu="1", memory="4G")
    assert re.fullmatch(f"s3://models/{HOME}/[0-9a-f]{{32}}", storage_uri())
    folder = storage_uri().removeprefix("s3://models/")
    assert store.names() == sorted(
        [f"{folder}/config/config.properties", f"{folder}/model-store/{NAME}.mar", f"{HOME}/deployment.json"]
    )
    assert store.unfinished() == []
    assert model.deployment.uri == storage_uri()
    assert model.deployment.artifact.config_path == f"{storage_uri()}/config/config.properties"


def test_an_account_with_placeholders_says_how_the_store_is_reached(store: S3Server) -> None:
    model = digits_model(BASE)
    model.deploy(namespace="prod")
    [account, _] = documents().values()
    [secret] = documents(SECRET_FILE).values()
    assert account["secrets"] == [{"name": f"{NAME}-secret"}]
    assert predictor()["serviceAccountName"] == account["metadata"]["name"] == f"{NAME}-service-account"
    assert secret["metadata"]["name"] == f"{NAME}-secret"
    assert secret["metadata"]["annotations"] == {
        "marpack/model-id": ID,
        "serving.kserve.io/s3-endpoint": store.endpoint.removeprefix("http://"),
        "serving.kserve.io/s3-usehttps": "0",
    }
    assert {each["metadata"]["namespace"] for each in (account, secret)} == {"prod"}
    assert store.environment["AWS_SECRET_ACCESS_KEY"] not in SECRET_FILE.read_text()
    assert model.deployment.files == (f"{NAME}.yaml", str(SECRET_FILE))
    assert model.deployment.commands == (f"kubectl apply -f {SECRET_FILE}", f"kubectl apply -f {NAME}.yaml")
    assert len(model.deployment.documents) == 3


def test_a_secret_is_said_to_have_placeholders_until_it_has_keys(
    store: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "marpack.kaptain")
    model = digits_model(BASE)
    for _ in range(2):
        caplog.clear()
        model.deploy(replace=True)
        assert f"{str(SECRET_FILE)!r} has placeholders: put the keys in before it is applied" in caplog.messages
        assert (
            f"for the cluster: kubectl apply -f {SECRET_FILE} && kubectl apply -f {NAME}.yaml" in caplog.messages
        )
    text = SECRET_FILE.read_text().replace("<access key id>", KEY_ID).replace("<secret access key>", KEY)
    SECRET_FILE.write_text(text)
    caplog.clear()
    model.deploy(replace=True)
    assert f"{str(SECRET_FILE)!r} was there, and stays as it is for the keys in it" in caplog.messages
    assert SECRET_FILE.read_text() == text


def test_keys_are_written_where_that_is_asked_and_nowhere_else(
    store: S3Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in store.environment:  # the provider's alone
        monkeypatch.delenv(name, raising=False)
    model = with_provider(store.endpoint)
    model.deploy(with_credentials=True)
    [secret] = documents(SECRET_FILE).values()
    assert secret["stringData"] == {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": KEY}
    assert secret["metadata"]["annotations"]["serving.kserve.io/s3-region"] == "eu-west-1"
    assert stat.S_IMODE(SECRET_FILE.stat().st_mode) == 0o600
    uploaded = [store.get(name) for name in store.names() if not name.endswith(".mar")]
    shown = [Path(f"{NAME}.yaml").read_bytes(), *uploaded, repr(model.deployment).encode(), repr(model).encode()]
    shown += [caplog.text.encode(), str(model.deployment.warnings).encode()]
    assert KEY.encode() not in b"".join(shown)
    # A deploy that has no keys to write leaves those that are there.
    before = SECRET_FILE.read_bytes()
    model.deploy(replace=True)
    model.deploy_canary(30)
    model.promote_canary()
    assert SECRET_FILE.read_bytes() == before
    assert "stays as it is" in caplog.text


def test_a_secret_for_another_place_is_told_of(store: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    digits_model(BASE).deploy()
    text = SECRET_FILE.read_text().replace("127.0.0.1", "minio")
    SECRET_FILE.write_text(text)
    digits_model(BASE).deploy(replace=True)
    assert SECRET_FILE.read_text() == text
    assert "says otherwise how the store is reached" in caplog.text


def test_an_account_of_the_cluster_is_named_and_none_is_written(store: S3Server) -> None:
    digits_model(BASE).deploy(service_account_name="reader")
    assert list(documents()) == ["InferenceService"]
    assert predictor()["serviceAccountName"] == "reader"
    assert not SECRET_FILE.exists()


def test_the_trainers_export_is_found_and_packed_without_a_copy(
    store: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = with_provider(store.endpoint, serving_config={**SERVING, "serialized_file": None})
    with monkeypatch.context() as trainer:
        for name, value in model.trainer_environment(with_credentials=True).items():
            trainer.setenv(name, value)
        os.rename("digits.pt", "model.pt")
        ModelExportUtil().upload_model("model.pt")
        os.remove("model.pt")
    model.deploy()
    archive = f"{model.deployment.uri.removeprefix('s3://models/')}/model-store/{NAME}.mar"
    assert b"model.pt" in store.get(archive)
    exported = model.exported_model
    assert exported is not None
    for uri in (exported, f"{exported}/", f"{exported}/model.pt"):
        assert model.deploy(model_uri=uri, replace=True)


def test_a_canary_in_the_store(store: S3Server) -> None:
    model = digits_model(BASE)
    model.deploy()
    first = storage_uri()
    model.deploy_canary(30)
    assert (predictor()["canaryTrafficPercent"], storage_uri() != first) == (30, True)
    assert list(documents()) == ["ServiceAccount", "InferenceService"]
    model.rollback_canary()
    assert storage_uri() == first


# ---------------------------------------------------------------------------------------------- stores that fail


@pytest.mark.parametrize("name", ["config.properties", f"{NAME}.mar", "deployment.json"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_store_that_refuses_leaves_everything_as_it_was(store: S3Server, name: str, is_first: bool) -> None:
    if not is_first:
        digits_model(BASE).deploy()
    before, stored = tree("."), {each: store.get(each) for each in store.names()}

    def judge(method: str, path: str) -> Literal["pass", "refuse"]:
        return "refuse" if method in ("PUT", "POST") and name in path else "pass"

    with judged(store.endpoint, judge) as endpoint, pytest.raises(ModelDeploymentException, match=re.escape(name)):
        with_provider(endpoint).deploy(replace=True)
    assert {each: store.get(each) for each in store.names()} == stored
    assert store.unfinished() == []
    assert tree(".") == before


def test_a_store_that_is_silent_from_the_record_on_keeps_what_it_may_name(
    store: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether the record was taken is not known then; a whole folder too many is no harm, one too few is."""
    gone = threading.Event()

    def judge(method: str, path: str) -> Literal["pass", "refuse"]:
        if method == "PUT" and "deployment.json" in path:
            gone.set()
        return "refuse" if gone.is_set() else "pass"

    with judged(store.endpoint, judge) as endpoint, pytest.raises(ModelDeploymentException):
        with_provider(endpoint).deploy()
    folder = storage_uri().removeprefix("s3://models/")
    assert {name.rpartition("/")[2] for name in store.names() if name.startswith(folder)} == {
        "config.properties",
        f"{NAME}.mar",
    }


def test_an_answer_that_got_lost_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    write = LocalFolder.write

    def lost(folder: LocalFolder, name: str, data: bytes) -> None:
        write(folder, name, data)
        raise TimeoutError("no answer")

    monkeypatch.setattr(LocalFolder, "write", lost)
    model = digits_model()
    assert model.deploy()
    assert storage_uri() == model.deployment.uri


@pytest.mark.parametrize("call", ["deploy", "deploy_canary"])
def test_a_store_that_cannot_be_asked(store: S3Server, call: str) -> None:
    with judged(store.endpoint, lambda *_: "refuse") as endpoint:
        model = with_provider(endpoint)
        before = tree(".")
        with pytest.raises(ModelDeploymentException, match="check the credentials"):
            model.deploy() if call == "deploy" else model.deploy_canary(30)
        # What is wrong with the arguments is said first, store or no store.
        with pytest.raises(ModelPlanError, match=r"autoscale|percentage"):
            model.deploy(autoscale=0) if call == "deploy" else model.deploy_canary(101)
        assert tree(".") == before
