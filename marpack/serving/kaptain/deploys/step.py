"""One step of a model's deploy: checked, then uploaded, written and recorded, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from marpack.errors import MarpackError
from marpack.findings import Finding
from marpack.packing import refuse
from marpack.remote.storage import StorageFolder
from marpack.serving.deploy.deployment import ServingArtifact
from marpack.serving.deploy.planned import PlannedDeployment
from marpack.serving.kaptain.deploys.arguments import Packing
from marpack.serving.kaptain.deploys.findings import find_disagreement
from marpack.serving.kaptain.deploys.manifest_files import ManifestFiles
from marpack.serving.kaptain.deploys.record import Deployed, DeploymentRecord
from marpack.serving.kaptain.deploys.report import report_step
from marpack.serving.kaptain.deploys.revision import Revision
from marpack.serving.kaptain.deploys.signed_weights import with_signed_weights
from marpack.serving.kaptain.values.described_model import DescribedModel
from marpack.serving.kaptain.values.told import tell
from marpack.serving.kserve.manifest import ServingManifest
from marpack.serving.kserve.secret_file import holds_keys


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Step:
    """What is about to be ``deployed``: a ``revision`` to upload, if any, and the ``manifest`` of the whole.

    ``news`` is what is to be told of it first.
    """

    model: DescribedModel
    revision: Revision | None
    manifest: ServingManifest
    files: ManifestFiles
    record: DeploymentRecord
    deployed: Deployed
    packing: Packing
    with_credentials: bool = False
    news: str | None = None

    def take(self) -> None:
        """Check, upload, write and record; then tell, and have the model hold what was told.

        Raises ``CheckError`` where the check is asked to refuse, before anything is sent.
        """
        self.files.require_ours(self.manifest)
        planned = None if self.revision is None else self.revision.fetched()
        signed = planned  # what is checked is read here and there, what is signed from its beginning
        if planned is not None and self.packing.signature is not None:
            signed = with_signed_weights(planned, self.packing.signature)
        checked = self._checked(planned)
        findings = [finding for found in checked.values() for finding in found]
        if planned is not None:
            findings += find_disagreement(planned, self.deployed.service, self.deployed.torchserve_version)
        findings += self.manifest.findings
        refuse(findings, self.packing.check)

        keeps_secret = self.files.keeps_secret(self.manifest, with_credentials=self.with_credentials)
        artifact, files = self._happen(signed, checked, keeps_secret=keeps_secret)
        warnings = [
            *(() if self.revision is None else self.revision.warnings),
            *(() if artifact is None else artifact.warnings),
        ]
        secret_path, secret = self.files.secret_path, None
        if self.manifest.secret is not None and not self.with_credentials:
            secret = f"{secret_path!r} has placeholders: put the keys in before it is applied"
        if keeps_secret:
            files = (*files, secret_path)
            if holds_keys(secret_path):
                secret = f"{secret_path!r} was there, and stays as it is for the keys in it"
            if warning := self.files.secret_warning(self.manifest):
                warnings.append(warning)
        self.model.renew_revision()
        self.model.deployment = report_step(
            self.manifest,
            news=self.news,
            files=files,
            artifact=artifact,
            served=None if self.revision is None else self.revision.weights,
            warnings=warnings,
            findings=findings,
            secret=secret,
        )

    def _checked(self, planned: PlannedDeployment | None) -> dict[str, tuple[Finding, ...]]:
        if planned is None or self.packing.check == "off":
            return {}
        # It refuses nothing by itself: what is found elsewhere is told with it.
        return planned.checked("warn", torch=self.packing.torch)

    def _happen(
        self, planned: PlannedDeployment | None, checked: Mapping[str, tuple[Finding, ...]], *, keeps_secret: bool
    ) -> tuple[ServingArtifact | None, tuple[str, ...]]:
        """Upload what is planned, write the manifests, and then the record, which alone says what is deployed.

        After an error, or when interrupted, what was uploaded is removed and the manifests are as they were. Where
        the store does not answer whether it has taken the new record, what that would name stays.
        """
        folder = None if self.revision is None else self.revision.folder
        manifest = replace(self.manifest, secret=None) if keeps_secret else self.manifest
        before = None if self.record.deployed is None else self.record.deployed.serving_manifest().to_yaml()
        artifact = None
        try:
            if planned is not None and folder is not None:
                artifact = planned.put(folder, findings=checked)
            with self.files.replaced(manifest, before, must_stay=self.record.may_be_written):
                files = self.files.write(manifest)
                self.record.write(self.deployed)
        except BaseException:
            if artifact is not None and folder is not None and not self.record.may_be_written():
                _remove(folder)
            raise
        return artifact, files


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
