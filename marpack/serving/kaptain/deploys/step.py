"""One step of a model's deploy: checked, made to happen, and told."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from marpack.config.text import properties
from marpack.findings import Finding
from marpack.packing import refuse
from marpack.serving.deploy.planned import PlannedDeployment
from marpack.serving.kaptain.deploys.arguments import Packing
from marpack.serving.kaptain.deploys.commit import settle
from marpack.serving.kaptain.deploys.manifest_files import ManifestFiles
from marpack.serving.kaptain.deploys.model_deployment import ModelDeployment
from marpack.serving.kaptain.deploys.record import Deployed, DeploymentRecord
from marpack.serving.kaptain.deploys.revision import Revision, literal_findings
from marpack.serving.kaptain.deploys.service_plan import predict_url
from marpack.serving.kaptain.values.described_model import DescribedModel
from marpack.serving.kaptain.values.told import Level, tell
from marpack.serving.kserve.cluster import cluster_findings
from marpack.serving.kserve.manifest import ServingManifest
from marpack.serving.kserve.protocol import protocol_findings, release_findings

# What a newer server does not take of Kaptain's own text.
_OF_THE_LITERAL_TEXT = {"envelope", "token", "kserve-port", "kserve-address"}

_LEVELS: dict[str, Level] = {"error": "error", "warning": "warning", "note": "verbose"}


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Step:
    """What is about to be ``deployed``: a ``revision`` to upload, if any, and the ``manifest`` of the whole."""

    model: DescribedModel
    revision: Revision | None
    manifest: ServingManifest
    files: ManifestFiles
    record: DeploymentRecord
    deployed: Deployed
    packing: Packing
    with_credentials: bool = False

    def take(self) -> None:
        """Check, upload and write, whole or not at all; then tell, and have the model hold what was told.

        Raises ``CheckError`` where the check is asked to refuse, before anything is sent.
        """
        self.files.require_ours(self.manifest)
        planned = None if self.revision is None else self.revision.fetched()
        mode = self.packing.check
        checked = (
            {}
            if planned is None
            else planned.checked("off" if mode == "off" else "warn", torch=self.packing.torch)
        )
        findings = (
            *(finding for found in checked.values() for finding in found),
            *self._settings_findings(planned),
            *self.manifest.findings,
        )
        refuse(findings, mode)
        keeps = self.files.keeps_secret(self.manifest, with_credentials=self.with_credentials)
        manifest = replace(self.manifest, secret=None) if keeps else self.manifest
        before = self.record.deployed
        artifact, written = settle(
            planned=planned,
            findings=checked,
            folder=None if self.revision is None else self.revision.folder,
            manifest=manifest,
            files=self.files,
            written_before=None if before is None else _text(before),
            record=self.record,
            deployed=self.deployed,
        )
        warning = self.files.secret_warning(self.manifest) if keeps else None
        texts = [
            *(() if self.revision is None else self.revision.warnings),
            *(() if artifact is None else artifact.warnings),
            *(() if warning is None else (warning,)),
        ]
        files = (*written, *((self.files.secret_path,) if keeps else ()))
        service = self.manifest.inference_service
        made = ModelDeployment(
            uri=service.storage_uri,
            url=service.url,
            predict_url=predict_url(service),
            files=files,
            commands=tuple(f"kubectl apply -f {shlex.quote(path)}" for path in reversed(files)),
            documents=tuple(self.manifest.documents()),
            canary_traffic_percent=service.canary_traffic_percent,
            artifact=artifact,
            findings=findings,
            warnings=(*texts, *(each.sentence for each in findings if each.severity != "note")),
        )
        self.model.renew_revision()
        self.model.deployment = made
        self._tell(made, texts, keeps=keeps)

    def _settings_findings(self, planned: PlannedDeployment | None) -> tuple[Finding, ...]:
        """Return where the settings, the service, its cluster and the server named do not agree (K305, K333)."""
        service, version = self.deployed.service, self.deployed.torchserve_version
        of_cluster = tuple(cluster_findings(service))
        if planned is None:
            return of_cluster
        found = protocol_findings(
            properties.loads(planned.deployment.config),
            service.protocol_version,
            torchserve_version=version,
            service_name=service.name,
            args=service.args,
            env=service.env,
        )
        literal = literal_findings(planned)
        if literal and planned.preset is not None:
            # One warning says it of the whole text.
            found = tuple(each for each in found if each.code not in _OF_THE_LITERAL_TEXT)
        return (*literal, *found, *release_findings(service, version), *of_cluster)

    def _tell(self, made: ModelDeployment, texts: Sequence[str], *, keeps: bool) -> None:
        """Say what was made: the folder, what to know of it, and what the cluster is to be told (K148)."""
        if made.artifact is not None and self.revision is not None:
            tell(f"packed {self.revision.weights}", "verbose")
            tell(f"uploaded to {made.uri}")
        for text in texts:
            tell(text, "warning")
        for finding in made.findings:
            tell(": ".join(filter(None, [finding.place, finding.sentence])), _LEVELS[finding.severity])
        for path in made.files:
            tell(f"manifest {path}", "verbose")
        secret = self.files.secret_path
        if keeps:
            tell(f"{secret!r} was there, and stays as it is for the keys that it may have")
        elif self.manifest.secret is not None and not self.with_credentials:
            tell(f"{secret!r} has placeholders: put the keys in before it is applied")
        tell(f"for the cluster: {'; '.join(made.commands)}")
        share = made.canary_traffic_percent
        canary = "" if share is None else f", with a canary of {share} %"
        tell(f"{self.manifest.inference_service.name} is then at {made.url}{canary}")
        if made.predict_url is not None:
            tell(f"requests go to {made.predict_url}")


def _text(deployed: Deployed) -> str:
    """Return the manifest that was written for what is deployed."""
    manifest = ServingManifest(inference_service=deployed.applied, service_account=deployed.service_account)
    return manifest.to_yaml()


def told_removal(model: DescribedModel, deployed: Deployed, files: ManifestFiles) -> ModelDeployment:
    """Tell how the cluster lets a model go, and return it as a value; what was uploaded stays (K162)."""
    service = deployed.applied
    paths = [path for path in (files.path, files.secret_path) if os.path.isfile(path)]
    if files.path in paths:
        lines = [f"kubectl delete -f {shlex.quote(path)}" for path in paths]
    else:
        space = f" -n {service.namespace}" if service.namespace else ""
        account = "" if deployed.service_account is None else f" serviceaccount/{service.service_account_name}"
        lines = [f"kubectl delete inferenceservice/{service.name}{account}{space}"]
    tell(f"{model.id!r} is not deployed any more, as soon as the cluster has been told:")
    for line in lines:
        tell(line)
    tell(f"what was uploaded stays: {service.storage_uri}")
    return ModelDeployment(
        uri=service.storage_uri,
        url=service.url,
        predict_url=predict_url(service),
        files=tuple(paths),
        commands=tuple(lines),
    )
