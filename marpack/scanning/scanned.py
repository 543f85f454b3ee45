"""What is told of one archive among many."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from marpack.archive.forms import ContainerForm
from marpack.archive.inspection.inspect import ArchiveKind
from marpack.archive.inspection.kinds import WeightsKind
from marpack.display import hidden_url
from marpack.findings import Finding, Issue
from marpack.frozen import frozen
from marpack.remote.urls import is_url, lost_slash

# Of the JSON (spec/scan.schema.json): it grows with changes that a reader of the old one would trip over.
SCHEMA_VERSION = 1


@frozen
class ScannedWeights:
    """A member that is weights: its ``size`` in bytes, and its ``kind``, None where its bytes are damaged."""

    name: str
    kind: WeightsKind | None
    size: int


def shown_path(path: str) -> str:
    """Return where an archive lies, without secrets."""
    url = lost_slash(path) or path
    return hidden_url(url) if is_url(url) else path


@frozen
class ScannedArchive:
    """What ``scan`` finds of one archive; everything but ``path`` is None or empty where it is not known.

    ``path`` is where it lies, a path or a URL as it was given; ``repr`` and JSON show it without secrets.
    ``name``, ``version``, ``handler`` and ``runtime`` are the manifest's. ``size`` are its bytes on disk,
    ``contents_size`` those of its ``members``, which are a number. ``weights`` are the serialized file and what
    is called like weights. ``sha256`` is the file's, None unless asked for, and for a folder. ``findings`` are
    those of ``check``. ``error`` says what kept some of this from being known: its ``code`` is one of
    spec/archive.md (R11), ``unreadable`` for what the disk or store says, ``failed`` for an error inside of
    marpack, or ``worker-lost`` where looking at it ended the process that did.
    """

    path: str
    form: ContainerForm | None = None
    kind: ArchiveKind | None = None
    name: str | None = None
    version: str | None = None
    handler: str | None = None
    runtime: str | None = None
    size: int | None = None
    contents_size: int | None = None
    members: int | None = None
    weights: tuple[ScannedWeights, ...] = ()
    sha256: str | None = None
    findings: tuple[Finding, ...] = ()
    error: Issue | None = None

    def __repr__(self) -> str:
        shown = {field.name: getattr(self, field.name) for field in fields(self)} | {"path": shown_path(self.path)}
        return f"ScannedArchive({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @property
    def has_error(self) -> bool:
        """Whether it could not be read whole, or the server would refuse it."""
        return self.error is not None or any(finding.severity == "error" for finding in self.findings)

    def asdict(self) -> dict[str, Any]:
        """Return JSON values, of the schema spec/scan.schema.json, without secrets."""
        return {
            "schema": SCHEMA_VERSION,
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "path": shown_path(self.path),
            "weights": [{"name": each.name, "kind": each.kind, "size": each.size} for each in self.weights],
            "findings": [finding.asdict() for finding in self.findings],
            "error": None if self.error is None else self.error.asdict(),
        }

    def to_json(self) -> str:
        """Return the JSON of spec/scan.schema.json, in ASCII, on one line."""
        return json.dumps(self.asdict(), allow_nan=False)
