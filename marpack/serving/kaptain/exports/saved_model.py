"""Which saved model is deployed: one that is named, ``serving_config``'s, or the newest export (K140, K178)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from marpack.archive.sources import Source
from marpack.display import hidden_url
from marpack.errors import MarpackError, PlanError, UploadError
from marpack.findings import Issue
from marpack.remote.storage import StorageFolder
from marpack.remote.urls import is_url, scheme_of
from marpack.serving.kaptain.exports.stored_exports import newest_export, packed_file, weights_in
from marpack.serving.kaptain.values.config import Config
from marpack.serving.kaptain.values.described_model import DescribedModel

_WEB = {"http", "https"}


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
            warning = f"serialized_file of serving_config is not packed: model_uri names {_shown(model_uri)!r}"
            return replace(_named(model.config, os.fspath(model_uri)), warning=warning if own else None)
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


def _named(config: Config, location: str) -> SavedModel:
    named = SavedModel(shown=_shown(location), packed=location)
    if scheme_of(location) in _WEB:  # which cannot be listed; it is a file
        return named
    try:
        folder = config.folder_at(location)
    except UploadError:  # a store that is only read
        return named
    if files := folder.files():
        return _file_of(folder, weights_in(folder, files).name)
    # Not a folder; what it is else, the one above it knows.
    parent, _, name = location.rstrip("/").rpartition("/")
    return _file_of(config.folder_at(parent or ("/" if location.startswith("/") else os.curdir)), name)


def _file_of(folder: StorageFolder, name: str) -> SavedModel:
    return SavedModel(shown=f"{folder}/{name}", packed=packed_file(folder, name))


def _shown(location: str | os.PathLike[str]) -> str:
    text = os.fspath(location)
    return hidden_url(text) if is_url(text) else text
