"""What cases of manifests are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.checks.cases.case import HANDLER, Archive

FILES: dict[str, str | bytes] = {"handler.py": HANDLER}
GOOD = Archive(files=FILES)


def whole(text: str | bytes | Mapping[str, Any]) -> Archive:
    """An archive with this manifest."""
    return Archive(files=FILES, manifest=text)


def of(top: Mapping[str, Any] | None = None, /, **model: Any) -> Archive:
    """An archive with these keys in the manifest's model, or at its top; ``...`` leaves one out."""
    if top is None:
        return Archive(files=FILES, model={"handler": "handler.py", **model})
    return whole({key: value for key, value in {**values(**model), **top}.items() if value is not ...})


def values(**model: Any) -> dict[str, Any]:
    return {
        "createdOn": "25/11/2026 10:00:00",
        "runtime": "python",
        "model": {"modelName": "manifest-top", "modelVersion": "1.0", "handler": "handler.py", **model},
        "archiverVersion": "0.12.0",
    }


def written(name: str, **how: Any) -> str:
    return json.dumps(values(modelName=name), **how)


NULL = r"NullPointerException"
PARSE = r"Failed to parse signature\.json"
NO_NAME = r"Model name is not defined\."
STRICT = r"json\.decoder\.JSONDecodeError: "
JOIN = r"TypeError: join\(\) argument must be str"
