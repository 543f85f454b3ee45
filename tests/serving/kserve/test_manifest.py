"""What kubectl applies: documents in their order, text that stays text, and no credential where none belongs."""

from __future__ import annotations

import dataclasses
import os
import pickle
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]

from marpack.errors import PlanError
from marpack.findings import Finding
from marpack.serving import InferenceService, Resources, S3Access, Transformer
from marpack.serving.kserve.storage_access import access_documents
from tests.support.serving_manifests import AMBIGUOUS, SECRETS, manifest

if TYPE_CHECKING:
    from collections.abc import Callable


# ------------------------------------------------------------------------------------------------- text


def test_documents_are_applied_in_their_order() -> None:
    made = manifest()
    assert [document["kind"] for document in made.documents()] == ["Secret", "ServiceAccount", "InferenceService"]
    assert list(yaml.safe_load_all(made.to_yaml())) == made.documents()[1:]
    assert yaml.safe_load(made.secret_yaml() or "") == made.documents()[0]


def test_a_service_alone_is_one_document() -> None:
    made = manifest(secret=False)
    assert made.secret_yaml() is None
    assert made.documents() == [made.inference_service.document()] == [yaml.safe_load(made.to_yaml())]


@pytest.mark.parametrize("text", AMBIGUOUS, ids=lambda text: repr(text)[:12])
def test_what_looks_like_something_else_is_text(text: str) -> None:
    made = manifest(env={"A": text}, args=[text], annotations={"a": text})
    assert list(yaml.safe_load_all(made.to_yaml())) == made.documents()[1:]
    assert made.to_yaml().isascii()


def test_the_same_call_gives_the_same_bytes() -> None:
    """In a process that orders sets and hashes otherwise, too."""
    what = "print(manifest(labels={'b': '', 'a': ''}).to_yaml(), end='')"
    made = subprocess.run(
        [sys.executable, "-c", f"from tests.support.serving_manifests import manifest; {what}"],
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == manifest(labels={"a": "", "b": ""}).to_yaml()


# ---------------------------------------------------------------------------------------------- secrets


def test_keys_are_where_they_were_asked_for_and_nowhere_else() -> None:
    placeholders, real = manifest(), manifest(with_credentials=True)
    for made in (placeholders, real):
        for shown in (
            made.to_yaml(),
            repr(made),
            str(made),
            repr(made.inference_service),
            repr(dataclasses.fields(made)),
        ):
            assert not any(secret in shown for secret in SECRETS)
    assert "<secret access key>" in (placeholders.secret_yaml() or "")
    assert not any(secret in str(placeholders.documents()) for secret in SECRETS)
    assert yaml.safe_load(real.secret_yaml() or "")["stringData"] == {
        "AWS_ACCESS_KEY_ID": SECRETS[0],
        "AWS_SECRET_ACCESS_KEY": SECRETS[1],
    }


def test_an_access_shows_no_credential() -> None:
    key_id, key, token = SECRETS
    access = S3Access(access_key_id=key_id, secret_access_key=key, session_token=token, region="us-east-1")
    shown = "S3Access(access_key_id=***, secret_access_key=***, session_token=***, region='us-east-1')"
    assert repr(access) == str(access) == f"{access}" == shown
    assert pickle.loads(pickle.dumps(access)) == access


@pytest.mark.parametrize(
    "make",
    [
        lambda: S3Access(access_key_id="hunter2 id", secret_access_key="hunter2-key"),
        lambda: S3Access(secret_access_key="hunter2-key"),
        lambda: S3Access(access_key_id="hunter2-id", secret_access_key="hunter2-key", anonymous=True),
        lambda: S3Access(endpoint="http://hunter2-id:hunter2-key@minio:9000"),
        lambda: S3Access(endpoint="hunter2-id:hunter2-key@minio:9000"),
        lambda: S3Access(endpoint="http://minio:9000?key=hunter2"),
        lambda: InferenceService(name="m", storage_uri="s3://hunter2-id:hunter2-key@b/m"),
        lambda: InferenceService(name="m", storage_uri="https://h/m?X-Amz-Signature=hunter2"),
        lambda: InferenceService(name="m", storage_uri="s3://b", env={"TOKEN": "hunter2\udfff", "B C": "hunter2"}),
        lambda: access_documents(
            "m", S3Access(access_key_id="a", secret_access_key="b", session_token="hunter2"), with_credentials=True
        ),
    ],
)
def test_a_refusal_shows_no_credential(make: Callable[[], object]) -> None:
    with pytest.raises(PlanError) as caught:
        make()
    shown = [str(caught.value), repr(caught.value), repr(caught.value.issues)]
    shown += [str(issue.asdict()) for issue in caught.value.issues]
    shown += traceback.format_exception_only(caught.value)
    assert not any("hunter2" in text for text in shown)


def test_a_service_shows_no_variable_that_is_called_secret() -> None:
    service = InferenceService(
        name="m",
        storage_uri="s3://b/m",
        env={"API_TOKEN": "hunter2", "URL": "https://u:hunter2@h/", "N": "1"},
        args=["--token=hunter2", "--n=1"],
        transformer=Transformer(image_name="t", args=["--password=hunter2"]),
    )
    assert "hunter2" not in repr(service)
    assert "'N': '1'" in repr(service)
    assert service.document()["spec"]["predictor"]["model"]["env"][0] == {"name": "API_TOKEN", "value": "hunter2"}


# ----------------------------------------------------------------------------------------------- values


def test_values_keep_what_was_found_good() -> None:
    env, labels, args = {"A": "x"}, {"a": "b"}, ["x"]
    volume = {"name": "a", "type": "Secret", "path": "/a"}
    transformer = Transformer(
        image_name="t", args=args, volumes=[volume], env_from={"name": "b", "type": "Secret"}
    )
    service = InferenceService(
        name="m", storage_uri="s3://b/m", env=env, labels=labels, args=args, transformer=transformer
    )
    before = service.document()
    env["A b"], labels["a b"], volume["path"] = "y", "c d", "x"
    args.append("y")
    assert service.document() == before
    service.document()["spec"]["predictor"].clear()
    assert service.document() == before


def test_values_are_values() -> None:
    one, other = (manifest(resources=Resources.equal(cpu=1, memory="4G")) for _ in range(2))
    assert one == other
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.inference_service.name = "other"  # type: ignore[misc]
    assert dataclasses.replace(one.inference_service, canary_traffic_percent=30).canary_traffic_percent == 30


def test_findings_are_carried_along() -> None:
    finding = Finding(code="unknown-key", message="a", fix="b")
    made = dataclasses.replace(manifest(), findings=(finding,))
    assert made.findings == (finding,)
    assert made.to_yaml() == manifest().to_yaml()


def test_the_address_is_that_of_the_namespace() -> None:
    assert manifest().inference_service.url == "http://m.default.svc.cluster.local"
    assert manifest(namespace="team").inference_service.url == "http://m.team.svc.cluster.local"


def test_none_is_as_good_as_nothing() -> None:
    fields: Any = dict.fromkeys(
        InferenceService.__dataclass_fields__.keys() - {"name", "storage_uri", "model_format", "form"}
    )
    assert manifest(**fields) == manifest()
