"""Rules about the keys of config.properties and the values that each may have."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache

from marpack.config.rules.document import Document
from marpack.config.rules.near import is_slip, nearest_key
from marpack.config.settings.environment import variables
from marpack.config.settings.keys import KEYS, Key, parse_value, whole_number
from marpack.config.settings.other_keys import other_key
from marpack.config.settings.redaction import brief
from marpack.config.settings.releases import OLD_ENVELOPES
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

_ENDS = "it ends"
_IGNORES = "it ignores it"
_NUMBERS = ("int", "long", "double")

# P17
ADDRESS = re.compile(r"(?P<scheme>https?)://(?P<host>[^:^/]+)(:(?P<port>[0-9]+))?", re.IGNORECASE)
UNIX_ADDRESS = re.compile("unix:/.*", re.IGNORECASE)
_LAST_PORT = 65534
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")

# P16: passed on as text to workers, which compare it with the lower-case word.
_PASSED_ON = ("decode_input_request", "ipex_enable", "ipex_gpu_enable")

# What whoever writes a file may mean: no key that the server writes, or that only SageMaker's plug-in reads.
_MEANT = tuple(name for name in KEYS if name not in ("NUM_WORKERS", "version", "tsConfigFile"))

# How near an unknown key must come to a known one to be taken for a slip.
_NEAR = 0.8


# What becomes of a number beyond its limits, where it is not just that the server ends.
_BEYOND = {
    "default_workers_per_model": "it ends: IndexOutOfBoundsException",
    "netty_client_threads": "it ends: nThreads (expected: > 0)",
    "number_of_netty_threads": "it ends: nThreads (expected: > 0)",
    "unregister_model_timeout": "it answers 408 when a model is removed: Timed out while cleaning resources",
    "default_response_timeout": "it answers every request with 500: Worker died.",
    "default_startup_timeout": "no worker starts: Backend worker did not respond in given time",
    "job_queue_size": "it ends as soon as it loads a model: Invalid configuration: null",
    "metric_time_interval": "it ends: Invalid configuration: null",
}


@rule("ignored-key", "warning")
def find_ignored_keys(document: Document) -> Iterator[Finding]:
    """Write settings where they are read.

    Some keys look like settings and are none: other releases know them, other servers, model-config.yaml, the
    command line or the environment; examples and documentation have them too. Those without which nothing is lost
    are notes (P15).
    """
    for key in document.properties:
        if key not in KEYS and key not in document.stray and (other := other_key(key)):
            message = "is no setting of this file"
            yield find_ignored_keys.finding(message, key, effect=_IGNORES, fix=other.fix, severity=other.severity)


@rule("misspelt-key", "error")
def find_misspelt_keys(document: Document) -> Iterator[Finding]:
    """Write settings in their own spelling.

    The server ignores keys that it does not know; one that looks like a known one is taken for a slip. Where more
    than two letters differ another word may be meant, and it is a warning (P15).
    """
    for key in _unknown_keys(document):
        if near := _near(key, document.properties[key]):
            severity: Severity = "error" if is_slip(key, near) else "warning"
            yield find_misspelt_keys.finding(
                "is no setting", key, effect=_IGNORES, fix=f"did you mean {near}?", severity=severity
            )


@rule("unknown-key", "note")
def find_unknown_keys(document: Document) -> Iterator[Finding]:
    """Leave out what is no setting, unless somebody else reads it. The server ignores it (P15)."""
    for key in _unknown_keys(document):
        if not _near(key, document.properties[key]):
            yield find_unknown_keys.finding("is no setting", key, effect=_IGNORES, fix="remove it, or leave it")


def _unknown_keys(document: Document) -> Iterator[str]:
    return (
        key for key in document.properties if key not in KEYS and key not in document.stray and not other_key(key)
    )


@lru_cache(maxsize=4096)
def _near(key: str, text: str) -> str | None:
    """Return the setting that a key is taken for; none that could not have the value that is there."""
    near = nearest_key(key, _MEANT, likeness=_NEAR)
    return near if near is None or is_slip(key, near) or _may_have(KEYS[near], text) else None


def _may_have(key: Key, text: str) -> bool:
    if key.kind in ("bool", *_NUMBERS):
        try:
            parse_value(key.kind, text)
        except ValueError:
            return False
        return True
    return text.lower() not in ("true", "false")


def _values(document: Document) -> Iterator[tuple[Key, str]]:
    """Yield known settings whose value is no JSON and is known, with the value."""
    for name, text in document.properties.items():
        key = KEYS.get(name)
        if key is None or key.kind == "json" or (key.kind == "choice" and not text) or variables(text):
            continue
        if name == "metrics_mode":
            text = re.sub(r"\s", "", text).lower()  # as the server does
        yield key, text


def _shown(document: Document, key: Key) -> str:
    return brief(key.name, document.properties[key.name])


def _is_quoted(text: str) -> bool:
    return text[:1] in ("'", '"') and text[-1:] == text[:1] and len(text) > 1


def _is_host(key: Key) -> bool:
    return key.name in ("grpc_inference_address", "grpc_management_address")


def _clean_values(document: Document, *kinds: str) -> Iterator[tuple[Key, str]]:
    """Yield those of the kinds that have neither blanks at an edge nor quotes."""
    for key, text in _values(document):
        if key.kind in kinds and text == text.strip() and not _is_quoted(text) and not _is_host(key):
            yield key, text


@rule("blank", "error")
def find_blanks(document: Document) -> Iterator[Finding]:
    """Leave no blank at the edge of a value.

    It counts: no number, address or truth value has one. It is a warning where any text will do (P5, P16).
    """
    for key, text in _values(document):
        if text != text.strip() and not (_is_host(key) and not _HOST.fullmatch(text)):
            message = f"{_shown(document, key)!r} has a blank at its edge"
            severity: Severity = "warning" if key.kind in ("str", "list") else "error"
            yield find_blanks.finding(message, key.name, effect="it counts", fix="remove it", severity=severity)


@rule("quotes", "error")
def find_quotes(document: Document) -> Iterator[Finding]:
    """Write values without quotes. They count as part of the value (P5)."""
    for key, text in _values(document):
        if _is_quoted(text) and not _is_host(key):
            message = f"{_shown(document, key)} has quotes"
            yield find_quotes.finding(message, key.name, effect="they count", fix="remove them")


@rule("home", "error")
def find_home(document: Document) -> Iterator[Finding]:
    """Write whole paths, without ``~``. No reader replaces it, and nothing is found there."""
    for key, text in _clean_values(document, "path"):
        if text.startswith("~"):
            message = f"{_shown(document, key)!r} begins with '~', which no reader replaces"
            yield find_home.finding(message, key.name, effect="nothing is found there", fix="write the whole path")


@rule("address", "error")
def find_wrong_addresses(document: Document) -> Iterator[Finding]:
    """Write addresses as ``scheme://host:port`` or ``unix:/path``, and those of gRPC as a host alone.

    Anything else ends the server (P17).
    """
    for key, text in _values(document):
        if _is_host(key) and not _HOST.fullmatch(text):
            message, fix = f"{_shown(document, key)!r} is no host", "write a name or an IP address, nothing else"
            yield find_wrong_addresses.finding(message, key.name, effect=_ENDS, fix=fix)
    for key, text in _clean_values(document, "address"):
        if not UNIX_ADDRESS.fullmatch(text) and not ADDRESS.fullmatch(text):
            fix = "write scheme://host:port without a path, as http://0.0.0.0:8080"
            message = f"{_shown(document, key)!r} is no address"
            yield find_wrong_addresses.finding(message, key.name, effect=_ENDS, fix=fix)


@rule("port", "error")
def find_wrong_ports(document: Document) -> Iterator[Finding]:
    """Take a port from 0 to 65534. A greater one ends the server (P17)."""
    for key, text in _clean_values(document, "address"):
        match = None if UNIX_ADDRESS.fullmatch(text) else ADDRESS.fullmatch(text)
        if match and match["port"] and ((port := whole_number(match["port"])) is None or port > _LAST_PORT):
            message = f"port {match['port']:.20} is out of range"
            yield find_wrong_ports.finding(message, key.name, effect=_ENDS, fix="take another")


@rule("type", "error")
def find_types(document: Document) -> Iterator[Finding]:
    """Give settings values of their type.

    Of what is no number the server fails, at once or when it needs one; a wrong floating point number is the
    default, and what is not ``true`` in any case is false (P16).
    """
    for key, text in _clean_values(document, *_NUMBERS, "bool"):
        try:
            value = parse_value(key.kind, text)
        except ValueError as error:
            effects = {"bool": "", "double": "it takes the default"}
            message = f"{_shown(document, key)!r} {error}"
            fix = "write true or false" if key.kind == "bool" else "write the number, nothing else"
            yield find_types.finding(message, key.name, effect=effects.get(key.kind, "it fails"), fix=fix)
            continue
        if value is True and key.name in _PASSED_ON and text != "true":
            message = f"{_shown(document, key)!r} is not true to workers"
            yield find_types.finding(message, key.name, fix="write true in lower case")


@rule("range", "error")
def find_ranges(document: Document) -> Iterator[Finding]:
    """Give numbers within the limits of their settings.

    The server reads others, and ends, or fails when it needs them (P16).
    """
    for key, text in _clean_values(document, *_NUMBERS):
        try:
            value = parse_value(key.kind, text)
        except ValueError:
            continue
        low = key.minimum is not None and isinstance(value, int) and value < key.minimum
        high = key.maximum is not None and isinstance(value, int) and value > key.maximum
        if low or high:
            fix = f"write at least {key.minimum}" if low else f"write at most {key.maximum}"
            effect = _BEYOND.get(key.name, "it fails")
            yield find_ranges.finding(f"{value} is out of range", key.name, effect=effect, fix=fix)


@rule("choice", "error")
def find_choices(document: Document) -> Iterator[Finding]:
    """Choose one of the words that a setting knows.

    With an envelope that there is not every worker dies; an unknown ``metrics_mode`` is ``log`` (a warning).
    """
    for key, text in _clean_values(document, "choice"):
        if text in key.choices or (key.name == "service_envelope" and text in OLD_ENVELOPES):
            continue
        is_mode = key.name == "metrics_mode"
        yield find_choices.finding(
            f"{_shown(document, key)!r} is {'unknown' if is_mode else 'no envelope of TorchServe'}",
            key.name,
            effect="it takes log" if is_mode else "every worker dies",
            fix=f"choose from {', '.join(key.choices)}",
            severity="warning" if is_mode else "error",
        )


@rule("pattern", "warning")
def find_patterns(document: Document) -> Iterator[Finding]:
    """Write regular expressions that are some.

    The server ends at one that Java does not take; Python's judgement is near that.
    """
    for key, text in _clean_values(document, "str", "list"):
        if key.name not in ("allowed_urls", "blacklist_env_vars"):
            continue
        for pattern in text.split(",") if key.name == "allowed_urls" else [text]:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # what Python warns of is part of Java's syntax
                    re.compile(pattern)
            except (re.error, OverflowError, RecursionError, ValueError):
                message, effect = f"{brief(key.name, pattern)!r} may not be a regular expression", "it then ends"
                yield find_patterns.finding(message, key.name, effect=effect, fix="correct it")


RULES = rules_in(globals())
