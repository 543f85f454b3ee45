"""Rules about the addresses and ports that the server listens on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from marpack.config.rules.document import Document
from marpack.config.rules.values import ADDRESS, UNIX_ADDRESS
from marpack.config.settings.environment import variables
from marpack.config.settings.keys import whole_number
from marpack.config.settings.releases import WRAPPER_GRPC
from marpack.findings import Finding
from marpack.rule import rule, rules_in

_DEFAULT_PORTS = {
    "inference_address": {"http": 80, "https": 443},
    "management_address": {"http": 8081, "https": 8444},
    "metrics_address": {"http": 8082, "https": 8445},
}
_ANY_HOST = {"0.0.0.0"}
_LOOPBACK = {"localhost", "127.0.0.1"}
# What KServe's wrapper says as it ends, by the port that it finds taken.
_KSERVE_PORTS = {
    8080: "it ends: error while attempting to bind on address ('0.0.0.0', 8080): address already in use",
    8081: "it ends: Failed to bind to address [::]:8081",
}
# Of the preset for it.
_BESIDE_KSERVE = {"metrics_address": 8082, "grpc_inference_port": 7070, "grpc_management_port": 7071}


class _Listener(NamedTuple):
    key: str
    host: str
    port: int


def _listeners(document: Document) -> Iterator[_Listener]:
    for key, ports in _DEFAULT_PORTS.items():
        if key == "metrics_address" and not document.is_on("enable_metrics_api"):
            continue
        match = ADDRESS.fullmatch(document.text(key) or "")
        if match is not None:
            port = whole_number(match["port"]) if match["port"] else ports[match["scheme"].lower()]
            yield _Listener(key, match["host"].lower(), port or 0)
    for name in ("grpc_inference", "grpc_management"):
        grpc_port = whole_number(document.text(f"{name}_port") or "")
        yield _Listener(f"{name}_port", (document.text(f"{name}_address") or "").lower(), grpc_port or 0)


@rule("port-clash", "error")
def find_clashes(document: Document) -> Iterator[Finding]:
    """Give each listener a port of its own, but for inference and management at one host.

    Where two meet at one port, the server ends (P17).
    """
    for one, other in combinations(_listeners(document), 2):
        if one.port != other.port or not one.port or not _meet(one.host, other.host):
            continue
        if {one.key, other.key} == {"inference_address", "management_address"} and one.host == other.host:
            continue  # P17: one listener for both
        key = other.key if other.key in document.properties else one.key
        message, fix = f"{one.key} and {other.key} both take port {one.port}", "give each a port of its own"
        yield find_clashes.finding(message, key, effect="it ends", fix=fix)


def _meet(one: str, other: str) -> bool:
    return one == other or bool({one, other} & _ANY_HOST) or {one, other} <= _LOOPBACK


@rule("kserve-port", "error")
def find_kserve_ports(document: Document) -> Iterator[Finding]:
    """Leave the ports 8080 and 8081 to KServe's wrapper, where it reads.

    It listens there, in the same pod: on 8080 for HTTP, and on 8081 for gRPC, as of TorchServe 0.8.1 and kserve
    0.10. It finds the port taken when the models are loaded, and ends: nothing answers [server] (source:
    ``kubernetes/kserve/kserve_wrapper/__main__.py`` in pytorch/serve). Where neither the release nor the target is
    said, this is a warning.
    """
    is_sure = document.release is not None or document.target == "kserve"
    for one in _listeners(document) if document.is_kserve else ():
        is_free = one.port == 8081 and document.release is not None and document.release < WRAPPER_GRPC
        if one.port in _KSERVE_PORTS and one.key in document.properties and not is_free:
            yield find_kserve_ports.finding(
                f"takes port {one.port}, which is the wrapper's own",
                one.key,
                effect=_KSERVE_PORTS[one.port],
                fix=f"take another, as {_BESIDE_KSERVE.get(one.key, 8085)}",
                severity=None if is_sure else "warning",
                reader="kserve",
            )


@rule("mlflow-localhost", "note")
def find_mlflow_address(document: Document) -> Iterator[Finding]:
    """Write ``localhost`` into ``management_address``, where MLflow's plugin shall register models.

    It looks for that word, and otherwise makes the archive only, and says to register it by hand. That is found
    for ``target="mlflow"``, and without a target where the address is of this machine in other words.
    """
    address = document.properties.get("management_address", "")
    match = ADDRESS.fullmatch(address)
    if match is None or "localhost" in address or variables(address):
        return
    is_here = document.target is None and not document.is_kserve and match["host"].startswith("127.")
    if document.target == "mlflow" or is_here:
        message, fix = "does not say localhost", "write localhost for the host, where it is the same machine"
        effect = "it makes the archive and registers no model"
        yield find_mlflow_address.finding(message, "management_address", effect=effect, fix=fix, reader="mlflow")


@rule("https-key", "error")
def find_https(document: Document) -> Iterator[Finding]:
    """Give an https address its ``keystore``, or ``certificate_file`` and ``private_key_file``.

    Without them the server ends on Java 17; one of the pair alone does not count (a warning).
    """
    pair = [key for key in ("certificate_file", "private_key_file") if key in document.properties]
    for key in _DEFAULT_PORTS:
        is_https = document.properties.get(key, "").lower().startswith("https:")
        if is_https and len(pair) < 2 and "keystore" not in document.properties:
            fix = "set keystore, or certificate_file and private_key_file"
            yield find_https.finding("is https without a key", key, effect="it ends on Java 17", fix=fix)
    if len(pair) == 1:
        message = "counts only together with its other half, certificate_file and private_key_file"
        yield find_https.finding(message, pair[0], fix="set both", severity="warning")


@rule("unix-socket", "error")
def find_sockets(document: Document) -> Iterator[Finding]:
    """Use ``unix:`` addresses only while ``use_native_io`` is on. Otherwise the server ends (P17)."""
    for key in _DEFAULT_PORTS:
        if UNIX_ADDRESS.fullmatch(document.properties.get(key, "")) and not document.is_on("use_native_io"):
            message = "is a unix socket, which use_native_io=false forbids"
            yield find_sockets.finding(message, key, effect="it ends", fix="remove use_native_io")


@rule("kserve-address", "error")
def find_kserve_address(document: Document) -> Iterator[Finding]:
    """Write the inference address as ``http://host:port`` where KServe's wrapper reads.

    It makes a wrong URL of any other.
    """
    inference = document.properties.get("inference_address", "")
    if document.is_kserve and inference and not re.fullmatch("http://[^:/]+:[0-9]+", inference):
        message, effect = "is not http://host:port", "it makes a wrong URL of it"
        yield find_kserve_address.finding(
            message, "inference_address", effect=effect, fix="write it so", reader="kserve"
        )


RULES = rules_in(globals())
