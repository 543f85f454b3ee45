"""What is wrong with the settings of a server, one small rule for each thing (P22)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from marpack.config import strict_json
from marpack.config.environment import is_true, variables
from marpack.config.keys import IGNORED_KEYS, KEYS, Key, parse_value, whole_number
from marpack.config.readers import OTHER_READERS, READER_NAMES
from marpack.config.redaction import brief, redacted
from marpack.config.releases import ENVELOPES_RENAMED, OLD_ENVELOPES, TOKENS_ASKED
from marpack.config.snapshot import ModelSnapshot, lint_snapshot
from marpack.config.snapshot_rules import INT_RANGE, RUNTIME_TYPES, Store, as_int, json_type
from marpack.errors import ConfigError, Finding, SnapshotError
from marpack.secrets import HIDDEN

if TYPE_CHECKING:
    from marpack.archive.manifest import Manifest

__all__ = ["RULES", "Server", "Target", "is_kserve"]

Target: TypeAlias = Literal["torchserve", "kserve"]

# P17
_ADDRESS = re.compile(r"(?P<scheme>https?)://(?P<host>[^:^/]+)(:(?P<port>[0-9]+))?", re.IGNORECASE)
_UNIX_ADDRESS = re.compile("unix:/.*", re.IGNORECASE)
_LAST_PORT = 65534
_DEFAULT_PORTS = {
    "inference_address": {"http": 80, "https": 443},
    "management_address": {"http": 8081, "https": 8444},
    "metrics_address": {"http": 8082, "https": 8445},
}
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_ANY_HOST = {"0.0.0.0"}
_LOOPBACK = {"localhost", "127.0.0.1"}

# Where KServe mounts a model, and the ports that its wrapper takes in the same pod.
_KSERVE_MOUNT = "/mnt/models/"
_KSERVE_PORTS = {8080, 8081}

# P18: what the server unpacks by its name; everything else it takes for a tgz.
_ARCHIVE_SUFFIXES = (".mar", ".tar.gz", ".tgz", ".model")

# P16: passed on as text to workers, which compare it with the lower-case word.
_PASSED_ON = ("decode_input_request", "ipex_enable", "ipex_gpu_enable")

_MODEL_PARAMETERS = (
    "minWorkers",
    "maxWorkers",
    "batchSize",
    "maxBatchDelay",
    "responseTimeout",
    "startupTimeout",
)

# How near an unknown key must come to a known one to be taken for a slip.
_NEAR = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """Settings as text, and what is known about the place where they will be read."""

    properties: Mapping[str, str]
    release: tuple[int, ...] | None
    is_kserve: bool
    store: Store | None

    def text(self, key: str) -> str | None:
        """Return what the file says, or the default."""
        return self.properties.get(key, KEYS[key].default)

    def is_on(self, key: str) -> bool:
        """Tell whether a setting is true, by the file or by default."""
        return is_true(self.text(key))

    @property
    def snapshot(self) -> ModelSnapshot | None:
        """The models to restore, when they can be read."""
        try:
            return ModelSnapshot.from_json(self.properties["model_snapshot"])
        except (KeyError, SnapshotError, ConfigError):
            return None


def is_kserve(properties: Mapping[str, str], target: Target | None) -> bool:
    """Tell whether KServe's wrapper will read the settings too."""
    store = properties.get("model_store", "")
    return target == "kserve" or (target is None and f"{store}/".startswith(_KSERVE_MOUNT))


def _check_keys(server: Server) -> Iterator[Finding]:
    for key in server.properties:
        if key in KEYS:
            continue
        if key in IGNORED_KEYS:
            yield Finding.warning("ignored-key", key, "is read by nobody", IGNORED_KEYS[key])
        elif near := get_close_matches(_folded(key), _FOLDED_KEYS, 1, _NEAR):
            message = "is no setting, and the server ignores it"
            yield Finding.error("misspelt-key", key, message, f"did you mean {_FOLDED_KEYS[near[0]]}?")
        else:
            yield Finding.note(
                "unknown-key", key, "is no setting, and the server ignores it", "remove it, or leave it"
            )


def _folded(key: str) -> str:
    return re.sub("[-.]", "_", key.lower())


_FOLDED_KEYS = {_folded(key): key for key in KEYS}


