"""KServe's InferenceService, ``serving.kserve.io/v1beta1``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.transformer import Transformer

PredictorForm: TypeAlias = Literal["model", "pytorch"]
ScaleMetric: TypeAlias = Literal["cpu", "memory", "concurrency", "rps"]


@dataclass(frozen=True, kw_only=True, slots=True)
class InferenceService:
    """A model that KServe serves: every field is a key of the document (K300 to K314)."""

    name: str
    storage_uri: str
    namespace: str | None = None
    model_format: str = "pytorch"
    model_format_version: str | None = None
    protocol_version: str | None = None
    runtime: str | None = None
    runtime_version: str | None = None
    image: str | None = None
    form: PredictorForm = "model"
    resources: Resources | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    scale_target: int | None = None
    scale_metric: ScaleMetric | None = None
    container_concurrency: int | None = None
    timeout: int | None = None
    canary_traffic_percent: int | None = None
    service_account_name: str | None = None
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    transformer: Transformer | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the service in the cluster (K148)."""
        return f"http://{self.name}.{self.namespace or 'default'}.svc.cluster.local"

    def document(self) -> dict[str, Any]:
        """Return the document."""
        return {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": self.name},
            "spec": {
                "predictor": {
                    "model": {"modelFormat": {"name": self.model_format}, "storageUri": self.storage_uri}
                }
            },
        }
