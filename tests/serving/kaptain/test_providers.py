"""Configuration providers: what they read, what they hand out, and that they show no secret (K197)."""

from __future__ import annotations

import base64
import inspect
import json
import pickle
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack import PlanError
from marpack.kaptain import (
    Config,
    ConfigurationProvider,
    DefaultMinioConfigurationProvider,
    DockerConfigurationProvider,
    DockerRegistryCertificateProvider,
    EnvironmentVariableConfigurationProvider,
    FileBasedConfigurationProvider,
    ModelValidationException,
    S3ConfigurationProvider,
)
from marpack.serving.kaptain.values.providers import s3_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.object_store import S3Server

SECRET = "hunter2"
PEM = f"-----BEGIN CERTIFICATE-----\n{SECRET}\n-----END CERTIFICATE-----\n"
DOCKER = json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": base64.b64encode(b"u:p").decode()}}})
EVERYTHING = {
    "AWS_ACCESS_KEY_ID": "key-id",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": "token",
    "AWS_REGION": "eu-west-1",
    "S3_ENDPOINT": "http://minio:9000",
    "S3_SIGNATURE_VERSION": "s3v4",
    "S3_FORCE_PATH_STYLE": "true",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home without files, and no variable."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in EVERYTHING:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def shown(error: BaseException) -> str:
    return "".join([repr(error), *traceback.format_exception(error)])


@pytest.mark.parametrize(("key_id", "key", "blank"), [("", SECRET, 1), ("id", " ", 1), ("", "", 2)])
def test_a_blank_key_is_not_another_ones_keys(key_id: str, key: str, blank: int) -> None:
    with pytest.raises(PlanError, match="is blank") as caught:
        S3ConfigurationProvider(key_id, key)
    assert len(caught.value.issues) == blank
    assert SECRET not in shown(caught.value)
    assert "AWS_SESSION_TOKEN" not in S3ConfigurationProvider("id", SECRET, "").get_secret_body()


def test_kinds_are_those_of_the_sdk() -> None:
    assert issubclass(S3ConfigurationProvider, (FileBasedConfigurationProvider))
    assert issubclass(S3ConfigurationProvider, EnvironmentVariableConfigurationProvider)
    assert issubclass(DefaultMinioConfigurationProvider, S3ConfigurationProvider)
    assert issubclass(DockerConfigurationProvider, FileBasedConfigurationProvider)
    for kind in (ConfigurationProvider, FileBasedConfigurationProvider, EnvironmentVariableConfigurationProvider):
        assert inspect.isabstract(kind)
    assert list(inspect.signature(S3ConfigurationProvider).parameters) == [
        *("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region_name", "s3_endpoint"),
        *("s3_signature_version", "s3_force_path_style"),
    ]


def test_everything_in_the_environment_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EVERYTHING.items():
        monkeypatch.setenv(name, value)
    provider = S3ConfigurationProvider.from_env()
    assert provider.get_secret_body() == EVERYTHING
    assert provider == S3ConfigurationProvider(
        "key-id", SECRET, "token", "eu-west-1", "http://minio:9000", "s3v4", True
    )


def test_what_is_not_given_is_not_handed_out() -> None:
    assert S3ConfigurationProvider("key-id", SECRET).get_secret_body() == {
        "AWS_ACCESS_KEY_ID": "key-id",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "S3_FORCE_PATH_STYLE": "false",
    }


def test_what_is_no_text_is_named_and_not_shown() -> None:
    wrong: dict[str, Any] = {
        "aws_access_key_id": 5,
        "aws_secret_access_key": SECRET.encode(),
        "s3_endpoint": Path(),
    }
    with pytest.raises(PlanError) as caught:
        S3ConfigurationProvider(**wrong)
    assert [issue.argument for issue in caught.value.issues] == list(wrong)
    assert SECRET not in shown(caught.value)
    kinds: list[Any] = [DockerConfigurationProvider, DockerRegistryCertificateProvider]
    for kind in kinds:
        with pytest.raises(PlanError, match="must be text"):
            kind(SECRET.encode())


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_an_environment_without_keys_is_told(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} - {missing}:
        monkeypatch.setenv(name, SECRET)
    with pytest.raises(ModelValidationException, match=missing):
        S3ConfigurationProvider.from_env()


def test_a_file_of_credentials(home: Path) -> None:
    text = f"""
        [default]
        aws_access_key_id     = key-id
        aws_secret_access_key = {SECRET}%!
        # optional
        aws_session_token     = token
        [other]
        aws_access_key_id=other
        aws_secret_access_key=other
        region=eu-west-1
        endpoint_url=http://minio:9000
        """
    path = write(home / ".aws" / "credentials", "\n".join(map(str.strip, text.splitlines())))
    provider = S3ConfigurationProvider.default()
    assert provider == S3ConfigurationProvider.from_file(path)
    assert provider == S3ConfigurationProvider("key-id", f"{SECRET}%!", "token")
    assert S3ConfigurationProvider.from_file(str(path), profile="other") == S3ConfigurationProvider(
        "other", "other", region_name="eu-west-1", s3_endpoint="http://minio:9000"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SECRET, "not a file of AWS credentials"),
        (f"[default]\n{SECRET}", "not a file of AWS credentials"),
        (f"[default]\naws_secret_access_key={SECRET}", "no aws_access_key_id"),
        (f"[other]\naws_access_key_id=a\naws_secret_access_key={SECRET}", "no profile 'default'"),
        (f"[default]\na={SECRET}\na={SECRET}", "not a file of AWS credentials"),
        ("", "no profile 'default'"),
        ("#" * (1 << 20) + SECRET, "too large"),
    ],
)
def test_a_broken_file_of_credentials_is_named_and_not_shown(text: str, why: str, home: Path) -> None:
    path = write(home / "credentials", text)
    with pytest.raises(ModelValidationException, match=why) as caught:
        S3ConfigurationProvider.from_file(path)
    assert str(path) in str(caught.value)
    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize(
    "provider", [S3ConfigurationProvider, DockerConfigurationProvider, DockerRegistryCertificateProvider]
)
def test_a_file_that_is_not_there_is_the_disks_error(provider: Any, home: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(home)):
        provider.default()


