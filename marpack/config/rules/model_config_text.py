"""A model-config.yaml as rules look at it: read once; and the keys that the server knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from marpack.config.text import yaml_text
from marpack.config.text.plain_copy import Fault, NotCopied, PlainCopy, path_of
from marpack.frozen import frozen
from marpack.rule import Kind

if TYPE_CHECKING:
    from marpack.config.text.yaml_nodes import Looks

MAPPINGS = {"torchrun", "handler", "pippy", "deepspeed", "dali", "micro_batching"}
SECTIONS = MAPPINGS | {"pt2"}


class Limit(NamedTuple):
    """The lowest number that the server takes as it is, what it does below, and takes instead: None is not set."""

    lowest: int
    effect: str
    instead: int | None = None


NUMBERS = {
    "minWorkers": Limit(1, "it takes 1", 1),
    "maxWorkers": Limit(1, "it ignores it"),
    "batchSize": Limit(1, "it takes 1", 1),
    "maxBatchDelay": Limit(1, "it takes it for not set"),
    "responseTimeout": Limit(1, "it takes 120", 120),
    "startupTimeout": Limit(1, "it takes 120", 120),
    "parallelLevel": Limit(0, "it ignores it"),
    "maxRetryTimeoutInSec": Limit(0, "it takes 0", 0),
    "clientTimeoutInMills": Limit(0, "it takes 0, no timeout", 0),
    "jobQueueSize": Limit(0, "it takes its own job_queue_size", 0),
    "sequenceMaxIdleMSec": Limit(0, "it takes 0, no sequences", 0),
    "sequenceTimeoutMSec": Limit(0, "it takes 0, no timeout", 0),
    "maxSequenceJobQueueSize": Limit(1, "it takes 1", 1),
    "maxNumSequence": Limit(1, "it takes 1", 1),
}
TORCHRUN_NUMBERS = {
    "nnodes": Limit(1, "it takes 1", 1),
    "nproc-per-node": Limit(1, "it takes 1", 1),
    "monitor-interval": Limit(1, "it takes 5", 5),
    "node-rank": Limit(0, "it takes 0", 0),
    "OMP_NUMBER_THREADS": Limit(1, "it takes 1", 1),
}
TORCHRUN_TEXTS = ("rdzv-backend", "rdzv-endpoint", "rdzv-conf")
TORCHRUN_KEYS = (*TORCHRUN_NUMBERS, *TORCHRUN_TEXTS)
FLAGS = ("useJobTicket", "sequenceBatching", "continuousBatching", "asyncCommunication", "useVenv")
CHOICES = {"deviceType": ("cpu", "gpu"), "parallelType": ("pp", "tp", "pptp", "custom", "")}
BY_TORCHRUN = ("pp", "tp", "pptp")
NEED_IDLE_TIME = ("sequenceBatching", "sequenceTimeoutMSec", "maxSequenceJobQueueSize", "maxNumSequence")

# What the front end takes; the sections beside torchrun, and pt2, are the worker's alone.
FRONT_END_KEYS = frozenset([*NUMBERS, *FLAGS, *CHOICES, "torchrun", "deviceIds"])
KEYS = frozenset([*NUMBERS, *FLAGS, *CHOICES, *SECTIONS, "deviceIds"])


@frozen
class ModelConfigText:
    """A configuration as rules look at it: read once.

    ``document`` is what was read, a mapping or not; ``lines`` are those of its first two levels, and ``looks`` is
    how the text looks beneath its values, None where there was no text. ``error`` says what keeps a text from
    being read.
    """

    kind: ClassVar[Kind] = "any"

    document: object = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    path: str | None = None
    error: yaml_text.YAMLTextError | None = None
    looks: Looks | None = None

    @classmethod
    def read(cls, text: str | bytes, path: str | None = None) -> ModelConfigText:
        """Read a text; raises ``MissingExtraError`` without PyYAML."""
        try:
            document, lines, looks = yaml_text.parse(text)
        except yaml_text.YAMLTextError as error:
            return cls(error=error, path=path)
        return cls(document=document, lines=lines, path=path, looks=looks)

    def line_of(self, key: str) -> int | None:
        """Return the line of a key, or of the nearest one above it that has one."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return self.lines.get(key)

    @cached_property
    def mapping(self) -> Mapping[Any, Any]:
        """The document, empty where it is no mapping."""
        return self.document if isinstance(self.document, Mapping) else {}

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """What stands under keys that are strings."""
        return {key: value for key, value in self.mapping.items() if isinstance(key, str)}

    @cached_property
    def copied(self) -> tuple[dict[Any, Any], Sequence[NotCopied]]:
        """A copy in plain dicts and lists, and what of the document cannot be copied."""
        copier = PlainCopy()
        return copier.mapping(self.mapping, "", 1), copier.left_out

    def not_copied(self, *faults: Fault) -> Iterator[NotCopied]:
        """Yield what cannot be copied because of these faults."""
        return (each for each in self.copied[1] if each.fault in faults)

    @property
    def torchrun(self) -> Mapping[Any, Any]:
        """The section, empty where it is no mapping."""
        torchrun = self.settings.get("torchrun")
        return torchrun if isinstance(torchrun, Mapping) else {}

    @property
    def numbers(self) -> Iterator[tuple[str, Any, int, str]]:
        """The whole numbers that are set: path, value, the lowest, and what the server does below that."""
        parts = (("", self.settings, NUMBERS), ("torchrun", self.torchrun, TORCHRUN_NUMBERS))
        for prefix, section, numbers in parts:
            for key, limit in numbers.items():
                if key in section:
                    yield path_of(prefix, key), section[key], limit.lowest, limit.effect

    @property
    def devices(self) -> Iterator[tuple[str, object]]:
        """The items of ``deviceIds``, with their paths."""
        ids = self.settings.get("deviceIds")
        for index, value in enumerate(ids if isinstance(ids, (list, tuple)) else ()):
            yield path_of("deviceIds", index), value
