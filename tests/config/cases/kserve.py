"""What KServe's wrapper and its InferenceService take, and MLflow's plugin."""

from __future__ import annotations

from tests.config.cases.case import KSERVE, SERVED, Case

ASKING = {"target": "kserve", "torchserve_version": "0.12.0"}

KSERVE_CASES = [
    Case(
        SERVED,
        {("token", "warning", "disable_token_authorization")},
        SERVED,
        told={"target": "kserve"},
        told_near={},
    ),
    Case(SERVED, {("token", "error", "disable_token_authorization")}, SERVED, told=ASKING, told_near=KSERVE),
    Case(
        f"{SERVED}disable_token_authorization=FALSE",
        {("token", "error", "disable_token_authorization")},
        f"{SERVED}disable_token_authorization=TRUE",
        told=ASKING,
    ),
    Case(
        f"{SERVED}disable_token_authorization=false",
        {("token", "error", "disable_token_authorization")},
        f"{SERVED}disable_token_authorization=false",
        told={"target": "kserve", "torchserve_version": "0.11.1"},
        told_near={"target": "kserve", "torchserve_version": "0.11.0"},
    ),
    Case("", {("kserve-snapshot", "warning", "model_snapshot")}, SERVED, told=KSERVE),
    Case(
        SERVED.replace("m.mar", "m.v1.mar"),
        {("kserve-archive", "error", "model_snapshot")},
        SERVED.replace("m.mar", "m"),
        told=KSERVE,
    ),
    Case(
        SERVED.replace("m.mar", "m.tar.gz"), {("kserve-archive", "error", "model_snapshot")}, SERVED, told=KSERVE
    ),
    Case(
        SERVED.replace("m.mar", "m.tgz"),
        {("kserve-archive", "error", "model_snapshot")},
        SERVED.replace("m.mar", "m.tgz"),
        told=KSERVE,
        told_near={},
    ),
    Case(
        f"{SERVED}inference_address=http://h",
        {("kserve-address", "error", "inference_address")},
        f"{SERVED}inference_address=http://h:8085",
        told=KSERVE,
    ),
    Case(
        f"{SERVED}inference_address=unix:/s",
        {("kserve-address", "error", "inference_address")},
        f"{SERVED}management_address=unix:/s",
        told=KSERVE,
    ),
    Case(
        f"{SERVED}inference_address=http://h:8080",
        {("kserve-port", "error", "inference_address")},
        f"{SERVED}inference_address=http://h:8085",
        told=KSERVE,
    ),
    Case(
        f"{SERVED}disable_token_authorization=true\nmanagement_address=http://h:8081",
        {("kserve-port", "error", "management_address")},
        f"{SERVED}management_address=http://h:8081",
        told={"target": "kserve"},
        told_near={},
    ),
    # Up to 0.8.0 the wrapper opens no gRPC there.
    Case(
        f"{SERVED}management_address=http://h:8081",
        {("kserve-port", "error", "management_address")},
        f"{SERVED}management_address=http://h:8081",
        told={"target": "kserve", "torchserve_version": "0.8.1"},
        told_near={"target": "kserve", "torchserve_version": "0.8.0"},
    ),
    Case(
        f"{SERVED}grpc_management_port=8081",
        {("kserve-port", "error", "grpc_management_port"), ("port-clash", "error", "grpc_management_port")},
        f"{SERVED}grpc_management_port=8085",
        told=KSERVE,
    ),
    # KServe's InferenceService; tests/serving/kserve/test_protocol.py has the whole table
    Case(
        "service_envelope=kservev2",
        {("kserve-envelope", "error", "service_envelope")},
        "service_envelope=kserve",
        told={"protocol_version": "v1", "torchserve_version": "0.9.0"},
    ),
    Case(
        "",
        {("kserve-envelope", "warning", "service_envelope")},
        "enable_envvars_config=true",
        told={"protocol_version": "v2"},
    ),
    Case(
        "enable_envvars_config=true\nservice_envelope=kserve",
        {("kserve-envelope-ignored", "error", "service_envelope")},
        "enable_envvars_config=true\nservice_envelope=kserve",
        told={"protocol_version": "v2"},
        told_near={"protocol_version": "v1"},
    ),
    # Of the old name no worker dies that is told another: no "envelope" beside this.
    Case(
        "enable_envvars_config=true\nservice_envelope=kfserving",
        {("kserve-envelope-ignored", "note", "service_envelope")},
        "enable_envvars_config=true",
        told={"protocol_version": "v1", "torchserve_version": "0.12.0"},
    ),
    Case(
        "enable_envvars_config=true",
        {("kserve-protocol", "warning", "protocolVersion")},
        "enable_envvars_config=true",
        told={"protocol_version": "grpc-v2", "torchserve_version": "0.8.1"},
        told_near={"protocol_version": "v2", "torchserve_version": "0.8.1"},
    ),
    Case(
        "enable_envvars_config=true",
        {("kserve-protocol", "note", "protocolVersion")},
        "enable_envvars_config=true",
        told={"protocol_version": "grpc-v2", "torchserve_version": "0.8.2"},
        told_near={"protocol_version": "v2"},
    ),
    Case(
        f"service_envelope=kserve\n{SERVED}".replace('"batchSize": 1', '"batchSize": 8'),
        {("envelope-batch", "warning", "model_snapshot.models.m.1.0.batchSize")},
        f"service_envelope=json\n{SERVED}".replace('"batchSize": 1', '"batchSize": 8'),
        told={"torchserve_version": "0.12.0", "target": "torchserve"},
    ),
    Case("", {("kserve-protocol", "error", "protocolVersion")}, "", {"protocol_version": "grpc-v1"}, {}),
    Case(
        SERVED,
        {("kserve-service-name", "warning", "model_snapshot")},
        SERVED,
        told={"service_name": "digits"},
        told_near={"service_name": "m"},
    ),
    Case(
        "management_address=http://127.0.0.1:8081",
        {("mlflow-localhost", "note", "management_address")},
        "management_address=http://localhost:8081",
    ),
    Case(
        "management_address=http://0.0.0.0:8081",
        {("mlflow-localhost", "note", "management_address")},
        "management_address=http://0.0.0.0:8081",
        told={"target": "mlflow"},
        told_near={},
    ),
    Case(
        "management_address=http://127.0.0.1:8081",
        {("mlflow-localhost", "note", "management_address")},
        "management_address=http://127.0.0.1:8081",
        told_near={"target": "torchserve"},
    ),
]
