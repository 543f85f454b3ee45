"""An InferenceService whose predictor is an image of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from marpack.errors import PlanError
from marpack.findings import Issue
from marpack.serving.kserve.grammar import INT32, count_issues, service_name_issues, text_issues, texts_issues
from marpack.serving.kserve.metadata import metadata
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.transformer import CONTAINER_NAME

# Where KServe asks a container that names no other.
_PORT = 8080


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomPredictor:
    """A service that runs an image: each field is a key of the document; None, and what is empty, is left out.

    ``min_replicas`` and ``max_replicas`` are how many of its containers there are. ``ready_path`` is where a
    container is asked, at its port 8080, whether it may be given requests; else it may once it listens there.

    Raises ``PlanError`` with everything that Kubernetes or KServe would refuse.
    """

    name: str
    image: str
    args: Sequence[str] = ()
    resources: Resources | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    ready_path: str | None = None

    def __post_init__(self) -> None:
        if issues := [*self._issues()]:
            raise PlanError(issues)

    def _issues(self) -> Iterator[Issue]:
        yield from service_name_issues("name", self.name)
        yield from text_issues("image", self.image, spaces=False)
        yield from texts_issues("args", self.args)
        if self.ready_path is not None:
            yield from text_issues("ready_path", self.ready_path, spaces=False)
        counts = {"min_replicas": self.min_replicas, "max_replicas": self.max_replicas}
        for argument, count in counts.items():
            if count is not None:
                yield from count_issues(argument, count, 0, INT32)
        if self.min_replicas and self.max_replicas and self.min_replicas > self.max_replicas:
            message = f"is {self.min_replicas}, more than max_replicas, {self.max_replicas}: correct one of them"
            yield Issue(code="bad-value", argument="min_replicas", message=message)

    def document(self) -> dict[str, Any]:
        """Return the document, its keys in a fixed order."""
        container: dict[str, Any] = {"name": CONTAINER_NAME, "image": self.image}
        if self.args:
            container["args"] = list(self.args)
        if self.resources is not None and (resources := self.resources.document()):
            container["resources"] = resources
        if self.ready_path is not None:
            container["ports"] = [{"containerPort": _PORT, "protocol": "TCP"}]
            container["readinessProbe"] = {"httpGet": {"path": self.ready_path, "port": _PORT}}
        predictor: dict[str, Any] = {}
        if self.min_replicas is not None:
            predictor["minReplicas"] = self.min_replicas
        if self.max_replicas is not None:
            predictor["maxReplicas"] = self.max_replicas
        predictor["containers"] = [container]
        return {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": metadata(self.name, None, None, None),
            "spec": {"predictor": predictor},
        }
