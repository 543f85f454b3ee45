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
from marpack.config.settings.releases import WRAPPER_HAS_GRPC
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

_DEFAULT_PORTS = {
    "inference_address": {"http": 80, "https": 443},
    "management_address": {"http": 8081, "https": 8444},
    "metrics_address": {"http": 8082, "https": 8445},
}
_ANY_HOST = {"0.0.0.0"}
_LOOPBACK = {"localhost", "127.0.0.1"}
# Where KServe's wrapper listens itself.
_WRAPPERS_HTTP, WRAPPERS_GRPC = 8080, 8081


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

    It listens there itself, in the same pod: at 8080, and at 8081 since kserve 0.10, which the images of
    TorchServe 0.8 and newer have. Where the server has the port already the wrapper ends, and nothing answers.
    Where the release is not said 8081 is a warning, and before 0.8 a note.
    """
    for one in _listeners(document) if document.is_kserve else ():
        if one.key not in document.properties or one.port not in (_WRAPPERS_HTTP, WRAPPERS_GRPC):
            continue
        severity, effect = severity_of_kserve_port(one.port, document.release), "it ends, and nothing answers"
        if severity == "note":
            effect = "of a newer release, it ends, and nothing answers"
        yield find_kserve_ports.finding(
            f"takes port {one.port}, where the wrapper itself listens",
            one.key,
            effect=effect,
            fix="take another, as 8085",
            severity=severity,
            reader="kserve",
        )


def severity_of_kserve_port(port: int, release: tuple[int, ...] | None) -> Severity:
    """Return how bad it is for KServe's wrapper that a server of this release has one of its ports."""
    if port == _WRAPPERS_HTTP:
        return "error"
    if release is None:
        return "warning"
    return "error" if release >= WRAPPER_HAS_GRPC else "note"


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