def _check_values(server: Server) -> Iterator[Finding]:
    for name, text in server.properties.items():
        if (key := KEYS.get(name)) is not None and not variables(text):
            yield from _value_findings(key, text)


def _value_findings(key: Key, text: str) -> Iterator[Finding]:
    shown = brief(key.name, text)
    if key.kind == "json" or (key.kind == "choice" and not text):
        return
    if key.name in ("grpc_inference_address", "grpc_management_address") and not _HOST.fullmatch(text):
        message = f"{shown!r} is no host, and the server ends"
        yield Finding.error("address", key.name, message, "write a name or an IP address, nothing else")
        return
    if key.name == "metrics_mode":
        text = re.sub(r"\s", "", text).lower()  # as the server does
    if text != text.strip():
        kind = Finding.error if key.kind not in ("str", "list") else Finding.warning
        yield kind("blank", key.name, f"{shown!r} has a blank at its edge, which counts", "remove it")
    elif text[:1] in ("'", '"') and text[-1:] == text[:1] and len(text) > 1:
        yield Finding.error("quotes", key.name, f"{shown} has quotes, which count", "remove them")
    elif key.kind == "path" and text.startswith("~"):
        message = f"{shown!r} begins with '~', which no reader replaces, and nothing is found there"
        yield Finding.error("home", key.name, message, "write the whole path")
    elif key.kind == "address":
        yield from _address_findings(key.name, text)
    elif key.kind in ("bool", "int", "long", "double"):
        yield from _number_findings(key, text, shown)
    elif (
        key.kind == "choice"
        and text not in key.choices
        and (key.name != "service_envelope" or text not in OLD_ENVELOPES)
    ):
        known = ", ".join(key.choices)
        if key.name == "metrics_mode":
            yield Finding.warning(
                "choice", key.name, f"{shown!r} is unknown, and the server takes log", f"choose from {known}"
            )
        else:
            message = f"{shown!r} is no envelope of TorchServe, and every worker dies"
            yield Finding.error("choice", key.name, message, f"choose from {known}")
    elif key.name in ("allowed_urls", "blacklist_env_vars"):
        yield from _pattern_findings(key.name, text)


def _number_findings(key: Key, text: str, shown: str) -> Iterator[Finding]:
    try:
        value = parse_value(key.kind, text)
    except ValueError as error:
        effects = {"bool": "", "double": ", and the server takes the default"}
        effect = effects.get(key.kind, ", and the server fails")
        fix = "write true or false" if key.kind == "bool" else "write the number, nothing else"
        yield Finding.error("type", key.name, f"{shown!r} {error}{effect}", fix)
        return
    if value is True and key.name in _PASSED_ON and text != "true":
        yield Finding.error("type", key.name, f"{shown!r} is not true to workers", "write true in lower case")
    low = key.minimum is not None and isinstance(value, int) and value < key.minimum
    high = key.maximum is not None and isinstance(value, int) and value > key.maximum
    if low or high:
        limit = f"at least {key.minimum}" if low else f"at most {key.maximum}"
        yield Finding.error("range", key.name, f"{value} is out of range, and the server fails", f"write {limit}")


def _address_findings(key: str, text: str) -> Iterator[Finding]:
    if _UNIX_ADDRESS.fullmatch(text):
        return
    shown = brief(key, text)
    match = _ADDRESS.fullmatch(text)
    if match is None:
        message = f"{shown!r} is no address, and the server ends"
        yield Finding.error(
            "address", key, message, "write scheme://host:port without a path, as http://0.0.0.0:8080"
        )
    elif match["port"] and ((port := whole_number(match["port"])) is None or port > _LAST_PORT):
        yield Finding.error(
            "port", key, f"port {match['port']:.20} is out of range, and the server ends", "take another"
        )


def _pattern_findings(key: str, text: str) -> Iterator[Finding]:
    for pattern in text.split(",") if key == "allowed_urls" else [text]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Python warns of is part of Java's syntax
                re.compile(pattern)
        except (re.error, OverflowError, RecursionError, ValueError):
            message = f"{brief(key, pattern)!r} may not be a regular expression; then the server ends"
            yield Finding.warning("pattern", key, message, "correct it")


