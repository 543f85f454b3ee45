"""``Config``: where models are kept, and that a stranger's bucket is not taken for it (K190 to K195)."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

from marpack import TargetError
from marpack.kaptain import (
    Config,
    ConfigurationProvider,
    DefaultMinioConfigurationProvider,
    DockerConfigurationProvider,
    DockerRegistryCertificateProvider,
    ModelPlanError,
    ModelValidationException,
    S3ConfigurationProvider,
)

SECRET = "hunter2"
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
ENDPOINTS = ("S3_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")


@pytest.fixture(autouse=True)
def no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)


class Own(ConfigurationProvider):
    """A provider that a user wrote."""

    def get_secret_body(self) -> dict[str, str]:
        return {"S3_ENDPOINT": "http://store:9000"}


def test_arguments_are_in_the_order_of_the_sdk() -> None:
    docker, s3 = DockerConfigurationProvider('{"auths": {}}'), S3ConfigurationProvider("key", SECRET)
    certificate = DockerRegistryCertificateProvider(PEM)
    config = Config(docker, s3, "registry:5000", certificate, "base", "store")
    assert config == Config(
        docker_config_provider=docker,
        storage_config_provider=s3,
        docker_registry_url="registry:5000",
        docker_registry_certificate_provider=certificate,
        base_dir="base",
        base_model_storage_uri="store",
    )
    assert config != Config(docker, s3)


def test_the_default_looks_for_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = Config.default()
    assert config == Config()
    assert (config.base_dir, config.base_model_storage_uri) == (".", "s3://kaptain/models")


def test_attributes_are_set_as_on_the_page_for_private_registries() -> None:
    config = Config.default()
    config.docker_registry_url = "my.private.registry:5000"
    config.docker_registry_certificate_provider = DockerRegistryCertificateProvider(PEM)
    config.base_model_storage_uri = "store"
    assert str(config.storage()) == "store"
    for name, value in (("docker_registry_url", 5), ("base_dir", ""), ("docker_registri_url", "a")):
        with pytest.raises(ModelPlanError) as caught:
            setattr(config, name, value)
        assert caught.value.issues[0].argument == name


def test_everything_that_is_wrong_comes_at_once() -> None:
    wrong: dict[str, Any] = {
        "docker_config_provider": "docker",
        "storage_config_provider": {},
        "docker_registry_url": 5,
        "docker_registry_certificate_provider": PEM,
        "base_dir": b"a",
        "base_model_storage_uri": " ",
        "base_directory": ".",
    }
    with pytest.raises(ModelPlanError) as caught:
        Config(**wrong)
    assert [issue.argument for issue in caught.value.issues] == list(wrong)
    assert "did you mean 'base_dir'? there are docker_config_provider, storage" in str(caught.value)


@pytest.mark.parametrize(
    "provider", [None, S3ConfigurationProvider("key", SECRET)], ids=["no provider", "Amazon's own store"]
)
def test_a_strangers_bucket_is_not_taken(provider: ConfigurationProvider | None) -> None:
    config = Config(storage_config_provider=provider)
    with pytest.raises(ModelValidationException, match=r"base_model_storage_uri=.*S3_ENDPOINT") as caught:
        config.storage()
    assert config.storage_problem() == str(caught.value)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_in_the_environment_is_the_clusters(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://minio:9000")
    assert Config().storage().location == "s3://kaptain/models"


@pytest.mark.parametrize(
    "provider",
    [
        S3ConfigurationProvider("key", SECRET, s3_endpoint="http://minio:9000"),
        DefaultMinioConfigurationProvider.default(),
        Own(),
    ],
    ids=lambda provider: type(provider).__name__,
)
def test_a_provider_that_names_an_endpoint_is_enough(provider: ConfigurationProvider) -> None:
    assert Config(storage_config_provider=provider).storage().location == "s3://kaptain/models"


def test_a_bucket_that_somebody_chose_is_theirs() -> None:
    assert Config(base_model_storage_uri="s3://kaptain/models").storage().location == "s3://kaptain/models"


@pytest.mark.parametrize("made", [copy.copy, copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config))])
def test_a_copy_is_equal_and_as_careful(made: Any) -> None:
    config = Config(storage_config_provider=S3ConfigurationProvider("key", SECRET))
    assert made(config) == config
    with pytest.raises(ModelValidationException):
        made(Config()).storage()


def test_relative_paths_begin_at_the_base_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(base_dir=tmp_path, base_model_storage_uri="store")
    assert config.storage().location == str(tmp_path / "store")
    assert config.folder_at(tmp_path / "x").location == str(tmp_path / "x")
    assert config.folder_at((tmp_path / "x").as_uri()).path == str(tmp_path / "x")
    # The folder where the process is when it matters, not where it was.
    config = Config(base_model_storage_uri="store")
    monkeypatch.chdir(tmp_path)
    config.storage().write("a", b"a")
    assert (tmp_path / "store" / "a").is_file()


def test_a_path_that_was_a_url_is_not_taken_for_a_folder() -> None:
    with pytest.raises(TargetError, match="give it as text"):
        Config(base_model_storage_uri=Path("s3://bucket/models")).storage()


@pytest.mark.parametrize("endpoint", ["minio:9000", "minio", "ftp://minio"])
def test_an_endpoint_that_is_no_url_is_told(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_ENDPOINT", endpoint)
    for config in (Config(), Config(storage_config_provider=S3ConfigurationProvider(s3_endpoint=endpoint))):
        with pytest.raises(ModelValidationException, match=rf"{endpoint}' is no URL: write http://"):
            config.storage()


def test_options_are_those_of_the_store_that_is_asked() -> None:
    config = Config(storage_config_provider=S3ConfigurationProvider("key", SECRET, s3_endpoint="http://h:1"))
    assert config.options_for("s3://bucket/models")["secret"] == SECRET
    assert config.options_for("gs://bucket/models") == config.options_for("store") == {}


def test_no_secret_is_shown() -> None:
    config = Config(
        docker_config_provider=DockerConfigurationProvider(f'{{"auths": {{"a": {{"auth": "{SECRET}"}}}}}}'),
        storage_config_provider=S3ConfigurationProvider(
            SECRET, SECRET, SECRET, s3_endpoint=f"http://u:{SECRET}@h:1"
        ),
        docker_registry_url=f"https://user:{SECRET}@registry",
        base_model_storage_uri=f"s3://user:{SECRET}@bucket/models",
    )
    assert SECRET not in repr(config)
    assert SECRET not in str(config.storage())
    assert "region_name='us-east-1'" in repr(config)
