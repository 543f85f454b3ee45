"""An InferenceService from plain arguments, for an archive, a store, a folder to deploy, or nothing at all."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import marpack
from marpack import ArchiveError, PlanError
from marpack.config.settings.kserve_names import LONGEST_SERVICE_NAME, service_name_problem
from marpack.serving import (
    InferenceService,
    Resources,
    S3Access,
    ServingManifest,
    Transformer,
    inference_service,
    serve_build,
)
from marpack.serving.kserve.described import ServiceSettings
from tests.support.archives import packed

URI = "s3://models/dev/mnist/deploy/0a"
KEYS: dict[str, Any] = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "geheim/0123"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pack(path: Path, name: str = "mnist", version: str = "1.0", **changes: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    plan = marpack.plan_archive(model_name=name, version=version, handler="base_handler", **changes)
    marpack.write_archive(plan, path)
    return path


def to_deploy(folder: Path, *names: str, **top: Any) -> Path:
    (folder / "handler.py").write_text("def handle(data, context):\n    return data\n")
    models = [{"model_name": name, "handler": "handler.py"} for name in names]
    serve_build({"models": models, **top}, folder / "deploy", base_dir=folder)
    return folder / "deploy"


def described_of(manifest: ServingManifest) -> tuple[str, list[str]]:
    return manifest.inference_service.name, [each.code for each in manifest.findings]


def issues(*args: Any, **arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(PlanError) as caught:
        inference_service(*args, **{"storage_uri": URI, **arguments})
    return [(issue.argument, issue.code) for issue in caught.value.issues]


def test_an_archive_names_its_service(folder: Path) -> None:
    forms = [pack(folder / "a.mar"), pack(folder / "b.tar.gz", archive_format="tgz")]
    forms.append(pack(folder / "c", archive_format="no-archive"))
    # KServe's wrapper finds no archive in a .tar.gz.
    for path, found in zip(forms, ([], ["kserve-archive"], []), strict=True):
        assert described_of(inference_service(path, storage_uri=URI)) == ("mnist", found)
    assert described_of(inference_service(str(forms[0]), storage_uri=URI)) == ("mnist", [])


def test_a_store_of_one_model_names_its_service_in_all_versions(folder: Path) -> None:
    pack(folder / "store" / "one.mar")
    pack(folder / "store" / "two.mar", version="2.0")
    assert described_of(inference_service(folder / "store", storage_uri=URI)) == ("mnist", [])


def test_a_folder_to_deploy_names_its_service_and_has_its_settings_looked_at(folder: Path) -> None:
    path = to_deploy(folder, "mnist")
    assert described_of(inference_service(path, storage_uri=URI)) == ("mnist", [])
    config = path / "config" / "config.properties"
    config.write_bytes(marpack.properties.edit(config.read_bytes(), {"service_envelope": "kservev2"}))
    [found] = inference_service(path, storage_uri=URI).findings
    assert (found.code, found.severity, found.file) == ("kserve-envelope-ignored", "error", str(config))
    assert found.line is not None
    assert inference_service(path, storage_uri=URI, protocol_version="v2").findings == ()


def test_what_is_wrong_with_the_settings_alone_is_told_too(folder: Path) -> None:
    path = to_deploy(folder, "mnist")
    config = path / "config" / "config.properties"
    (path / "model-store" / "mnist.mar").rename(path / "model-store" / "other.mar")
    found = inference_service(path, storage_uri=URI).findings
    assert [(each.code, each.severity) for each in found] == [("snapshot-archive-missing", "error")]
    config.write_bytes(b"vmargs=\\u12\n")
    assert issues(path) == [("name", "missing-key")]
    assert [each.code for each in inference_service(path, storage_uri=URI, name="m").findings] == ["syntax"]


def test_arguments_and_variables_of_the_service_count_among_its_settings(folder: Path) -> None:
    path = to_deploy(folder, "mnist", settings={"disable_token_authorization": False})
    told: dict[str, Any] = {"storage_uri": URI, "torchserve_version": "0.12.0", "runtime_version": "0.12.0"}
    assert [each.code for each in inference_service(path, **told).findings] == ["token"]
    assert inference_service(path, **told, args=["--disable-token-auth"]).findings == ()
    # KServe's own runtime is older than the argument.
    [found] = inference_service(path, storage_uri=URI, args=["--disable-token-auth"]).findings
    assert (found.code, found.severity) == ("kserve-argument", "warning")
    assert inference_service(path, **told, env={"TS_DISABLE_TOKEN_AUTHORIZATION": "true"}).findings == ()
    told["env"] = {"TS_SERVICE_ENVELOPE": "kservev2", "TS_DISABLE_TOKEN_AUTHORIZATION": "true"}
    assert [each.code for each in inference_service(path, **told).findings] == ["kserve-envelope"]


def test_a_release_comes_from_the_image_where_none_is_asked_for(folder: Path) -> None:
    path = to_deploy(folder, "mnist", settings={"disable_token_authorization": False})
    for release, severity in (("0.9.0", []), ("0.12.0-gpu", ["error"]), ("latest", ["warning"])):
        told = inference_service(path, storage_uri=URI, runtime_version=release).findings
        assert [each.severity for each in told] == severity
    [found] = inference_service(storage_uri=URI, name="m", torchserve_version="0.12.0").findings
    assert (found.code, found.severity) == ("kserve-release", "warning")


def test_another_server_is_none_of_ours_to_judge(folder: Path) -> None:
    path = to_deploy(folder, "mnist", settings={"service_envelope": "kservev2"})
    told: dict[str, Any] = {"storage_uri": URI, "torchserve_version": "0.12.0"}
    assert inference_service(path, **told, model_format="sklearn").findings == ()
    assert inference_service(path, **told, runtime="kserve-tritonserver").findings == ()
    assert inference_service(path, **told, runtime="my-torchserve").findings != ()


def test_no_source_needs_a_name() -> None:
    assert described_of(inference_service(storage_uri=URI, name="mnist")) == ("mnist", [])
    assert issues() == [("name", "missing-key")]


def test_several_models_need_a_name_and_each_has_its_url(folder: Path) -> None:
    path = to_deploy(folder, "mnist", "digits")
    assert issues(path) == [("name", "missing-key")]
    made = inference_service(path, storage_uri=URI, name="both", namespace="ml", protocol_version="v2")
    host = "http://both.ml.svc.cluster.local"
    assert made.urls == (f"{host}/v2/models/mnist/infer", f"{host}/v2/models/digits/infer")
    # No model is the service: who asks for that is answered 404.
    assert [each.code for each in made.findings] == ["kserve-service-name"]
    assert inference_service(path, storage_uri=URI, name="digits").findings == ()


def test_a_model_is_asked_for_by_its_own_name(folder: Path) -> None:
    path = pack(folder / "m.mar", name="Digits_1")
    made = inference_service(path, storage_uri=URI)
    assert made.inference_service.name == "digits-1"
    assert made.urls == ("http://digits-1.default.svc.cluster.local/v1/models/Digits_1:predict",)
    [found] = made.findings
    assert found.severity == "warning"
    assert "is called 'digits-1', and the model is called 'Digits_1'" in found.message
    assert inference_service(storage_uri=URI, name="m").urls == (
        "http://m.default.svc.cluster.local/v1/models/m:predict",
    )


@pytest.mark.parametrize("name", ["1/mnist", "a" * 46, "x" * 70])
def test_a_model_whose_name_no_service_can_have_names_the_way_out(name: str, folder: Path) -> None:
    path = packed(folder, model_name="plain")
    data = marpack.plan_archive(model_name=name.replace("/", "-"), handler="base_handler")
    marpack.write_archive(data, folder / "named.mar")
    assert described_of(inference_service(path, storage_uri=URI))[0] == "plain"
    with pytest.raises(PlanError, match="name the service apart"):
        inference_service(folder / "named.mar", storage_uri=URI)
    assert inference_service(folder / "named.mar", storage_uri=URI, name="m").inference_service.name == "m"


@given(st.text("abc019-Z_.", max_size=60))
def test_a_name_is_good_for_a_service_where_nothing_is_said_against_it(name: str) -> None:
    if service_name_problem(name) is None:
        assert InferenceService(name=name, storage_uri=URI).name == name
        assert len(name) <= LONGEST_SERVICE_NAME
    else:
        with pytest.raises(PlanError):
            InferenceService(name=name, storage_uri=URI)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nowhere", "'nowhere' does not exist"),
        ("s3://user:geheim@bucket/x.mar", "is a URL"),
        ("empty", "holds no archive"),
        ("half", "has no config/config.properties"),
        ("text.mar", "text.mar"),
        ("twice", "the same version"),
    ],
)
def test_what_is_no_source_is_told(source: str, says: str, folder: Path) -> None:
    (folder / "empty").mkdir()
    (folder / "half" / "model-store").mkdir(parents=True)
    (folder / "text.mar").write_text("not an archive")
    pack(folder / "twice" / "one.mar")
    pack(folder / "twice" / "two.mar")
    with pytest.raises(PlanError) as caught:
        inference_service(source, storage_uri=URI, name="m")
    [issue] = caught.value.issues
    assert issue.argument == "source"
    assert says in issue.message
    assert "geheim" not in str(caught.value)
    assert not isinstance(caught.value, ArchiveError)


def test_everything_that_is_wrong_is_told_at_once(folder: Path) -> None:
    told = issues(
        folder / "nowhere",
        storage_uri="",
        name="Nein",
        torchserve_version="new",
        min_replicas=3,
        max_replicas=1,
        protocol_version="v9",
        canary_traffic_percent=101,
        scale_mertic="rps",
        access=S3Access(region="eu"),
        service_account_name="own",
        namespace="No",
        labels={"": "x"},
        with_credentials=True,
    )
    assert {argument for argument, _ in told} == {
        "source",
        "storage_uri",
        "name",
        "torchserve_version",
        "min_replicas",
        "protocol_version",
        "canary_traffic_percent",
        "scale_mertic",
        "service_account_name",
        "namespace",
        "labels",
        "access_key_id",
    }
    assert len(told) == len(set(told))


def test_an_unknown_argument_lists_what_there_is() -> None:
    listed = "there are namespace, model_format, .*annotations"
    unknown = "scale_mertic: is not an argument of a service"
    with pytest.raises(PlanError, match=rf"{unknown}: did you mean 'scale_metric'\? {listed}"):
        inference_service(storage_uri=URI, name="m", scale_mertic="rps")  # type: ignore[call-arg]
    with pytest.raises(PlanError, match=f"zebra: .*: {listed}"):
        inference_service(storage_uri=URI, name="m", zebra=1)  # type: ignore[call-arg]


def test_all_that_a_service_can_say_can_be_said_here() -> None:
    own = {each.name for each in fields(InferenceService)} - {"name", "storage_uri"}
    assert set(ServiceSettings.__annotations__) == own
    said: dict[str, Any] = {
        "resources": Resources.equal(cpu=1, memory="4Gi"),
        "transformer": Transformer(image_name="registry/t:1"),
        "min_replicas": 0,
        "max_replicas": 3,
        "scale_target": 2,
        "scale_metric": "concurrency",
        "canary_traffic_percent": 30,
        "labels": {"team": "vision"},
    }
    made = inference_service(storage_uri=URI, name="m", **said).inference_service
    assert made == InferenceService(name="m", storage_uri=URI, **said)


def test_an_access_brings_an_account_and_a_secret_with_placeholders() -> None:
    told: dict[str, Any] = {"storage_uri": URI, "name": "m", "namespace": "ml", "labels": {"team": "a"}}
    access = S3Access(endpoint="http://minio:9000", **KEYS)
    made = inference_service(**told, access=access)
    secret, account, service = made.documents()
    assert [each["metadata"]["name"] for each in (secret, account, service)] == [
        "m-secret",
        "m-service-account",
        "m",
    ]
    assert {each["metadata"]["namespace"] for each in (secret, account, service)} == {"ml"}
    assert all(each["metadata"]["labels"] == {"team": "a"} for each in (secret, account, service))
    assert service["spec"]["predictor"]["serviceAccountName"] == "m-service-account"
    assert account["secrets"] == [{"name": "m-secret"}]
    shown = f"{made!r} {made.to_yaml()} {made.secret_yaml()}"
    assert not any(key in shown for key in KEYS.values())
    asked = inference_service(**told, access=access, with_credentials=True)
    assert KEYS["secret_access_key"] in str(asked.secret_yaml())
    assert not any(key in f"{asked!r} {asked.to_yaml()}" for key in KEYS.values())


def test_an_access_is_one() -> None:
    assert issues(name="m", access={"region": "eu"}) == [("access", "bad-type")]


def test_keys_are_asked_for_with_an_access_that_has_some() -> None:
    assert issues(name="m", with_credentials=True) == [("with_credentials", "missing-key")]
    assert issues(name="m", access=S3Access(region="eu"), with_credentials=True) == [
        ("access_key_id", "missing-key")
    ]


def test_a_role_needs_no_secret() -> None:
    made = inference_service(storage_uri=URI, name="m", access=S3Access(role_arn="arn:aws:iam::1:role/r"))
    assert made.secret is None
    assert [each["kind"] for each in made.documents()] == ["ServiceAccount", "InferenceService"]


def test_the_same_call_gives_the_same_text(folder: Path) -> None:
    path = to_deploy(folder, "mnist")
    texts = {inference_service(path, storage_uri=URI, env={"B": "1", "A": "2"}).to_yaml() for _ in range(2)}
    assert len(texts) == 1


@pytest.mark.parametrize("uri", ["s3::https://u:hunter2@h/m", "s3://u:p/hunter2@b/m", "s3://u:p?hunter2@b/m"])
def test_credentials_that_make_no_address_do_not_come_into_the_document(uri: str) -> None:
    with pytest.raises(PlanError, match=r"storage_uri: .* holds credentials") as caught:
        inference_service(name="m", storage_uri=uri)
    assert "hunter2" not in str(caught.value)


# A digest is no credentials, and is shown.
DIGEST = f"sha256:{'5f' * 32}"


@pytest.mark.parametrize("uri", ["OCI+FETCH://r/m", "oci+native:/r/m"])
def test_a_way_to_an_image_is_written_as_kserve_compares_it(uri: str) -> None:
    with pytest.raises(PlanError, match=r"begin it with oci\+(fetch|native)://"):
        inference_service(name="m", storage_uri=uri)


@pytest.mark.parametrize(
    "uri", ["s3://b/m@v1", "oci://image:v1", "oci://host:5000/m:v1", f"oci://m@{DIGEST}", "hf://org/m:revision"]
)
def test_what_is_like_credentials_is_a_place(uri: str) -> None:
    assert inference_service(name="m", storage_uri=uri).inference_service.storage_uri == uri


# ---------------------------------------------------------------------------------------- where it is fetched from


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("s3://models/digits.mar", "is an archive, and KServe's TorchServe starts from a folder"),
        ("file:///srv/digits", "is a folder of this machine"),
        ("/srv/digits", "is a path, which KServe looks for in its own container"),
        ("models/digits", "is a path, which KServe looks for in its own container"),
        ("sftp://host/digits", "is in a store that KServe does not read by itself"),
        (f"oci+mount://r/digits@{DIGEST}", f"'oci+mount://r/digits@{DIGEST}' is in a store that KServe does"),
    ],
)
def test_a_place_that_no_server_starts_from_is_told(uri: str, says: str) -> None:
    [finding] = inference_service(storage_uri=uri, name="digits").findings
    assert (finding.code, finding.severity) == ("kserve-storage-uri", "warning")
    assert says in finding.sentence


@pytest.mark.parametrize("more", [{"model_format": "onnx"}, {"runtime": "my-own"}])
def test_another_server_may_start_from_a_file(more: dict[str, Any]) -> None:
    assert inference_service(storage_uri="s3://models/digits.mar", name="digits", **more).findings == ()


@pytest.mark.parametrize("uri", ["s3://", "S3:///", "pvc://", "https://"])
def test_a_scheme_alone_is_no_place(uri: str) -> None:
    assert issues(storage_uri=uri, name="digits") == [("storage_uri", "bad-value")]


def test_what_kserve_fetches_is_no_finding() -> None:
    for uri in (
        "s3://b/c",
        "gs://b/c",
        "pvc://claim/c",
        "hf://o/m",
        "oci://r/m:1",
        "oci+native://r/m:1",
        "oci+fetch://r/m@sha256:" + "0a" * 32,
        "oci+modelcar://r/m@sha256:" + "0a" * 32,
        "hdfs:///c",
        "https://h/c.tgz",
    ):
        assert inference_service(storage_uri=uri, name="digits").findings == ()


def test_keys_for_another_store_are_told() -> None:
    access = S3Access(**KEYS)
    for uri in ("gs://b/c", "pvc://claim/c"):
        [finding] = inference_service(storage_uri=uri, name="digits", access=access).findings
        assert (finding.code, finding.key) == ("kserve-access", "serviceAccountName")
    assert inference_service(storage_uri="s3://b/c", name="digits", access=access).findings == ()
