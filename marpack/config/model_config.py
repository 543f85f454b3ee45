"""model-config.yaml: what an archive tells the server and its own handler about one model."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import field, fields, replace
from typing import Any, Literal, TypeAlias

from marpack.config.rules.model_config import UNREADABLE, find_all, find_keys, find_types
from marpack.config.rules.model_config_readers import find_depth, find_size
from marpack.config.rules.model_config_taken import as_taken
from marpack.config.rules.model_config_text import SECTIONS, ModelConfigText
from marpack.config.text import yaml_text
from marpack.config.text.plain_copy import SIZE_LIMIT, plain
from marpack.display import type_name
from marpack.errors import ConfigError
from marpack.findings import Finding
from marpack.frozen import frozen

# The server reads both in any case; these are the spellings that its own examples use.
DeviceType: TypeAlias = Literal["cpu", "gpu"]
ParallelType: TypeAlias = Literal["pp", "tp", "pptp", "custom"]


@frozen
class ModelConfig:
    """The settings of one model, as they stand in the ``model-config.yaml`` of its archive.

    Each field is a key of the server's front end in Python's spelling: ``min_workers`` is ``minWorkers``. None
    leaves the key out. The server ignores what it cannot use, with no more than a line in its log. For who writes
    it is a ``ConfigError`` that holds everything at once; ``load`` reads a file as the server does, and
    ``validate`` says what of it is not taken as it stands.

    The back end gives all keys to the handler as ``context.model_yaml_config``, the front end's too. ``extra``
    holds the keys that nobody here knows; a handler's own settings belong below ``handler``. Of a file that was
    read it also holds, as they stand there, the values that the server does not take so; these are written then.

    It is a ``Source``: ``marpack.pack(config_file=ModelConfig(...))`` puts it into an archive.
    """

    min_workers: int | None = None
    """How many worker processes the model starts with; the server heeds it with ``max_workers`` alone."""
    max_workers: int | None = None
    """How many there may be."""

    # What a management request says of batches goes before; these go before the `models` property. A delay of 0
    # would count as not set.
    batch_size: int | None = None
    """Requests that a worker takes at once; default 1."""
    max_batch_delay: int | None = None
    """Milliseconds for which a worker waits for them; default 100."""

    # Always written: whenever an archive has a model-config.yaml the server sets both to 120 unless it says
    # otherwise, and a management request, the `models` property, `default_response_timeout` and
    # `default_startup_timeout` no longer count.
    response_timeout: int = 120
    """Seconds that a worker may take for an answer."""
    startup_timeout: int = 120
    """Seconds that it may take to load the model."""

    device_type: DeviceType | str | None = None
    """``"cpu"`` or ``"gpu"``; default: the GPU where there is one."""
    device_ids: Sequence[int] | None = None
    """The GPUs that the workers get in turn; if one does not exist the server forgets them all."""

    parallel_type: ParallelType | str | None = None
    """How a model is spread over several devices.

    ``"pp"``, ``"tp"`` and ``"pptp"`` start each worker through torchrun and need that section, whose
    ``nproc-per-node`` is then the number of devices a worker; ``"custom"`` starts one process a worker and takes
    that number from ``parallel_level``.
    """
    parallel_level: int | None = None
    """Devices for each worker, with ``parallel_type="custom"``."""
    torchrun: Mapping[str, Any] | None = None
    """torchrun's options in its own spelling.

    They are nnodes, nproc-per-node, rdzv-backend (default c10d), rdzv-endpoint and OMP_NUMBER_THREADS, which
    becomes OMP_NUM_THREADS. The server also reads rdzv-conf, monitor-interval and node-rank, and does nothing with
    them.
    """

    max_retry_timeout_in_sec: int | None = None
    """Seconds for which a crashing worker is started again before the model counts as unhealthy; default 300."""
    client_timeout_in_mills: int | None = None
    """Milliseconds after which a request that still waits is dropped; default 0, never."""
    job_queue_size: int | None = None
    """Requests that may wait for this model; default 0, the server's ``job_queue_size``."""
    use_job_ticket: bool | None = None
    """Take a request only when a worker is free; default False."""

    sequence_max_idle_msec: int | None = None
    """Milliseconds that a sequence of requests for one worker may be idle.

    Default 0: there are no sequences, and the rest of them has no effect.
    """
    sequence_timeout_msec: int | None = None
    """Milliseconds that a sequence may last in all; default 0, for ever."""
    max_sequence_job_queue_size: int | None = None
    """Requests that may wait for one sequence; default 1."""
    max_num_sequence: int | None = None
    """Sequences at one time; default 1."""
    sequence_batching: bool | None = None
    """Begin a sequence with each request that names none (spec/worker.md); default False."""
    continuous_batching: bool | None = None
    """Make batches whose members come and go between two steps, as in text generation; default False."""
    async_communication: bool | None = None
    """Talk to the worker without waiting for answers; default False.

    Handlers that are coroutines, vLLM's and TensorRT-LLM's among them, need it.
    """
    use_venv: bool | None = None
    """Run the workers in a virtual environment of the model's own, by the runtime ``python``; default False."""

    handler: Mapping[str, Any] | None = None
    """The place for settings of your own, which the handler reads.

    ``profile: true`` in it times the base handler's methods, and the vLLM and TensorRT-LLM handlers look into it.
    """
    pt2: Mapping[str, Any] | str | None = None
    """What the base handler compiles with.

    As ``{"compile": {"enable": True, "backend": "inductor"}}``, or ``{"export": {"aot_compile": True}}``.
    """
    pippy: Mapping[str, Any] | None = None
    """For the handlers of PiPPy."""
    deepspeed: Mapping[str, Any] | None = None
    """For the handlers of DeepSpeed."""
    dali: Mapping[str, Any] | None = None
    """For the handlers of DALI."""
    micro_batching: Mapping[str, Any] | None = None
    """For the handlers with micro-batches."""

    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        extra: object = self.extra
        findings = []
        if not isinstance(extra, Mapping):
            message = f"it is {type_name(extra)}, not a mapping"
            findings.append(find_types.finding(message, "extra", fix="write a mapping"))
            extra = {}
        for key in sorted(_KEYS.keys() & extra.keys()):
            message, fix = f"{key!r} has a field of its own", f"give {_KEYS[key]}= instead"
            findings.append(find_keys.finding(message, key, fix=fix))
        config = ModelConfigText(document={**extra, **self._settings()})
        if findings := [*findings, *find_all(config)]:
            raise _refusal(findings)
        copied, _ = config.copied
        # Copies, so that what was found good stays so.
        for key in SECTIONS & copied.keys():
            object.__setattr__(self, _KEYS[key], copied[key])
        if self.device_ids is not None:
            object.__setattr__(self, "device_ids", tuple(self.device_ids))
        object.__setattr__(self, "extra", {key: copied[key] for key in extra})
        if (size := self.size) > SIZE_LIMIT:
            message, effect = f"the file has {size} bytes", f"it ignores one of more than {SIZE_LIMIT}"
            fix = "put large data into a file of its own (extra_files)"
            raise ConfigError([find_size.finding(message, effect=effect, fix=fix)])

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ModelConfig:
        """Take settings under the front end's own keys, ``{"minWorkers": 1}``.

        A null is no way to leave a key out: the server ignores it, or fails.
        """
        config = ModelConfigText(document=document)
        if findings := find_all(config):
            raise _refusal(findings)
        settings = config.settings
        known = {attribute: settings[key] for key, attribute in _KEYS.items() if key in settings}
        return cls(**known, extra={key: value for key, value in settings.items() if key not in _KEYS})

    @classmethod
    def _read(cls, config: ModelConfigText) -> ModelConfig:
        findings = find_all(config)
        unreadable = [each for each in findings if each.code in UNREADABLE and each.severity != "note"]
        if any(config.not_copied("size", "depth")):  # by aliases, which the readers take; written, they are none
            written = replace(config, looks=None)
            unreadable += [found for each in (find_size, find_depth) for found in each.findings(written)]
        if unreadable:
            raise _refusal(unreadable)
        if not findings:
            return cls.from_dict(config.settings)
        # Beside the constructor, which is for who writes.
        made = object.__new__(cls)
        taken, (copied, _) = as_taken(config), config.copied
        for each in fields(cls):
            if each.name != "extra":
                object.__setattr__(made, each.name, each.default)
        for key, value in taken.items():
            object.__setattr__(made, _KEYS[key], tuple(value) if key == "deviceIds" else value)
        extra = {key: value for key, value in copied.items() if key not in taken or taken[key] != value}
        object.__setattr__(made, "extra", extra)
        return made

    def validate(self) -> tuple[Finding, ...]:
        """Return what the server would ignore, or take otherwise than it stands: nothing, unless it was read.

        ``lint_model_config`` says the same of a text, with the lines.
        """
        return find_all(ModelConfigText(document=self.to_dict()))

    def to_dict(self) -> dict[str, Any]:
        """Return what a reader of the file gets: the front end's keys, new dicts and lists."""
        return plain({**self._settings(), **self.extra})

    def _settings(self) -> dict[str, Any]:
        values = {key: getattr(self, attribute) for key, attribute in _KEYS.items()}
        return {key: value for key, value in values.items() if value is not None or key in _ALWAYS}

    def to_yaml(self) -> str:
        """Return the file: ASCII, and the same to YAML 1.1 readers in Java (SnakeYAML) and Python (PyYAML)."""
        return yaml_text.dumps(self.to_dict())

    @classmethod
    def loads(cls, text: str | bytes) -> ModelConfig:
        """Read the text of a file as the server does; needs the ``yaml`` extra.

        A field is what the server takes: ``maxBatchDelay: 0`` is none, ``minWorkers`` counts only with
        ``maxWorkers``. What stands there is kept in ``extra`` where it is something else, and ``validate`` tells
        of it. Raises ``ConfigError``, whose findings have lines, for what is not one YAML mapping in UTF-8 with
        strings for keys, and for what the front end ignores as a whole: what is larger or deeper than it reads,
        or what SnakeYAML cannot read, unless there is nothing for the front end in it. Aliases are written out.
        """
        return cls._read(ModelConfigText.read(text))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ModelConfig:
        """Read a file, as ``loads`` does; findings name it as well."""
        with open(path, "rb") as file:
            return cls._read(ModelConfigText.read(file.read(), str(path)))

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


def lint_model_config(text: str | bytes, *, file: str | None = None) -> tuple[Finding, ...]:
    """Return what the server, or the worker, would refuse, ignore or take otherwise in a model-config.yaml.

    Nothing is raised for it. ``file`` is its name for the findings, which have lines as far as these are known.
    Needs the ``yaml`` extra.
    """
    return find_all(ModelConfigText.read(text, file))


def _refusal(findings: Sequence[Finding]) -> ConfigError:
    """Return the error that refuses to write what the server does not take as it stands."""
    return ConfigError([replace(each, severity="error") for each in findings])


# The server's keys that no rule derives from the fields' names.
_UNLIKE = {
    "sequence_max_idle_msec": "sequenceMaxIdleMSec",
    "sequence_timeout_msec": "sequenceTimeoutMSec",
    "micro_batching": "micro_batching",
}

# Key in the file -> attribute, in the order of the file.
_ATTRIBUTES = [each.name for each in fields(ModelConfig) if each.name != "extra"]
_KEYS = {_UNLIKE.get(name) or re.sub("_(.)", lambda match: match[1].upper(), name): name for name in _ATTRIBUTES}
_ALWAYS = {"responseTimeout", "startupTimeout"}
