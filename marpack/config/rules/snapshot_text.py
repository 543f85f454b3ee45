"""A snapshot as rules look at it: read once, with what is known of the model store."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import field
from typing import Any, ClassVar, NamedTuple

from marpack import strict_json
from marpack.archive.manifest import Manifest
from marpack.config.rules.broken_json import BrokenOff
from marpack.config.settings.keys import whole_number
from marpack.display import type_name
from marpack.errors import SnapshotError
from marpack.findings import Finding
from marpack.frozen import frozen
from marpack.rule import Kind

# S3: not the manifest's, which may also be in capitals.
RUNTIME_TYPES = ("python", "python3", "LSP")

# S3: the keys of a model version, by what they hold.
_REQUIRED_INTEGERS = ("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay")
_INTEGERS = (*_REQUIRED_INTEGERS, "responseTimeout", "startupTimeout", "parallelLevel")
REQUIRED = ("defaultVersion", "marName", *_REQUIRED_INTEGERS)


class Store(NamedTuple):
    """What is known of a model store: the names in it, the manifests of its archives, and what cannot be read.

    ``folders`` are those of the names that are folders, ``heads`` the first bytes of the files, as far as they are
    known: of archives that need not be there yet they are not. ``strays`` are folders that hold no model.
    """

    names: Set[str]
    manifests: Mapping[str, Manifest]
    unreadable: Sequence[Finding] = ()
    folders: Set[str] = frozenset()
    heads: Mapping[str, bytes] = {}
    strays: Set[str] = frozenset()


@frozen
class SnapshotText:
    """A snapshot, or what stands in place of one.

    ``document`` is empty where ``error`` says why. Rules about values find nothing unless ``has_form``, which says
    that those about the form have been asked, and found nothing in the way. ``line`` is that of the whole, where
    it stands in a config.properties, and ``broken_off`` is there where it goes on in other lines of that.
    """

    kind: ClassVar[Kind] = "any"

    document: Mapping[str, Any] = field(default_factory=dict)
    error: SnapshotError | None = None
    store: Store | None = None
    path: str | None = None
    line: int | None = None
    broken_off: BrokenOff | None = None
    has_form: bool = False

    @classmethod
    def read(
        cls,
        text: str | bytes,
        *,
        store: Store | None = None,
        path: str | None = None,
        line: int | None = None,
        broken_off: BrokenOff | None = None,
    ) -> SnapshotText:
        """Read a text; one that is not strict JSON has an ``error``."""
        try:
            return cls(document=load_snapshot(text), store=store, path=path, line=line)
        except SnapshotError as error:
            return cls(error=error, store=store, path=path, line=line, broken_off=broken_off)

    def line_of(self, key: str) -> int | None:
        """Return the line of the whole."""
        return self.line

    @property
    def models(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The names of the models, and their versions."""
        return objects_in(self.document.get("models"))

    @property
    def entries(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The versions of all models: the key of each, and its settings."""
        return entries_of(self.document.get("models"))

    @property
    def integers(self) -> Iterator[tuple[str, object, int | None]]:
        """The numbers of all versions: the key of each, what stands there, and what the server makes of it."""
        for key, values in self.entries:
            for name in _INTEGERS:
                if (value := values.get(name)) is not None:
                    yield f"{key}.{name}", value, as_int(value)

    @property
    def sound_models(self) -> Iterator[tuple[str, Mapping[str, Mapping[str, Any]]]]:
        """The models, for rules about values."""
        return self.models if self.has_form else iter(())

    @property
    def sound_entries(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The versions, for rules about values."""
        return self.entries if self.has_form else iter(())


def objects_in(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the items of an object that are objects."""
    items = value.items() if isinstance(value, dict) else ()
    return ((key, item) for key, item in items if isinstance(item, dict))


def entries_of(models: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the key and the settings of each version, of what should be objects of models and of versions."""
    for name, versions in objects_in(models):
        for version, values in objects_in(versions):
            yield f"models.{name}.{version}", values


def no_objects(models: object, fix: str, fix_of_version: str) -> Iterator[tuple[str, object, str, str]]:
    """Yield what of these is no object: its key, it, what it has to be, and what to do."""
    if not isinstance(models, dict):
        yield "models", models, "an object", fix
        return
    for name, versions in models.items():
        if not isinstance(versions, dict):
            yield f"models.{name}", versions, "an object of versions", 'write {"1.0": {...}}'
            continue
        for version, values in versions.items():
            if not isinstance(values, dict):
                yield f"models.{name}.{version}", values, "an object", fix_of_version


def load_snapshot(text: str | bytes) -> dict[str, Any]:
    """Return the object that a snapshot's text is; ``SnapshotError`` for what is not strict JSON, in UTF-8."""
    shown = ""
    try:
        shown = strict_json.decoded(text)
        document = strict_json.loads(shown)
    except strict_json.StrictJSONError as problem:
        raise SnapshotError(problem.msg, shown, problem.pos) from None
    if not isinstance(document, dict):
        raise SnapshotError(f"must be an object, not {type_name(document)}", shown)
    return document


def as_int(value: object) -> int | None:
    """Return the integer that the server takes a JSON value for (S7), None where it fails."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        return whole_number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if isinstance(value, int) or math.isfinite(value) else None


def as_whole(value: object) -> int | None:
    """Return the integer where the server takes no fraction and no list, but also a text like ``5.0`` (S7)."""
    if isinstance(value, list) or (isinstance(value, float) and not value.is_integer()):
        return None
    return as_int(re.sub(r"\.0*\Z", "", value) if isinstance(value, str) else value)


def as_taken(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a version with what the server takes numbers and truth values for (S7)."""
    numbers = {name: as_int(values.get(name)) for name in _INTEGERS}
    return {**values, **numbers, "defaultVersion": is_default(values)}


def is_default(values: Mapping[str, Any]) -> bool:
    """Tell what the server takes ``defaultVersion`` for: Java's reading of its text."""
    return str(values.get("defaultVersion")).lower() == "true"
