"""A model as JSON, in its store (K136)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marpack import strict_json
from marpack.display import brief_repr, hidden, is_secret_name
from marpack.errors import PlanError
from marpack.findings import Issue
from marpack.remote.storage import StorageFolder
from marpack.remote.urls import is_url
from marpack.serving.kaptain.exports import metrics
from marpack.serving.kaptain.exports.stored_exports import model_folder
from marpack.serving.kaptain.values.config import Config
from marpack.serving.kaptain.values.described_model import PROPERTIES, STATES, DescribedModel, property_issues
from marpack.serving.kaptain.values.exceptions import (
    ModelAlreadyExistsException,
    ModelPlanError,
    ModelValidationException,
    property_error,
)

FILE_NAME = "model.json"
_FORMAT = "marpack-kaptain-model"
_VERSION = 1
# A description of a model is some kilobytes; what is larger is something else.
_LARGEST = 1 << 20
_DEEPEST = 20
# Names of hyperparameters, and of no secrets.
_TOKENS = re.compile(r"tokeni[sz]|tokens", re.IGNORECASE)

_PROPERTIES = [name for name in PROPERTIES if name != "config"]
_KNOWN = ("state", "revision", "hyperparameters", "metrics", "exported_model")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelDocument:
    """What a document says: the constructor's arguments, and what is known of training."""

    properties: dict[str, Any]
    known: dict[str, Any]

    def restore(self, model: DescribedModel) -> None:
        """Have a model know it."""
        for name, value in self.known.items():
            setattr(model, name, value)


def save(model: DescribedModel, path: str, *, overwrite: bool, with_secrets: bool) -> None:
    """Do what ``Model.save_as_json`` says."""
    data = _dumps(model, with_secrets=with_secrets)
    folder, name = (model_folder(model), FILE_NAME) if not path else _place(path, model.config)
    if not overwrite and folder.read(name, limit=_LARGEST) is not None:
        message = f"'{folder}/{name}' is there already: give another path, or overwrite=True"
        raise ModelAlreadyExistsException(message)
    folder.write(name, data)


def load(model_uri: str, config: Config) -> ModelDocument:
    """Read a document; raises what ``Model.load_from_json`` says."""
    folder, name = _place(model_uri, config)
    where = f"'{folder}/{name}'"
    data = folder.read(name, limit=_LARGEST)
    if data is None:
        raise ModelValidationException(
            f"{where} is not there: give what save_as_json() was given, or a model's folder"
        )
    try:
        value = strict_json.loads(strict_json.decoded(data), deepest=_DEEPEST)
    except strict_json.StrictJSONError as error:
        raise ModelValidationException(f"{where} is not JSON: {hidden(error.msg)}") from None
    if not isinstance(value, dict) or value.get("format") != _FORMAT:
        raise ModelValidationException(
            f"{where} is JSON, and no model that save_as_json() wrote: correct the path"
        )
    if value.get("format_version") != _VERSION:
        found = brief_repr(value.get("format_version"))
        message = f"{where} has format_version {found}, and this marpack reads {_VERSION}: update marpack"
        raise ModelValidationException(message)
    return _document({key: each for key, each in value.items() if key not in ("format", "format_version")})


def _place(location: object, config: Config) -> tuple[StorageFolder, str]:
    text = os.fspath(location) if isinstance(location, (str, os.PathLike)) else ""
    if not text.strip():
        message = "is empty: give the path or the URL that a model was saved to"
        raise ModelPlanError([Issue(code="bad-value", argument="model_uri", message=message)])
    if not text.endswith(".json"):
        return config.folder_at(text), FILE_NAME
    parent, name = text.rsplit("/", 1) if is_url(text) else os.path.split(text)
    return config.folder_at(parent), name


def _dumps(model: DescribedModel, *, with_secrets: bool) -> bytes:
    """Return the document; ``ModelPlanError`` for everything in the model that it does not hold."""
    issues: list[Issue] = []
    document: dict[str, Any] = {"format": _FORMAT, "format_version": _VERSION}
    for name in (*_PROPERTIES, *_KNOWN):
        value = getattr(model, name)
        document[name] = strict_json.without_infinite(value) if name == "metrics" else _plain(name, value, issues)
    secrets = [] if with_secrets else [name for name in (*_PROPERTIES, *_KNOWN) if _has_secret("", document[name])]
    for name in secrets:
        message = "holds what looks like a secret: take it out, or give save_as_json() True for with_secrets"
        issues.append(Issue(code="bad-value", argument=name, message=message))
    data = b"" if issues else f"{json.dumps(document, indent=2, allow_nan=False)}\n".encode("ascii")
    if len(data) > _LARGEST:
        message = (
            f"makes a document of {len(data):,} bytes, and {_LARGEST:,} are read: name files instead of contents"
        )
        issues.append(Issue(code="bad-value", argument="", message=message))
    if issues:
        raise ModelPlanError(issues)
    return data


def _plain(argument: str, value: Any, issues: list[Issue], depth: int = 0) -> Any:
    """Return a value as JSON has it; paths are texts, and what it does not hold is noted."""
    problem = None
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for key in value:
            if not isinstance(key, str):
                problem = f"has a key {brief_repr(key)}, and JSON's are texts"
        if problem is None:
            return {key: _plain(argument, item, issues, depth + 1) for key, item in value.items()}
    elif isinstance(value, (list, tuple)) and depth < _DEEPEST:
        return [_plain(argument, item, issues, depth + 1) for item in value]
    elif isinstance(value, os.PathLike):
        return os.fsdecode(value)
    elif isinstance(value, str):
        return str(value)
    elif value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and value - value == 0):
        return value
    problem = problem or f"{brief_repr(value)} is nothing that JSON holds: give text, numbers, lists and tables"
    issues.append(Issue(code="bad-type", argument=argument, message=problem))
    return None


def _has_secret(name: str, value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_secret(key, item) for key, item in value.items())
    if isinstance(value, list):
        return any(_has_secret(name, item) for item in value)
    if not isinstance(value, str) or not value:
        return False
    return is_secret_name(_TOKENS.sub("", name)) or hidden(value) != value


def _document(value: dict[str, Any]) -> ModelDocument:
    properties = {name: each for name, each in value.items() if name not in _KNOWN}
    issues = property_issues(properties)
    undefined = "id" not in properties
    if undefined:
        issues.append(Issue(code="missing-key", argument="id", message="is not there: this is no whole document"))
    unsupported = any(issue.argument == "framework" for issue in issues)
    known = {name: value.get(name) for name in _KNOWN}
    known["state"] = known["state"] or STATES[0]
    if known["state"] not in STATES:
        message = f"{brief_repr(known['state'])} is none that is known: there are {', '.join(STATES)}"
        issues.append(Issue(code="bad-value", argument="state", message=message))
    for name, kind, what in (
        ("revision", str, "text"),
        ("hyperparameters", dict, "a table"),
        ("exported_model", str, "text"),
    ):
        if known[name] is not None and not isinstance(known[name], kind):
            message = f"must be {what}, not {brief_repr(known[name])}"
            issues.append(Issue(code="bad-type", argument=name, message=message))
    try:
        known["metrics"] = None if known["metrics"] is None else metrics.loads(known["metrics"])
    except PlanError as error:
        issues += error.issues
    if issues:
        raise property_error(undefined=undefined, unsupported=unsupported)(issues)
    if known["revision"] is None:
        del known["revision"]
    return ModelDocument(properties=properties, known=known)
