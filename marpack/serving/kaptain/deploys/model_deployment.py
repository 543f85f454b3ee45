"""What a call to ``deploy`` came to, as values: the same that it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marpack.display import hidden_url
from marpack.findings import Finding
from marpack.serving.deploy.deployment import ServingArtifact


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class ModelDeployment:
    """What KServe is to be told of a model, after ``deploy``, ``deploy_canary`` and the other calls.

    - ``uri``: the folder that KServe mounts, its ``storageUri``;
    - ``url``, ``predict_url``: the service in the cluster, and where requests go; the latter is None for gRPC;
    - ``files``: the manifests that were written, the Secret's last;
    - ``commands``: the lines for ``kubectl``;
    - ``documents``: what is in the files, with the keys that were asked for;
    - ``canary_traffic_percentage``: the share of a canary at ``uri``, None without one;
    - ``artifact``: what was uploaded, None where nothing was;
    - ``findings``: what ``marpack.check`` and the rules for KServe say; ``warnings``: these and others as text.
    """

    uri: str
    url: str
    predict_url: str | None
    files: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    documents: tuple[dict[str, Any], ...] = ()
    canary_traffic_percentage: int | None = None
    artifact: ServingArtifact | None = None
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        share = (
            ""
            if self.canary_traffic_percentage is None
            else f", canary_traffic_percentage={self.canary_traffic_percentage}"
        )
        return f"ModelDeployment(uri={hidden_url(self.uri)!r}, url={self.url!r}, files={self.files!r}{share})"
