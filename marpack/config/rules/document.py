"""What rules look at: the settings of a server, read once, and what is known of where they will be read."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias, get_args

from marpack import strict_json
from marpack.config.rules.broken_json import BrokenOff, broken_off
from marpack.config.rules.snapshot_form import form_errors, with_form
from marpack.config.rules.snapshot_text import SnapshotText, Store
from marpack.config.settings.environment import is_true, variables
from marpack.config.settings.keys import KEYS
from marpack.config.settings.kserve_names import ProtocolVersion
from marpack.config.text import lenient_json
from marpack.config.text import properties as codec
from marpack.errors import PropertiesError
from marpack.findings import Finding
from marpack.frozen import frozen
from marpack.rule import Kind

ConfigTarget: TypeAlias = Literal["torchserve", "kserve", "mlflow"]
"""Who reads the settings beside TorchServe: KServe's wrapper and MLflow's plugin refuse more."""

TARGETS: tuple[ConfigTarget, ...] = get_args(ConfigTarget)

UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

# Where KServe mounts a model.
_KSERVE_MOUNT = "/mnt/models/"


class Models(NamedTuple):
    """The setting ``models``: whether it is there and known, its value, or what keeps that from being read.

    With a value, ``error`` says why only the server's lenient parser reads it.
    """

    are_set: bool = True
    value: Any = None
    error: strict_json.StrictJSONError | None = None
    is_read: bool = True


@frozen
class Document:
    """Settings as text, with the file that they are from, if any, and what is known about the server.

    ``properties`` are those after the environment has been put in, ``unresolved`` what could not be; ``entries``
    are those of the file, and ``error`` is there where it cannot be read. ``target`` is what the caller said, and
    ``is_kserve`` what follows from that, or from the settings. ``protocol_version`` and ``service_name`` are those
    of the InferenceService that serves them, None where no such is known.
    """

    kind: ClassVar[Kind] = "any"

    properties: Mapping[str, str]
    path: str | None = None
    data: bytes | None = None
    entries: Sequence[codec.Entry] = ()
    error: PropertiesError | None = None
    unresolved: Sequence[Finding] = ()
    release: tuple[int, ...] | None = None
    target: ConfigTarget | None = None
    is_kserve: bool = False
    store: Store | None = None
    protocol_version: ProtocolVersion | None = None
    service_name: str | None = None

    @property
    def is_readable(self) -> bool:
        """Whether a server finds settings in the file."""
        return self.error is None and not (self.data or b"").startswith(UTF16_MARKS)

    @cached_property
    def _lines(self) -> dict[str, int]:
        return {entry.key: entry.lineno for entry in self.entries}

    def line_of(self, key: str) -> int | None:
        """Return the line of a setting; of one given twice, that of the last."""
        return self._lines.get(key)

    @cached_property
    def broken_off(self) -> Mapping[str, BrokenOff]:
        """The settings whose JSON goes on behind the end of their line."""
        return broken_off(self.entries)

    @cached_property
    def stray(self) -> frozenset[str]:
        """The keys of lines that belong to such JSON, and are no settings."""
        rest = [entry for broken in self.broken_off.values() for entry in broken.rest]
        lines = {entry.lineno for entry in rest}
        others = {entry.key for entry in self.entries if entry.lineno not in lines}
        return frozenset(entry.key for entry in rest) - others

    def text(self, key: str) -> str | None:
        """Return what the file says, or the default."""
        return self.properties.get(key, KEYS[key].default)

    def is_on(self, key: str) -> bool:
        """Tell whether a setting is true, by the file or by default."""
        return is_true(self.text(key))

    @cached_property
    def snapshot(self) -> SnapshotText | None:
        """The snapshot; None where there is none."""
        text = self.properties.get("model_snapshot")
        line = self.line_of("model_snapshot")
        if text is None:
            return None
        broken = self.broken_off.get("model_snapshot")
        return with_form(SnapshotText.read(text, store=self.store, line=line, broken_off=broken))

    @cached_property
    def models(self) -> Models:
        """What ``models`` says."""
        text = self.properties.get("models")
        if text is None or variables(text):
            return Models(are_set=False)
        try:
            return Models(value=strict_json.loads(text))
        except strict_json.StrictJSONError as error:
            with contextlib.suppress(strict_json.StrictJSONError):
                return Models(value=lenient_json.loads(text), error=error)
            return Models(error=error, is_read=False)

    @cached_property
    def archives_to_restore(self) -> tuple[str, ...] | None:
        """The archives that the snapshot names; None where there is none, or none that can be read."""
        if self.snapshot is None or form_errors(self.snapshot):
            return None
        return tuple(values["marName"] for _, values in self.snapshot.entries)


def is_kserve(properties: Mapping[str, str], target: ConfigTarget | None) -> bool:
    """Tell whether KServe's wrapper will read the settings too."""
    store = properties.get("model_store", "")
    return target == "kserve" or (target is None and f"{store}/".startswith(_KSERVE_MOUNT))
