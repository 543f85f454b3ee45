"""Models declared in a file, and ``marpack serve-build`` of it in this process."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import properties
from marpack.cli import main
from tests.support.folder_contents import unchanged

T = 1_600_000_000
MODEL: dict[str, Any] = {"model_name": "digits", "handler": "handler.py", "serialized_file": "net.pt"}

# As KServe's documentation has it.
KSERVE: list[dict[str, Any]] = [
    {
        "model-name": "mnist",
        "version": "1.0",
        "model-file": "model.py",
        "serialized-file": "net.pt",
        "extra-files": "a.json,b.json",
        "handler": "handler.py",
        "min-workers": 1,
        "max-workers": 3,
        "batch-size": 1,
        "max-batch-delay": 100,
        "response-timeout": 120,
        "requirements": "requirements.txt",
    },
    {
        "model-name": "squeezenet",
        "version": "2.0",
        "model-file": "",
        "serialized-file": "other.pt",
        "extra-files": "",
        "handler": "image_classifier",
        "min-workers": 2,
        "max-workers": 3,
        "batch-size": 4,
        "max-batch-delay": 50,
        "response-timeout": 60,
        "requirements": "",
    },
]


def declare(value: Any, file: str = "models.json") -> str:
    Path(file).write_text(value if isinstance(value, str) else json.dumps(value))
    return file


def build(capsys: pytest.CaptureFixture[str], value: Any, *words: str, file: str = "models.json") -> str:
    # Most of what is built here is no model: deploy/test_checking.py is about what the server would refuse.
    assert main(["serve-build", declare(value, file), "--check", "off", *words]) == 0
    out, err = capsys.readouterr()
    # KServe's own list asks for batches, which KServe's own envelope does not answer.
    assert [line for line in err.splitlines() if not line.endswith("[envelope-batch]")] == []
    return out


def complaints(
    capsys: pytest.CaptureFixture[str], value: Any, *words: str, file: str = "models.json"
) -> list[str]:
    """Return the lines that the command fails with; it writes nothing."""
    declare(value, file)
    with unchanged(Path()):
        assert main(["serve-build", file, *words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    lines: list[str] = err.splitlines()
    assert all(line.startswith("marpack: error: ") for line in lines)
    return [line.removeprefix("marpack: error: ") for line in lines]


def snapshot() -> dict[str, Any]:
    text = properties.loads(Path("deploy/config/config.properties").read_bytes())["model_snapshot"]
    document: dict[str, Any] = json.loads(text)
    return document


def members(file: str) -> set[str]:
    with zipfile.ZipFile(f"deploy/model-store/{file}") as archive:
        return set(archive.namelist()) - {"MAR-INF/MANIFEST.json"}


def assert_good(*codes: str) -> None:
    data = Path("deploy/config/config.properties").read_bytes()
    findings = marpack.lint_config(data, torchserve_version="0.12.0", model_store="deploy/model-store")
    assert [finding.code for finding in findings if finding.severity != "note"] == [*codes]
