"""The settings of the files that TorchServe's repository ships, which work."""

from __future__ import annotations

from tests.config.cases.case import SNAPSHOT

# Settings as the files that TorchServe's repository ships have them, and which of them a file sets.
VALUES = {
    "async_logging": "true",
    "certificate_file": "resources/certs.pem",
    "cpu_launcher_args": "--node_id 0",
    "cpu_launcher_enable": "true",
    "default_response_timeout": "300",
    "default_service_handler": "handler.py:handle",
    "default_workers_per_model": "1",
    "disable_token_authorization": "true",
    "enable_envvars_config": "true",
    "enable_metrics_api": "true",
    "enable_model_api": "true",
    "grpc_inference_address": "0.0.0.0",
    "grpc_inference_port": "7070",
    "grpc_management_address": "0.0.0.0",
    "grpc_management_port": "7071",
    "inference_address": "http://0.0.0.0:8080",
    "install_py_dep_per_model": "true",
    "ipex_enable": "true",
    "job_queue_size": "1000",
    "load_models": "all",
    "management_address": "http://0.0.0.0:8081",
    "max_request_size": "10485760",
    "max_response_size": "655350000",
    "metrics_address": "http://0.0.0.0:8082",
    "metrics_config": "examples/metrics.yaml",
    "metrics_mode": "prometheus",
    "model_metrics_auto_detect": "true",
    "model_snapshot": SNAPSHOT,
    "model_store": "/home/model-server/model-store",
    "models": "{"
    + "\\\n".join(["", '  "m": {', '    "1.0": {"defaultVersion": true, "minWorkers": 1}', "  }", "}"]),
    "NUM_WORKERS": "1",
    "number_of_gpu": "1",
    "number_of_netty_threads": "32",
    "prefer_direct_buffer": "True",
    "private_key_file": "resources/key.pem",
    "service_envelope": "kserve",
    "system_metrics_cmd": "ts/metrics/metric_collector.py --gpu 0",
    "token_expiration_min": "0.5",
    "unregister_model_timeout": "300",
    "vmargs": "-Xmx4g -XX:+ExitOnOutOfMemoryError",
    "workflow_store": "/home/model-server/wf-store",
}
ADDRESSES = "inference_address management_address metrics_address"
FRONT_END = (
    f"{ADDRESSES} model_store load_models async_logging default_response_timeout unregister_model_timeout "
    "private_key_file certificate_file max_request_size"
)
SHIPPED = {
    "benchmarks": "inference_address management_address number_of_netty_threads job_queue_size vmargs "
    "prefer_direct_buffer default_response_timeout unregister_model_timeout install_py_dep_per_model",
    "benchmarks-kf": "inference_address management_address service_envelope number_of_netty_threads "
    "job_queue_size",
    "docker": f"{ADDRESSES} grpc_inference_address grpc_management_address number_of_netty_threads job_queue_size "
    "model_store workflow_store",
    "chat-app": f"metrics_mode model_metrics_auto_detect {ADDRESSES} number_of_netty_threads job_queue_size "
    "model_store workflow_store",
    "cloud-storage": "load_models models",
    "custom-metrics": "metrics_mode metrics_config model_metrics_auto_detect models",
    "near-real-time-video": "models",
    "accelerate": f"{ADDRESSES} enable_envvars_config install_py_dep_per_model number_of_gpu load_models "
    "max_response_size default_response_timeout model_store",
    "ipex": "ipex_enable cpu_launcher_enable cpu_launcher_args",
    "gke": f"{ADDRESSES} enable_metrics_api metrics_mode NUM_WORKERS number_of_gpu number_of_netty_threads "
    "job_queue_size model_store model_snapshot",
    "kserve": f"{ADDRESSES} grpc_inference_port grpc_management_port enable_envvars_config "
    "install_py_dep_per_model enable_metrics_api metrics_mode NUM_WORKERS number_of_netty_threads job_queue_size "
    "load_models model_store model_snapshot",
    "kubernetes-tests": f"{ADDRESSES} number_of_netty_threads job_queue_size model_store workflow_store "
    "system_metrics_cmd",
    "front-end": f"{FRONT_END} max_response_size enable_envvars_config models workflow_store "
    "disable_token_authorization enable_model_api",
    "front-end-env": f"{FRONT_END} workflow_store models metrics_config enable_model_api",
    "https": "inference_address management_address private_key_file certificate_file",
    "token": "token_expiration_min",
    "model-mode": "enable_model_api enable_envvars_config",
}


def shipped(name: str, **changes: str) -> str:
    values = {**VALUES, **changes}
    return "".join(f"{key}={values[key]}\n" for key in SHIPPED[name].split())
