"""Rules about numbers and switches with which a server starts, and no worker, or no request, ever succeeds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from marpack.config.rules.document import Document
from marpack.config.rules.references import java_matches, loaded, references
from marpack.config.settings.environment import is_true, variables
from marpack.config.settings.keys import KEYS, parse_value
from marpack.config.settings.releases import TOKENS_ASKED
from marpack.findings import Finding
from marpack.rule import rule, rules_in

# What a worker answers when it has loaded a model, but for the model's name.
_LOADED = len("loaded model ")

# No request and no answer is meant to be smaller: whoever writes less has kilobytes or megabytes in mind.
_SMALL = 1024

_LAST_PORT = 65535

# Options of Java for its memory, with the shift that a unit stands for.
_HEAP = re.compile(r"(?<!\S)-(Xmx|Xms)([0-9]{1,15})([kKmMgGtT]?)(?!\S)")
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_SMALLEST_HEAP = 8 << 20


def _number(document: Document, name: str) -> int | float | None:
    """Return a number that the file gives; None where it gives none."""
    text, key = document.properties.get(name), KEYS[name]
    if text is None or variables(text):
        return None
    try:
        value = parse_value(key.kind, text)
    except ValueError:
        return None
    return value if isinstance(value, (int, float)) else None


def _names(document: Document) -> list[str]:
    """Return the names of models that are surely loaded."""
    names = [each.name for each in references(document)] + [each.name or "" for each in loaded(document) or ()]
    if document.snapshot is not None:
        names += [name for name, _ in document.snapshot.sound_models]
    return [name for name in names if name] or ["m"]


@rule("response-size", "error")
def find_response_size(document: Document) -> Iterator[Finding]:
    """Give ``max_response_size`` in bytes.

    The answer of a worker that has loaded its model counts too: with less than 14 bytes no worker starts, with
    ``TooLongFrameException: Message size exceed limit``. With some more, a longer answer ends its worker: below
    1024 bytes it is a warning [server].
    """
    size = _number(document, "max_response_size")
    if size is None or not 0 <= size < _SMALL:
        return
    longest = max(map(len, _names(document)))
    if size < _LOADED + longest:
        message, effect = f"{size} bytes are less than a worker's answer to the load", "no worker starts"
        effect += f": TooLongFrameException: Message size exceed limit: {_LOADED + longest}"
        yield find_response_size.finding(message, "max_response_size", effect=effect, fix=_in_bytes(size))
    else:
        message, effect = f"{size} bytes are few", "a worker ends whose answer is longer: TooLongFrameException"
        yield find_response_size.finding(
            message, "max_response_size", effect=effect, fix=_in_bytes(size), severity="warning"
        )


@rule("request-size", "warning")
def find_request_size(document: Document) -> Iterator[Finding]:
    """Give ``max_request_size`` in bytes. The server answers 413 to each request of more [server]."""
    size = _number(document, "max_request_size")
    if size is not None and 0 <= size < _SMALL:
        message, effect = f"{size} bytes are few", f"it answers 413 to each request of more than {size} bytes"
        yield find_request_size.finding(message, "max_request_size", effect=effect, fix=_in_bytes(size))


def _in_bytes(size: int | float) -> str:
    return f"write it in bytes: {int(size) << 20} if {size} MiB are meant" if size else "write it in bytes"


@rule("worker-port", "error")
def find_worker_port(document: Document) -> Iterator[Finding]:
    """Take a port for ``initial_worker_port`` where ``use_native_io`` is off.

    Workers listen on ports then, not on sockets in the file system. On one that there is not no worker starts
    [server].
    """
    port = _number(document, "initial_worker_port")
    if port is not None and not document.is_on("use_native_io") and not 0 < port <= _LAST_PORT:
        message, effect = f"{port} is no port", "no worker starts"
        fix = f"write 1 to {_LAST_PORT}, or remove use_native_io"
        yield find_worker_port.finding(message, "initial_worker_port", effect=effect, fix=fix)


@rule("heap", "error")
def find_heap(document: Document) -> Iterator[Finding]:
    """Give ``-Xmx`` in ``vmargs`` with its unit, as ``-Xmx512m``.

    Without a unit it is bytes. Below 2 MiB Java does not start: Too small maximum heap; with 8 MiB the server does
    not. ``-Xms`` above it keeps Java from starting too [server].
    """
    text = document.properties.get("vmargs", "")
    if variables(text):
        return
    found = {each[1]: each for each in _HEAP.finditer(text)}  # the last one counts
    sizes = {name: int(each[2]) << _UNITS[each[3].lower()] for name, each in found.items()}
    largest = sizes.get("Xmx")
    if largest is not None and largest <= _SMALLEST_HEAP:
        message, effect = f"{found['Xmx'][0].strip()!r} is too small", "Java ends: Too small maximum heap"
        if largest >= 2 << 20:
            effect = "the server does not start for want of memory"
        fix = "write a unit, as -Xmx512m" if not found["Xmx"][3] else "write more, as -Xmx512m"
        yield find_heap.finding(message, "vmargs", effect=effect, fix=fix, reader="launcher")
    elif largest is not None and sizes.get("Xms", 0) > largest:
        message = f"{found['Xms'][0].strip()!r} is more than {found['Xmx'][0].strip()!r}"
        effect = "Java ends: Initial heap size set to a larger value than the maximum heap size"
        yield find_heap.finding(message, "vmargs", effect=effect, fix="write less", reader="launcher")


@rule("debug-workers", "warning")
def find_debug(document: Document) -> Iterator[Finding]:
    """Leave ``debug`` off where nobody starts the workers by hand.

    It is no level of the logs: the server starts no worker, and waits for one that is run in a debugger: Failed to
    connect to worker [server].
    """
    if is_true(document.properties.get("debug")):
        message, effect = "is on", "it starts no worker, and waits for one: Failed to connect to worker"
        fix = "remove it; what is logged is for --log-config to say"
        yield find_debug.finding(message, "debug", effect=effect, fix=fix)


@rule("worker-environment", "error")
def find_blacklist(document: Document) -> Iterator[Finding]:
    """Let workers have ``PYTHONPATH`` and ``PATH``.

    Of the variables that ``blacklist_env_vars`` matches they get none. By ``PYTHONPATH`` the server tells them
    where the model's code is: without it no handler of an archive is found, ModuleNotFoundError. Without ``PATH``
    the Python of a virtual environment does not find its packages: No module named 'ts' (a warning) [server].
    """
    pattern = document.properties.get("blacklist_env_vars")
    if pattern is None or variables(pattern):
        return
    if java_matches(pattern, "PYTHONPATH"):
        message, effect = "matches PYTHONPATH", "workers do not find an archive's handler: ModuleNotFoundError"
        fix = "write the variables that are meant, joined by |"
        yield find_blacklist.finding(message, "blacklist_env_vars", effect=effect, fix=fix)
    elif java_matches(pattern, "PATH"):
        message, effect = "matches PATH", "workers of a virtual environment find no package: No module named 'ts'"
        fix = "write the variables that are meant, joined by |"
        yield find_blacklist.finding(message, "blacklist_env_vars", effect=effect, fix=fix, severity="warning")


@rule("token-expired", "error")
def find_expired_tokens(document: Document) -> Iterator[Finding]:
    """Let tokens be good for some time, where they are asked for.

    With ``token_expiration_min`` of 0 or less every token has expired when it is written, and every request is
    refused: Token Authorization failed [server].
    """
    minutes = _number(document, "token_expiration_min")
    is_older = document.release is not None and document.release < TOKENS_ASKED
    if minutes is not None and minutes <= 0 and not is_older and not document.is_on("disable_token_authorization"):
        message = f"{minutes} minutes leave no time"
        effect = "it refuses every request: Token Authorization failed"
        fix = "write the minutes, or set disable_token_authorization=true"
        yield find_expired_tokens.finding(message, "token_expiration_min", effect=effect, fix=fix)


RULES = rules_in(globals())
