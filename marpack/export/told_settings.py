"""What becomes of a server's own settings, its config.properties, key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from marpack.config.rules.values import ADDRESS
from marpack.config.server_config import ServerConfig
from marpack.config.settings.keys import KEYS, whole_number
from marpack.config.settings.releases import OLD_ENVELOPES
from marpack.display import is_secret_name, printable
from marpack.export.entry import ExportEntry, Fate
from marpack.export.targets import TITLES, ExportTarget
from marpack.frozen import frozen

# Values that may be shown: they are no addresses, paths, commands or passwords.
_SHOWN = ("bool", "int", "long", "double", "choice")

# What workers are told by variables of their environment (J41).
VARIABLES = {
    "decode_input_request": "TS_DECODE_INPUT_REQUEST",
    "ipex_enable": "TS_IPEX_ENABLE",
    "ipex_gpu_enable": "TS_IPEX_GPU_ENABLE",
}

_MANAGEMENT = "there is no management API: who changes what is served writes the engine's own configuration anew"
_METRICS = "there is no metrics endpoint of TorchServe's form, and what a handler counts goes nowhere"
_GRPC = "the worker is asked over HTTP: TorchServe's gRPC services are its front end's"
_TLS = "certificates are the engine's, or of what stands before it: give them there"
_FRONT_END = "it is about the front end's own threads, which is not there"
_CORS = "the engine answers browsers: set it there, or in what stands before it"
_TOKENS = "nobody is asked for a token: put what authenticates before it"
_LAUNCH = "it is about how the server's own processes are started"
_STORE = "the archives that it names are in the folder itself"
_RENAMED = "it has this name in TorchServe since 0.5.3"
_SYSTEM = "the engine measures the machine, in its own way"


@frozen
class _Row:
    fate: Fate
    becomes: str = ""
    why: str = ""


def _lost(why: str, *keys: str) -> dict[str, _Row]:
    return dict.fromkeys(keys, _Row(fate="lost", why=why))


_ROWS: Mapping[str, _Row] = {
    **_lost(_MANAGEMENT, "management_address", "enable_model_api", "allowed_urls", "use_env_allowed_urls"),
    **_lost(_MANAGEMENT, "unregister_model_timeout"),
    **_lost(_METRICS, "metrics_address", "enable_metrics_api", "metrics_mode", "metrics_config"),
    **_lost(_METRICS, "model_metrics_auto_detect"),
    **_lost(_SYSTEM, "disable_system_metrics", "metric_time_interval", "system_metrics_cmd"),
    **_lost(_GRPC, "grpc_inference_address", "grpc_management_address", "grpc_inference_port"),
    **_lost(_GRPC, "grpc_management_port", "grpc_inference_max_connection_age_ms", "enable_grpc_ssl"),
    **_lost(_GRPC, "grpc_inference_max_connection_age_grace_ms", "grpc_management_max_connection_age_ms"),
    **_lost(_GRPC, "grpc_management_max_connection_age_grace_ms", "ts_open_inference_protocol"),
    **_lost(_TLS, "keystore", "keystore_pass", "keystore_type", "certificate_file", "private_key_file"),
    **_lost(_FRONT_END, "number_of_netty_threads", "netty_client_threads", "prefer_direct_buffer"),
    **_lost(_FRONT_END, "use_native_io", "io_ratio", "async_logging"),
    **_lost(_CORS, "cors_allowed_origin", "cors_allowed_methods", "cors_allowed_headers"),
    **_lost(_TOKENS, "disable_token_authorization", "token_expiration_min"),
    **_lost(_LAUNCH, "vmargs", "plugins_path", "python", "model_server_home", "cpp_log_config", "NUM_WORKERS"),
    **_lost(_LAUNCH, "debug", "version", "tsConfigFile", "initial_worker_port", "initial_distribution_port"),
    **_lost(_LAUNCH, "cpu_launcher_enable", "cpu_launcher_args"),
    **_lost("workflows are TorchServe's alone: call one model from the other", "workflow_store"),
    **_lost(
        "a worker takes the sequence's headers by their usual names, and nothing keeps a sequence at one worker",
        *("ts_header_key_sequence_id", "ts_header_key_sequence_start", "ts_header_key_sequence_end"),
    ),
    **_lost(
        "requests wait in the engine's own queue: Ray Serve's max_queued_requests, KServe's containerConcurrency",
        "job_queue_size",
    ),
    **_lost("only an archive without a handler needs it: repack it with one", "default_service_handler"),
    **_lost("workers get all variables of the replica's environment", "blacklist_env_vars"),
    **_lost("nothing of the environment replaces what is written here", "enable_envvars_config"),
    **_lost("a worker is told to refuse images that are too large, as by default", "limit_max_image_pixels"),
    "install_py_dep_per_model": _Row(
        fate="changed",
        becomes="one requirements file, for all models together",
        why="what a model asks for is installed once, before anything starts",
    ),
    **dict.fromkeys(
        VARIABLES, _Row(fate="carried", becomes="environment, of every model: the variable that the worker reads")
    ),
    "service_envelope": _Row(fate="carried", becomes="envelope, of every model"),
    "max_request_size": _Row(fate="carried", becomes="max_request_size, of every model"),
    "max_response_size": _Row(fate="carried", becomes="max_response_size, of every model"),
    "default_response_timeout": _Row(fate="carried", becomes="response_timeout, of models without their own"),
    "default_startup_timeout": _Row(fate="carried", becomes="startup_timeout, of models without their own"),
    "default_workers_per_model": _Row(fate="carried", becomes="workers, of models without their own"),
    "models": _Row(fate="carried", becomes="the settings of the models that it names"),
    "load_models": _Row(fate="carried", becomes="the models of the app"),
    "model_snapshot": _Row(fate="carried", becomes="the models of the app, and their settings"),
    "model_store": _Row(fate="changed", becomes="models/", why=_STORE),
    "number_of_gpu": _Row(
        fate="changed",
        becomes="a GPU for each replica of a model that asks for one",
        why="the engine knows how many GPUs there are, and waits for a free one",
    ),
}
_ONE_WORKER = _Row(
    fate="changed",
    becomes="one worker, of models without their own number",
    why="the engine does not count the machine's GPUs and CPUs, of which TorchServe starts one for each",
)
# What goes into what is written as it was told.
CARRIED = frozenset({"inference_address", *(key for key, row in _ROWS.items() if row.fate == "carried")})


def told_settings(
    config: ServerConfig, name: str, target: ExportTarget, *, envelope: str | None = None
) -> Iterator[ExportEntry]:
    """Yield what becomes of each setting of the file ``name``, in its order; what may be secret is not told.

    ``envelope`` is what was asked for in place of the file's. Without a file, yield what a server does without
    being told, and no engine does.
    """
    title = TITLES[target]
    if not name:
        yield ExportEntry(
            fate="lost",
            about="",
            what="TorchServe's management, metrics and gRPC APIs, and its tokens",
            seen="TorchServe's defaults",
            why=f"{title} has its own ways to change what is served, to measure it, and to let clients in",
        )
        return
    if config.model_snapshot is None and config.load_models is None:
        yield ExportEntry(
            fate="changed",
            about="",
            what="models that clients register",
            seen=f"{name} has neither load_models nor model_snapshot",
            becomes="all archives of the model store",
            why="a server that starts with it serves none before it is told to",
        )
    for key in config.properties():
        known = KEYS.get(key)
        seen = f"{name}: {printable(key)}" if not is_secret_name(key) or known else f"{name}: a key that is secret"
        is_shown = known is not None and known.kind in _SHOWN and not known.secret
        # Of others a name says that they are secret, and nobody would show them.
        if known is not None and is_shown and key not in config.extra and not is_secret_name(key):
            value = getattr(config, known.attribute)
            seen += f"={str(value).lower() if isinstance(value, bool) else value}"
        if key == "inference_address":
            yield _address(config.inference_address or "", seen, target)
            continue
        row = _ROWS.get(key)
        if row is None:
            why = "TorchServe has no such setting, and nothing here reads it"
            yield ExportEntry(fate="lost", about="", what="a key of the settings", seen=seen, why=why)
            continue
        if key == "service_envelope" and envelope is not None:
            row = _Row(
                fate="changed", becomes=f"envelope {envelope}, of every model", why="the export was told so"
            )
        elif key == "default_workers_per_model" and not config.default_workers_per_model:
            row = _ONE_WORKER
        elif key == "service_envelope" and (renamed := OLD_ENVELOPES.get(config.service_envelope or "")):
            row = _Row(fate="changed", becomes=f"envelope {renamed}, of every model", why=_RENAMED)
        what = f"{key}: {_what(known.doc)}" if known is not None else key
        yield ExportEntry(fate=row.fate, about="", what=what, seen=seen, becomes=row.becomes, why=row.why)


def _what(doc: str) -> str:
    """Return what a setting is, without the pages that the reader of an export does not have."""
    return doc.partition(" (spec/")[0]


def _address(address: str, seen: str, target: ExportTarget) -> ExportEntry:
    what = f"inference_address: {KEYS['inference_address'].doc}"
    if target == "ray" and (host_and_port := http_address(address)) is not None:
        where = f"config.yaml: http_options, {host_and_port[0]}:{host_and_port[1]}"
        if not address.lower().startswith("https:"):
            return ExportEntry(fate="carried", about="", what=what, seen=seen, becomes=where)
        return ExportEntry(fate="changed", about="", what=what, seen=seen, becomes=where, why=_TLS)
    why = {
        "ray": "it is a Unix socket, and Ray Serve listens at a port: 127.0.0.1:8080",
        "sagemaker-ray": "the container listens where SageMaker asks: port 8080",
        "kserve": "the container listens at port 8080, on all its interfaces, as KServe asks",
    }[target]
    return ExportEntry(fate="changed", about="", what=what, seen=seen, becomes="the engine's own address", why=why)


def http_address(address: str) -> tuple[str, int] | None:
    """Return host and port of an address (P17); None for what is none to the server, and for a socket's path."""
    found = ADDRESS.fullmatch(address)
    if found is None or "@" in found["host"]:
        return None
    default = 443 if found["scheme"].lower() == "https" else 80
    port = default if found["port"] is None else whole_number(found["port"])
    return (found["host"], port) if port is not None and port <= 65535 else None
