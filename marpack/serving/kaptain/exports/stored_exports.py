"""Where training leaves a model and deploying finds it: ``<base>/<id>/<phase>/<32 hex digits>`` (K176, K178)."""

from __future__ import annotations

import os
import uuid
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from marpack.archive.sources import Source
from marpack.display import brief_repr
from marpack.errors import TargetError
from marpack.findings import Issue
from marpack.remote.storage import StorageFolder, StoredFile
from marpack.remote.urls import is_url
from marpack.serving.kaptain.exports import metrics
from marpack.serving.kaptain.values.described_model import DescribedModel
from marpack.serving.kaptain.values.environment import PHASE, UPLOAD_PATH
from marpack.serving.kaptain.values.exceptions import ModelPlanError, ModelValidationException
from marpack.serving.kaptain.values.providers import PUBLIC_VARIABLES

Phase: TypeAlias = Literal["trained", "tuned"]

# A tuned model is the later one of two that a store has the same time for: tuning follows training.
PHASES: tuple[Phase, ...] = get_args(Phase)

# Where files go that are exported beside the model: they are not weights.
EXTRA_FILES = "extra_files"

_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """What one run of a trainer left: a folder, its own name, the files in it, and which phase it was."""

    name: str
    folder: StorageFolder
    files: tuple[StoredFile, ...]
    phase: Phase

    @property
    def weights(self) -> StoredFile:
        """The one file that a state_dict is (K178); ``ModelValidationException`` where there are several."""
        return weights_in(self.folder, self.files)


def weights_in(folder: StorageFolder, files: Sequence[StoredFile]) -> StoredFile:
    """Return the one file in an export's folder that a state_dict is; ``ModelValidationException`` without one."""
    found = [file for file in files if not file.name.startswith(f"{EXTRA_FILES}/")]
    if len(found) == 1:
        return found[0]
    names = ", ".join(repr(file.name) for file in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    message = (
        f"'{folder}' holds {len(found)} files, and a state_dict is one: {names or 'none'}{more}. Name the one by "
        "model_uri=, exported_model= or serving_config['serialized_file']"
    )
    raise ModelValidationException(message)


def packed_file(folder: StorageFolder, name: str) -> dict[str, Source]:
    """Return a file of a folder as an archive takes it, under the name that it was exported by (K66)."""
    return {name.rpartition("/")[2]: folder.source(name)}


def model_folder(model: DescribedModel) -> StorageFolder:
    """Return the folder of a model: its id below the storage.

    Raises ``ModelValidationException`` where no storage was given, ``ModelPlanError`` for an id that leads out.
    """
    storage = model.config.storage()
    try:
        return storage.child(model.id)
    except TargetError:
        message = f"{model.id!r} is no place below the storage: give an id without '.', '..' and empty parts"
        raise ModelPlanError([Issue(code="bad-value", argument="id", message=message)]) from None


def export_location(model: DescribedModel, phase: Phase = "trained") -> str:
    """Return a new location for an export, with the secrets of its URL; a path is absolute."""
    if phase not in PHASES:
        message = f"{brief_repr(phase)} is no phase that exports: choose from {', '.join(PHASES)}"
        raise ModelPlanError([Issue(code="bad-value", argument="phase", message=message)])
    location = model_folder(model).child(phase, uuid.uuid4().hex).location
    return location if is_url(location) else os.path.abspath(location)


def trainer_variables(model: DescribedModel, phase: Phase, *, with_credentials: bool) -> dict[str, str]:
    """Return what a trainer is told (K139): the phase, a new location, and how its store is reached."""
    found = {PHASE: phase, UPLOAD_PATH: export_location(model, phase)}
    provider = model.config.storage_config_provider
    if provider is not None:
        # Without the endpoint, the trainer would ask Amazon's store for the bucket.
        body = provider.get_secret_body()
        found |= {name: value for name, value in body.items() if with_credentials or name in PUBLIC_VARIABLES}
    return found


def newest_export(model: DescribedModel) -> Export:
    """Find what was exported last, in training or in tuning, and have the model remember it (K178).

    The time is that of the last change of any file; of two phases at one time, the tuned model is the later.
    Raises ``ModelValidationException`` where there is none, or where the store's times do not tell which.
    """
    folder = model_folder(model)
    found = _all_exports(folder)
    if not found:
        message = (
            f"nothing was exported to '{folder}/trained' or '{folder}/tuned', where deploy looks for weights: run "
            "the trainer with the variables of model.trainer_environment(), or name a saved model by model_uri=; "
            "for PyTorch also by serving_config['serialized_file'] or TorchServingArtifactBuilder(exported_model=)"
        )
        raise ModelValidationException(message)
    newest = newest_of(found)
    remember(model, newest)
    return newest


def recorded_metrics(model: DescribedModel, phase: Phase, name: str) -> dict[str, dict[str, float]] | None:
    """Return what a trainer has recorded beside the export that is called so, None where it has not."""
    return metrics.read(model_folder(model).child(phase), name)


def newest_of(found: Sequence[Export]) -> Export:
    """Return the latest of some exports; ``ModelValidationException`` where their times do not tell."""
    times = [_when(export) for export in found]
    latest = max(times)
    no_times = any(file.modified is None for export in found for file in export.files)
    newest = [export for export, time in zip(found, times, strict=True) if no_times or time == latest]
    if len(newest) > 1:
        names = ", ".join(repr(str(export.folder)) for export in newest[:_SHOWN])
        message = f"which of these exports is the newest, their times do not tell: {names}. Give model_uri="
        raise ModelValidationException(message)
    return newest[0]


def remember(model: DescribedModel, export: Export) -> None:
    """Have a model know an export: its state, its metrics, and a new revision when it is another one."""
    model.metrics = recorded_metrics(model, export.phase, export.name)
    model.state = export.phase
    if model.exported_model != str(export.folder):
        model.exported_model = str(export.folder)
        model.renew_revision()


def _all_exports(folder: StorageFolder) -> list[Export]:
    return [export for phase in PHASES for export in _exports(folder, phase)]


def _exports(folder: StorageFolder, phase: Phase) -> list[Export]:
    inside = folder.child(phase)
    found: dict[str, list[StoredFile]] = defaultdict(list)
    for file in inside.files():
        name, separator, rest = file.name.partition("/")
        # A model's id may be another's with a phase after it: dev/mnist and dev/mnist/trained.
        if separator and name not in (*PHASES, "deploy"):
            found[name].append(StoredFile(name=rest, size=file.size, modified=file.modified))
    exports = []
    for name, files in found.items():
        with suppress(TargetError):  # by such a name nothing can have been exported
            exports.append(Export(name=name, folder=inside.child(name), files=tuple(files), phase=phase))
    return exports


def _when(export: Export) -> tuple[float, int]:
    return max(file.modified or 0.0 for file in export.files), PHASES.index(export.phase)
