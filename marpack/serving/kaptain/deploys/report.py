"""What a call came to, told and kept: where things are, what to know of them, what to tell the cluster (K148)."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from marpack.findings import Finding
from marpack.serving.deploy.deployment import ServingArtifact
from marpack.serving.kaptain.deploys.manifest_files import ManifestFiles
from marpack.serving.kaptain.deploys.model_deployment import ModelDeployment
from marpack.serving.kaptain.deploys.record import Deployed
from marpack.serving.kaptain.values.told import Level, tell
from marpack.serving.kserve.inference_service import InferenceService
from marpack.serving.kserve.manifest import ServingManifest

_LEVELS: dict[str, Level] = {"error": "error", "warning": "warning", "note": "verbose"}


def report_step(
    manifest: ServingManifest,
    *,
    files: Sequence[str],
    artifact: ServingArtifact | None,
    packed: str | None,
    warnings: Sequence[str],
    findings: Sequence[Finding],
    secret: str | None,
) -> ModelDeployment:
    """Tell what was made, and return it as a value.

    ``files`` are the manifests, the Secret's last; ``packed`` is the saved model that is in the ``artifact``, and
    ``secret`` what to know of the Secret's file.
    """
    service = manifest.inference_service
    made = ModelDeployment(
        uri=service.storage_uri,
        url=service.url,
        predict_url=predict_url(service),
        files=tuple(files),
        commands=tuple(f"kubectl apply -f {shlex.quote(path)}" for path in reversed(files)),
        documents=tuple(manifest.documents()),
        canary_traffic_percentage=service.canary_traffic_percent,
        artifact=artifact,
        findings=tuple(findings),
        warnings=(*warnings, *(each.sentence for each in findings if each.severity != "note")),
    )
    if artifact is not None:
        tell(f"packed {packed}", "verbose")
        tell(f"uploaded to {made.uri}")
    for text in warnings:
        tell(text, "warning")
    for finding in findings:
        tell(": ".join(filter(None, [finding.place, finding.sentence])), _LEVELS[finding.severity])
    for path in files:
        tell(f"manifest {path}", "verbose")
    if secret is not None:
        tell(secret)
    tell(f"for the cluster: {'; '.join(made.commands)}")
    share = made.canary_traffic_percentage
    canary = "" if share is None else f", with a canary of {share} %"
    tell(f"{service.name} is then at {made.url}{canary}")
    if made.predict_url is not None:
        tell(f"requests go to {made.predict_url}")
    return made


def report_removal(model_id: str, deployed: Deployed, files: ManifestFiles) -> ModelDeployment:
    """Tell how the cluster lets a model go, and return it as a value; what was uploaded stays (K162)."""
    service = deployed.applied
    paths = [path for path in (files.path, files.secret_path) if os.path.isfile(path)]
    if files.path in paths:
        commands = [f"kubectl delete -f {shlex.quote(path)}" for path in paths]
    else:
        space = f" -n {service.namespace}" if service.namespace else ""
        account = "" if deployed.service_account is None else f" serviceaccount/{service.service_account_name}"
        commands = [f"kubectl delete inferenceservice/{service.name}{account}{space}"]
    tell(f"{model_id!r} is not deployed any more, as soon as the cluster has been told:")
    for line in commands:
        tell(line)
    tell(f"what was uploaded stays: {service.storage_uri}")
    return ModelDeployment(
        uri=service.storage_uri,
        url=service.url,
        predict_url=predict_url(service),
        files=tuple(paths),
        commands=tuple(commands),
    )


def predict_url(service: InferenceService) -> str | None:
    """Return where requests go, None for gRPC (K171, K172)."""
    protocol = service.protocol_version or "v1"
    paths = {"v1": f"/v1/models/{service.name}:predict", "v2": f"/v2/models/{service.name}/infer"}
    return f"{service.url}{paths[protocol]}" if protocol in paths else None
