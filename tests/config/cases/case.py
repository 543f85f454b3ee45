"""What a case of lint is, and what the texts of several are made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from marpack import Finding, Manifest, ManifestModel

if TYPE_CHECKING:
    from collections.abc import Iterable

STORE = "model_store=store\n"

ENTRY = {"defaultVersion": True, "marName": "m.mar", **dict.fromkeys(["minWorkers", "maxWorkers", "batchSize"], 1)}
SNAPSHOT = json.dumps({"modelCount": 1, "models": {"m": {"1.0": {**ENTRY, "maxBatchDelay": 1}}}})


def models(**values: object) -> str:
    return f"load_models=m.mar\nmodels={json.dumps({'m': {'1.0': values}})}"


def manifests(**model: Any) -> dict[str, Manifest]:
    return {"m.mar": Manifest(model=ManifestModel(model_name="m", **model))}


# What KServe's wrapper needs beside what a case is about.
SERVED = f"model_snapshot={SNAPSHOT}\n"


class Case(NamedTuple):
    """A text with what is found in it, and one near it in which nothing is; what else lint is told."""

    wrong: str | bytes
    found: set[tuple[str, str, str]]
    near: str | bytes
    told: dict[str, Any] = {}  # noqa: RUF012 - nobody writes to it
    told_near: dict[str, Any] | None = None


KSERVE = {"target": "kserve", "torchserve_version": "0.9.0"}


def with_store(text: str | bytes) -> str | bytes:
    return STORE + text if isinstance(text, str) else STORE.encode() + text


def triples(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    return sorted((finding.code, finding.severity, finding.key) for finding in findings)
