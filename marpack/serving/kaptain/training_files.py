"""The files that a trainer's image has: each under its own relative path (K202, K203)."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from marpack.archive.sources import BytesSource, FileSource, Source
from marpack.disk.file_names import lies_below, relative_name
from marpack.findings import Issue
from marpack.serving.kaptain.deploys.revision import base_dir_of
from marpack.serving.kaptain.values.described_model import DescribedModel

# What ``requirements`` are named, wherever they come from.
REQUIREMENTS = "requirements.txt"


def training_files(model: DescribedModel, outputs: Collection[str], issues: list[Issue]) -> dict[str, Source]:
    """Return what lies below the image's folder, by its names, in their order.

    ``outputs`` are folders that a build writes: left out, or an image would hold the one before it. Problems are
    appended to ``issues``; two inputs that claim one name are one.
    """
    base = base_dir_of(model)
    left_out = {*map(os.path.realpath, outputs)}
    found: dict[str, FileSource] = {}
    for argument, path in [
        ("main_file", model.main_file),
        *(("extra_files", each) for each in model.extra_files or ()),
    ]:
        if not path:
            continue
        name = os.path.normpath(path).replace(os.sep, "/")
        if not lies_below(path):
            message = f"{path!r} lies elsewhere, and an image has what lies below {base!r}: name it from there"
            issues.append(Issue(code="bad-value", argument=argument, message=message))
            continue
        files = dict(_below(os.path.join(base, path), name, left_out))
        if not files:
            message = f"{path!r} is no file, and no folder with files: correct the path"
            issues.append(Issue(code="unreadable", argument=argument, message=message))
        found |= files
    required = _requirements(model, base, found.get(REQUIREMENTS), issues)
    return dict(sorted({**found, **({} if required is None else {REQUIREMENTS: required})}.items()))


def _requirements(
    model: DescribedModel, base: str, there: FileSource | None, issues: list[Issue]
) -> Source | None:
    """Return what has to be installed; ``there`` is a file that has the name of it already."""
    required: Source | None = None
    if isinstance(model.requirements, str):
        path = os.path.join(base, model.requirements)
        if os.path.isfile(path):
            required = _file(path)
            if there is not None and os.path.samefile(path, there.path):
                return required
        else:
            message = f"{model.requirements!r} is no file: correct the path"
            issues.append(Issue(code="unreadable", argument="requirements", message=message))
    elif model.requirements:
        required = BytesSource(data="".join(f"{line}\n" for line in model.requirements).encode())
    if required is not None and there is not None:
        message = (
            f"would replace {there.path!r}, which main_file or extra_files give the same name, {REQUIREMENTS!r}: "
            "give its path as requirements, or take it out"
        )
        issues.append(Issue(code="collision", argument="requirements", message=message))
    return required


def _below(path: str, name: str, left_out: Collection[str]) -> Iterator[tuple[str, FileSource]]:
    if os.path.isfile(path):
        yield name, _file(path)
    for folder, below, names in os.walk(path):
        if os.path.realpath(folder) in left_out:
            below.clear()
            continue
        below[:] = [each for each in below if each != "__pycache__"]
        for each in names:
            if os.path.isfile(file := os.path.join(folder, each)):
                inside = relative_name(file, path)
                yield (inside if name == "." else f"{name}/{inside}"), _file(file)


def _file(path: str) -> FileSource:
    return FileSource.from_stat(path, os.stat(path))
