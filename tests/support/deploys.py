"""Models of the digits example, ready to be deployed, and what a deploy left."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]

from marpack.kaptain import Config, Model

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

DIGITS = Path(__file__).parents[1] / "models" / "digits"
SERVING = {
    "model_file": "model.py",
    "handler": "handler.py",
    "serialized_file": "digits.pt",
    "extra_files": "index_to_name.json",
}
ID, NAME = "dev/mnist", "dev-mnist"
T = 1_600_000_000


def fill(folder: Path) -> None:
    """Put the files of the example into a folder."""
    for file in DIGITS.iterdir():
        if file.is_file():
            shutil.copy(file, folder)


def digits_model(storage: str | Path | None = "store", **changes: Any) -> Model:
    """Describe the example; what is not described otherwise lies in the current folder."""
    config = changes.pop("config", None) or (Config(base_model_storage_uri=storage) if storage else Config())
    return Model(**{"id": ID, "framework": "pytorch", "config": config, "serving_config": SERVING, **changes})


def documents(path: str | Path = f"{NAME}.yaml") -> dict[str, dict[str, Any]]:
    """Return the documents of a manifest by their kind."""
    return {each["kind"]: each for each in yaml.safe_load_all(Path(path).read_text())}


def service(path: str | Path = f"{NAME}.yaml") -> dict[str, Any]:
    """Return the InferenceService of a manifest."""
    return documents(path)["InferenceService"]


def predictor(path: str | Path = f"{NAME}.yaml") -> dict[str, Any]:
    found: dict[str, Any] = service(path)["spec"]["predictor"]
    return found


def storage_uri(path: str | Path = f"{NAME}.yaml") -> str:
    uri: str = predictor(path)["model"]["storageUri"]
    return uri


def record(store: str | Path = "store", model_id: str = ID) -> dict[str, Any]:
    """Return what the store remembers."""
    found: dict[str, Any] = json.loads(Path(store, model_id, "deploy", "deployment.json").read_bytes())
    return found


def tree(*folders: str | Path) -> dict[str, bytes]:
    """Return all files in folders with their contents; half-built ones too."""
    return {str(path): path.read_bytes() for path in files_in(folders)}


def files_in(folders: Iterable[str | Path]) -> list[Path]:
    return sorted(path for folder in folders for path in Path(folder).rglob("*") if path.is_file())


def said(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> str:
    return "\n".join(each.getMessage() for each in caplog.records if each.levelno >= level)