def _check_variables(server: Server) -> Iterator[Finding]:
    for reader, (_, keys) in OTHER_READERS.items():
        for key in keys:
            if variables(server.properties.get(key, "")) and (reader != "kserve" or server.is_kserve):
                message = f"{READER_NAMES[reader]} does not replace $$NAME$$, which the server does"
                yield Finding.warning("variable-elsewhere", key, message, "write the value itself", reader=reader)


class _Listener(NamedTuple):
    key: str
    host: str
    port: int


def _listeners(server: Server) -> Iterator[_Listener]:
    for key, ports in _DEFAULT_PORTS.items():
        if key == "metrics_address" and not server.is_on("enable_metrics_api"):
            continue
        match = _ADDRESS.fullmatch(server.text(key) or "")
        if match is not None:
            port = whole_number(match["port"]) if match["port"] else ports[match["scheme"].lower()]
            yield _Listener(key, match["host"].lower(), port or 0)
    for name in ("grpc_inference", "grpc_management"):
        grpc_port = whole_number(server.text(f"{name}_port") or "")
        yield _Listener(f"{name}_port", (server.text(f"{name}_address") or "").lower(), grpc_port or 0)


def _check_ports(server: Server) -> Iterator[Finding]:
    listeners = list(_listeners(server))
    for one, other in combinations(listeners, 2):
        if one.port != other.port or not one.port or not _meet(one.host, other.host):
            continue
        if {one.key, other.key} == {"inference_address", "management_address"} and one.host == other.host:
            continue  # P17: one listener for both
        key = other.key if other.key in server.properties else one.key
        message = f"{one.key} and {other.key} both take port {one.port}, and the server ends"
        yield Finding.error("port-clash", key, message, "give each a port of its own")
    for one in listeners:
        if server.is_kserve and one.port in _KSERVE_PORTS and one.key in server.properties:
            yield Finding.note(
                "kserve-port",
                one.key,
                f"KServe's wrapper listens on port {one.port} in the same pod",
                "take another, as 8085",
                reader="kserve",
            )


def _meet(one: str, other: str) -> bool:
    return one == other or bool({one, other} & _ANY_HOST) or {one, other} <= _LOOPBACK


def _check_addresses(server: Server) -> Iterator[Finding]:
    has_pair = "certificate_file" in server.properties and "private_key_file" in server.properties
    for key in _DEFAULT_PORTS:
        text = server.properties.get(key, "")
        if text.lower().startswith("https:") and not (has_pair or "keystore" in server.properties):
            message = "is https without a key, and the server ends on Java 17"
            yield Finding.error(
                "https-key", key, message, "set keystore, or certificate_file and private_key_file"
            )
        if _UNIX_ADDRESS.fullmatch(text) and not server.is_on("use_native_io"):
            message = "is a unix socket, which use_native_io=false forbids, and the server ends"
            yield Finding.error("unix-socket", key, message, "remove use_native_io")
    inference = server.properties.get("inference_address", "")
    if server.is_kserve and inference and not re.fullmatch("http://[^:/]+:[0-9]+", inference):
        message = "must be http://host:port for KServe's wrapper"
        yield Finding.error("kserve-address", "inference_address", message, "write it so", reader="kserve")
    if ("certificate_file" in server.properties) != ("private_key_file" in server.properties):
        key = "certificate_file" if "certificate_file" in server.properties else "private_key_file"
        message = "counts only together with its other half, certificate_file and private_key_file"
        yield Finding.warning("https-key", key, message, "set both")


def _check_kserve_models(server: Server) -> Iterator[Finding]:
    if not server.is_kserve:
        return
    if "model_snapshot" not in server.properties:
        message = "is missing, and KServe's wrapper looks for a model named 'model'"
        yield Finding.warning(
            "kserve-snapshot", "model_snapshot", message, "build one from the archives", reader="kserve"
        )
        return
    # One is enough for the wrapper to go on; a folder has no suffix.
    names = [entry.mar_name for _, _, entry in server.snapshot or ()]
    if names and not any(name.count(".") == name.endswith(".mar") for name in names):
        message = f"{redacted('', names[0])!r} has a '.' before its suffix, and KServe's wrapper finds no archive"
        yield Finding.error("kserve-archive", "model_snapshot", message, "name it <model>.mar", reader="kserve")


