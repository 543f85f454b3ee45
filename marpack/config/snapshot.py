"""The model snapshot: which models a server restores when it starts (spec/snapshot.md)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from marpack.archive.manifest import Manifest
from marpack.archive.read.open import ArchiveSource
from marpack.config.rules.snapshot_form import ENTRY_RULES, find_mar_names, form_errors
from marpack.config.rules.snapshot_text import REQUIRED, SnapshotText, Store, as_taken, as_whole, load_snapshot
from marpack.config.rules.snapshot_values import VALUE_RULES
from marpack.config.store_listing import archives_in, read_manifests, versions_in
from marpack.config.text.java_hash import hash_map_order
from marpack.errors import ConfigError
from marpack.findings import Finding
from marpack.frozen import frozen

if TYPE_CHECKING:
    from typing import Unpack

SnapshotStyle: TypeAlias = Literal["spaced", "compact", "server"]
"""How a snapshot is written: JSON with blanks, without, or as the server's own Gson writes it (S5)."""

# S2: what hand-written files call it.
_DEFAULT_NAME = "startup.cfg"

# S5: Gson's escapes beyond JSON's own.
_HTML_SAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>&='\u2028\u2029"}


class EntrySettings(TypedDict, total=False):
    """What can be set for model versions: see ``SnapshotEntry``."""

    min_workers: int
    max_workers: int
    batch_size: int
    max_batch_delay: int
    response_timeout: int | None
    startup_timeout: int | None
    runtime_type: str | None
    parallel_level: int | None


@frozen
class SnapshotEntry:
    """One version of a model (S3).

    ``mar_name`` is the name of a file or folder in the model store. ``min_workers`` are started, ``max_workers``
    is the number that scaling may reach. ``batch_size`` is in requests, ``max_batch_delay`` in milliseconds,
    ``response_timeout`` and ``startup_timeout`` are in seconds. ``runtime_type`` is ``python``, ``python3`` or
    ``LSP``; ``parallel_level`` is the number of devices for each worker of a model that torchrun starts. None
    leaves an optional key out. Keys that marpack does not know are kept in ``extra``.
    """

    # S3: the order of the fields is the order of the keys.
    default_version: bool = True
    mar_name: str
    min_workers: int = 1
    max_workers: int = 1
    batch_size: int = 1
    max_batch_delay: int = 100
    response_timeout: int | None = 120
    startup_timeout: int | None = 120
    runtime_type: str | None = "python"
    parallel_level: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra", _checked_extra(self.extra, set(_KEYS)))
        alone = SnapshotText(document={"modelCount": 1, "models": {"": {"": self._document()}}})
        found = [each for rule in ENTRY_RULES for each in rule.findings(alone)]
        place = "models..."  # which is no part of what a caller knows
        if found:
            raise ConfigError(
                [replace(each, key=each.key.removeprefix(place), severity="error") for each in found]
            )

    def _document(self) -> dict[str, Any]:
        found = {key: getattr(self, attribute) for key, attribute in _KEYS.items()}
        required = {key: value for key, value in found.items() if value is not None or key in REQUIRED}
        return required | dict(self.extra)


