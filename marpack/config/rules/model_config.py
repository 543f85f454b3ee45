"""What a server makes of model-config.yaml: what it ignores or changes, and what ends a worker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from marpack.config.text.plain_copy import PlainCopy, is_int, path_of, shown, type_name
from marpack.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


__all__ = ["KEYS", "SECTIONS", "check", "not_a_mapping", "wrong_type"]

_MAPPINGS = {"torchrun", "handler", "pippy", "deepspeed", "dali", "micro_batching"}
SECTIONS = _MAPPINGS | {"pt2"}

# The front end takes a java.lang.Integer only; SnakeYAML gives a Long for what does not fit.
_LOWEST_INT, _HIGHEST_INT = -(1 << 31), (1 << 31) - 1

# Key -> the lowest number that the server takes as it is, and what it does below.
_NUMBERS = {
    "minWorkers": (1, "the server takes 1"),
    "maxWorkers": (1, "the server ignores it"),
    "batchSize": (1, "the server takes 1"),
    "maxBatchDelay": (1, "to the server it counts as not set"),
    "responseTimeout": (1, "the server takes 120"),
    "startupTimeout": (1, "the server takes 120"),
    "parallelLevel": (0, "the server ignores it"),
    "maxRetryTimeoutInSec": (0, "the server takes 0"),
    "clientTimeoutInMills": (0, "the server takes 0, no timeout"),
    "jobQueueSize": (0, "the server takes its own job_queue_size"),
    "sequenceMaxIdleMSec": (0, "the server takes 0, no sequences"),
    "sequenceTimeoutMSec": (0, "the server takes 0, no timeout"),
    "maxSequenceJobQueueSize": (1, "the server takes 1"),
    "maxNumSequence": (1, "the server takes 1"),
}
_TORCHRUN_NUMBERS = {
    "nnodes": (1, "the server takes 1"),
    "nproc-per-node": (1, "the server takes 1"),
    "monitor-interval": (1, "the server takes 5"),
    "node-rank": (0, "the server takes 0"),
    "OMP_NUMBER_THREADS": (1, "the server takes 1"),
}
_TORCHRUN_TEXTS = ("rdzv-backend", "rdzv-endpoint", "rdzv-conf")
_TORCHRUN_KEYS = (*_TORCHRUN_NUMBERS, *_TORCHRUN_TEXTS)
_FLAGS = ("useJobTicket", "sequenceBatching", "continuousBatching", "asyncCommunication", "useVenv")
_CHOICES = {"deviceType": ("cpu", "gpu"), "parallelType": ("pp", "tp", "pptp", "custom", "")}
_BY_TORCHRUN = ("pp", "tp", "pptp")
_NEED_IDLE_TIME = ("sequenceBatching", "sequenceTimeoutMSec", "maxSequenceJobQueueSize", "maxNumSequence")

KEYS = frozenset([*_NUMBERS, *_FLAGS, *_CHOICES, *SECTIONS, "deviceIds"])

# How alike two keys must be for one to be a slip of the other; any lower, and max_batch_size is one of batchSize.
_CLOSE = 0.87

_IGNORES = "the server ignores it"
_WORKER_DIES = "the code that reads it fails, and the worker with it"


def check(document: Mapping[Any, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Return a copy of the document in plain dicts and lists, and everything that is wrong with it."""
    copier = PlainCopy()
    copied = copier.mapping(document, "", 1)
    good = {key: value for key, value in document.items() if isinstance(key, str)}
    findings = [
        *_check_names(document),
        *_check_numbers(good, _NUMBERS, ""),
        *_check_types(good),
        *_check_workers(good),
        *_check_torchrun(good.get("torchrun")),
        *_check_parallel(good),
        *_check_sequences(good),
        *_check_pt2(good),
        *copier.findings,
    ]
    return copied, findings


def _check_names(document: Mapping[Any, Any]) -> Iterator[Finding]:
    for key in document:
        if not isinstance(key, str):
            message = f"the key {shown(key)} is {type_name(key)}, not a string: the server ends when it starts"
            fix = "quote it in YAML, where on, off, yes, no and numbers are not strings; in Python give a str"
            yield Finding.error("model-config-key", path_of("", key), message, fix)
        elif key not in KEYS and (nearest := _nearest(key, KEYS)):
            message = f"the server does not know this key and ignores it; {nearest!r} is meant, by its looks"
            fix = f"write {nearest!r}, or put a key of your own below 'handler'"
            yield Finding.error("model-config-misspelt-key", key, message, fix)