def _check_envelope(server: Server) -> Iterator[Finding]:
    envelope = server.properties.get("service_envelope", "")
    is_old = server.release is not None and server.release < ENVELOPES_RENAMED
    if envelope in OLD_ENVELOPES and not is_old:
        message = f"{envelope!r} is unknown from TorchServe 0.5.3 on, and every worker dies"
        kind = Finding.warning if server.release is None else Finding.error
        yield kind("envelope", "service_envelope", message, f"write {OLD_ENVELOPES[envelope]}")
    if envelope in OLD_ENVELOPES.values() and is_old:
        [old] = [before for before, after in OLD_ENVELOPES.items() if after == envelope]
        message = f"{envelope!r} is unknown before TorchServe 0.5.3, and every worker dies"
        yield Finding.error("envelope", "service_envelope", message, f"write {old}")


def _check_tokens(server: Server) -> Iterator[Finding]:
    asked = server.release is None or server.release >= TOKENS_ASKED
    if server.is_kserve and asked and not server.is_on("disable_token_authorization"):
        kind = Finding.warning if server.release is None else Finding.error
        message = "since TorchServe 0.11.1 KServe's wrapper is asked for a token that it does not have"
        yield kind(
            "token",
            "disable_token_authorization",
            message,
            "set disable_token_authorization=true",
            reader="kserve",
        )


def _check_store(server: Server) -> Iterator[Finding]:
    if "model_store" not in server.properties:
        message = "is missing, and the server ends unless it is given by --model-store"
        yield Finding.warning("no-store", "model_store", message, "name the folder of the archives")


def _check_load_models(server: Server) -> Iterator[Finding]:
    text = server.properties.get("load_models")
    if not text:
        return
    key = "load_models"
    if "model_snapshot" in server.properties:
        message = "is ignored beside model_snapshot"
        yield Finding.warning("load-models-ignored", key, message, "name all models in one of the two")
    if text.lower() == "all":
        return
    seen = set()
    for item, name, file in _load_items(text):
        # The server splits the query of a URL too.
        shown = HIDDEN if "://" in name else brief(key, file)
        if item != item.strip() or file != file.strip():
            message = f"{brief(key, item)!r} has a blank at its edge, and the server looks for a file of that name"
            yield Finding.error("load-models-blank", key, message, "remove the blanks after the commas")
            continue
        if (name, file) in seen:
            message = f"{shown!r} is named twice; the server ends where name and version are the same"
            yield Finding.error("load-models-twice", key, message, "name it once")
        seen.add((name, file))
        if "://" in file or file.startswith("/"):
            continue
        if ".." in file or "/" in file or file[:1] in ("'", '"'):
            message = f"{shown!r} is not found in the store, and the model is left out"
            yield Finding.error("load-models-item", key, message, "write the file's name, nothing else")
        elif server.store is not None and file not in server.store.names:
            message = f"{shown!r} is not in the model store, and the model is left out"
            yield Finding.error("load-models-item", key, message, "put the archive there or correct the name")
        elif server.store is None and "." in file and not file.endswith(_ARCHIVE_SUFFIXES):
            message = f"{shown!r} is read as a tgz, whatever it is"
            yield Finding.warning("load-models-suffix", key, message, "use the suffix .mar")