def _checked_extra(extra: object, reserved: set[str]) -> dict[str, Any]:
    """Return a copy of keys that marpack does not know; ``ValueError`` for what is not JSON or has a field."""
    if not isinstance(extra, Mapping):
        raise TypeError(f"extra must be a mapping, not {type(extra).__name__}")
    if clash := sorted(reserved & set(extra)):
        raise ValueError(f"{clash[0]!r} has a field of its own and does not go into extra")
    try:
        copied = json.loads(json.dumps(dict(extra), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as problem:
        raise ValueError(f"extra is not JSON: {problem}") from None
    return dict(copied)


# JSON key -> attribute, in the order of the text (S3).
_ATTRIBUTES = [each.name for each in fields(SnapshotEntry) if each.name != "extra"]
_KEYS = {re.sub("_(.)", lambda match: match[1].upper(), name): name for name in _ATTRIBUTES}


@frozen
class ModelSnapshot:
    """The models that a server restores: ``models[name][version]`` is a ``SnapshotEntry``.

    ``name`` is the snapshot's own, which the server only logs; ``created`` is its time in milliseconds since the
    epoch, which servers write and nobody reads. Keys that marpack does not know are kept in ``extra``.
    """

    models: Mapping[str, Mapping[str, SnapshotEntry]]
    name: str = _DEFAULT_NAME
    created: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        models: object = self.models
        tables = [models, *(models.values() if isinstance(models, Mapping) else ())]
        if not all(isinstance(table, Mapping) for table in tables):
            raise TypeError("models must be {name: {version: SnapshotEntry}}")
        # Copies: nobody else changes what was found good.
        object.__setattr__(self, "models", {name: dict(versions) for name, versions in self.models.items()})
        object.__setattr__(self, "extra", _checked_extra(self.extra, {"name", "modelCount", "created", "models"}))
        for name, version, entry in self:
            names: tuple[object, object] = (name, version)
            if not all(isinstance(each, str) for each in names):
                raise TypeError(f"names and versions of models must be str, not {name!r} and {version!r}")
            if not isinstance(entry, SnapshotEntry):
                raise TypeError(f"models[{name!r}] must hold SnapshotEntry values, not {type(entry).__name__}")
        for field_name, types in (("name", (str,)), ("created", (int, type(None)))):
            value = getattr(self, field_name)
            if not isinstance(value, types) or isinstance(value, bool):
                raise TypeError(f"{field_name} must be {types[0].__name__}, not {type(value).__name__}")

    def __iter__(self) -> Iterator[tuple[str, str, SnapshotEntry]]:
        """Yield each model's name and version with its entry."""
        for name, versions in self.models.items():
            for version, entry in versions.items():
                yield name, version, entry

    @property
    def model_count(self) -> int:
        """The number of versions of all models: what ``modelCount`` states."""
        return sum(map(len, self.models.values()))

    def to_json(self, style: SnapshotStyle = "spaced", *, ensure_ascii: bool = False) -> str:
        """Return the text.

        ``spaced`` is one line as Kaptain and Python write it, ``compact`` the same without blanks (S4);
        ``server`` is what TorchServe itself saves for these models, in its own order (S5, S6).
        """
        if style == "server":
            text = json.dumps(self._document(hash_map_order), indent=2, ensure_ascii=False)
            return text.translate(_HTML_SAFE)
        if style not in ("spaced", "compact"):
            raise ValueError(f"the style {style!r} is not one of spaced, compact, server")
        separators = (",", ":") if style == "compact" else (", ", ": ")
        return json.dumps(self._document(list), separators=separators, ensure_ascii=ensure_ascii)

    def _document(self, order: Callable[[Iterable[str]], list[str]]) -> dict[str, Any]:
        # S2: the order of the keys.
        document: dict[str, Any] = {"name": self.name, "modelCount": self.model_count}
        if self.created is not None:
            document["created"] = self.created
        document["models"] = {
            name: {version: self.models[name][version]._document() for version in order(self.models[name])}
            for name in order(self.models)
        }
        return document | dict(self.extra)

    @classmethod
    def from_json(cls, text: str | bytes) -> ModelSnapshot:
        """Read a snapshot, a server's own or one written by hand; bytes are UTF-8.

        Raises ``SnapshotError`` for what is not strict JSON or gives a key twice, ``ConfigError`` with
        everything that would stop the server (S7). What it would merely take otherwise than it looks is for
        ``lint_snapshot``.
        """
        document = load_snapshot(text)
        if errors := form_errors(SnapshotText(document=document)):
            raise ConfigError(errors)
        models = {
            name: {version: _entry(values) for version, values in versions.items()}
            for name, versions in document.pop("models").items()
        }
        _, own_name, created = (document.pop(key, None) for key in ("modelCount", "name", "created"))
        shown_name = own_name if isinstance(own_name, str) else json.dumps(own_name)
        name = _DEFAULT_NAME if own_name is None else shown_name
        return cls(models=models, name=name, created=as_whole(created), extra=document)

    @classmethod
    def from_manifests(
        cls,
        manifests: Mapping[str, Manifest],
        *,
        default_versions: Mapping[str, str] | None = None,
        **settings: Unpack[EntrySettings],
    ) -> ModelSnapshot:
        """Build a snapshot from archives' manifests by file name, so that names and versions cannot disagree (S8).

        ``default_versions`` names the default version of models that have several; otherwise it is the highest.
        ``settings`` hold for all of them. Raises ``ConfigError`` for archives that cannot be served together.
        """
        numbers = _with_maximum(settings)
        models: dict[str, dict[str, SnapshotEntry]] = {}
        for name, version, mar_name, is_default in versions_in(manifests, default_versions or {}):
            entry = SnapshotEntry(mar_name=mar_name, default_version=is_default, **numbers)
            models.setdefault(name, {})[version] = entry
        return cls(models=models)

    @classmethod
    def from_archives(
        cls,
        archives: Iterable[ArchiveSource],
        *,
        default_versions: Mapping[str, str] | None = None,
        **settings: Unpack[EntrySettings],
    ) -> ModelSnapshot:
        """Build a snapshot from archives in one model store; see ``from_manifests``.

        Each is open, or a path, a URL or an open binary file, as ``open_archive`` takes them; a file must have its
        name.
        Reads the manifests and nothing else. Raises ``ArchiveError`` for what is not an archive.
        """
        return cls.from_manifests(read_manifests(archives), default_versions=default_versions, **settings)

    @classmethod
    def from_model_store(
        cls,
        folder: str | os.PathLike[str],
        *,
        default_versions: Mapping[str, str] | None = None,
        **settings: Unpack[EntrySettings],
    ) -> ModelSnapshot:
        """Build a snapshot of all archives in a folder that the server would find there; see ``from_archives``."""
        return cls.from_archives(archives_in(folder), default_versions=default_versions, **settings)

    def updated(self, model: str, version: str | None = None, **settings: Unpack[EntrySettings]) -> ModelSnapshot:
        """Return a snapshot in which one version of a model, or all, have other settings.

        ``settings`` are fields of ``SnapshotEntry``. Raises ``KeyError`` for a model or version that is not there.
        """
        versions = self.models[model]
        changed = {version} if version is not None else set(versions)
        if missing := changed - set(versions):
            raise KeyError(missing.pop())
        entries = {
            key: replace(entry, **_with_maximum(settings)) if key in changed else entry
            for key, entry in versions.items()
        }
        return replace(self, models={**self.models, model: entries})

    def validate(self, archives: Mapping[str, Manifest] | None = None) -> tuple[Finding, ...]:
        """Return what the server would refuse or take otherwise than it looks (S10).

        ``archives`` are the manifests of the model store by file name, when it can be looked at.
        """
        store = None if archives is None else Store(archives.keys(), archives)
        snapshot = SnapshotText(document=self._document(list), store=store, has_form=True)
        return tuple(found for rule in (find_mar_names, *VALUE_RULES) for found in rule.findings(snapshot))


def _entry(values: dict[str, Any]) -> SnapshotEntry:
    taken = as_taken(values)
    # S3: absent keys stay absent; the defaults of SnapshotEntry are for new ones.
    known: dict[str, Any] = {attribute: taken.get(key) for key, attribute in _KEYS.items()}
    return SnapshotEntry(**known, extra={key: value for key, value in values.items() if key not in _KEYS})


def _with_maximum(settings: EntrySettings) -> EntrySettings:
    """Let ``max_workers`` follow where only ``min_workers`` is given."""
    least: object = settings.get("min_workers")
    if isinstance(least, int) and "max_workers" not in settings:
        return {**settings, "max_workers": max(1, least)}
    return settings
