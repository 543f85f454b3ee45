"""MANIFEST.json of a model (spec/manifest.md) and of a workflow (spec/archive.md, W clauses): text and values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal, TypeAlias, get_args

from marpack import strict_json
from marpack.display import type_name
from marpack.errors import ManifestError
from marpack.frozen import frozen

MANIFEST_NAME = "MAR-INF/MANIFEST.json"
WORKFLOW_MANIFEST_NAME = "WAR-INF/MANIFEST.json"

# M8: the release whose bytes marpack writes. The server only warns when the key is absent.
ARCHIVER_VERSION = "0.12.0"
# W5: the same for workflows, of which the server takes none without it.
WORKFLOW_ARCHIVER_VERSION = "0.2.15"

Runtime: TypeAlias = Literal["python", "python3", "LSP"]
"""What runs the handler: a Python worker, or ``LSP``, the server's C++ back end."""

RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
# Names that Gson takes beside these, and that a model_snapshot does not.
RUNTIMES_IN_CAPITALS: dict[str, Runtime] = {"PYTHON": "python", "PYTHON3": "python3"}

# What the front end takes as strings, of the manifest and of its model.
TOP_STRINGS = ("createdOn", "description", "archiverVersion")
MODEL_STRINGS = (
    *("modelName", "version", "description", "modelVersion", "handler", "envelope"),
    *("requirementsFile", "configFile"),
)


@frozen
class ManifestModel:
    """The ``model`` object of a manifest.

    File fields are names inside the archive. ``None`` means that the key is absent; keys that marpack does
    not know are kept in ``extra``.
    """

    # M5: the order of the fields is the order of the keys.
    model_name: str | None = None
    serialized_file: str | None = None
    handler: str | None = None
    model_file: str | None = None
    model_version: str | None = None
    requirements_file: str | None = None
    config_file: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_fields(self, _MODEL_KEYS)

    @property
    def served_version(self) -> str:
        """The version that a server registers, which is ``1.0`` where there is none (M5)."""
        return self.model_version or "1.0"


