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
    news: str | None,
    files: Sequence[str],
    artifact: ServingArtifact | None,
    served: str | None,
    warnings: Sequence[str],
    findings: Sequence[Finding],
    secret: str | None,
) -> ModelDeployment:
    """Tell what was made, and return it as a value.

    ``news`` is what becomes of a canary; ``files`` are the manifests, the Secret's last; ``served`` is the saved
    model that is new in this step, and ``secret`` what to know of the Secret's file.
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
    share = made.canary_traffic_percentage
    if news is not None:
        tell(news)
    if served is not None:  # which of the exports was the newest, nobody else says
        tell(f"{service.name if share is None else 'the canary'} serves {served}")
    if artifact is not None:
        tell(f"uploaded to {made.uri}")
    for text in warnings:
        tell(text, "warning")
    for finding in findings:
        tell(": ".join(filter(None, [finding.place, finding.sentence])), _LEVELS[finding.severity])
    for path in files:
        tell(f"manifest {path}", "verbose")
    if secret is not None:
        tell(secret)
    tell(f"for the cluster: {' && '.join(made.commands)}")
    canary = "" if share is None else f", with a canary of {share} %"
    tell(f"in the cluster {service.name} is then at {made.url}{canary}")
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
    is_grpc = (service.protocol_version or "").startswith("grpc")
    return None if is_grpc else service.model_url(service.name)
