"""What lint finds in a config.properties: each finding, and what looks like it and is none."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marpack import Finding, Manifest, ManifestModel, ServerConfig, lint_config, lint_snapshot, properties
from marpack.config.settings.environment import variables
from tests.property.strategies import json_values
from tests.support.java import torchserve_home
from tests.support.vectors import codes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

STORE = "model_store=store\n"

ENTRY = {"defaultVersion": True, "marName": "m.mar", **dict.fromkeys(["minWorkers", "maxWorkers", "batchSize"], 1)}
SNAPSHOT = json.dumps({"modelCount": 1, "models": {"m": {"1.0": {**ENTRY, "maxBatchDelay": 1}}}})


def models(**values: object) -> str:
    return f"load_models=m.mar\nmodels={json.dumps({'m': {'1.0': values}})}"


def manifests(**model: Any) -> dict[str, Manifest]:
    return {"m.mar": Manifest(model=ManifestModel(model_name="m", **model))}


# What KServe's wrapper needs beside what a case is about.
SERVED = f"model_snapshot={SNAPSHOT}\n"


class Case(NamedTuple):
    """A text with what is found in it, and one near it in which nothing is; what else lint is told."""

    wrong: str | bytes
    found: set[tuple[str, str, str]]
    near: str | bytes
    told: dict[str, Any] = {}  # noqa: RUF012 - nobody writes to it
    told_near: dict[str, Any] | None = None


KSERVE = {"target": "kserve", "torchserve_version": "0.9.0"}
ASKING = {"target": "kserve", "torchserve_version": "0.12.0"}
MODEL = "models.m.1.0"

CASES = [
    # The text
    Case("vmargs=-Da=\\u12", {("syntax", "error", "")}, "# \\u12"),
    Case(b"a=1\nvmargs=-Da=\\uzzzz", {("syntax", "error", "")}, b"! \\uzzzz"),
    Case(b"cors_allowed_origin=\xe9", {("encoding", "error", "")}, b"cors_allowed_origin=e"),
    Case("cors_allowed_origin=é", {("encoding", "error", "")}, "cors_allowed_origin=\\u00e9"),
    Case(b"# \xe9", {("encoding", "error", "")}, "# é"),
    Case(
        "number_of_gpu=1\nnumber_of_gpu=1",
        {("duplicate-key", "warning", "number_of_gpu")},
        "#number_of_gpu=1\nnumber_of_gpu=1",
    ),
    # Other readers
    Case("vmargs=-Da=b\\\\c", {("read-differently", "error", "vmargs")}, "vmargs=-Da=b/c"),
    Case("plugins_path:/plugins", {("read-differently", "error", "plugins_path")}, "plugins_path=/plugins"),
    Case(
        "management_address http://h:1",
        {("read-differently", "warning", "management_address")},
        "management_address=http://h:1",
    ),
    Case("grpc_inference_port:1", {("read-differently", "warning", "grpc_inference_port")}, "io_ratio:1"),
    Case(
        f"{SERVED}grpc_inference_port:1",
        {("read-differently", "error", "grpc_inference_port")},
        f"{SERVED}io_ratio:1",
        told=KSERVE,
    ),
    Case(
        "cpu_launcher_args=a\\\nvmargs=-Xmx1g",
        {("read-differently", "error", "vmargs")},
        "cpu_launcher_args=a vmargs=-Xmx1g\n # vmargs=-Xmx1g\n\t! vmargs=-Xmx1g",
    ),
    Case(
        f"model_snapshot={SNAPSHOT[:-1]}\\\n  {SNAPSHOT[-1:]}",
        {("read-differently", "warning", "model_snapshot")},
        f"model_snapshot=  {SNAPSHOT}",
    ),
    # Keys
    Case("colour=blue", {("unknown-key", "note", "colour")}, "# colour=blue"),
    Case(
        "inference_adress=http://h:1",
        {("misspelt-key", "error", "inference_adress")},
        "inference_address=http://h:1",
    ),
    Case("Job-Queue-Size=1", {("misspelt-key", "error", "Job-Queue-Size")}, "job_queue_size=1"),
    Case("number.of.gpu=1", {("misspelt-key", "error", "number.of.gpu")}, "number_of_gpu=1"),
    Case("max_requests_size_of=1", {("misspelt-key", "warning", "max_requests_size_of")}, "max_request_size=9000"),
    Case("num_workers=1", {("ignored-key", "warning", "num_workers")}, "NUM_WORKERS=1"),
    Case("batch_size=1", {("ignored-key", "warning", "batch_size")}, models(batchSize=1)),
    Case("maxBatchDelay=1", {("ignored-key", "warning", "maxBatchDelay")}, models(maxBatchDelay=1)),
    Case("deviceType=cpu", {("ignored-key", "warning", "deviceType")}, "number_of_gpu=0"),
    Case("metrics_format=prometheus", {("ignored-key", "warning", "metrics_format")}, "metrics_mode=prometheus"),
    Case("preload_model=false", {("ignored-key", "note", "preload_model")}, "load_models=m.mar"),
    Case("TS_MODEL_STORE=s", {("ignored-key", "warning", "TS_MODEL_STORE")}, ""),
    Case("minworkers=1", {("ignored-key", "warning", "minworkers")}, ""),
    Case("Batch-Size=1", {("ignored-key", "warning", "Batch-Size")}, ""),
    Case("PRELOAD_MODEL=1", {("ignored-key", "note", "PRELOAD_MODEL")}, ""),
    Case("default_timeout=1", {("ignored-key", "warning", "default_timeout")}, "default_response_timeout=1"),
    Case("model_name=m", {("ignored-key", "warning", "model_name")}, ""),
    Case("inference_port=8080", {("ignored-key", "warning", "inference_port")}, "grpc_inference_port=7080"),
    Case("min_workers=1", {("ignored-key", "warning", "min_workers")}, "default_workers_per_model=1"),
    Case("max_workers=1", {("ignored-key", "warning", "max_workers")}, ""),
    # One value
    Case("job_queue_size=ten", {("type", "error", "job_queue_size")}, "job_queue_size=+010"),
    Case("job_queue_size=", {("type", "error", "job_queue_size")}, "cors_allowed_origin="),
    Case("job_queue_size=1_0", {("type", "error", "job_queue_size")}, "job_queue_size=10"),
    Case("job_queue_size=4.0", {("type", "error", "job_queue_size")}, "token_expiration_min=4.0"),
    Case("max_request_size=2147483648", {("type", "error", "max_request_size")}, "max_request_size=2147483647"),
    Case(f"max_request_size={'9' * 5000}", {("type", "error", "max_request_size")}, ""),
    Case(f"grpc_inference_port={'9' * 5000}", {("type", "error", "grpc_inference_port")}, ""),
    Case(
        f"grpc_inference_max_connection_age_ms={2**63}",
        {("type", "error", "grpc_inference_max_connection_age_ms")},
        f"grpc_inference_max_connection_age_ms={2**63 - 1}",
    ),
    Case("debug=yes", {("type", "error", "debug")}, "async_logging=TrUe"),
    Case("token_expiration_min=1,5", {("type", "error", "token_expiration_min")}, "token_expiration_min=1.5e0"),
    Case("io_ratio=50 ", {("blank", "error", "io_ratio")}, "io_ratio=  50"),
    Case("debug=true\t", {("blank", "error", "debug")}, "debug\t=false"),
    Case("metrics_config=/m.yaml ", {("blank", "error", "metrics_config")}, "metrics_config=/m .yaml"),
    Case("cors_allowed_origin=* ", {("blank", "warning", "cors_allowed_origin")}, "cors_allowed_origin=a b"),
    Case("allowed_urls=https://h/.* ", {("blank", "warning", "allowed_urls")}, "allowed_urls=https://h/.*"),
    Case('metrics_config="/m.yaml"', {("quotes", "error", "metrics_config")}, 'metrics_config=/m".yaml"'),
    Case("debug='true'", {("quotes", "error", "debug")}, "cors_allowed_origin='"),
    Case("job_queue_size=0", {("range", "error", "job_queue_size")}, "job_queue_size=1"),
    Case("io_ratio=101", {("range", "error", "io_ratio")}, "io_ratio=100"),
    Case("grpc_inference_port=65536", {("range", "error", "grpc_inference_port")}, "grpc_inference_port=65535"),
    Case(
        "number_of_netty_threads=-1", {("range", "error", "number_of_netty_threads")}, "number_of_netty_threads=0"
    ),
    Case("service_envelope=jsn", {("choice", "error", "service_envelope")}, "service_envelope=json"),
    Case("metrics_mode=prom", {("choice", "warning", "metrics_mode")}, "metrics_mode=PROMETHEUS"),
    Case("metrics_mode=kfserving", {("choice", "warning", "metrics_mode")}, "metrics_mode=legacy"),
    Case("blacklist_env_vars=(", {("pattern", "warning", "blacklist_env_vars")}, "blacklist_env_vars=A.*"),
    Case("allowed_urls=file://.*,(", {("pattern", "warning", "allowed_urls")}, "allowed_urls=file://.*,()"),
    Case("allowed_urls=a{99999999999}", {("pattern", "warning", "allowed_urls")}, "allowed_urls=a{9}"),
    # Python warns of what it may understand otherwise one day; Java does not.
    Case("job_queue_size=0", {("range", "error", "job_queue_size")}, "allowed_urls=[[a]b]"),
    Case(
        "inference_address=http://h:80/",
        {("address", "error", "inference_address")},
        "inference_address=http://h:81",
    ),
    Case("inference_address=h:80", {("address", "error", "inference_address")}, "inference_address=HTTP://h"),
    Case("management_address=unix:s", {("address", "error", "management_address")}, "management_address=unix:/s"),
    Case(
        "metrics_address=http://[::1]:80", {("address", "error", "metrics_address")}, "metrics_address=http://h:0"
    ),
    Case(
        "inference_address=http://h:65535",
        {("port", "error", "inference_address")},
        "inference_address=http://h:65534",
    ),
    Case(f"inference_address=http://h:{'9' * 5000}", {("port", "error", "inference_address")}, ""),
    # Several values
    Case(
        "metrics_address=http://localhost:8080",
        {("port-clash", "error", "metrics_address")},
        "metrics_address=http://h:8080",
    ),
    Case(
        "inference_address=http://127.0.0.1:8081\nmanagement_address=http://localhost:8081",
        {("port-clash", "error", "management_address")},
        "inference_address=http://localhost:8081\nmanagement_address=http://localhost:8081",
    ),
    Case(
        "inference_address=http://0.0.0.0:7070",
        {("port-clash", "error", "inference_address")},
        "inference_address=http://10.0.0.1:7070",
    ),
    Case(
        "grpc_management_port=7070", {("port-clash", "error", "grpc_management_port")}, "grpc_management_port=7072"
    ),
    Case(
        "grpc_management_port=0\ngrpc_inference_port=9000\nmetrics_address=http://127.0.0.1:9000",
        {("port-clash", "error", "grpc_inference_port")},
        "grpc_inference_port=0\ngrpc_management_port=0\n",
    ),
    Case(
        "metrics_address=http://127.0.0.1:8081",
        {("port-clash", "error", "metrics_address")},
        "enable_metrics_api=false\nmetrics_address=http://127.0.0.1:8081",
    ),
    Case(
        "inference_address=https://h:1",
        {("https-key", "error", "inference_address")},
        "inference_address=https://h:1\nkeystore=k.p12",
    ),
    Case(
        "certificate_file=c.pem",
        {("https-key", "warning", "certificate_file")},
        "certificate_file=c.pem\nprivate_key_file=k.pem\nmetrics_address=https://h:1",
    ),
    Case("private_key_file=k.pem", {("https-key", "warning", "private_key_file")}, ""),
    Case(
        "use_native_io=false\ninference_address=unix:/s",
        {("unix-socket", "error", "inference_address")},
        "use_native_io=true\ninference_address=unix:/s",
    ),
    Case("service_envelope=kfserving", {("envelope", "warning", "service_envelope")}, "service_envelope=kserve"),
    Case(
        "service_envelope=kfservingv2",
        {("envelope", "error", "service_envelope")},
        "service_envelope=kservev2",
        told={"torchserve_version": "0.5.3"},
    ),
    Case(
        "service_envelope=kserve",
        {("envelope", "error", "service_envelope")},
        "service_envelope=kfserving",
        told={"torchserve_version": "0.5.2"},
    ),
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
    # What lets nothing work
    Case("max_response_size=10", {("response-size", "error", "max_response_size")}, "max_response_size=6553500"),
    Case(
        "max_response_size=20\nload_models=eight888=m.mar",
        {("response-size", "error", "max_response_size")},
        "max_response_size=1024\nload_models=eight888=m.mar",
    ),
    Case(
        "max_response_size=14\nload_models=m.mar",
        {("response-size", "error", "max_response_size")},
        "",
        told={"archives": {"m.mar": Manifest(model=ManifestModel(model_name="mm"))}},
    ),
    Case("max_response_size=14", {("response-size", "warning", "max_response_size")}, "max_response_size=1024"),
    Case("max_request_size=10", {("request-size", "warning", "max_request_size")}, "max_request_size=65536"),
    Case(
        "use_native_io=false\ninitial_worker_port=70000",
        {("worker-port", "error", "initial_worker_port")},
        "initial_worker_port=70000",
    ),
    Case(
        "unregister_model_timeout=0",
        {("range", "error", "unregister_model_timeout")},
        "unregister_model_timeout=1",
    ),
    Case("blacklist_env_vars=.*", {("worker-environment", "error", "blacklist_env_vars")}, "blacklist_env_vars="),
    Case(
        "blacklist_env_vars=(PY.*|HOME)",
        {("worker-environment", "error", "blacklist_env_vars")},
        "blacklist_env_vars=.*PASSWORD.*|.*USERNAME.*",
    ),
    Case(
        "blacklist_env_vars=P[A-Z]TH",
        {("worker-environment", "warning", "blacklist_env_vars")},
        "blacklist_env_vars=path",
    ),
    Case("vmargs=-Xmx512", {("heap", "error", "vmargs")}, "vmargs=-Xmx512m"),
    Case("vmargs=-Xmx4g -Xmx8m", {("heap", "error", "vmargs")}, "vmargs=-Xmx8m -Xmx4g"),
    Case("vmargs=-Xms2g -Xmx1024m", {("heap", "error", "vmargs")}, "vmargs=-Xms1g -Xmx1024m -Da=-Xmx1"),
    Case("debug=True", {("debug-workers", "warning", "debug")}, "debug=false"),
    Case(
        "token_expiration_min=0",
        {("token-expired", "error", "token_expiration_min")},
        "token_expiration_min=0\ndisable_token_authorization=true",
    ),
    Case(
        "token_expiration_min=-1.5",
        {("token-expired", "error", "token_expiration_min")},
        "token_expiration_min=-1.5",
        told_near={"torchserve_version": "0.9.0"},
    ),
    # The models
    Case(
        f"load_models=m.mar\nmodel_snapshot={SNAPSHOT}",
        {("load-models-ignored", "warning", "load_models")},
        f"load_models=\nmodel_snapshot={SNAPSHOT}",
    ),
    Case("load_models=a.mar, b.mar", {("load-models-blank", "error", "load_models")}, "load_models=a.mar,,b.mar,"),
    Case("load_models=n= b.mar", {("load-models-blank", "error", "load_models")}, "load_models=a name=b.mar"),
    Case(
        "load_models=a.mar,a.mar", {("load-models-twice", "error", "load_models")}, "load_models=n=a.mar,o=a.mar"
    ),
    Case(
        "load_models=a/b.mar,b.mar",
        {("load-models-twice", "error", "load_models"), ("load-models-folder", "note", "load_models")},
        "load_models=a.mar,b.mar",
    ),
    Case("load_models=../a.mar", {("load-models-item", "error", "load_models")}, "load_models=/stores/a"),
    Case(
        "load_models=sub/a.mar", {("load-models-folder", "note", "load_models")}, "load_models=https://h/sub/a.mar"
    ),
    Case("load_models=*.mar", {("load-models-item", "error", "load_models")}, "load_models=All"),
    Case("load_models=all,a.mar", {("load-models-item", "error", "load_models")}, "load_models=none"),
    Case("load_models=a.mar b.mar", {("load-models-item", "error", "load_models")}, "load_models=a b.mar"),
    Case("load_models=a/", {("load-models-item", "error", "load_models")}, "load_models=/a/"),
    Case(
        "load_models=https://h/a.mar?x=1",
        {("load-models-item", "error", "load_models")},
        "load_models=a=https://h/a.mar?x=1",
    ),
    Case(
        "load_models=s3://b/m.mar\nallowed_urls=s3://.*",
        {("load-models-url", "error", "load_models")},
        "",
        told={"archives": manifests()},
    ),
    Case("load_models=a=", {("load-models-item", "error", "load_models")}, "load_models="),
    Case("load_models=m.mar,b=", {("load-models-item", "error", "load_models")}, "load_models=m.mar,"),
    Case("load_models=w.war", {("load-models-war", "error", "load_models")}, "load_models=w.war.d"),
    Case(
        "load_models=w.war",
        {("load-models-war", "error", "load_models")},
        "",
        told={"archives": {"w.war": Manifest(model=ManifestModel(model_name="w"))}},
    ),
    Case("load_models=s3://b/a.mar", {("load-models-url", "error", "load_models")}, "load_models=HTTP://b/a.mar"),
    Case(
        "load_models=s3://b/m.mar",
        {("load-models-url", "warning", "load_models")},
        "",
        told={"archives": manifests()},
    ),
    Case(
        "load_models=https://b/a.mar\nallowed_urls=https://c/.*",
        {("load-models-url", "error", "load_models")},
        "load_models=https://b/a.mar\nallowed_urls=https://c/.*,https?://[a-d]/.*",
    ),
    Case(
        "load_models=https://b/a.mar\nallowed_urls=https://c/.*\nenable_envvars_config=true",
        {("load-models-url", "error", "load_models")},
        "load_models=https://b/a.mar\nallowed_urls=https://c/.*\nenable_envvars_config=true\nuse_env_allowed_urls=true",
    ),
    Case(
        "load_models=https://b/m.mar",
        {("load-models-url", "error", "load_models")},
        "load_models=https://b/n.mar",
        told={"archives": manifests()},
    ),
    Case("load_models=file://store/a.mar\nallowed_urls=.*", {("allowed-urls", "error", "allowed_urls")}, ""),
    Case(
        "allowed_urls=https://a/.*, https://b/.*",
        {("allowed-urls", "warning", "allowed_urls")},
        "allowed_urls=https://a/.*,https://b/.*",
    ),
    Case(
        "load_models=all",
        {("load-models-same-version", "error", "load_models")},
        "load_models=m.mar",
        told={"archives": {**manifests(), "n.mar": Manifest(model=ManifestModel(model_name="m"))}},
    ),
    Case(
        "load_models=x=m.mar,x=n.mar",
        {("load-models-same-version", "error", "load_models")},
        "load_models=x=m.mar,y=n.mar",
        told={"archives": {**manifests(), "n.mar": Manifest(model=ManifestModel(model_name="n"))}},
    ),
    Case(
        models().replace("1.0", "2.0"),
        {("models-unused", "warning", "models.m.2.0")},
        models(),
        told={"archives": manifests()},
    ),
    Case(
        models().replace("=m.mar", "=n=m.mar"),
        {("models-unused", "warning", "models.m")},
        models().replace("=m.mar", "=m=m.mar"),
        told={"archives": manifests()},
    ),
    Case(
        models().replace("=m.mar", "=n=m.mar"),
        {("models-unused", "warning", "models.m")},
        models().replace("=m.mar", "=n=m.mar,https://h/o.mar"),  # what that is, nobody knows
        told={"archives": manifests()},
    ),
    Case(
        "load_models=b.mar",
        {("load-models-item", "error", "load_models")},
        "load_models=x=m.mar",
        told={"archives": manifests()},
    ),
    Case(
        "load_models=/b.mar",
        {("load-models-item", "error", "load_models"), ("load-models-folder", "note", "load_models")},
        "load_models=store/m.mar",
        told={"archives": manifests()},
    ),
    Case(
        "load_models=a.zip",
        {("load-models-suffix", "warning", "load_models")},
        "load_models=a.tgz,b.model,c.tar.gz,d,net-v1.0",
    ),
    Case(
        f"model_snapshot={SNAPSHOT}\nmodels={{}}",
        {("models-ignored", "warning", "models")},
        f"model_snapshot={SNAPSHOT}",
    ),
    Case("models={}", {("models-loads-nothing", "warning", "models")}, "load_models=all\nmodels={}"),
    Case(
        "enable_model_api=true\nmodels={}", {("models-loads-nothing", "note", "models")}, "enable_model_api=true"
    ),
    Case("load_models=a.mar\nmodels=[", {("models-json", "error", "models")}, models()),
    Case(
        'load_models=a.mar\nmodels={\n"a": {\n  "1.0": {"minWorkers": 1}\n}\n}\n',
        {("models-json", "error", "models")},
        'load_models=a.mar\nmodels={\\\n"a": {\\\n  "1.0": {"minWorkers": 1}\\\n}\\\n}\n',
    ),
    Case(
        'load_models=a.mar\nmodels={\n"a]": {\n# "1.0": {}\n}\n}\ncolour=1',
        {("models-json", "error", "models"), ("unknown-key", "note", "colour")},
        'load_models=a.mar\nmodels={"a": {}}\n',
    ),
    Case("load_models=a.mar\nmodels=[]", {("models-json", "error", "models")}, models(minWorkers=1)),
    Case("load_models=a.mar\nmodels={'m': {}}", {("models-json", "warning", "models")}, models()),
    Case(
        "load_models=a.mar\nmodels={m= {1.0: {minWorkers=>2; /* x */}}", {("models-json", "error", "models")}, ""
    ),
    Case("load_models=a.mar\nmodels={m= {'1.0': {}}; n: {} // x\\n}", {("models-json", "warning", "models")}, ""),
    Case("load_models=a.mar\nmodels={'m': {},}", {("models-json", "error", "models")}, ""),
    Case("load_models=a.mar\nmodels={'m': {}} # x", {("models-json", "error", "models")}, ""),
    Case("load_models=a.mar\nmodels={'m': {}, 'm': {}}", {("models-json", "error", "models")}, ""),
    Case(
        'load_models=a.mar\nmodels={"m": {"1.0": {"batchSize": 1, "batchSize": 2}}}',
        {("models-json", "warning", "models")},
        models(batchSize=2),
    ),
    Case(
        "load_models=a.mar\nmodels={'m': {'1.0': {batchSize: x}}}",
        {("models-json", "warning", "models"), ("models-value", "error", f"{MODEL}.batchSize")},
        models(batchSize=2),
    ),
    Case('load_models=a.mar\nmodels={"m": 1}', {("models-json", "error", "models.m")}, models(maxWorkers="+1")),
    Case('load_models=a.mar\nmodels={"m": {"1.0": []}}', {("models-json", "error", MODEL)}, models(batchSize=1.5)),
    Case("metrics_config=~/m", {("home", "error", "metrics_config")}, "metrics_config=m/~"),
    Case(models(batchSize=None), {("models-value", "error", f"{MODEL}.batchSize")}, models(batchSize="2")),
    Case(models(batchSize="2.0"), {("models-value", "error", f"{MODEL}.batchSize")}, models(batchSize=2.0)),
    Case(models(minWorkers=[1, 2]), {("models-value", "warning", f"{MODEL}.minWorkers")}, models(minWorkers=[1])),
    Case(models(minWorkers=0), {("models-value", "warning", f"{MODEL}.minWorkers")}, models(minWorkers=1)),
    Case(
        models(minWorkers=2, maxWorkers=1),
        {("models-value", "warning", f"{MODEL}.minWorkers")},
        models(minWorkers=2, maxWorkers=2),
    ),
    Case(
        models(runtimeType="PYTHON"),
        {("models-value", "warning", f"{MODEL}.runtimeType")},
        models(runtimeType="LSP"),
    ),
    Case(models(colour=1), {("models-ignored-key", "note", f"{MODEL}.colour")}, models(startupTimeout=1)),
    Case(
        "load_models=a.mar\nmodel_snapshot=[]",
        {("load-models-ignored", "warning", "load_models"), ("snapshot-json", "error", "model_snapshot")},
        "load_models=a.mar",
    ),
    Case(
        f"model_snapshot={SNAPSHOT.replace('true', 'false')}",
        {("snapshot-defaults", "error", "model_snapshot.models.m")},
        f"model_snapshot={SNAPSHOT}",
    ),
    # The environment and the archives
    Case(
        f"model_snapshot={SNAPSHOT.replace('m.mar', '$$FILE$$')}",
        {("variable-unknown", "note", "model_snapshot")},
        f"model_snapshot={SNAPSHOT.replace('m.mar', '$$FILE$$')}",
        told_near={"environ": {"FILE": "m.mar"}},
    ),
    Case(
        "job_queue_size=$$QUEUE$$",
        {("variable", "error", "job_queue_size")},
        "job_queue_size=$$QUEUE$$",
        told={"environ": {}},
        told_near={"environ": {"QUEUE": "7"}},
    ),
    Case(
        "metrics_config=$$FILE$$",
        {("variable", "error", "metrics_config")},
        "metrics_config=$$FILE$$",
        told={"environ": {"FILE": "C:\\"}},
        told_near={"environ": {"FILE": "C:/"}},
    ),
    Case(
        "job_queue_size=$$QUEUE$$",
        {("range", "error", "job_queue_size")},
        "job_queue_size=$$QUEUE$$",
        told={"environ": {"QUEUE": "0"}},
        told_near={},
    ),
    Case("vmargs=$$ARGS$$", {("variable-elsewhere", "warning", "vmargs")}, "cpu_launcher_args=$$ARGS$$"),
    Case(
        f"{SERVED}grpc_inference_port=$$PORT$$",
        {("variable-elsewhere", "warning", "grpc_inference_port")},
        f"{SERVED}grpc_inference_port=$$PORT$$",
        told=KSERVE,
        told_near={},
    ),
    Case(
        "",
        {("requirements-ignored", "warning", "install_py_dep_per_model")},
        "install_py_dep_per_model=true",
        told={"archives": manifests(requirements_file="r.txt")},
    ),
    Case(
        "install_py_dep_per_model=false",
        {("requirements-ignored", "warning", "install_py_dep_per_model")},
        "",
        told={"archives": manifests(requirements_file="r.txt")},
        told_near={"archives": manifests()},
    ),
]


def with_store(text: str | bytes) -> str | bytes:
    return STORE + text if isinstance(text, str) else STORE.encode() + text


def triples(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    return sorted((finding.code, finding.severity, finding.key) for finding in findings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.wrong)[:60])
def test_finding(case: Case) -> None:
    found = triples(lint_config(with_store(case.wrong), **case.told))
    assert set(found) == case.found
    assert case.found


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.near)[:60])
def test_near_miss(case: Case) -> None:
    told = case.told if case.told_near is None else case.told_near
    assert lint_config(with_store(case.near), **told) == ()


def test_no_store() -> None:
    assert triples(lint_config("")) == [("no-store", "warning", "model_store")]
    assert lint_config("model_store:store\n", target="torchserve")[0].code == "read-differently"


def test_an_archive_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "m.mar").write_bytes(b"PK")
    [finding] = lint_config(STORE, file="c.properties", model_store=tmp_path)
    assert triples([finding]) == [("archive-unreadable", "error", "model_store")]
    assert repr(str(tmp_path / "m.mar")) in finding.message
    assert (finding.file, finding.line) == ("c.properties", 1)
    # The server does not look at it.
    (tmp_path / "m.mar").rename(tmp_path / ".m.mar")
    (tmp_path / "notes.txt").write_text("not an archive")
    assert lint_config(STORE, model_store=tmp_path) == ()


def test_archives_of_the_store_are_read(tmp_path: Path) -> None:
    for name in ("m", "n"):
        with zipfile.ZipFile(tmp_path / f"{name}.mar", "w") as archive:
            model = {"modelName": name, "modelVersion": "2.0", "requirementsFile": "r.txt"}
            archive.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": model}))
    text = f"{STORE}model_snapshot={SNAPSHOT}\n"
    found = triples(lint_config(text, model_store=tmp_path))
    assert found == [
        ("requirements-ignored", "warning", "install_py_dep_per_model"),
        ("snapshot-version-differs", "error", "model_snapshot.models.m.1.0"),
    ]
    assert triples(ServerConfig.loads(text).validate(model_store=tmp_path)) == found
    assert (
        lint_config(f"{STORE}load_models=m.mar,n.mar\ninstall_py_dep_per_model=true", model_store=tmp_path) == ()
    )


def test_archives_are_named_after_their_form(tmp_path: Path) -> None:
    for name in ("m.mar", "z.zip", "z.model"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": {"modelName": name}}))
    for name in ("t.tar.gz", "t.gz"):
        with tarfile.open(tmp_path / name, "w:gz") as tar:
            member = tarfile.TarInfo("t/MAR-INF/MANIFEST.json")
            text = json.dumps({"model": {"modelName": name}}).encode()
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    for name in ("net-v1.0", "net.zip"):
        (tmp_path / name / "MAR-INF").mkdir(parents=True)
        manifest = json.dumps({"model": {"modelName": name}})
        (tmp_path / name / "MAR-INF" / "MANIFEST.json").write_text(manifest)

    def found(items: str) -> list[str]:
        findings = lint_config(f"{STORE}load_models={items}", model_store=tmp_path)
        assert triples(findings) == [("load-models-suffix", "error", "load_models")] * len(findings)
        return [each.message for each in findings]

    assert found("m.mar,t.tar.gz,t.gz,net-v1.0,net.zip") == []
    (tmp_path / "notes.txt").write_text("no archive")
    assert found("z.zip,z.model,notes.txt") == [
        "'z.zip' is a zip",
        "'z.model' is a zip",
        "'notes.txt' is no gzip-compressed tar",
    ]
    assert found("all") == ["'z.model' is a zip"]


def test_folders_without_a_model(tmp_path: Path) -> None:
    for name in ("net/MAR-INF", "outer/net/MAR-INF", "lost+found", ".cache", "logs/old"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("net", "outer/net"):
        (tmp_path / name / "MAR-INF" / "MANIFEST.json").write_text('{"model": {"modelName": "n"}}')
    told: dict[str, Any] = {"model_store": tmp_path, "select": "load-models-stray"}
    assert [each.message for each in lint_config(f"{STORE}load_models=all", **told)] == [
        "the folder 'logs' of the store holds no model",
        "the folder 'lost+found' of the store holds no model",
    ]
    assert lint_config(f"{STORE}load_models=net", **told) == ()
    assert lint_config(f"{STORE}load_models=all\ndefault_service_handler=h.py", **told) == ()


def test_a_name_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "resnet-18.txt").touch()
    [finding] = lint_config(f"{STORE}load_models=resnet18.txt", model_store=tmp_path, select="load-models-item")
    assert finding.fix == "write 'resnet-18.txt'"


def test_json_over_several_lines_is_told_once_and_where_it_breaks_off() -> None:
    text = f'{STORE}model_snapshot={{\\\n  "modelCount": 1,\n  "models": {{}}\n}}\ncolour=1\n'
    [broken, unknown] = lint_config(text)
    assert broken.message == "its JSON goes over several lines, and line 3 has no backslash at its end"
    assert (broken.code, broken.key, broken.line) == ("snapshot-json", "model_snapshot", 2)
    assert (unknown.code, unknown.line) == ("unknown-key", 6)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_blank_behind_a_backslash_breaks_json_off(end: str) -> None:
    text = end.join(
        [STORE.strip(), "load_models=a.mar", "models={\\", '"a": {\\ ', '"1.0": {}\\', "}}", "colour=1"]
    )
    [broken, unknown] = lint_config(text)
    assert broken.message == "its JSON goes over several lines, and line 4 has a blank behind its backslash"
    assert (broken.line, unknown.key) == (3, "colour")


def test_utf_16_and_byte_order_marks() -> None:
    [finding] = [each for each in lint_config(STORE.encode("utf-16")) if each.code == "encoding"]
    assert (finding.severity, finding.line) == ("error", 1)
    assert "UTF-16" in finding.message
    [finding] = [each for each in lint_config(b"\xef\xbb\xbf" + STORE.encode()) if each.code == "encoding"]
    assert (finding.severity, finding.line) == ("error", 1)
    assert "byte order mark" in finding.message


@pytest.mark.parametrize(
    ("store", "told", "severity"),
    [
        ("/mnt/models/s", {}, "warning"),
        ("/mnt/models/s", {"torchserve_version": "0.8.1"}, "error"),
        ("/mnt/models/s", {"torchserve_version": "0.8.0"}, None),
        ("/mnt/models/s", {"target": "kserve"}, "error"),
        ("/mnt/models/s", {"target": "torchserve"}, None),
        ("/srv/models/s", {"torchserve_version": "0.12.0"}, None),
    ],
)
def test_the_ports_of_a_wrapper_that_nobody_named(store: str, told: dict[str, Any], severity: str | None) -> None:
    text = f"model_store={store}\nmanagement_address=http://127.0.0.1:8081\n"
    found = [each.severity for each in lint_config(text, **told) if each.code == "kserve-port"]
    assert found == ([] if severity is None else [severity])


def test_every_code_and_severity_of_the_specification_is_shown() -> None:
    stated = {
        (code, severity)
        for code, words in codes("P22").items()
        for severity in ("error", "warning", "note")
        if severity in words
    }
    shown = {(code, severity) for case in CASES for code, severity, _ in case.found}
    # Those that need a file or no file have tests of their own.
    shown |= {("no-store", "warning"), ("archive-unreadable", "error"), ("version", "error")}
    shown |= {("kserve-port", "warning")}  # test_the_ports_of_a_wrapper_that_nobody_named
    shown |= {("load-models-suffix", "error"), ("load-models-stray", "warning")}
    assert {pair for pair in shown if not pair[0].startswith("snapshot-")} == stated


# ----------------------------------------------------------------------------------------------- the place


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.wrong)[:60])
def test_findings_name_file_and_line(case: Case) -> None:
    text = with_store(case.wrong)
    data = text.encode() if isinstance(text, str) else text
    is_read = ("syntax", "error", "") not in case.found
    elements = properties.parse(data) if is_read else ()
    lines = {element.key: element.lineno for element in elements if isinstance(element, properties.Entry)}
    for finding in lint_config(text, file="conf/c.properties", **case.told):
        assert finding.file == "conf/c.properties"
        assert str(finding).startswith("conf/c.properties:")
        if finding.key:
            assert finding.line == lines.get(finding.key, lines.get(finding.key.partition(".")[0]))
        else:
            assert finding.line == len(data.splitlines())


def test_findings_come_in_the_order_of_the_file() -> None:
    text = "# settings\n\njob_queue_size=0\r\ncolour=1\\\n  2\rdebug=x\n" + models(**dict.fromkeys("zyxwvu", 1))
    found = [(finding.line, finding.key) for finding in lint_config(text)]
    assert found == [
        (None, "model_store"),
        (3, "job_queue_size"),
        (4, "colour"),
        (6, "debug"),
        *[(8, f"models.m.1.0.{name}") for name in "zyxwvu"],
    ]


def test_an_unknown_key_with_dots_has_its_line() -> None:
    [finding] = lint_config("model_store=s\nmodels.m=1")
    assert (finding.key, finding.line) == ("models.m", 2)


def test_a_finding_shows_what_to_do() -> None:
    [finding] = lint_config("model_store=s\nnumber_of_gpus=1", file="c.properties")
    assert str(finding) == (
        "c.properties:2: error: number_of_gpus: is no setting: the server: it ignores it: "
        "did you mean number_of_gpu? [misspelt-key]"
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.wrong)[:60])
def test_a_message_says_something(case: Case) -> None:
    for finding in lint_config(with_store(case.wrong), **case.told):
        assert finding.message
        assert finding.fix
        assert len(str(finding)) < 400, "a value of thousands of characters is not shown whole"
        assert "sys.set_int_max_str_digits" not in finding.message


def test_settings_and_their_text_have_the_same_findings() -> None:
    for case in CASES:
        if not isinstance(case.wrong, str) or not case.wrong.isascii():
            continue
        text = STORE + case.wrong
        in_text = {"syntax", "encoding", "duplicate-key", "read-differently"}
        found = lint_config(text, **case.told)
        if {finding.code for finding in found} & in_text or "[" in text or "{\n" in text:
            continue
        assert triples(ServerConfig.loads(text).validate(**case.told)) == triples(found), text


@pytest.mark.parametrize(
    ("store", "is_kserve"),
    [
        ("/mnt/models", True),
        ("/mnt/models/", True),
        ("/mnt/models/model-store", True),
        ("/mnt/models2", False),
        ("/mnt/model", False),
        ("models", False),
    ],
)
def test_the_mount_of_kserve_implies_its_wrapper(store: str, is_kserve: bool) -> None:
    found = lint_config(f"model_store={store}\n{SERVED}")
    assert triples(found) == ([("token", "warning", "disable_token_authorization")] if is_kserve else [])
    assert lint_config(f"model_store={store}\n{SERVED}", target="torchserve") == ()


def test_what_is_no_version_or_target_is_refused() -> None:
    with pytest.raises(ValueError, match="'newest' is not a version of TorchServe"):
        lint_config("", torchserve_version="newest")
    with pytest.raises(ValueError, match="the target 'sagemaker' is not one of torchserve, kserve, mlflow"):
        lint_config("", target="sagemaker")  # type: ignore[arg-type]


# -------------------------------------------------------------------------------- files that are in use

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


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("version", [None, "0.12.0"])
def test_no_error_is_found_in_files_that_work(name: str, version: str | None) -> None:
    findings = lint_config(shipped(name), torchserve_version=version)
    assert [str(finding) for finding in findings if finding.severity == "error"] == []


def test_defects_of_files_in_use() -> None:
    text = shipped("kserve", grpc_inference_port="http://127.0.0.1:7070", grpc_management_port="http://h:7071")
    found = triples(finding for finding in lint_config(text) if finding.severity == "error")
    assert found == [("type", "error", "grpc_inference_port"), ("type", "error", "grpc_management_port")]
    text = shipped("ipex", ipex_enable="true ", cpu_launcher_enable="true ")
    found = triples(finding for finding in lint_config(text) if finding.severity == "error")
    assert found == [("blank", "error", "cpu_launcher_enable"), ("blank", "error", "ipex_enable")]
    assert ("load-models-ignored", "warning", "load_models") in triples(lint_config(shipped("kserve")))


@pytest.mark.server
def test_the_file_of_sagemaker_that_torchserve_installs(pytestconfig: pytest.Config) -> None:
    data = (torchserve_home(pytestconfig) / "ts" / "configs" / "sagemaker_config.properties").read_bytes()
    findings = lint_config(data, file="sagemaker_config.properties", torchserve_version="0.12.0")
    assert [str(finding) for finding in findings if finding.severity == "error"] == []
    names = {name for text in properties.loads(data).values() for name in variables(text)}
    assert len(names) > 3
    missing = lint_config(data, environ={})
    assert {finding.key for finding in missing if finding.severity == "error"} == {
        key for key, text in properties.loads(data).items() if variables(text)
    }
    environ = dict.fromkeys(names, "60") | {"SAGEMAKER_BIND_TO_PORT": "8080"}
    assert [finding for finding in lint_config(data, environ=environ) if finding.severity == "error"] == []


# ----------------------------------------------------------------------------------------- whatever comes

DIGITS = "9" * 5000
# Beyond any limit of depth; test_json_at_every_depth goes deeper.
NESTED = ["[" * 20 + "]" * 20, "[" * 5_000, '{"a":' * 5_000]
HOSTILE_JSON = [
    "",
    "NaN",
    "[NaN]",
    "-Infinity",
    "1e999",
    "-1e999",
    "1e-999",
    DIGITS,
    f'"{DIGITS}"',
    f'"-{DIGITS}"',
    '"٣"',
    '"²"',
    "null",
    "true",
    "{}",
    "[]",
    "[[]]",
    '""',
    '"\\ud800"',
    '"\\\\ud800"',
    '"\\u0000"',
    '{"": {"": {}}}',
    '{"a": 1, "a": 2}',
    *NESTED,
]
NUMBERS = ("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay", "responseTimeout", "startupTimeout")


def documents(value: str) -> list[str]:
    """Return texts of snapshots and models in which a JSON value stands everywhere."""
    entry = ", ".join(f'"{name}": {value}' for name in (*NUMBERS, "marName", "defaultVersion", "runtimeType"))
    one = json.dumps({**ENTRY, "maxBatchDelay": 1})
    return [
        value,
        f'{{"models": {value}, "modelCount": {value}, "name": {value}, "created": {value}}}',
        f'{{"models": {{"m": {value}}}, "modelCount": 1}}',
        f'{{"models": {{"m": {{"1.0": {value}}}}}, "modelCount": 1}}',
        f'{{"models": {{"m": {{"1.0": {{{entry}}}}}}}, "modelCount": {value}}}',
        f'{{"m": {{"1.0": {{{entry}}}}}}}',
        *[
            f'{{"models": {{"m": {{"1.0": {one[:-1]}, "{name}": {value}}}}}}}, "modelCount": 1, "x": {value}}}'
            for name in (*NUMBERS, "parallelLevel", "runtimeType", "y")
        ],
        *[f'{{"m": {{"1.0": {{"{name}": {value}}}}}}}' for name in (*NUMBERS, "runtimeType")],
    ]


def judge(data: str | bytes) -> None:
    """Hold a text against everything that may be asked of it: findings come back, nothing is raised."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    lines = raw.count(b"\n") + raw.count(b"\r") + 1
    told: list[dict[str, Any]] = [
        {},
        {"target": "kserve", "torchserve_version": "0.12.0", "file": "c.properties"},
        {"environ": {"A": "1", "AB": "\\", "TS_MODEL_STORE": "$"}, "archives": manifests(requirements_file="r")},
    ]
    for each in told:
        for finding in lint_config(data, **each):
            assert finding.code
            assert finding.severity in ("error", "warning", "note")
            assert finding.line is None or 1 <= finding.line <= lines
            str(finding).encode("utf-8")
    try:
        config = ServerConfig.loads(data)
    except properties.PropertiesError:
        return
    config.validate()
    repr(config)


