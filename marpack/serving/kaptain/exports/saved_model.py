"""Which saved model is deployed: one that is named, ``serving_config``'s, or the newest export (K140, K178)."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from marpack.archive.sources import Source
from marpack.display import hidden_url
from marpack.errors import MarpackError, PlanError, UploadError
from marpack.findings import Issue
from marpack.remote.storage import StorageFolder
from marpack.remote.urls import is_url, scheme_of
from marpack.serving.kaptain.exports.exports import newest_export
from marpack.serving.kaptain.values.config import Config
from marpack.serving.kaptain.values.described_model import DescribedModel
from marpack.serving.kaptain.values.exceptions import ModelValidationException

_WEB = {"http", "https"}
_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class SavedModel:
    """A saved model: what is shown of its place, and what an archive takes, None for serving_config's."""

    shown: str
    packed: Mapping[str, Source] | str | None = None
    warning: str | None = None


def saved_model(
    model: DescribedModel, model_uri: str | os.PathLike[str] | None, issues: list[Issue]
) -> SavedModel | None:
    """Return the file whose weights go into the archive; None, with what is wrong noted, without one.

    The store is asked which files there are; none is read yet. That there is no store is for others to note.
    """
    own = model.serving_config.get("serialized_file")
    try:
        if model_uri is not None:
            warning = None
            if own:
                warning = f"serialized_file of serving_config is not packed: model_uri names {_shown(model_uri)!r}"
            return _named(model.config, os.fspath(model_uri), warning)
        if own:
            return SavedModel(shown=_shown(own) if isinstance(own, (str, os.PathLike)) else repr(own))
        if model.config.storage_problem():
            return None
        export = newest_export(model)
        return _file_of(export.folder, export.weights.name)
    except PlanError as error:
        issues += error.issues
    except (MarpackError, OSError) as error:
        argument = "model_uri" if model_uri is not None else "serialized_file"
        issues.append(Issue(code="missing-file", argument=argument, message=str(error)))
    return None


def saved_folder(
    model: DescribedModel, model_uri: str | os.PathLike[str] | None, issues: list[Issue]
) -> StorageFolder | str | None:
    """Return the folder that a server of another framework loads; None, with what is wrong noted (K187).

    A URL that marpack itself does not reach is KServe's to read, and returned as it is.
    """
    try:
        if model_uri is None:
            return None if model.config.storage_problem() else newest_export(model).folder
        location = os.fspath(model_uri)
        if not is_url(location):
            return model.config.folder_at(location)
        try:
            return model.config.folder_at(location)
        except UploadError:
            return location.rstrip("/")
    except PlanError as error:
        issues += error.issues
    except (MarpackError, OSError) as error:
        issues.append(Issue(code="missing-file", argument="model_uri", message=str(error)))
    return None


def _named(config: Config, location: str, warning: str | None) -> SavedModel:
    shown = _shown(location)
    if scheme_of(location) in _WEB:  # which cannot be listed; it is a file
        return SavedModel(shown=shown, packed=location, warning=warning)
    try:
        folder = config.folder_at(location)
    except UploadError:  # a store that is only read
        return SavedModel(shown=shown, packed=location, warning=warning)
    if names := [file.name for file in folder.files()]:
        found = _only_file(folder, names)
        return SavedModel(shown=found.shown, packed=found.packed, warning=warning)
    # Not a folder; what it is else, the one above it knows.
    parent, _, name = location.rstrip("/").rpartition("/")
    found = _file_of(config.folder_at(parent or ("/" if location.startswith("/") else os.curdir)), name)
    return SavedModel(shown=found.shown, packed=found.packed, warning=warning)


def _only_file(folder: StorageFolder, names: list[str]) -> SavedModel:
    if len(names) != 1:
        found = f"{', '.join(map(repr, names[:_SHOWN]))}{' ...' if len(names) > _SHOWN else ''}"
        fix = "name the one with the weights by model_uri="
        raise ModelValidationException(
            f"{str(folder)!r} holds {len(names)} files, and an archive takes one: {found}: {fix}"
        )
    return _file_of(folder, names[0])


def _file_of(folder: StorageFolder, name: str) -> SavedModel:
    # Under the name that it was exported by (K66).
    packed = {posixpath.basename(name): folder.source(name)}
    return SavedModel(shown=f"{folder}/{name}", packed=packed)


def _shown(location: str | os.PathLike[str]) -> str:
    text = os.fspath(location)
    return hidden_url(text) if is_url(text) else text
