"""Every setting of config.properties as data: its type, unit, default, limits and what it does (P15)."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from marpack.frozen import frozen

Kind: TypeAlias = Literal["bool", "int", "long", "double", "str", "path", "address", "choice", "list", "json"]

# P16: Java's ``Integer.parseInt`` and ``Long.parseLong``.
_WHOLE_NUMBER = re.compile("[+-]?[0-9]+")
_BITS = {"int": 32, "long": 64}
# More digits than 64 bits hold, and Python would refuse thousands.
_MOST_DIGITS = re.compile("[+-]?0*[0-9]{1,19}")
_REAL_NUMBER = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[dDfF]?")


@frozen
class Key:
    """A setting.

    ``name`` is its name in the file and ``attribute`` that in Python. ``default`` is what the server takes when it
    is absent: text as it would stand in the file, words in angle brackets, or None for nothing. ``minimum`` and
    ``maximum`` are the limits beyond which the server fails. ``variable`` is the environment variable that
    replaces it (P21), None where there is none. ``reader`` is the program that reads it.
    """

    name: str
    attribute: str
    kind: Kind
    doc: str
    default: str | None = None
    unit: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    variable: str | None = None
    reader: str = "server"
    secret: bool = False


def _key(kind: Kind, doc: str, **facts: Any) -> Any:
    return field(default=None, metadata={"kind": kind, "doc": doc, **facts})


def _bool(doc: str, default: str = "false", **facts: Any) -> Any:
    return _key("bool", doc, default=default, **facts)


def _int(doc: str, default: str, **facts: Any) -> Any:
    return _key("int", doc, default=default, **facts)


def _port(doc: str, default: str) -> Any:
    return _key("int", doc, default=default, minimum=0, maximum=65535)


def _milliseconds(doc: str) -> Any:
    return _key("long", doc, default=str(2**63 - 1), unit="milliseconds", minimum=1)


# Paths are kept as text, however they are given.
PathText: TypeAlias = "str | os.PathLike[str]"


@frozen
class ServerSettings:
    """The settings as typed values; None where the file says nothing and the server takes its default."""

    # The order of the fields is the order in which they are written; Kaptain's example is part of it.

    # Addresses
    inference_address: str | None = _key(
        "address", "Where the inference API listens: scheme://host:port", default="http://127.0.0.1:8080"
    )
    management_address: str | None = _key(
        "address", "Where the management API listens", default="http://127.0.0.1:8081"
    )
    metrics_address: str | None = _key("address", "Where the metrics API listens", default="http://127.0.0.1:8082")
    grpc_inference_address: str | None = _key(
        "str", "Host on which inference over gRPC listens: a name or an IP address", default="127.0.0.1"
    )
    grpc_management_address: str | None = _key(
        "str", "Host on which management over gRPC listens: a name or an IP address", default="127.0.0.1"
    )
    grpc_inference_port: int | None = _port("Port of inference over gRPC", "7070")
    grpc_management_port: int | None = _port("Port of management over gRPC", "7071")
    grpc_inference_max_connection_age_ms: int | None = _milliseconds("After it an inference connection is closed")
    grpc_inference_max_connection_age_grace_ms: int | None = _milliseconds("What a closed one may still finish in")
    grpc_management_max_connection_age_ms: int | None = _milliseconds("After it a management connection is closed")
    grpc_management_max_connection_age_grace_ms: int | None = _milliseconds(
        "What a closed one may still finish in"
    )
    ts_open_inference_protocol: bool | None = _bool("Serve the Open Inference Protocol as well")

    # TLS
    enable_grpc_ssl: bool | None = _bool("TLS for gRPC; needs certificate_file and private_key_file")
    keystore: PathText | None = _key("path", "Java key store for https; goes before private_key_file")
    keystore_pass: str | None = _key("str", "Password of the key store", default="changeit", secret=True)
    keystore_type: str | None = _key("str", "Type of the key store", default="PKCS12")
    certificate_file: PathText | None = _key(
        "path", "X.509 certificates for https, PEM; goes with private_key_file"
    )
    private_key_file: PathText | None = _key("path", "RSA key for https, PEM; goes with certificate_file")

    # The front end
    number_of_netty_threads: int | None = _int(
        "Threads that take requests; 0 leaves the number to netty", "0", minimum=0
    )
    netty_client_threads: int | None = _int("Threads that talk to workers; 0 as above", "0", minimum=0)
    prefer_direct_buffer: bool | None = _bool("Buffers outside the Java heap for what goes to workers")
    use_native_io: bool | None = _bool("epoll or kqueue, and unix sockets", "true", variable=None)
    io_ratio: int | None = _int(
        "Share of its time that a netty thread gives to input and output; only without use_native_io",
        "50",
        unit="percent",
        minimum=1,
        maximum=100,
        variable=None,
    )
    async_logging: bool | None = _bool("Let log4j2 write in a thread of its own")
    cors_allowed_origin: str | None = _key("str", "Origin that browsers are told to allow; turns CORS headers on")
    cors_allowed_methods: str | None = _key("str", "Methods that browsers are told to allow")
    cors_allowed_headers: str | None = _key("str", "Headers that browsers are told to allow")

    # Requests and answers
    service_envelope: str | None = _key(
        "choice",
        "How requests and answers are wrapped, for every model",
        choices=("body", "json", "kserve", "kservev2"),
    )
    default_service_handler: str | None = _key("str", "Handler of archives whose manifest names none")
    decode_input_request: bool | None = _bool("Decode JSON and text before the handler sees them", "true")
    max_request_size: int | None = _int("Largest request", "6553500", unit="bytes", minimum=0)
    max_response_size: int | None = _int("Largest answer of a worker", "6553500", unit="bytes", minimum=0)
    limit_max_image_pixels: bool | None = _bool("Refuse images so large that they look like an attack", "true")
    ts_header_key_sequence_id: str | None = _key(
        "str", "Header that names the sequence of a stateful request", default="ts_request_sequence_id"
    )
    ts_header_key_sequence_start: str | None = _key(
        "str", "Header that marks the first request of a sequence", default="ts_request_sequence_start"
    )
    ts_header_key_sequence_end: str | None = _key(
        "str", "Header that marks the last request of a sequence", default="ts_request_sequence_end"
    )

    # Models and their workers
    install_py_dep_per_model: bool | None = _bool("Install the requirements file of each archive with pip")
    job_queue_size: int | None = _int("Requests that may wait for each model", "100", minimum=1)
    default_workers_per_model: int | None = _int(
        "Workers of a model where nothing else says so; 0 is one for each GPU, without GPUs one for each CPU",
        "0",
        minimum=0,
    )
    default_response_timeout: int | None = _int(
        "Longest time for an answer. Models of a snapshot or with a model-config.yaml take theirs from there",
        "120",
        unit="seconds",
        minimum=1,
    )
    default_startup_timeout: int | None = _int(
        "Longest time for a worker to load its model; exceptions as above", "120", unit="seconds", minimum=1
    )
    unregister_model_timeout: int | None = _int(
        "Longest time for workers to end when a model is removed", "120", unit="seconds", minimum=1
    )
    number_of_gpu: int | None = _int("GPUs to use at most", "<all there are>", minimum=0)
    initial_worker_port: int | None = _int("First port, or number of a unix socket, for workers", "9000")
    initial_distribution_port: int | None = _port("First port for workers of distributed models", "29500")
    cpu_launcher_enable: bool | None = _bool("Pin workers to cores with PyTorch's launcher")
    cpu_launcher_args: str | None = _key("str", "Arguments for that launcher, one blank between them")
    ipex_enable: bool | None = _bool("Intel Extension for PyTorch in workers")
    ipex_gpu_enable: bool | None = _bool("The same on Intel GPUs")
    system_metrics_cmd: str | None = _key(
        "str",
        "Script, with arguments, that collects system metrics instead of the server's own",
        default="",
        variable=None,
    )

    # Who may do what
    disable_token_authorization: bool | None = _bool("Ask for no token; the server asks since 0.11.1")
    token_expiration_min: float | None = _key(
        "double",
        "Time for which a token is good",
        default="60.0",
        unit="minutes",
        variable="TS_TOKEN_EXPIRATION_TIME_MIN",
    )
    enable_model_api: bool | None = _bool("Let the APIs register and remove models; before 0.11.1 they always may")
    allowed_urls: str | Sequence[str] | None = _key(
        "list", "Regular expressions of the URLs that archives may come from", default="file://.*|http(s)?://.*"
    )
    use_env_allowed_urls: bool | None = _bool("Let TS_ALLOWED_URLS replace allowed_urls", variable=None)
    blacklist_env_vars: str | None = _key(
        "str", "Regular expression of the environment variables that workers do not get", default=""
    )
    enable_envvars_config: bool | None = _bool("Let TS_ environment variables replace settings", variable=None)

    # Metrics
    enable_metrics_api: bool | None = _bool("Serve the metrics API", "true")
    metrics_mode: str | None = _key(
        "choice", "Where metrics go", default="log", choices=("log", "prometheus", "legacy")
    )
    metrics_config: PathText | None = _key(
        "path", "YAML file that declares the metrics", default="<ts/configs/metrics.yaml of the installation>"
    )
    model_metrics_auto_detect: bool | None = _bool("Take metrics that no file declares")
    disable_system_metrics: bool | None = _bool("Do not measure the machine")
    metric_time_interval: int | None = _int(
        "Time between two measurements of the machine", "60", unit="seconds", minimum=1, variable=None
    )

    # The processes
    vmargs: str | None = _key("str", "Options for the Java machine", reader="launcher", variable=None)
    plugins_path: PathText | None = _key(
        "path", "Folder of plug-ins (jar files)", reader="launcher", variable=None
    )
    python: PathText | None = _key(
        "path", "Python of the workers; the launcher puts its own in its place", default="python", variable=None
    )
    model_server_home: PathText | None = _key(
        "path",
        "Folder of the installation; the launcher sets it",
        default="<nearest folder above the current one that has ts>",
    )
    cpp_log_config: PathText | None = _key("path", "Log settings of the C++ worker")
    num_workers: int | None = _int(
        "What SageMaker's plug-in states as the number of parallel transforms; the server itself ignores it",
        "1",
        name="NUM_WORKERS",
        reader="sagemaker",
        variable=None,
    )
    debug: bool | None = _bool("Do not start workers but wait for ones that are debugged; no timeouts")
    version: str | None = _key(
        "str", "Version that the server states; written by the server", default="<its own>", variable=None
    )
    ts_config_file: PathText | None = _key(
        "path", "File that was read; written by the server", name="tsConfigFile", variable=None
    )

    # What to serve
    workflow_store: PathText | None = _key("path", "Folder of workflow archives", default="<model_store>")
    model_store: PathText | None = _key("path", "Folder of model archives")
    load_models: str | Sequence[str] | None = _key(
        "list", "Archives to load, as file or name=file, or all. Ignored beside model_snapshot"
    )
    models: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = _key(
        "json", "Workers, batches and timeouts by model and version, for what load_models loads", variable=None
    )


def _keys() -> dict[str, Key]:
    found = {}
    for each in fields(ServerSettings):
        facts = dict(each.metadata)
        name = facts.pop("name", each.name)
        facts.setdefault("variable", f"TS_{name.upper().removeprefix('TS_')}")
        found[name] = Key(name=name, attribute=each.name, **facts)
    name, doc = "model_snapshot", "Models to restore when the server starts (spec/snapshot.md)"
    return found | {name: Key(name=name, attribute=name, kind="json", doc=doc)}


KEYS: Mapping[str, Key] = MappingProxyType(_keys())
"""Every setting of TorchServe 0.12.0, by its name in the file, in the order of writing (spec/settings.json)."""


def parse_value(kind: Kind, text: str) -> bool | int | float | str:
    """Return what Java takes a text for (P16); ``ValueError`` says why it is not of the kind."""
    if kind == "bool":
        if text.lower() not in ("true", "false"):
            raise ValueError("is neither true nor false, so the server takes it for false")
        return text.lower() == "true"
    if kind in _BITS:
        limit = 1 << (_BITS[kind] - 1)
        if not _WHOLE_NUMBER.fullmatch(text):
            raise ValueError("is not a whole number")
        number = whole_number(text)
        if number is None or not -limit <= number < limit:
            raise ValueError(f"does not fit {_BITS[kind]} bits")
        return number
    if kind == "double":
        match = _REAL_NUMBER.fullmatch(text.strip())
        if match is None or not math.isfinite(value := float(match[1])):
            raise ValueError("is not a finite number")
        return value
    return text


def whole_number(text: str) -> int | None:
    """Return what Java takes a text for, None for what is no whole number or beyond 64 bits."""
    return int(text) if _MOST_DIGITS.fullmatch(text) else None
