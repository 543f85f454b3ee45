"""What the builder of Kaptain's models makes of one in the current folder, and what lies in it."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from marpack.errors import PlanError
from marpack.serving import Model, TorchServingArtifactBuilder

if TYPE_CHECKING:
    from marpack.serving import ServingArtifact

T = 1_600_000_000
NAME = "dev-mnist"
MAR = f"{NAME}.mar"
SERVING = {"model_file": "model.py", "handler": "image_classifier"}

write_config_properties = TorchServingArtifactBuilder.write_config_properties


def serving_model(serving: dict[str, Any] | None = None, **changes: Any) -> Model:
    return Model(**{"id": "dev/mnist", "serving_config": {**SERVING, **(serving or {})}, **changes})


def build(model: Model, directory: str = "deploy", *, force: bool = False, **arguments: Any) -> ServingArtifact:
    return TorchServingArtifactBuilder(model, **{"timestamp": T, **arguments}).build(directory, force=force)


def members(result: ServingArtifact) -> set[str]:
    with zipfile.ZipFile(result.archive.path) as archive:
        return set(archive.namelist()) - {"MAR-INF/MANIFEST.json"}


def content(result: ServingArtifact, name: str) -> bytes:
    with zipfile.ZipFile(result.archive.path) as archive:
        return archive.read(name)


def manifest(result: ServingArtifact) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(content(result, "MAR-INF/MANIFEST.json"))
    return document


def arguments_at_fault(error: PlanError) -> list[str]:
    return sorted(issue.argument for issue in error.issues)


class Export:
    """Training's export, which counts how often it is asked for."""

    def __init__(self, value: Any = "net.pt") -> None:
        self.calls = 0
        self.value = value

    def __call__(self) -> Any:
        self.calls += 1
        return self.value