@frozen
class Manifest:
    """The values of a MANIFEST.json.

    ``created_on`` is free text for the server; the archiver writes ``DD/MM/YYYY HH:MM:SS``. ``metadata`` is
    a JSON object of the caller's, which the server ignores and the handler sees in ``context.manifest``.
    ``None`` means that the key is absent; keys that marpack does not know are kept in ``extra``.
    """

    model: ManifestModel
    created_on: str | None = None
    runtime: str | None = "python"
    archiver_version: str | None = ARCHIVER_VERSION
    metadata: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_fields(self, _TOP_KEYS, "model", "metadata")
        if self.runtime is not None and self.runtime not in RUNTIMES:
            raise ValueError(f"the runtime {self.runtime!r} is not one of {', '.join(RUNTIMES)}")
        _require_metadata(self.metadata)

    def to_json(self) -> str:
        """Return the text exactly as ``torch-model-archiver`` writes it: ASCII, no newline at the end (M2)."""
        # M3: the order of the archiver, then what only marpack or others write.
        document = _present(self, {"createdOn": "created_on", "runtime": "runtime"})
        document["model"] = {**_present(self.model, _MODEL_KEYS), **self.model.extra}
        return _dump(self, document)

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read strict JSON, in UTF-8, in which ``NaN`` may stand, as both of the server's readers do.

        A number or truth value under a known key is the text that it is spelled as, as the front end takes it
        (M6): ``1.10`` is ``"1.10"``. A null counts as absent. Raises ``ManifestError`` for what is not JSON, a key
        given twice, a list or object for a text, a ``model`` that is not an object, and an unknown or null
        ``runtime`` (M10).
        """
        text, document = _load(text)
        has_runtime = "runtime" in document
        model, fields = _take_fields(document, "model", _MODEL_KEYS, _TOP_KEYS, text)
        if has_runtime and fields["runtime"] not in RUNTIMES:
            raise ManifestError(f"'runtime' must be one of {', '.join(RUNTIMES)}", text)
        return cls(model=ManifestModel(**model), **fields)


@frozen
class ManifestWorkflow:
    """The ``workflow`` object of a workflow's manifest.

    ``spec_file`` and ``handler`` are names inside the archive; ``handler`` is ``""`` for none. ``None`` means that
    the key is absent, which the server fails at; keys that marpack does not know are kept in ``extra``.
    """

    # W5: the order of the fields is the order of the keys.
    workflow_name: str | None = None
    spec_file: str | None = None
    handler: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_fields(self, _WORKFLOW_KEYS)


@frozen
class WorkflowManifest:
    """The values of a workflow's MANIFEST.json.

    ``metadata`` is a JSON object of the caller's, which the server ignores. ``None`` means that the key is absent;
    keys that marpack does not know are kept in ``extra``.
    """

    workflow: ManifestWorkflow
    created_on: str | None = None
    archiver_version: str | None = WORKFLOW_ARCHIVER_VERSION
    metadata: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_fields(self, _WORKFLOW_TOP_KEYS, "workflow", "metadata")
        _require_metadata(self.metadata)

    def to_json(self) -> str:
        """Return the text exactly as ``torch-workflow-archiver`` writes it: ASCII, no newline at the end (W5)."""
        document = _present(self, {"createdOn": "created_on"})
        document["workflow"] = {**_present(self.workflow, _WORKFLOW_KEYS), **self.workflow.extra}
        return _dump(self, document)

    @classmethod
    def from_json(cls, text: str | bytes) -> WorkflowManifest:
        """Read strict JSON, in UTF-8; numbers, truth values and ``NaN`` as ``Manifest.from_json``.

        Raises ``ManifestError`` for what is not JSON, a key given twice, a list or object for a text, and a
        ``workflow`` that is not an object. A null under another known key counts as absent.
        """
        text, document = _load(text)
        workflow, fields = _take_fields(document, "workflow", _WORKFLOW_KEYS, _WORKFLOW_TOP_KEYS, text)
        return cls(workflow=ManifestWorkflow(**workflow), **fields)


_AnyObject: TypeAlias = "Manifest | ManifestModel | WorkflowManifest | ManifestWorkflow"

# JSON key -> attribute, in the order of the text (M3, M5, W5).
_TOP_KEYS = {"createdOn": "created_on", "runtime": "runtime", "archiverVersion": "archiver_version"}
_MODEL_KEYS = {
    "modelName": "model_name",
    "serializedFile": "serialized_file",
    "handler": "handler",
    "modelFile": "model_file",
    "modelVersion": "model_version",
    "requirementsFile": "requirements_file",
    "configFile": "config_file",
}
_WORKFLOW_TOP_KEYS = {"createdOn": "created_on", "archiverVersion": "archiver_version"}
_WORKFLOW_KEYS = {"workflowName": "workflow_name", "specFile": "spec_file", "handler": "handler"}


def _require_fields(value: _AnyObject, keys: Mapping[str, str], *others: str) -> None:
    for attribute in keys.values():
        text = getattr(value, attribute)
        if text is not None and not isinstance(text, str):
            raise TypeError(f"{attribute} must be a str or None, not {type(text).__name__}")
    if clash := sorted({*keys, *others} & set(value.extra)):
        raise ValueError(f"{clash[0]!r} has a field of its own and does not go into extra")


def _require_metadata(metadata: object) -> None:
    if not isinstance(metadata, (Mapping, type(None))):
        raise TypeError(f"metadata must be a mapping, not {type(metadata).__name__}")


def _present(value: _AnyObject, keys: Mapping[str, str]) -> dict[str, Any]:
    """Return the keys that are set: what is absent is left out, never null (M6)."""
    found = {key: getattr(value, attribute) for key, attribute in keys.items()}
    return {key: text for key, text in found.items() if text is not None}


def _dump(manifest: Manifest | WorkflowManifest, document: dict[str, Any]) -> str:
    """Return the text of a manifest whose ``document`` lacks what all kinds end with."""
    document |= _present(manifest, {"archiverVersion": "archiver_version"})
    if manifest.metadata is not None:
        document["metadata"] = dict(manifest.metadata)
    document |= manifest.extra
    return json.dumps(document, indent=2)


def _take_fields(
    document: dict[str, Any], key: str, keys: Mapping[str, str], top_keys: Mapping[str, str], text: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of the object under ``key``, and those of the whole ``document``, which is used up."""
    held = _take_object(document, key, text)
    has_metadata = document.get("metadata") is not None
    metadata = _take_object(document, "metadata", text) if has_metadata else document.pop("metadata", None)
    fields = _take_strings(held, keys, text, key)
    top_fields = _take_strings(document, top_keys, text)
    return {**fields, "extra": held}, {**top_fields, "metadata": metadata, "extra": document}


def _take_object(document: dict[str, Any], key: str, text: str) -> dict[str, Any]:
    value = document.pop(key, {})
    if not isinstance(value, dict):
        raise ManifestError(f"{key!r} must be an object, not {type_name(value)}", text)
    return value


def _take_strings(
    document: dict[str, Any], keys: Mapping[str, str], text: str, below: str | None = None
) -> dict[str, str | None]:
    """Take out the texts of an object, which is the whole of the ``text``, or stands ``below`` a key."""
    taken: dict[str, str | None] = {}
    for key, attribute in keys.items():
        value = document.pop(key, None)
        if isinstance(value, (int, float)):  # a truth value as well
            try:
                spelled = strict_json.as_texts(text)
            except strict_json.StrictJSONError as error:
                raise ManifestError(error.msg, text) from None
            value = (spelled if below is None else spelled[below])[key]
        if value is not None and not isinstance(value, str):
            raise ManifestError(f"{key!r} must be a string, not {type_name(value)}", text)
        taken[attribute] = value
    return taken


def _load(source: str | bytes) -> tuple[str, dict[str, Any]]:
    """Return the text and the object that it is."""
    text = ""
    try:
        text = strict_json.decoded(source)
        document = strict_json.loads(text, deepest=None, finite=False)
    except strict_json.StrictJSONError as error:
        raise ManifestError(error.msg, text, error.pos) from None
    if not isinstance(document, dict):
        raise ManifestError(f"must be an object, not {type_name(document)}", text)
    return text, document
