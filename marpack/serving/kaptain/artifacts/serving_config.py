"""What ``serving_config`` says about an archive, with the fallbacks of the Kaptain SDK."""

from __future__ import annotations

import os
from dataclasses import dataclass

from marpack.archive.plan.extra_files import Patterns
from marpack.findings import Issue
from marpack.serving.deploy.paths import BaseDir
from marpack.serving.deploy.tables import LIST, PATH, REQUIREMENTS, URL, Schema, table_issues
from marpack.serving.kaptain.values.described_model import DescribedModel

_KEYS: Schema = {
    "model_file": (PATH,),
    "handler": (PATH,),
    "serialized_file": (URL,),
    "extra_files": (LIST,),
    "requirements_file": (REQUIREMENTS,),
    "config_properties": (PATH,),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingFiles:
    """The files that ``serving_config`` and its fallbacks name, and what is wrong with it."""

    model_file: str | None
    handler: str
    serialized_file: str | os.PathLike[str] | None
    extra_files: Patterns
    requirements_file: str | list[str] | None
    config_properties: str | None
    warnings: tuple[str, ...]
    issues: tuple[Issue, ...]


def serving_files(model: DescribedModel, base: BaseDir) -> ServingFiles:
    """Read ``model.serving_config``."""
    config = model.serving_config
    # An empty value means none, an absent one the model's.
    given, requirements = config.get("extra_files"), config.get("requirements_file")
    extra_files = base.files(model.extra_files if given is None else given)
    weights = config.get("serialized_file")
    warnings = [
        f"extra_files of the model bring the folder {item!r}, whose {_size(item):,} bytes go to the archive's root"
        ": name what serving needs in serving_config['extra_files'], '' for nothing"
        for item in map(extra_files.path, extra_files.items())
        if given is None and os.path.isdir(item)
    ]
    issues = list(table_issues(config, _KEYS, "serving_config"))
    for key in ("model_file", "handler"):
        if not config.get(key):
            message = f"is missing from serving_config, and there is no archive without: add {key!r}"
            issues.append(Issue(code="missing-key", argument=key, message=message))
    return ServingFiles(
        model_file=base.path(config.get("model_file")),
        handler=base.handler(config.get("handler")),
        serialized_file=weights if isinstance(weights, (str, os.PathLike)) else None,
        extra_files=extra_files,
        requirements_file=base.requirements(model.requirements if requirements is None else requirements),
        config_properties=base.path(config.get("config_properties")),
        warnings=tuple(warnings),
        issues=tuple(issues),
    )


def _size(folder: str) -> int:
    """Return how much a folder holds; a data set among the files of training is more than serving needs (K247)."""
    paths = (os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return sum(os.path.getsize(path) for path in paths if os.path.isfile(path))