def _check_numbers(
    document: Mapping[Any, Any], numbers: Mapping[str, tuple[int, str]], prefix: str
) -> Iterator[Finding]:
    for key, (lowest, below) in numbers.items():
        if key not in document:
            continue
        value, path = document[key], path_of(prefix, key)
        if not is_int(value):
            yield wrong_type(path, value, "a whole number", _IGNORES)
        elif value > _HIGHEST_INT or value < _LOWEST_INT:
            message = f"{shown(value)} does not fit 32 bits: {_IGNORES}"
            yield Finding.error("model-config-range", path, message, f"write {lowest} to {_HIGHEST_INT}")
        elif value < lowest:
            message = f"{value} is below {lowest}: {below}"
            yield Finding.error("model-config-range", path, message, f"write {lowest} or more, or leave it out")


def _check_types(document: Mapping[str, Any]) -> Iterator[Finding]:
    for key in _FLAGS:
        if key in document and not isinstance(document[key], bool):
            yield wrong_type(key, document[key], "true or false", _IGNORES)
    for key, choices in _CHOICES.items():
        value = document.get(key, "")
        if not isinstance(value, str):
            yield wrong_type(key, value, "a string", _IGNORES)
        elif key in document and value.lower() not in choices:
            message = f"{shown(value)} is not known: {_IGNORES}"
            yield Finding.error(
                "model-config-choice", key, message, f"write one of {', '.join(filter(None, choices))}"
            )
    for key in sorted(_MAPPINGS & document.keys()):
        if not isinstance(document[key], Mapping):
            yield wrong_type(key, document[key], "a mapping", _IGNORES if key == "torchrun" else _WORKER_DIES)
    if "deviceIds" in document:
        yield from _check_device_ids(document["deviceIds"])


def _check_device_ids(ids: object) -> Iterator[Finding]:
    if not isinstance(ids, (list, tuple)):
        yield wrong_type("deviceIds", ids, "a list of whole numbers", _IGNORES)
        return
    for index, value in enumerate(ids):
        path = path_of("deviceIds", index)
        if not is_int(value):
            yield wrong_type(path, value, "a whole number", "the server ignores the whole list")
        elif not 0 <= value <= _HIGHEST_INT:
            message = f"{shown(value)} is no device: the server ignores the whole list"
            yield Finding.error("model-config-range", path, message, "write the GPUs' numbers, from 0")


def _check_workers(document: Mapping[str, Any]) -> Iterator[Finding]:
    lowest, highest = document.get("minWorkers"), document.get("maxWorkers")
    if ("minWorkers" in document) != ("maxWorkers" in document):
        given, other = ("minWorkers", "maxWorkers") if "minWorkers" in document else ("maxWorkers", "minWorkers")
        message = f"{given!r} is given without {other!r}: the server ignores it"
        yield Finding.error("model-config-worker-pair", given, message, "give both or none")
    elif is_int(lowest) and is_int(highest) and lowest > highest:
        message = f"'minWorkers' is {shown(lowest)} and 'maxWorkers' {shown(highest)}: the server ignores both"
        yield Finding.error(
            "model-config-worker-pair", "minWorkers", message, "make 'maxWorkers' as large at least"
        )


def _check_torchrun(torchrun: object) -> Iterator[Finding]:
    if not isinstance(torchrun, Mapping):
        return
    yield from _check_numbers(torchrun, _TORCHRUN_NUMBERS, "torchrun")
    for key, value in torchrun.items():
        path = path_of("torchrun", key)
        if is_int(key):
            message = f"the key {shown(key)} is a whole number, not a string: the server ends when it starts"
            yield Finding.error("model-config-key", path, message, f"write one of {', '.join(_TORCHRUN_KEYS)}")
        elif key in _TORCHRUN_TEXTS and not isinstance(value, str):
            yield wrong_type(path, value, "a string", _IGNORES)
        elif isinstance(key, str) and key not in _TORCHRUN_KEYS:
            nearest = _nearest(key, _TORCHRUN_KEYS)
            fix = f"write {nearest!r}" if nearest else f"leave it out; known are {', '.join(_TORCHRUN_KEYS)}"
            message = "the server does not hand this to torchrun"
            yield Finding.error("model-config-unknown-torchrun-key", path, message, fix)


