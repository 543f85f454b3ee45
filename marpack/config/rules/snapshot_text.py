"""A snapshot as rules look at it: read once, with what is known of the model store."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from marpack import strict_json
from marpack.config.settings.keys import whole_number
from marpack.display import type_name
from marpack.errors import SnapshotError

if TYPE_CHECKING:
    from marpack.archive.manifest import Manifest
    from marpack.findings import Finding
    from marpack.rule import Kind

__all__ = [
    "INTEGERS",
    "INT_RANGE",
    "OPTIONAL_INTEGERS",
    "REQUIRED",
    "RUNTIME_TYPES",
    "SnapshotText",
    "Store",
    "as_int",
    "as_whole",
    "is_default",
    "load_snapshot",
]

# S3: not the manifest's, which may also be in capitals.
RUNTIME_TYPES = ("python", "python3", "LSP")

# S3: the keys of a model version, by what they hold.
INTEGERS = ("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay")
OPTIONAL_INTEGERS = ("responseTimeout", "startupTimeout", "parallelLevel")
REQUIRED = ("defaultVersion", "marName", *INTEGERS)

INT_RANGE = range(-(1 << 31), 1 << 31)


class Store(NamedTuple):
    """What is known of a model store: the names in it, the manifests of its archives, and what cannot be read."""

    names: Set[str]
    manifests: Mapping[str, Manifest]
    unreadable: Sequence[Finding] = ()


@dataclass(frozen=True, kw_only=True)
class SnapshotText:
    """A snapshot, or what stands in place of one.

    ``document`` is empty where ``error`` says why. Rules about values find nothing unless ``has_form``, which says
    that those about the form have been asked, and found nothing in the way. ``line`` is that of the whole, where
    it stands in a config.properties.
    """

    kind: ClassVar[Kind] = "any"

    document: Mapping[str, Any] = field(default_factory=dict)
    error: SnapshotError | None = None
    store: Store | None = None
    path: str | None = None
    line: int | None = None
    has_form: bool = False

    @classmethod
    def read(
        cls, text: str, *, store: Store | None = None, path: str | None = None, line: int | None = None
    ) -> SnapshotText:
        """Read a text; one that is not strict JSON has an ``error``."""
        try:
            return cls(document=load_snapshot(text), store=store, path=path, line=line)
        except SnapshotError as error:
            return cls(error=error, store=store, path=path, line=line)

    def line_of(self, key: str) -> int | None:
        """Return the line of the whole."""
        return self.line

    @property
    def models(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The names of the models, and their versions."""
        models = self.document.get("models")
        for name, versions in models.items() if isinstance(models, dict) else ():
            if isinstance(versions, dict):
                yield name, versions

    @property
    def entries(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The versions of all models: the key of each, and its settings."""
        for name, versions in self.models:
            for version, values in versions.items():
                if isinstance(values, dict):
                    yield f"models.{name}.{version}", values

    @property
    def sound_models(self) -> Iterator[tuple[str, Mapping[str, Mapping[str, Any]]]]:
        """The models, for rules about values."""
        return self.models if self.has_form else iter(())

    @property
    def sound_entries(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The versions, for rules about values."""
        return self.entries if self.has_form else iter(())


def load_snapshot(text: str) -> dict[str, Any]:
    """Return the object that a snapshot's text is; ``SnapshotError`` for what is not strict JSON."""
    try:
        document = strict_json.loads(text)
    except strict_json.StrictJSONError as problem:
        raise SnapshotError(problem.msg, text, problem.pos) from None
    if not isinstance(document, dict):
        raise SnapshotError(f"must be an object, not {type_name(document)}", text)
    return document


def as_int(value: object) -> int | None:
    """Return the integer that the server takes a JSON value for (S7), None where it fails."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        return whole_number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if math.isfinite(value) else None


def as_whole(value: object) -> int | None:
    """Return the integer where the server takes no fraction and no list, but also a text like ``5.0`` (S7)."""
    if isinstance(value, list) or (isinstance(value, float) and not value.is_integer()):
        return None
    return as_int(re.sub(r"\.0*\Z", "", value) if isinstance(value, str) else value)


def is_default(values: Mapping[str, Any]) -> bool:
    """Tell what the server takes ``defaultVersion`` for: Java's reading of its text."""
    return str(values.get("defaultVersion")).lower() == "true"
