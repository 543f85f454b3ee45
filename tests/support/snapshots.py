"""Model snapshots, texts of them, and the manifests of archives that they name."""

from __future__ import annotations

import json

from marpack import Manifest, ManifestModel, ModelSnapshot, SnapshotEntry

SNAPSHOT = ModelSnapshot(models={"m": {"1.0": SnapshotEntry(mar_name="m.mar")}})
ENTRY = {
    "defaultVersion": True,
    "marName": "m.mar",
    "minWorkers": 1,
    "maxWorkers": 2,
    "batchSize": 4,
    "maxBatchDelay": 50,
}


def snapshot(count: object = 1, **changes: object) -> str:
    """Return the text of a snapshot of one version, with changed settings; ... leaves one out."""
    entry = {key: value for key, value in {**ENTRY, **changes}.items() if value is not ...}
    return json.dumps({"modelCount": count, "models": {"m": {"1.0": entry}}})


def of(models: object, count: object = None, **others: object) -> str:
    return json.dumps({**({} if count is None else {"modelCount": count}), "models": models, **others})


def manifest(name: str | None = "m", version: str | None = None) -> Manifest:
    return Manifest(model=ManifestModel(model_name=name, model_version=version))
