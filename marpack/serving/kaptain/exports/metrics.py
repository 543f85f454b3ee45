"""The metrics that a trainer records: numbers by name, as JSON beside the folder of its export (K134, K254)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from marpack import strict_json
from marpack.display import brief_repr
from marpack.errors import PlanError
from marpack.findings import Issue
from marpack.remote.storage import StorageFolder
from marpack.serving.kaptain.values.exceptions import ModelPlanError, ModelValidationException

# What is known of each metric, as Katib has it.
Metrics: TypeAlias = dict[str, dict[str, float]]

# Beside the folder, and of another beginning: KServe downloads all whose names begin like the folder's, and the
# servers of some frameworks take every JSON file that they are given for a model.
_FILE_NAME = "metrics-{}.json"

_LARGEST = 1 << 20


def recorded(known: Metrics, new: Any) -> Metrics:
    """Return metrics with new values: ``latest``, and ``min`` and ``max`` of all that were recorded.

    A value is a number, or text of one, as Kaptain's tutorial writes it; one that is not finite is kept, and is
    neither least nor greatest. Raises ``ModelPlanError`` for all others, all at once.
    """
    values = _numbers(new)
    found = {name: dict(each) for name, each in known.items()}
    for name, value in values.items():
        before = found.get(name, {})
        seen = [each for each in (before.get("min"), before.get("max"), value) if each is not None]
        finite = [each for each in seen if math.isfinite(each)] or [value]
        found[name] = {"latest": value, "min": min(finite), "max": max(finite)}
    return found


def _numbers(new: Any) -> dict[str, float]:
    if not isinstance(new, Mapping):
        message = f"must be a table of names and numbers, not {type(new).__name__}"
        raise ModelPlanError([Issue(code="bad-type", argument="metrics", message=message)])
    values, issues = dict[str, float](), list[Issue]()
    for name, value in new.items():
        number = _number(value)
        if not isinstance(name, str) or not name.strip():
            issues.append(
                Issue(code="bad-type", argument="metrics", message=f"{brief_repr(name)} is no name: give text")
            )
        elif number is None:
            message = f"{brief_repr(value)} is no number: give one, or text of one"
            issues.append(Issue(code="bad-type", argument=name, message=message))
        else:
            values[name] = number
    if issues:
        raise ModelPlanError(issues)
    return values


def _number(value: Any) -> float | None:
    """Return a number; those of torch and numpy say how they are one."""
    if isinstance(value, bool) or not (isinstance(value, str) or hasattr(value, "__float__")):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None


def dumps(metrics: Metrics) -> bytes:
    """Return metrics as JSON, numbers that it cannot hold as texts."""
    return f"{json.dumps(strict_json.without_infinite(metrics), indent=2)}\n".encode("ascii")


def loads(value: Any) -> Metrics:
    """Return metrics from JSON values; ``ModelPlanError`` for what is none."""
    issues: list[Issue] = []
    found: Metrics = {}
    if not isinstance(value, dict):
        message = f"must be a table of tables of numbers, not {brief_repr(value)}"
        raise ModelPlanError([Issue(code="bad-type", argument="metrics", message=message)])
    for name, each in value.items():
        try:
            found[name] = _numbers(each)
        except PlanError as error:
            issues += [
                Issue(code=each.code, argument=f"metrics: {name}", message=str(each)) for each in error.issues
            ]
    if issues:
        raise ModelPlanError(issues)
    return found


def read(folder: StorageFolder, name: str) -> Metrics | None:
    """Return what was recorded for the export in ``name`` below a folder, None where nothing was."""
    file = _FILE_NAME.format(name)
    data = folder.read(file, limit=_LARGEST)
    if data is None:
        return None
    try:
        return loads(strict_json.loads(strict_json.decoded(data)))
    except (strict_json.StrictJSONError, PlanError) as error:
        message = f"'{folder}/{file}' holds no metrics ({error}): remove it, or write it anew"
        raise ModelValidationException(message) from None


def write(folder: StorageFolder, name: str, metrics: Metrics) -> None:
    """Write what was recorded for the export in ``name`` below a folder.

    Raises ``ModelPlanError`` for more than is read again.
    """
    data = dumps(metrics)
    if len(data) > _LARGEST:
        message = f"make a document of {len(data):,} bytes, and {_LARGEST:,} are read: record fewer"
        raise ModelPlanError([Issue(code="bad-value", argument="metrics", message=message)])
    folder.write(_FILE_NAME.format(name), data)
