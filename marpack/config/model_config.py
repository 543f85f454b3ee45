"""model-config.yaml: what an archive tells the server and its own handler about one model."""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeGuard

from marpack.errors import ConfigError, Finding, MissingExtraError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

__all__ = ["DeviceType", "ModelConfig", "ParallelType"]

# The server reads both in any case; these are the spellings that its own examples use.
DeviceType: TypeAlias = Literal["cpu", "gpu"]
ParallelType: TypeAlias = Literal["pp", "tp", "pptp", "custom"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """The settings of one model, as they stand in the ``model-config.yaml`` of its archive.

    Each field is a key of the server's front end in Python's spelling: ``min_workers`` is ``minWorkers``. None
    leaves the key out. The server ignores what it cannot use, with no more than a line in its log; here it is a
    ``ConfigError`` that holds everything at once.

    The back end gives all keys to the handler as ``context.model_yaml_config``, the front end's too. ``extra``
    holds the keys that nobody here knows; a handler's own settings belong below ``handler``.

    It is a ``Source``: ``marpack.pack(config_file=ModelConfig(...))`` puts it into an archive.
    """

    # How many worker processes a model starts with, and may grow to. The server heeds them as a pair only.
    min_workers: int | None = None
    max_workers: int | None = None

    # Requests that a worker takes at once, and how long it waits for them, in milliseconds. What a management
    # request says goes before; these go before the `models` property. Without any of them: 1 and 100 ms. A delay
    # of 0 would count as not set.
    batch_size: int | None = None
    max_batch_delay: int | None = None

    # Seconds that a worker may take for an answer, and to load the model. Always written: whenever an archive has
    # a model-config.yaml the server sets both to 120 unless it says otherwise, and a management request, the
    # `models` property, `default_response_timeout` and `default_startup_timeout` no longer count.
    response_timeout: int = 120
    startup_timeout: int = 120

    # "cpu" or "gpu"; default: the GPU where there is one. The ids are those of the GPUs that the workers get in
    # turn; if one does not exist the server forgets them all.
    device_type: DeviceType | str | None = None
    device_ids: Sequence[int] | None = None

    # Models spread over several devices. "pp", "tp" and "pptp" start each worker through torchrun and need that
    # section, whose `nproc-per-node` is then the number of devices a worker; "custom" starts one process a worker
    # and takes that number from `parallel_level`.
    parallel_type: ParallelType | str | None = None
    parallel_level: int | None = None

    # torchrun's own spelling: nnodes, nproc-per-node, rdzv-backend (default c10d), rdzv-endpoint and
    # OMP_NUMBER_THREADS, which becomes OMP_NUM_THREADS. The server also reads rdzv-conf, monitor-interval and
    # node-rank, and does nothing with them.
    torchrun: Mapping[str, Any] | None = None

    # Seconds for which a crashing worker is started again before the model counts as unhealthy; default 300.
    max_retry_timeout_in_sec: int | None = None

    # Milliseconds after which a request that still waits is dropped; default 0, never.
    client_timeout_in_mills: int | None = None

    # Requests that may wait for this model; default 0, the server's `job_queue_size`.
    job_queue_size: int | None = None

    # Take a request only when a worker is free; default False.
    use_job_ticket: bool | None = None

    # Sequences of requests for one worker. Milliseconds a sequence may be idle, default 0: not used, and then the
    # rest has no effect. Milliseconds it may last in all, default 0: for ever. Requests that may wait for one
    # sequence, and sequences at one time, each 1 by default.
    sequence_max_idle_msec: int | None = None
    sequence_timeout_msec: int | None = None
    max_sequence_job_queue_size: int | None = None
    max_num_sequence: int | None = None
    sequence_batching: bool | None = None

    # Batches whose members come and go between two steps, as in text generation; default False.
    continuous_batching: bool | None = None

    # Talk to the worker without waiting for answers; default False. Handlers that are coroutines, vLLM's and
    # TensorRT-LLM's among them, need it.
    async_communication: bool | None = None

    # Run the workers in a virtual environment of the model's own; default False. Only with the runtime "python".
    use_venv: bool | None = None

    # What the handlers read. `handler` is the place for settings of your own; `profile: true` in it times the base
    # handler's methods, and the vLLM and TensorRT-LLM handlers look into it. `pt2` is what the base handler
    # compiles with: {"compile": {"enable": True, "backend": "inductor"}}, or {"export": {"aot_compile": True}}.
    # The others are for the handlers that are named like them.
    handler: Mapping[str, Any] | None = None
    pt2: Mapping[str, Any] | str | None = None
    pippy: Mapping[str, Any] | None = None
    deepspeed: Mapping[str, Any] | None = None
    dali: Mapping[str, Any] | None = None
    micro_batching: Mapping[str, Any] | None = None

    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        document = {key: getattr(self, attribute) for key, attribute in _KEYS.items()}
        kept = {key: value for key, value in document.items() if value is not None or key in _ALWAYS}
        extra: object = self.extra
        findings = []
        if not isinstance(extra, Mapping):
            findings.append(_wrong_type("extra", extra, "a mapping", "nothing can be written"))
            extra = {}
        for key in _KEYS.keys() & extra.keys():
            message, fix = f"{key!r} has a field of its own", f"give {_KEYS[key]}= instead"
            findings.append(_error("model-config-key", key, message, fix))
        copied, more = _check({**extra, **kept})
        if findings := [*findings, *more]:
            raise ConfigError(findings)
        # Copies, so that what was found good stays so.
        for key in _SECTIONS & copied.keys():
            object.__setattr__(self, _KEYS[key], copied[key])
        if self.device_ids is not None:
            object.__setattr__(self, "device_ids", tuple(self.device_ids))
        object.__setattr__(self, "extra", {key: copied[key] for key in extra})
        if (size := self.size) > _SIZE_LIMIT:
            message = f"the file has {size} bytes: the server ignores one of more than {_SIZE_LIMIT}"
            fix = "put large data into a file of its own (extra_files)"
            raise ConfigError([_error("model-config-size", "", message, fix)])

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ModelConfig:
        """Take settings under the front end's own keys, ``{"minWorkers": 1}``.

        A null is no way to leave a key out: the server ignores it, or fails.
        """
        checked: object = document
        if not isinstance(checked, Mapping):
            raise ConfigError([_not_a_mapping(checked)])
        _, findings = _check(checked)
        if findings:
            raise ConfigError(findings)
        known = {attribute: document[key] for key, attribute in _KEYS.items() if key in document}
        return cls(**known, extra={key: value for key, value in document.items() if key not in _KEYS})

    def to_dict(self) -> dict[str, Any]:
        """Return what a reader of the file gets: the front end's keys, new dicts and lists."""
        document = {key: getattr(self, attribute) for key, attribute in _KEYS.items()}
        kept = {key: value for key, value in document.items() if value is not None}
        return _Copier().mapping({**kept, **self.extra}, "", 1)

    def to_yaml(self) -> str:
        """Return the file: ASCII, and the same to YAML 1.1 readers in Java (SnakeYAML) and Python (PyYAML)."""
        return "".join(f"{line}\n" for line in _lines(self.to_dict()))

    @classmethod
    def loads(cls, text: str | bytes) -> ModelConfig:
        """Read the text of a file as the back end does; needs the ``yaml`` extra.

        Raises ``ConfigError`` for what is not one YAML mapping in UTF-8 and for every setting that the server
        would ignore; each finding has its line.
        """
        return cls._loads(text, None)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ModelConfig:
        """Read a file, as ``loads`` does; findings name it as well."""
        with open(path, "rb") as file:
            data = file.read()
        return cls._loads(data, str(path))

    @classmethod
    def _loads(cls, text: str | bytes, file: str | None) -> ModelConfig:
        document, lines = _parse(text, file)
        try:
            return cls.from_dict(document)
        except ConfigError as error:
            findings = [replace(found, file=file, line=_line(found.key, lines)) for found in error.findings]
            raise ConfigError(findings) from None

    @property
    def name(self) -> str:
        """The name of the file in an archive that is given none."""
        return "model-config.yaml"

    @property
    def size(self) -> int:
        """The number of bytes of the file."""
        return len(self.to_yaml())

    def open(self) -> io.BytesIO:
        """Read the file from its beginning."""
        return io.BytesIO(self.to_yaml().encode("ascii"))


# The server's keys that no rule derives from the fields' names.
_UNLIKE = {"sequence_max_idle_msec": "sequenceMaxIdleMSec", "sequence_timeout_msec": "sequenceTimeoutMSec"}
_SNAKE = ("micro_batching",)


def _key_of(attribute: str) -> str:
    if attribute in _SNAKE:
        return attribute
    return _UNLIKE.get(attribute) or re.sub("_(.)", lambda match: match[1].upper(), attribute)


# Key in the file -> attribute, in the order of the file.
_KEYS = {_key_of(each.name): each.name for each in fields(ModelConfig) if each.name != "extra"}
_ALWAYS = {"responseTimeout", "startupTimeout"}
_MAPPINGS = {"torchrun", "handler", "pippy", "deepspeed", "dali", "micro_batching"}
_SECTIONS = _MAPPINGS | {"pt2"}

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

# SnakeYAML's LoaderOptions, which the server leaves as they are.
_DEPTH_LIMIT = 50
_SIZE_LIMIT = 3 * 1024 * 1024

# How alike two keys must be for one to be a slip of the other; any lower, and max_batch_size is one of batchSize.
_CLOSE = 0.87

_IGNORES = "the server ignores it"
_WORKER_DIES = "the code that reads it fails, and the worker with it"


def _check(document: Mapping[Any, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Return a copy of the document in plain dicts and lists, and everything that is wrong with it."""
    copier = _Copier()
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
            message = f"the key {_shown(key)} is {_type_name(key)}, not a string: the server ends when it starts"
            fix = "quote it in YAML, where on, off, yes, no and numbers are not strings; in Python give a str"
            yield _error("model-config-key", _path("", key), message, fix)
        elif key not in _KEYS and (nearest := _nearest(key, _KEYS)):
            message = f"the server does not know this key and ignores it; {nearest!r} is meant, by its looks"
            fix = f"write {nearest!r}, or put a key of your own below 'handler'"
            yield _error("model-config-misspelt-key", key, message, fix)


def _check_numbers(
    document: Mapping[Any, Any], numbers: Mapping[str, tuple[int, str]], prefix: str
) -> Iterator[Finding]:
    for key, (lowest, below) in numbers.items():
        if key not in document:
            continue
        value, path = document[key], _path(prefix, key)
        if not _is_int(value):
            yield _wrong_type(path, value, "a whole number", _IGNORES)
        elif value > _HIGHEST_INT or value < _LOWEST_INT:
            message = f"{_shown(value)} does not fit 32 bits: {_IGNORES}"
            yield _error("model-config-range", path, message, f"write {lowest} to {_HIGHEST_INT}")
        elif value < lowest:
            message = f"{value} is below {lowest}: {below}"
            yield _error("model-config-range", path, message, f"write {lowest} or more, or leave it out")


def _check_types(document: Mapping[str, Any]) -> Iterator[Finding]:
    for key in _FLAGS:
        if key in document and not isinstance(document[key], bool):
            yield _wrong_type(key, document[key], "true or false", _IGNORES)
    for key, choices in _CHOICES.items():
        value = document.get(key, "")
        if not isinstance(value, str):
            yield _wrong_type(key, value, "a string", _IGNORES)
        elif key in document and value.lower() not in choices:
            message = f"{_shown(value)} is not known: {_IGNORES}"
            yield _error("model-config-choice", key, message, f"write one of {', '.join(filter(None, choices))}")
    for key in sorted(_MAPPINGS & document.keys()):
        if not isinstance(document[key], Mapping):
            yield _wrong_type(key, document[key], "a mapping", _IGNORES if key == "torchrun" else _WORKER_DIES)
    if "deviceIds" in document:
        yield from _check_device_ids(document["deviceIds"])


def _check_device_ids(ids: object) -> Iterator[Finding]:
    if not isinstance(ids, (list, tuple)):
        yield _wrong_type("deviceIds", ids, "a list of whole numbers", _IGNORES)
        return
    for index, value in enumerate(ids):
        path = _path("deviceIds", index)
        if not _is_int(value):
            yield _wrong_type(path, value, "a whole number", "the server ignores the whole list")
        elif not 0 <= value <= _HIGHEST_INT:
            message = f"{_shown(value)} is no device: the server ignores the whole list"
            yield _error("model-config-range", path, message, "write the GPUs' numbers, from 0")


def _check_workers(document: Mapping[str, Any]) -> Iterator[Finding]:
    lowest, highest = document.get("minWorkers"), document.get("maxWorkers")
    if ("minWorkers" in document) != ("maxWorkers" in document):
        given, other = ("minWorkers", "maxWorkers") if "minWorkers" in document else ("maxWorkers", "minWorkers")
        message = f"{given!r} is given without {other!r}: the server ignores it"
        yield _error("model-config-worker-pair", given, message, "give both or none")
    elif _is_int(lowest) and _is_int(highest) and lowest > highest:
        message = f"'minWorkers' is {_shown(lowest)} and 'maxWorkers' {_shown(highest)}: the server ignores both"
        yield _error("model-config-worker-pair", "minWorkers", message, "make 'maxWorkers' as large at least")


def _check_torchrun(torchrun: object) -> Iterator[Finding]:
    if not isinstance(torchrun, Mapping):
        return
    yield from _check_numbers(torchrun, _TORCHRUN_NUMBERS, "torchrun")
    for key, value in torchrun.items():
        path = _path("torchrun", key)
        if _is_int(key):
            message = f"the key {_shown(key)} is a whole number, not a string: the server ends when it starts"
            yield _error("model-config-key", path, message, f"write one of {', '.join(_TORCHRUN_KEYS)}")
        elif key in _TORCHRUN_TEXTS and not isinstance(value, str):
            yield _wrong_type(path, value, "a string", _IGNORES)
        elif isinstance(key, str) and key not in _TORCHRUN_KEYS:
            nearest = _nearest(key, _TORCHRUN_KEYS)
            fix = f"write {nearest!r}" if nearest else f"leave it out; known are {', '.join(_TORCHRUN_KEYS)}"
            message = "the server does not hand this to torchrun"
            yield _error("model-config-unknown-torchrun-key", path, message, fix)


def _check_parallel(document: Mapping[str, Any]) -> Iterator[Finding]:
    kind, level, torchrun = (document.get(key) for key in ("parallelType", "parallelLevel", "torchrun"))
    if not isinstance(kind, (str, type(None))) or not isinstance(torchrun, (Mapping, type(None))):
        return
    if level is not None and not _is_int(level):
        return
    kind = (kind or "").lower()
    code = "model-config-parallel"
    if torchrun is not None:
        processes = torchrun.get("nproc-per-node", 1)
        if kind not in _BY_TORCHRUN:
            message = f"'torchrun' has no effect unless 'parallelType' is one of {', '.join(_BY_TORCHRUN)}"
            yield _error(code, "torchrun", message, "give that, or leave 'torchrun' out")
        if level is not None and _is_int(processes) and level != processes:
            message = f"{_shown(level)} contradicts the {_shown(processes)} of torchrun.nproc-per-node"
            yield _error(code, "parallelLevel", f"{message}: the server takes one of them", "leave it out")
    elif kind in _BY_TORCHRUN:
        effect = "no worker ever starts" if level else "it has no effect"
        message = f"{kind!r} works through torchrun, and there is no such section: {effect}"
        yield _error(code, "parallelType", message, "give torchrun: {nproc-per-node: ...}, or take 'custom'")
    elif kind == "custom" and not level:
        message = "'custom' has no effect without 'parallelLevel'"
        yield _error(code, "parallelType", message, "give the number of devices a worker as 'parallelLevel'")
    elif not kind and level:
        yield _error(code, "parallelLevel", "it has no effect without 'parallelType'", "give 'parallelType' too")


def _check_sequences(document: Mapping[str, Any]) -> Iterator[Finding]:
    idle = document.get("sequenceMaxIdleMSec", 0)
    if not _is_int(idle) or idle > 0:
        return
    for key in _NEED_IDLE_TIME:
        value = document.get(key)
        in_use = value is True if key == "sequenceBatching" else _is_int(value) and value > 0
        if not in_use:
            continue
        effect = "requests fail" if key == "sequenceBatching" else "it has no effect"
        message = f"without 'sequenceMaxIdleMSec' the server keeps no sequences: {effect}"
        yield _error("model-config-sequence", key, message, "give 'sequenceMaxIdleMSec', 1 ms or more")


def _check_pt2(document: Mapping[str, Any]) -> Iterator[Finding]:
    code, example = "model-config-pt2", "write {compile: {enable: true, backend: inductor}}"
    if "pt2" not in document:
        return
    pt2 = document["pt2"]
    if not isinstance(pt2, (str, Mapping)):
        message = f"it is {_type_name(pt2)}, not a mapping or the name of a back end: {_WORKER_DIES}"
        yield _error(code, "pt2", message, example)
    elif isinstance(pt2, Mapping) and "compile" in pt2:
        options = pt2["compile"]
        if not isinstance(options, Mapping) or "enable" not in options:
            message = f"it needs the key 'enable': {_WORKER_DIES}"
            yield _error(code, "pt2.compile", message, example)
        elif options["enable"] not in (True, False):
            yield _wrong_type("pt2.compile.enable", options["enable"], "true or false", "nothing is compiled")


class _Copier:
    """Copies what YAML can say into plain dicts, lists and scalars, and finds what it cannot."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        # No file below the size limit holds more values. A few aliases can stand for very many, or for no end.
        self._left = _SIZE_LIMIT // 2

    def mapping(self, value: Mapping[Any, Any], path: str, depth: int) -> dict[Any, Any]:
        copied = {}
        for key, item in value.items():
            below = _path(path, key)
            if isinstance(key, str):
                self._check_text(key, below)
            elif _is_int(key):
                self._check_number(key, below)
            else:
                if depth > 1:  # above, the whole server minds
                    message = (
                        f"the key {_shown(key)} is {_type_name(key)}: only strings and whole numbers can be keys"
                    )
                    self._find("model-config-key", below, message, "make it a string")
                continue
            copied[key] = self._value(item, below, depth + 1)
            if self._left < 0:
                break
        return copied

    def _value(self, value: object, path: str, depth: int) -> Any:
        self._left -= 1
        if self._left == 0:
            message = f"more values than fit a file of {_SIZE_LIMIT} bytes, the most that the server reads"
            self._stop("model-config-size", "", message, "put large data into a file of its own (extra_files)")
        elif isinstance(value, str):
            self._check_text(value, path)
            return value
        elif value is None or isinstance(value, (bool, float)):
            return value
        elif isinstance(value, int):
            self._check_number(value, path)
            return value
        elif not isinstance(value, (Mapping, list, tuple)):
            message = f"YAML has no plain form of {_type_name(value)}"
            self._find("model-config-value", path, message, "use str, int, float, bool, None, lists and mappings")
        elif depth > _DEPTH_LIMIT and value:
            message = f"nested deeper than {_DEPTH_LIMIT}: the server ignores the whole file"
            self._stop("model-config-depth", path, message, "flatten it, or put it into a file of its own")
        elif isinstance(value, Mapping):
            return self.mapping(value, path, depth)
        else:
            return self._list(value, path, depth)
        return None

    def _list(self, value: Sequence[object], path: str, depth: int) -> list[Any]:
        copied = []
        for index, item in enumerate(value):
            copied.append(self._value(item, _path(path, index), depth + 1))
            if self._left < 0:
                break
        return copied

    def _check_text(self, text: str, path: str) -> None:
        if lone := _SURROGATE.search(text):
            message = f"the text is not valid Unicode at index {lone.start()}"
            self._find("model-config-value", path, message, "decode it with the right encoding")

    def _check_number(self, number: int, path: str) -> None:
        try:
            int.__repr__(number)
        except ValueError as error:  # Python's limit on the digits of an integer
            self._find("model-config-value", path, str(error), "write it as a string")

    def _stop(self, code: str, path: str, message: str, fix: str) -> None:
        self._find(code, path, message, fix)
        self._left = -1

    def _find(self, code: str, path: str, message: str, fix: str) -> None:
        self.findings.append(_error(code, path, message, fix))


def _error(code: str, key: str, message: str, fix: str) -> Finding:
    return Finding(code=code, severity="error", key=key, message=message, fix=fix)


def _wrong_type(key: str, value: object, wanted: str, effect: str) -> Finding:
    message = f"it is {_type_name(value)}, not {wanted}: {effect}"
    return _error("model-config-type", key, message, f"write {wanted}")


def _not_a_mapping(value: object) -> Finding:
    message = f"the whole is {_type_name(value)}, not a mapping: the server ends when it starts"
    return _error("model-config-document", "", message, "write 'key: value' lines, or leave the file out")


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _path(path: str, key: object) -> str:
    text = key if isinstance(key, str) and key.isprintable() else _shown(key)
    return f"{path}.{text}" if path else text


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python's limit on the digits of an integer
        return "a huge number"
    return text if len(text) <= 40 else f"{text[:37]}..."


def _type_name(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return "a floating point number"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "a mapping" if isinstance(value, Mapping) else f"a value of type {type(value).__name__}"


def _nearest(name: str, known: Mapping[str, str] | Sequence[str]) -> str | None:
    """Return the name that this one is, but for case, hyphens, underscores and slips."""

    def folded(text: str) -> str:
        return re.sub("[-_]", "", text).lower()

    names = {folded(key): key for key in known}
    close = difflib.get_close_matches(folded(name), names, n=1, cutoff=_CLOSE)
    return names[close[0]] if close else None


# Writing: block style, the plain form of a string only where no YAML takes it for anything else.

_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_NOT_STRINGS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_TO_ESCAPE = re.compile(r'["\\]|[^ -~]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

# Longer ones must be announced by "? ", else both readers give up looking for their colon.
_LONGEST_SIMPLE_KEY = 1000


def _lines(value: dict[Any, Any] | list[Any]) -> Iterator[str]:
    """Yield the lines of a mapping or list in block style."""
    if not value:
        yield _scalar(value)
    elif isinstance(value, list):
        for item in value:
            if not _is_block(item):
                yield f"- {_scalar(item)}"
                continue
            for number, line in enumerate(_lines(item)):
                yield f"  {line}" if number else f"- {line}"
    else:
        for key, item in value.items():
            head = f"{_scalar(key)}:"
            if len(head) > _LONGEST_SIMPLE_KEY:
                yield f"? {head[:-1]}"
                head = ":"
            if not _is_block(item):
                yield f"{head} {_scalar(item)}"
                continue
            yield head
            for line in _lines(item):
                yield f"  {line}"


def _is_block(value: object) -> bool:
    return isinstance(value, (dict, list)) and bool(value)


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _float(value)
    return "null" if value is None else "{}" if isinstance(value, dict) else "[]"


def _float(value: float) -> str:
    # YAML 1.1 wants a point and a signed exponent; float's own repr, for a subclass may have another.
    text = float.__repr__(value)
    if text in ("inf", "-inf", "nan"):
        return text.replace("inf", ".inf").replace("nan", ".nan")
    return text if "." in text else text.replace("e", ".0e")


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_STRINGS:
        return str.__str__(text)
    return f'"{_TO_ESCAPE.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    # Never a pair of surrogates as in JSON: PyYAML would not join them.
    return _ESCAPES.get(character) or (f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")


# Reading: PyYAML's, since the worker reads the file with it.


def _parse(text: str | bytes, file: str | None) -> tuple[Any, dict[str, int]]:
    """Return the document, and the lines of itself ("") and of each key of its first two levels."""
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError("reading model-config.yaml", "yaml") from None

    if isinstance(text, bytes):
        text = _decode(text, file)
    text = text.removeprefix("\ufeff")
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        document = None if node is None else loader.construct_document(node)
        lines = _key_lines(loader, node, "", 2)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ", ".join(filter(None, [error.context, error.problem]))
        raise _syntax_error(message, file, mark and mark.line + 1) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _syntax_error(f"the character U+{error.character:04X} is not allowed", file, line) from None
    except RecursionError:
        raise _syntax_error("nested too deeply", file, None) from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A date like 2024-13-45, or !!int on what is none: PyYAML lets these through as they come.
        raise _syntax_error(f"a value is not what it looks like ({error})", file, None) from None
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        message = "the file is empty: the server ends when it starts"
        found = _error("model-config-document", "", message, "write {}, or leave the file out")
        raise ConfigError([replace(found, file=file, line=1)])
    return document, {"": node.start_mark.line + 1} | lines


def _decode(data: bytes, file: str | None) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8 at byte {error.start}: the worker dies when it reads it"
        found = _error("model-config-encoding", "", message, "save it as UTF-8")
        raise ConfigError([replace(found, file=file, line=data.count(b"\n", 0, error.start) + 1)]) from None


def _syntax_error(message: str, file: str | None, line: int | None) -> ConfigError:
    effect = "the server ignores the file, and the worker dies when it reads it"
    found = _error("model-config-syntax", "", f"{message}: {effect}", "write one YAML document")
    return ConfigError([replace(found, file=file, line=line)])


def _key_lines(loader: Any, node: Any, path: str, depth: int) -> dict[str, int]:
    lines: dict[str, int] = {}
    if not depth or node is None or node.id != "mapping":
        return lines
    for key, value in node.value:
        if key.id == "scalar":
            below = _path(path, loader.construct_object(key))
            lines |= {below: key.start_mark.line + 1} | _key_lines(loader, value, below, depth - 1)
    return lines


def _line(key: str, lines: Mapping[str, int]) -> int:
    """Return the line of a key, or of the nearest one above it that has one."""
    while key not in lines:
        key = key.rpartition(".")[0]
    return lines[key]
