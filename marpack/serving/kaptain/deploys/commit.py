"""Make a deploy happen, whole or not at all: what is uploaded, the manifests, and the record of it."""

from __future__ import annotations

from collections.abc import Mapping

from marpack.errors import MarpackError
from marpack.findings import Finding
from marpack.remote.storage import StorageFolder
from marpack.serving.deploy.deployment import ServingArtifact
from marpack.serving.deploy.planned import PlannedDeployment
from marpack.serving.kaptain.deploys.manifest_files import ManifestFiles
from marpack.serving.kaptain.deploys.record import Deployed, DeploymentRecord
from marpack.serving.kaptain.values.told import tell
from marpack.serving.kserve.manifest import ServingManifest


def settle(
    *,
    planned: PlannedDeployment | None,
    findings: Mapping[str, tuple[Finding, ...]],
    folder: StorageFolder | None,
    manifest: ServingManifest,
    files: ManifestFiles,
    written_before: str | None,
    record: DeploymentRecord,
    deployed: Deployed,
) -> tuple[ServingArtifact | None, tuple[str, ...]]:
    """Upload to ``folder`` what is planned, write the manifests, and then the record.

    After an error, or when interrupted, what was uploaded is removed and the manifests are as they were: the
    record alone says what is deployed. Where the store does not answer whether it has taken the new record, what
    that would name stays. ``findings`` are those of the check; ``written_before`` is as for
    ``ManifestFiles.replaced``.
    """
    artifact = None
    try:
        if planned is not None and folder is not None:
            artifact = planned.put(folder, findings=findings)
        with files.replaced(manifest, written_before, must_stay=record.may_be_written):
            written = files.write(manifest)
            record.write(deployed)
    except BaseException:
        if artifact is not None and folder is not None and not record.may_be_written():
            _remove(folder)
        raise
    return artifact, written


def _remove(folder: StorageFolder) -> None:
    """Remove what this call has put; what it cannot remove, nothing refers to."""
    try:
        # The settings first: without them nobody takes the folder for whole.
        folder.remove(
            sorted((file.name for file in folder.files()), key=lambda name: not name.startswith("config/"))
        )
    except (MarpackError, OSError) as error:
        tell(
            f"{str(folder)!r} was uploaded by the call that failed, and is still there ({error}): remove it",
            "warning",
        )