def test_a_file_that_is_no_text(home: Path) -> None:
    path = home / "binary"
    path.write_bytes(b"\xff\xfe")
    for provider in (S3ConfigurationProvider, DockerConfigurationProvider, DockerRegistryCertificateProvider):
        with pytest.raises(ModelValidationException, match="is no text"):
            provider.from_file(path)


def test_a_docker_config(home: Path) -> None:
    path = write(home / ".docker" / "config.json", DOCKER)
    provider = DockerConfigurationProvider.default()
    assert provider == DockerConfigurationProvider.from_file(path) == DockerConfigurationProvider(DOCKER)
    assert provider.get_secret_body() == {"config.json": DOCKER}
    # Another program keeps the keys.
    assert DockerConfigurationProvider('{"credsStore": "desktop"}') != provider


@pytest.mark.parametrize(
    "text", [SECRET, f'["{SECRET}"]', f'{{"auths": "{SECRET}"}}', f'{{"{SECRET}": 1, "{SECRET}": 2}}']
)
def test_a_broken_docker_config_is_named_and_not_shown(text: str, home: Path) -> None:
    path = write(home / "config.json", text)
    with pytest.raises(ModelValidationException, match=r"config\.json") as caught:
        DockerConfigurationProvider.from_file(path)
    assert SECRET not in shown(caught.value)
    with pytest.raises(ModelValidationException, match="config_json") as caught:
        DockerConfigurationProvider(text)
    assert SECRET not in repr(caught.value)


