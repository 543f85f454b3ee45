"""What a trainer calls: it exports its model to where deploying looks, and records metrics (K108, K139, K254).

A trainer is told where by variables of its environment, which ``Model.trainer_environment`` gives; access to a
store comes from there too. In a distributed run only the worker of rank 0 writes: all have the same model.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from marpack.archive.sources import CHUNK_SIZE, FileSource, Reader, Source
from marpack.disk.file_names import relative_name
from marpack.errors import ArchiveExistsError
from marpack.findings import Issue
from marpack.remote.storage import StorageFolder
from marpack.remote.urls import is_url
from marpack.serving.kaptain.exports import metrics
from marpack.serving.kaptain.exports.stored_exports import EXTRA_FILES
from marpack.serving.kaptain.values.config import Config
from marpack.serving.kaptain.values.environment import RANK, UPLOAD_PATH, variable
from marpack.serving.kaptain.values.exceptions import (
    ModelAlreadyExistsException,
    ModelPlanError,
    ModelValidationException,
)

# TensorFlow's model server looks for versions (K176), each a SavedModel, which is complete with this file.
_VERSION = "0001"
_SAVED_MODEL = ("saved_model.pb", "saved_model.pbtxt")


class ModelExportUtil:
    """Exports a model from its trainer."""

    def upload_model(
        self, path: str | os.PathLike[str], extra_files: Sequence[str | os.PathLike[str]] | None = None
    ) -> str:
        """Copy a file or a folder to the folder or URL in ``TRAINED_MODEL_UPLOAD_PATH``, whole or not at all.

        A file keeps its name, and of a folder the contents go there; a SavedModel of TensorFlow gets the folder
        of a version around it, ``0001``. ``extra_files``, files or folders, go to ``extra_files/``, so that what
        the weights are stays plain. Returns the target, without secrets.

        Raises ``ModelPlanError`` for everything that is wrong with the paths, ``ModelValidationException`` outside
        of a training run, ``ModelAlreadyExistsException`` when another model is there, ``UploadError``, and
        ``OSError`` from the disk.
        """
        folder = StorageFolder.child(*_target())
        items = _items(path, extra_files)
        if _is_other_worker():
            return str(folder)
        try:
            folder.put(items)
        except ArchiveExistsError:
            if not _holds(folder, items):
                message = (
                    f"'{folder}' holds another model already: give each run a folder of its own, "
                    "with the variables of model.trainer_environment()"
                )
                raise ModelAlreadyExistsException(message) from None
        return str(folder)


class MetadataUtil:
    """Records what a trainer has found out."""

    @staticmethod
    def record_metrics(values: Mapping[str, Any]) -> None:
        """Write numbers by their names beside the folder of ``TRAINED_MODEL_UPLOAD_PATH``, as JSON.

        Of those that are recorded again, the latest, the least and the greatest are kept: ``Model.metrics`` has
        them. A value may be the text of a number, or NaN. Raises ``ModelPlanError`` for all that are neither, and
        what ``upload_model`` raises.
        """
        parent, name = _target()
        if _is_other_worker():
            metrics.recorded({}, values)
            return
        metrics.write(parent, name, metrics.recorded(metrics.read(parent, name) or {}, values))


def _target() -> tuple[StorageFolder, str]:
    """Return the folder that the trainer exports to, as its parent and its name."""
    given = variable(UPLOAD_PATH) or ""
    location = given.rstrip("/")
    if not location:
        message = (
            f"{UPLOAD_PATH} is not set, so this is no training run: run the trainer with the variables of "
            "model.trainer_environment()"
        )
        raise ModelValidationException(message)
    parent, _, name = location.rpartition("/")
    if not name or parent.endswith(("/", ":")) or is_url(given) != is_url(location):
        message = f"{UPLOAD_PATH} must name a folder in a bucket or on a disk, not all of it: add a folder to it"
        raise ModelValidationException(message)
    return Config().folder_at(parent or ("/" if location.startswith("/") else ".")), name


def _is_other_worker() -> bool:
    return (variable(RANK) or "0").strip() != "0"


def _items(
    path: str | os.PathLike[str], extra_files: Sequence[str | os.PathLike[str]] | None
) -> list[tuple[str, Source]]:
    """Return the files to export by their names there, the one last without which a model is not complete."""
    issues: list[Issue] = []
    found = dict(_files("path", path, "", issues))
    if any(name in found for name in _SAVED_MODEL):
        found = {f"{_VERSION}/{name}": source for name, source in found.items()}
    extras: Any = [] if extra_files is None else extra_files
    if isinstance(extras, str) or not isinstance(extras, Sequence):
        extras = [extras]
    for each in extras:
        own = os.path.basename(os.path.abspath(each)) if isinstance(each, (str, os.PathLike)) else ""
        for name, source in _files("extra_files", each, own, issues):
            if f"{EXTRA_FILES}/{name}" in found:
                issues.append(_issue("collision", "extra_files", f"has two files {name!r}: rename one"))
            found[f"{EXTRA_FILES}/{name}"] = source
    if issues:
        raise ModelPlanError(issues)
    return sorted(
        found.items(), key=lambda item: (not item[0].startswith(f"{EXTRA_FILES}/"), _is_last(item[0]), item[0])
    )


def _is_last(name: str) -> bool:
    return name.rpartition("/")[2] in _SAVED_MODEL


def _files(argument: str, path: Any, prefix: str, issues: list[Issue]) -> Iterator[tuple[str, FileSource]]:
    """Yield the files that a path names; what is wrong with it is noted."""
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        issues.append(_issue("bad-type", argument, f"must be a path, not {path!r}"))
        return
    path = os.fsdecode(path)
    names = [""] if not os.path.isdir(path) else sorted(_below(argument, path, issues))
    if not names:
        issues.append(
            _issue("missing-file", argument, f"{path!r} is a folder without files: save the model first")
        )
    for name in names:
        file = os.path.join(path, *name.split("/")) if name else path
        shown = "/".join(filter(None, [prefix, name])) or os.path.basename(path)
        try:
            status = os.stat(file)
        except FileNotFoundError:
            issues.append(_issue("missing-file", argument, f"{file!r} is not there: save the model first"))
            continue
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            issues.append(_issue("unreadable", argument, f"{file!r} cannot be read: {reason}"))
            continue
        if not stat.S_ISREG(status.st_mode):
            issues.append(_issue("not-a-file", argument, f"{file!r} is neither a file nor a folder: leave it out"))
            continue
        yield shown, FileSource.from_stat(file, status)


def _below(argument: str, folder: str, issues: list[Issue]) -> Iterator[str]:
    def note(error: OSError) -> None:
        issues.append(_issue("unreadable", argument, f"{error.filename!r} cannot be listed: {error.strerror}"))

    for parent, folders, names in os.walk(folder, onerror=note):
        for link in filter(os.path.islink, (os.path.join(parent, name) for name in folders)):
            message = (
                f"{link!r} is a link to a folder, which may have no end: copy the folder there, or leave it out"
            )
            issues.append(_issue("not-a-file", argument, message))
        for name in names:
            yield relative_name(os.path.join(parent, name), folder)


def _holds(folder: StorageFolder, items: Sequence[tuple[str, Source]]) -> bool:
    """Tell whether a folder is what was to be put there: another worker, or an earlier try, has done it."""
    there = {file.name: file.size for file in folder.files()}
    if there != {name: source.size for name, source in items}:
        return False
    return all(_are_equal(folder.source(name), source) for name, source in items)


def _are_equal(one: Source, other: Source) -> bool:
    with closing(one.open()) as left, closing(other.open()) as right:
        while True:
            block = _block(left)
            if block != _block(right):
                return False
            if not block:
                return True


def _block(reader: Reader) -> bytes:
    """Read as much as is there, up to a fixed size: a store's reads end where its answers do."""
    found = bytearray()
    while len(found) < CHUNK_SIZE and (piece := reader.read(CHUNK_SIZE - len(found))):
        found += piece
    return bytes(found)


def _issue(code: str, argument: str, message: str) -> Issue:
    return Issue(code=code, argument=argument, message=message)
