"""The settings that a preset makes, with which nothing is wrong."""

from __future__ import annotations

from typing import Any

import pytest

import marpack
from marpack import ConfigError, ModelSnapshot, ServerConfig
from marpack.config.presets import PRESETS
from tests.support.snapshots import SNAPSHOT

PRESET_SETTINGS: dict[str, dict[str, str]] = {
    "torchserve": {
        "inference_address": "http://127.0.0.1:8080",
        "management_address": "http://127.0.0.1:8081",
        "metrics_address": "http://127.0.0.1:8082",
        "disable_token_authorization": "false",
        "enable_model_api": "false",
    },
    "kaptain": {
        "inference_address": "http://0.0.0.0:8085",
        "management_address": "http://0.0.0.0:8081",
        "number_of_netty_threads": "4",
        "service_envelope": "kfserving",
        "install_py_dep_per_model": "true",
        "job_queue_size": "10",
        "disable_token_authorization": "true",
        "enable_model_api": "false",
        "model_store": "/mnt/models/model-store",
    },
    "kserve": {
        "inference_address": "http://0.0.0.0:8085",
        "management_address": "http://0.0.0.0:8085",
        "metrics_address": "http://0.0.0.0:8082",
        "grpc_inference_port": "7070",
        "grpc_management_port": "7071",
        "number_of_netty_threads": "4",
        "install_py_dep_per_model": "true",
        "job_queue_size": "10",
        "disable_token_authorization": "true",
        "enable_model_api": "false",
        "enable_envvars_config": "true",
        "enable_metrics_api": "true",
        "metrics_mode": "prometheus",
        "model_store": "/mnt/models/model-store",
    },
    "sagemaker": {
        "inference_address": "http://0.0.0.0:8080",
        "management_address": "http://0.0.0.0:8080",
        "async_logging": "true",
        "decode_input_request": "false",
        "default_workers_per_model": "1",
        "default_response_timeout": "60",
        "unregister_model_timeout": "60",
        "disable_token_authorization": "true",
        "enable_model_api": "false",
        "vmargs": "-XX:-UseContainerSupport",
        "model_store": "/opt/ml/model",
        "load_models": "all",
    },
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name: marpack.typing.Preset) -> None:
    config = ServerConfig.preset(name)
    assert config.properties() == PRESET_SETTINGS[name]
    assert config == getattr(ServerConfig, name)()
    assert config.disable_token_authorization is not None
    assert config.enable_model_api is not None
    assert ServerConfig.loads(config.dumps()) == config


def test_every_preset_is_shown() -> None:
    assert set(PRESETS) == set(PRESET_SETTINGS)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("version", ["0.5.2", "0.9.0", "0.12.0"])
@pytest.mark.parametrize(
    "settings", [{}, {"model_snapshot": SNAPSHOT}, {"model_store": "store"}], ids=["bare", "models", "store"]
)
def test_presets_have_no_errors(name: marpack.typing.Preset, version: str, settings: dict[str, Any]) -> None:
    config = ServerConfig.preset(name, **settings).for_torchserve(version)
    findings = config.validate(torchserve_version=version)
    assert [str(finding) for finding in findings if finding.severity == "error"] == []
    text = config.dumps()
    errors = [each for each in marpack.lint_config(text, torchserve_version=version) if each.severity == "error"]
    assert errors == []


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_changed_by_keywords(name: marpack.typing.Preset) -> None:
    config = ServerConfig.preset(
        name, job_queue_size=3, inference_address=None, enable_model_api=True, extra={"a": "b"}
    )
    assert (config.job_queue_size, config.inference_address, config.enable_model_api) == (3, None, True)
    assert config.extra == {"a": "b"}
    with pytest.raises(ConfigError, match="job_queue_size"):
        ServerConfig.preset(name, job_queue_size="3")
    with pytest.raises(TypeError, match="colour"):
        ServerConfig.preset(name, colour=1)


def test_sagemaker_loads_all_only_without_a_snapshot() -> None:
    assert ServerConfig.sagemaker(model_snapshot=SNAPSHOT).load_models is None
    assert ServerConfig.sagemaker(load_models="a.mar").load_models == "a.mar"
    assert ServerConfig.sagemaker(load_models=None).load_models is None
    assert ServerConfig.sagemaker(model_snapshot=None).load_models == "all"
    # A snapshot without models is one too.
    assert ServerConfig.sagemaker(model_snapshot=ModelSnapshot(models={})).load_models is None


def test_what_is_no_preset() -> None:
    with pytest.raises(
        ValueError, match="'azure' is not a preset: choose from torchserve, kaptain, kserve, sagemaker"
    ):
        ServerConfig.preset("azure")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="__init__"):
        ServerConfig.preset("__init__")  # type: ignore[arg-type]