def test_a_certificate(home: Path) -> None:
    path = write(home / ".tls" / "certificate.crt", PEM)
    provider = DockerRegistryCertificateProvider.default()
    assert provider == DockerRegistryCertificateProvider.from_file(path)
    assert provider.get_secret_body() == {"certificate.crt": PEM}
    assert provider.certificate_path == str(path)
    write(path, SECRET)
    with pytest.raises(ModelValidationException, match="no certificate") as caught:
        DockerRegistryCertificateProvider.default()
    assert SECRET not in shown(caught.value)


def test_the_clusters_own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    body = DefaultMinioConfigurationProvider.default().get_secret_body()
    assert body == {
        "AWS_REGION": "us-east-1",
        "S3_ENDPOINT": "http://kaptain-minio.kubeflow",
        "S3_FORCE_PATH_STYLE": "true",
    }
    monkeypatch.setenv("S3_ENDPOINT", "http://minio:9000")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-id")
    found = DefaultMinioConfigurationProvider.default()
    assert isinstance(found, DefaultMinioConfigurationProvider)
    assert (found.s3_endpoint, found.aws_access_key_id) == ("http://minio:9000", "key-id")


@pytest.mark.parametrize(
    "made",
    [
        lambda: S3ConfigurationProvider(SECRET, SECRET, SECRET, s3_endpoint=f"http://user:{SECRET}@host"),
        lambda: DefaultMinioConfigurationProvider(SECRET, SECRET),
        lambda: DockerConfigurationProvider(json.dumps({"auths": {SECRET: {}}})),
        lambda: DockerRegistryCertificateProvider(PEM),
    ],
)
def test_no_secret_is_shown_and_a_pickle_holds_it(made: Callable[[], ConfigurationProvider]) -> None:
    provider = made()
    assert SECRET not in repr(provider)
    assert SECRET not in str(provider)
    assert type(provider).__name__ in repr(provider)
    assert pickle.loads(pickle.dumps(provider)) == provider
    assert provider != object()


def test_everything_is_told_to_the_stores_library() -> None:
    assert s3_options(EVERYTHING) == {
        "key": "key-id",
        "secret": SECRET,
        "token": "token",
        "endpoint_url": "http://minio:9000",
        "client_kwargs": {"region_name": "eu-west-1"},
        "config_kwargs": {"signature_version": "s3v4", "s3": {"addressing_style": "path"}},
    }
    assert s3_options({}) == s3_options({"S3_FORCE_PATH_STYLE": "false"}) == {}


@pytest.mark.slow
@pytest.mark.parametrize("path_style", [True, False])
def test_a_store_is_reached_by_what_a_provider_says(
    path_style: bool, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server on the loopback takes any key; the library's own variables point elsewhere."""
    for name in s3.environment:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    provider = S3ConfigurationProvider(
        "key-id", SECRET, s3_endpoint=s3.endpoint, s3_signature_version="s3v4", s3_force_path_style=path_style
    )
    folder = Config(storage_config_provider=provider, base_model_storage_uri="s3://models/of/providers").storage()
    folder.write("a.json", b"{}")
    assert [file.name for file in folder.files()] == ["a.json"]
    assert "of/providers/a.json" in s3.names()
    folder.remove(["a.json"])


@pytest.mark.parametrize("endpoint", [f"key:{SECRET}@minio:9000", f"key:{SECRET[:3]}?{SECRET[3:]}@minio:9000"])
def test_credentials_before_a_host_without_a_scheme_are_not_shown(endpoint: str) -> None:
    provider = S3ConfigurationProvider(s3_endpoint=endpoint)
    with pytest.raises(ModelValidationException) as caught:
        s3_options(provider.get_secret_body())
    shown = [repr(provider), str(caught.value), repr(Config(docker_registry_url=endpoint))]
    assert all("***@minio:9000" in text and SECRET[:3] not in text for text in shown)


def test_a_file_that_is_no_text_is_nowhere_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_bytes(f"[default]\naws_secret_access_key = {SECRET}\xff".encode("latin-1"))
    with pytest.raises(ModelValidationException, match="is no text") as caught:
        S3ConfigurationProvider.from_file(tmp_path / "credentials")
    assert SECRET not in repr(caught.value.__context__)
