"""What ``serving_config`` says about an archive, with the fallbacks of the Kaptain SDK."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from marpack.errors import Issue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.serving.base_dir import BaseDir
    from marpack.serving.model import Model

__all__ = ["SERVING_KEYS", "ServingFiles", "serving_files", "unknown_keys"]

SERVING_KEYS = (
    "model_file",
    "handler",
    "serialized_file",
    "extra_files",
    "requirements_file",
    "config_properties",
)
_MANDATORY = ("model_file", "handler")
_LISTS = ("extra_files", "requirements_file")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingFiles:
    """The files that ``serving_config`` and its fallbacks name, and what is wrong with it."""

    model_file: str | None
    handler: str | None
    serialized_file: str | None
    extra_files: list[str]
    requirements_file: str | list[str] | None
    config_properties: str | None
    warnings: tuple[str, ...]
    issues: tuple[Issue, ...]


def serving_files(model: Model, base: BaseDir) -> ServingFiles:
    """Read ``model.serving_config``."""
    config = model.serving_config
    issues = (
        *unknown_keys(config, SERVING_KEYS, "serving_config"),
        *_missing_keys(config),
        *_wrong_values(config),
    )
    # An empty value means none, an absent one the model's.
    given, requirements = config.get("extra_files"), config.get("requirements_file")
    extra_files = base.files(list(model.extra_files or ()) if given is None else given)
    warnings = [
        f"extra_files of the model bring the folder {item!r}, whose contents go to the archive's root"
        for item in extra_files
        if given is None and os.path.isdir(item)
    ]
    return ServingFiles(
        model_file=base.path(config.get("model_file")),
        handler=base.handler(config.get("handler")),
        serialized_file=base.path(config.get("serialized_file")),
        extra_files=extra_files,
        requirements_file=base.requirements(model.requirements if requirements is None else requirements),
        config_properties=base.path(config.get("config_properties")),
        warnings=tuple(warnings),
        issues=issues,
    )


def unknown_keys(config: Mapping[str, Any], known: tuple[str, ...], what: str) -> Iterator[Issue]:
    """Yield an issue for each key that is not known, with the nearest one that is."""
    for key in config:
        if key not in known:
            near = get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"its keys are {', '.join(known)}"
            yield Issue(code="unknown-key", argument=str(key), message=f"is not a key of {what}: {hint}")


def _missing_keys(config: Mapping[str, Any]) -> Iterator[Issue]:
    for key in _MANDATORY:
        if not config.get(key):
            message = f"is missing from serving_config, and there is no archive without: add {key!r}"
            yield Issue(code="missing-key", argument=key, message=message)


def _wrong_values(config: Mapping[str, Any]) -> Iterator[Issue]:
    for key in SERVING_KEYS:
        value = config.get(key)
        items = value if isinstance(value, (list, tuple)) and key in _LISTS else [value]
        for item in items:
            if item is not None and not isinstance(item, (str, os.PathLike)):
                message = f"must be a path, not {type(item).__name__}"
                yield Issue(code="bad-type", argument=key, message=message)