@pytest.mark.parametrize(
    "text",
    [
        f"allowed_urls={'.?' * 40}x\nload_models=http://{'a' * 40}/m.mar",
        f"allowed_urls={'(.|.)' * 40}x\nload_models=http://{'a' * 40}/m.mar",
        f"allowed_urls={','.join(['a.*b.*c'] * 3000)}\nload_models={','.join(['http://' + 'ab' * 50] * 3000)}",
        f"blacklist_env_vars={'.?' * 40}x",
        f"blacklist_env_vars={'(P|Y|T|.)' * 40}x",
    ],
)
def test_patterns_that_match_for_ever(text: str) -> None:
    """Nothing is said of them: only Java can tell."""
    assert {"allowed-urls", "worker-environment"}.isdisjoint(finding.code for finding in lint_config(text))


@pytest.mark.slow
@pytest.mark.parametrize("value", HOSTILE_JSON, ids=lambda value: value[:20])
def test_hostile_json(value: str) -> None:
    for text in documents(value):
        judge(f"{STORE}model_snapshot={text}\n")
        judge(f"{STORE}models={text}\nload_models=all\n")
        for finding in lint_snapshot(text):
            str(finding).encode("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["model_snapshot", "models", "colour"])
@pytest.mark.parametrize("shape", ["[", '{"a":'])
def test_json_at_every_depth(kind: str, shape: str) -> None:
    """Wherever Python's limit strikes: while reading, comparing, or looking at the value."""
    close = "]" if shape == "[" else "}"
    for depth in (*range(900, 1000), 5000, 20_000):
        value = shape * depth + "1" + close * depth
        texts = [value]
        if kind == "model_snapshot":
            entry = json.dumps({**ENTRY, "maxBatchDelay": 0}).replace('"batchSize": 1', f'"batchSize": {value}')
            texts.append(f'{{"models": {{"m": {{"1.0": {entry}}}}}, "modelCount": 1}}')
            texts.append(f'{{"models": {{}}, "modelCount": {value}}}')
            texts.append(f'{{"models": {{}}, "x": {value}}}')
        for text in texts:
            lint_config(f"{kind}={text}")
            ServerConfig.loads(f"{kind}={text}").validate()


MUTABLE = [
    shipped("kserve"),
    shipped("front-end"),
    shipped("custom-metrics"),
    STORE + models(minWorkers=1, maxWorkers="2", runtimeType="python", batchSize=[3]),
    "".join(case.wrong + "\n" for case in CASES[8:] if isinstance(case.wrong, str) and len(case.wrong) < 500),
]
PIECES = [
    *["\\", "\\u", "\\u0041", "\\ud800", "\\n", "\n", "\r", "\r\n", "=", ":", " ", "\t", "\f", "#", "!", ",", "/"],
    *["$$AB$$", "$$A$$", "$$NO$$", "\xff", "\xfe", "\xef\xbb\xbf", "\0", "é", "\x85", "\u2028", "🙂", "\ud800"],
    *[
        "NaN",
        "1e999",
        "-1",
        "0",
        "99999999999",
        DIGITS,
        "null",
        "true",
        "{",
        "}",
        "[",
        "]",
        '"',
        "'",
        "(?",
        "a{9}{9}",
    ],
    *["http://", "https://", "unix:/", "file://", "..", "$$", "٣", "²", "{99999999999}", "[[", "(?i)", "\\N{x}"],
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A text of settings with pieces put in, taken out or doubled."""
    text = draw(st.sampled_from(MUTABLE))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 20)))
        text = text[:start] + draw(st.sampled_from([*PIECES, text[start:end] * 2])) + text[end:]
    return text


untimed = settings(deadline=None)


@untimed
@given(data=st.binary(max_size=200))
@example(data=b"\xff\xfea\0=\x001\0")
@example(data=b"=\n==\n\\ =\\ ")
def test_any_bytes(data: bytes) -> None:
    judge(data)


@pytest.mark.slow
@untimed
@given(text=mutated())
def test_any_text(text: str) -> None:
    judge(text)
    judge(text.encode("utf-8", "surrogatepass"))
    judge(text.encode("utf-16", "surrogatepass"))


@pytest.mark.slow
@untimed
@given(value=json_values | st.dictionaries(st.text(), st.dictionaries(st.text(), json_values)))
def test_any_json(value: object) -> None:
    text = json.dumps(value)
    snapshot = io.StringIO()
    properties.dump({"model_snapshot": text, "models": text, "load_models": "all"}, snapshot, style="java")
    judge(snapshot.getvalue())


@pytest.mark.slow
@untimed
@given(
    value=st.dictionaries(
        st.text(), st.dictionaries(st.text(), st.dictionaries(st.sampled_from(NUMBERS), json_values))
    )
)
def test_any_models(value: object) -> None:
    judge(f"load_models=all\nmodels={json.dumps(value)}".replace("\\", "\\\\"))


@untimed
@given(key=st.sampled_from(sorted(VALUES)), text=st.text() | st.sampled_from(PIECES) | st.integers().map(str))
def test_any_value_of_a_setting(key: str, text: str) -> None:
    judge(properties.dumps({key: text}, style="java"))
