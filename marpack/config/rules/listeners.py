"""Rules about the addresses and ports that the server listens on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from marpack.config.rules.values import ADDRESS, UNIX_ADDRESS
from marpack.config.settings.keys import whole_number
from marpack.findings import Finding

if TYPE_CHECKING:
    from marpack.config.rules.server import Server

__all__ = ["find_addresses", "find_ports"]
_DEFAULT_PORTS = {
    "inference_address": {"http": 80, "https": 443},
    "management_address": {"http": 8081, "https": 8444},
    "metrics_address": {"http": 8082, "https": 8445},
}
_ANY_HOST = {"0.0.0.0"}
_LOOPBACK = {"localhost", "127.0.0.1"}
_KSERVE_PORTS = {8080, 8081}


class _Listener(NamedTuple):
    key: str
    host: str
    port: int


def _listeners(server: Server) -> Iterator[_Listener]:
    for key, ports in _DEFAULT_PORTS.items():
        if key == "metrics_address" and not server.is_on("enable_metrics_api"):
            continue
        match = ADDRESS.fullmatch(server.text(key) or "")
        if match is not None:
            port = whole_number(match["port"]) if match["port"] else ports[match["scheme"].lower()]
            yield _Listener(key, match["host"].lower(), port or 0)
    for name in ("grpc_inference", "grpc_management"):
        grpc_port = whole_number(server.text(f"{name}_port") or "")
        yield _Listener(f"{name}_port", (server.text(f"{name}_address") or "").lower(), grpc_port or 0)


def find_ports(server: Server) -> Iterator[Finding]:
    """Find two listeners on one port."""
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


def find_addresses(server: Server) -> Iterator[Finding]:
    """Find addresses that cannot be listened on."""
    has_pair = "certificate_file" in server.properties and "private_key_file" in server.properties
    for key in _DEFAULT_PORTS:
        text = server.properties.get(key, "")
        if text.lower().startswith("https:") and not (has_pair or "keystore" in server.properties):
            message = "is https without a key, and the server ends on Java 17"
            yield Finding.error(
                "https-key", key, message, "set keystore, or certificate_file and private_key_file"
            )
        if UNIX_ADDRESS.fullmatch(text) and not server.is_on("use_native_io"):
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