def _load_items(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each item of load_models (P18), with the name that it gives, and the file."""
    for item in filter(None, text.split(",")):
        name, equals, file = item.partition("=")
        yield (item, name, file) if equals else (item, "", item)


def _check_snapshot(server: Server) -> Iterator[Finding]:
    text = server.properties.get("model_snapshot")
    if text is None:
        return
    if names := variables(text):
        message = f"needs {', '.join(names)} in the environment, and cannot be looked at without"
        yield Finding.note("variable-unknown", "model_snapshot", message, "resolve it (--resolve, environ=)")
        return
    store = server.store or Store(frozenset(), {})
    for finding in lint_snapshot(text, store.manifests if server.store else None, names=store.names):
        key = ".".join(filter(None, ("model_snapshot", finding.key)))
        if finding.reader == "kserve" and not server.is_kserve:
            continue
        yield replace(finding, key=key)


def _check_models(server: Server) -> Iterator[Finding]:
    text = server.properties.get("models")
    if text is None or variables(text):
        return
    if "model_snapshot" in server.properties:
        message = "is ignored for the models of model_snapshot"
        yield Finding.warning("models-ignored", "models", message, "write the numbers into model_snapshot")
    elif not server.properties.get("load_models"):
        message = "loads nothing by itself, and load_models is not set"
        kind = Finding.note if server.is_on("enable_model_api") else Finding.warning
        yield kind("models-loads-nothing", "models", message, "set load_models")
    try:
        models = strict_json.loads(text)
    except strict_json.StrictJSONError as error:
        yield Finding.error("models-json", "models", f"is not JSON ({error}), and the server ends", "correct it")
        return
    if not isinstance(models, dict):
        yield Finding.error(
            "models-json", "models", "must be an object, and the server ends", 'write {"name": {...}}'
        )
        return
    for name, versions in models.items():
        if not isinstance(versions, dict):
            message = "must be an object of versions, and the server ends"
            yield Finding.error("models-json", f"models.{name}", message, 'write {"1.0": {...}}')
            continue
        for version, values in versions.items():
            place = f"models.{name}.{version}"
            if isinstance(values, dict):
                yield from _parameter_findings(place, values)
            else:
                yield Finding.error("models-json", place, "must be an object, and the server ends", "write {...}")


def _parameter_findings(place: str, values: dict[str, Any]) -> Iterator[Finding]:
    # P19
    numbers = {}
    for name in _MODEL_PARAMETERS:
        if name not in values:
            continue
        key, value = f"{place}.{name}", values[name]
        number = as_int(value)
        if isinstance(value, list) and len(value) != 1:
            yield Finding.warning("models-value", key, "is no number, and the default is taken", "write a number")
        elif number is None or number not in INT_RANGE:
            shown = "is null" if value is None else f"is {json_type(value)} and no number of 32 bits"
            yield Finding.error(
                "models-value", key, f"{shown}, and the server ends or takes another", "write a number"
            )
        elif number <= 0:
            yield Finding.warning(
                "models-value", key, f"is {number}, and the default is taken", "write at least 1"
            )
        else:
            numbers[name] = number
    runtime = values.get("runtimeType", "python")
    if runtime not in RUNTIME_TYPES:
        ends = runtime is None or isinstance(runtime, (dict, list))
        kind, effect = (Finding.error, "the server ends") if ends else (Finding.warning, "the default is taken")
        message = f"{runtime!r:.200} is no runtime, and {effect}"
        yield kind("models-value", f"{place}.runtimeType", message, f"choose from {', '.join(RUNTIME_TYPES)}")
    if numbers.keys() >= {"minWorkers", "maxWorkers"} and numbers["minWorkers"] > numbers["maxWorkers"]:
        message = "is more than maxWorkers, which the server then ignores"
        yield Finding.warning("models-value", f"{place}.minWorkers", message, "raise maxWorkers")
    for name in values:
        if name not in (*_MODEL_PARAMETERS, "runtimeType"):
            yield Finding.note("models-ignored-key", f"{place}.{name}", "is ignored here", "remove it")


def _check_requirements(server: Server) -> Iterator[Finding]:
    if server.is_on("install_py_dep_per_model"):
        return
    for name, manifest in _loaded(server).items():
        if manifest.model.requirements_file:
            yield Finding.warning(
                "requirements-ignored",
                "install_py_dep_per_model",
                f"{name!r} has a requirements file, which the server ignores",
                "set install_py_dep_per_model=true, or install the packages beforehand",
            )


def _loaded(server: Server) -> Mapping[str, Manifest]:
    """Return the archives that are loaded when the server starts; all, as long as no setting names some."""
    archives = server.store.manifests if server.store else {}
    snapshot, listed = server.snapshot, server.properties.get("load_models", "")
    if snapshot is not None:
        names = {entry.mar_name for _, _, entry in snapshot}
    elif listed and listed.lower() != "all":
        names = {file for _, _, file in _load_items(listed)}
    else:
        return archives
    return {name: manifest for name, manifest in archives.items() if name in names}


RULES: tuple[Callable[[Server], Iterator[Finding]], ...] = (
    _check_keys,
    _check_values,
    _check_variables,
    _check_ports,
    _check_addresses,
    _check_envelope,
    _check_tokens,
    _check_kserve_models,
    _check_store,
    _check_load_models,
    _check_models,
    _check_snapshot,
    _check_requirements,
)
