"""A saved model on its way to where KServe reads it: ``<base>/<id>/deploy/<32 hex digits>`` (K176, K177)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from marpack.errors import ConfigError, MarpackError, PlanError
from marpack.findings import Issue
from marpack.remote.storage import StorageFolder
from marpack.serving.deploy.model_build import ExportedModel
from marpack.serving.deploy.planned import PlannedDeployment
from marpack.serving.kaptain.artifacts.artifact_builder import ServingDraft, TorchServingArtifactBuilder
from marpack.serving.kaptain.deploys.arguments import Packing
from marpack.serving.kaptain.exports.saved_model import saved_folder, saved_model
from marpack.serving.kaptain.exports.stored_exports import model_folder
from marpack.serving.kaptain.values.described_model import DescribedModel

# Stands for a store that was not given, until everything else that is wrong is known.
STAND_IN = StorageFolder.of("s3://none/none")


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Revision:
    """What a deploy has KServe read: ``place``, and ``draft``, which is packed to there, None where nothing is.

    ``weights`` names the saved model, without secrets.
    """

    place: StorageFolder | str
    weights: str
    draft: ServingDraft | None = None
    warnings: tuple[str, ...] = ()

    @property
    def folder(self) -> StorageFolder | None:
        """The new folder that is filled, None where a place is served as it is."""
        return self.place if self.draft is not None and isinstance(self.place, StorageFolder) else None

    def fetched(self) -> PlannedDeployment | None:
        """Return what is packed, for which the saved model is asked for now."""
        return None if self.draft is None else self.draft.fetched()


def base_dir_of(model: DescribedModel) -> str:
    """Return the folder that the model's relative paths begin at (K192)."""
    return os.fsdecode(model.config.base_dir)


def home_of(model: DescribedModel, issues: list[Issue]) -> StorageFolder | None:
    """Return ``<base>/<id>/deploy``; None, with the issue, where there is no such place."""
    if problem := model.config.storage_problem():
        issues.append(Issue(code="missing-key", argument="base_model_storage_uri", message=problem))
        return None
    try:
        return model_folder(model).child("deploy")
    except PlanError as error:
        issues += error.issues
    except (MarpackError, OSError) as error:
        issues.append(Issue(code="bad-value", argument="base_model_storage_uri", message=str(error)))
    return None


def packed_revision(
    model: DescribedModel,
    home: StorageFolder,
    model_uri: str | os.PathLike[str] | None,
    packing: Packing,
    issues: list[Issue],
) -> Revision | None:
    """Return a new folder below ``home`` and what is packed into it; None, with what is wrong noted.

    Of the files and the export everything is known then, and nothing was read, written or sent.
    """
    saved = saved_model(model, model_uri, issues)
    config = dict(model.serving_config)
    if model_uri is not None:
        config.pop("serialized_file", None)
    # Where there is no saved model, what else is wrong is looked for all the same.
    exported: ExportedModel | None = (lambda: b"") if saved is None else saved.packed
    builder = TorchServingArtifactBuilder(
        DescribedModel(**{**model.properties(), "serving_config": config}),
        exported_model=exported,
        base_dir=base_dir_of(model),
        preset="kserve" if packing.is_for_current_kserve else "kaptain",
        torchserve_version=packing.torchserve_version,
        archive_format=packing.archive_format,
        timestamp=packing.timestamp,
        reproducible=packing.reproducible,
    )
    try:
        draft = builder.draft()
    except PlanError as error:
        issues += error.issues
        return None
    except ConfigError as error:
        issues += [finding.issue for finding in error.findings]
        return None
    if saved is None:
        return None
    warnings = (saved.warning,) if saved.warning else ()
    place = home.child(_new_folder_name())
    return Revision(place=place, weights=saved.shown, draft=draft, warnings=warnings)


def served_revision(
    model: DescribedModel, model_uri: str | os.PathLike[str] | None, issues: list[Issue]
) -> Revision | None:
    """Return the folder that a server of another framework loads as it is (K187)."""
    place = saved_folder(model, model_uri, issues)
    return None if place is None else Revision(place=place, weights=str(place))


def _new_folder_name() -> str:
    """Return 32 hex digits (K148)."""
    return os.urandom(16).hex()
