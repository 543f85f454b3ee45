"""Rules about the keys of config.properties and the values that each may have."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from marpack.config.settings.environment import variables
from marpack.config.settings.keys import IGNORED_KEYS, KEYS, Key, parse_value, whole_number
from marpack.config.settings.redaction import brief
from marpack.config.settings.releases import OLD_ENVELOPES
from marpack.config.text.other_readers import OTHER_READERS, READER_NAMES
from marpack.findings import Finding

if TYPE_CHECKING:
    from marpack.config.rules.server import Server

__all__ = ["ADDRESS", "UNIX_ADDRESS", "find_keys", "find_values", "find_variables"]

# P17
ADDRESS = re.compile(r"(?P<scheme>https?)://(?P<host>[^:^/]+)(:(?P<port>[0-9]+))?", re.IGNORECASE)
UNIX_ADDRESS = re.compile("unix:/.*", re.IGNORECASE)
_LAST_PORT = 65534
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")

# P16: passed on as text to workers, which compare it with the lower-case word.
_PASSED_ON = ("decode_input_request", "ipex_enable", "ipex_gpu_enable")

# How near an unknown key must come to a known one to be taken for a slip.
_NEAR = 0.8


def find_keys(server: Server) -> Iterator[Finding]:
    """Find keys that no version knows."""
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


def find_values(server: Server) -> Iterator[Finding]:
    """Find values that a key does not take."""
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
    if UNIX_ADDRESS.fullmatch(text):
        return
    shown = brief(key, text)
    match = ADDRESS.fullmatch(text)
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


def find_variables(server: Server) -> Iterator[Finding]:
    """Find variables that only the server replaces."""
    for reader, (_, keys) in OTHER_READERS.items():
        for key in keys:
            if variables(server.properties.get(key, "")) and (reader != "kserve" or server.is_kserve):
                message = f"{READER_NAMES[reader]} does not replace $$NAME$$, which the server does"
                yield Finding.warning("variable-elsewhere", key, message, "write the value itself", reader=reader)