def _check_parallel(document: Mapping[str, Any]) -> Iterator[Finding]:
    kind, level, torchrun = (document.get(key) for key in ("parallelType", "parallelLevel", "torchrun"))
    if not isinstance(kind, (str, type(None))) or not isinstance(torchrun, (Mapping, type(None))):
        return
    if level is not None and not is_int(level):
        return
    kind = (kind or "").lower()
    code = "model-config-parallel"
    if torchrun is not None:
        processes = torchrun.get("nproc-per-node", 1)
        if kind not in _BY_TORCHRUN:
            message = f"'torchrun' has no effect unless 'parallelType' is one of {', '.join(_BY_TORCHRUN)}"
            yield Finding.error(code, "torchrun", message, "give that, or leave 'torchrun' out")
        if level is not None and is_int(processes) and level != processes:
            message = f"{shown(level)} contradicts the {shown(processes)} of torchrun.nproc-per-node"
            yield Finding.error(code, "parallelLevel", f"{message}: the server takes one of them", "leave it out")
    elif kind in _BY_TORCHRUN:
        effect = "no worker ever starts" if level else "it has no effect"
        message = f"{kind!r} works through torchrun, and there is no such section: {effect}"
        yield Finding.error(
            code, "parallelType", message, "give torchrun: {nproc-per-node: ...}, or take 'custom'"
        )
    elif kind == "custom" and not level:
        message = "'custom' has no effect without 'parallelLevel'"
        yield Finding.error(
            code, "parallelType", message, "give the number of devices a worker as 'parallelLevel'"
        )
    elif not kind and level:
        yield Finding.error(
            code, "parallelLevel", "it has no effect without 'parallelType'", "give 'parallelType' too"
        )


def _check_sequences(document: Mapping[str, Any]) -> Iterator[Finding]:
    idle = document.get("sequenceMaxIdleMSec", 0)
    if not is_int(idle) or idle > 0:
        return
    for key in _NEED_IDLE_TIME:
        value = document.get(key)
        in_use = value is True if key == "sequenceBatching" else is_int(value) and value > 0
        if not in_use:
            continue
        effect = "requests fail" if key == "sequenceBatching" else "it has no effect"
        message = f"without 'sequenceMaxIdleMSec' the server keeps no sequences: {effect}"
        yield Finding.error("model-config-sequence", key, message, "give 'sequenceMaxIdleMSec', 1 ms or more")


def _check_pt2(document: Mapping[str, Any]) -> Iterator[Finding]:
    code, example = "model-config-pt2", "write {compile: {enable: true, backend: inductor}}"
    if "pt2" not in document:
        return
    pt2 = document["pt2"]
    if not isinstance(pt2, (str, Mapping)):
        message = f"it is {type_name(pt2)}, not a mapping or the name of a back end: {_WORKER_DIES}"
        yield Finding.error(code, "pt2", message, example)
    elif isinstance(pt2, Mapping) and "compile" in pt2:
        options = pt2["compile"]
        if not isinstance(options, Mapping) or "enable" not in options:
            message = f"it needs the key 'enable': {_WORKER_DIES}"
            yield Finding.error(code, "pt2.compile", message, example)
        elif options["enable"] not in (True, False):
            yield wrong_type("pt2.compile.enable", options["enable"], "true or false", "nothing is compiled")


def wrong_type(key: str, value: object, wanted: str, effect: str) -> Finding:
    """Make the finding for a value of another type."""
    message = f"it is {type_name(value)}, not {wanted}: {effect}"
    return Finding.error("model-config-type", key, message, f"write {wanted}")


def not_a_mapping(value: object) -> Finding:
    """Make the finding for a document that is no mapping."""
    message = f"the whole is {type_name(value)}, not a mapping: the server ends when it starts"
    return Finding.error("model-config-document", "", message, "write 'key: value' lines, or leave the file out")


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name that this one is, but for case, hyphens, underscores and slips."""

    def folded(text: str) -> str:
        return re.sub("[-_]", "", text).lower()

    names = {folded(key): key for key in known}
    import difflib  # slow to import, and needed for mistakes only

    close = difflib.get_close_matches(folded(name), names, n=1, cutoff=_CLOSE)
    return names[close[0]] if close else None
