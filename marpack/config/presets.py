"""The settings that a kind of deployment begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

Preset: TypeAlias = Literal["torchserve", "kaptain", "kserve", "sagemaker"]
"""For which place settings are made, and so which values they begin with."""

PRESETS: tuple[Preset, ...] = get_args(Preset)


PRESET_VALUES: Mapping[Preset, Mapping[str, Any]] = {
    "torchserve": {
        "inference_address": "http://127.0.0.1:8080",
        "management_address": "http://127.0.0.1:8081",
        "metrics_address": "http://127.0.0.1:8082",
        "disable_token_authorization": False,
        "enable_model_api": False,
    },
    "kaptain": {
        "inference_address": "http://0.0.0.0:8085",
        "management_address": "http://0.0.0.0:8081",
        "number_of_netty_threads": 4,
        "service_envelope": "kfserving",
        "install_py_dep_per_model": True,
        "job_queue_size": 10,
        "disable_token_authorization": True,
        "enable_model_api": False,
        "model_store": "/mnt/models/model-store",
    },
    "kserve": {
        "inference_address": "http://0.0.0.0:8085",
        "management_address": "http://0.0.0.0:8085",
        "metrics_address": "http://0.0.0.0:8082",
        "grpc_inference_port": 7070,
        "grpc_management_port": 7071,
        "number_of_netty_threads": 4,
        "install_py_dep_per_model": True,
        "job_queue_size": 10,
        "disable_token_authorization": True,
        "enable_model_api": False,
        "enable_envvars_config": True,
        "enable_metrics_api": True,
        "metrics_mode": "prometheus",
        "model_store": "/mnt/models/model-store",
    },
    "sagemaker": {
        "inference_address": "http://0.0.0.0:8080",
        "management_address": "http://0.0.0.0:8080",
        "async_logging": True,
        "decode_input_request": False,
        "default_workers_per_model": 1,
        "default_response_timeout": 60,
        "unregister_model_timeout": 60,
        "disable_token_authorization": True,
        "enable_model_api": False,
        "vmargs": "-XX:-UseContainerSupport",
        "model_store": "/opt/ml/model",
        "load_models": "all",
    },
}
