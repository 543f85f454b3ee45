"""The commands that read settings and snapshots, run in this process, and files for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from marpack.cli import main

GOOD = """\
# ours
inference_address=http://127.0.0.1:8080
management_address=http://127.0.0.1:8081
metrics_address=http://127.0.0.1:8082
job_queue_size=10
model_store=store
"""
ENTRY: dict[str, Any] = {
    "defaultVersion": True,
    "marName": "a.mar",
    "minWorkers": 1,
    "maxWorkers": 1,
    "batchSize": 1,
    "maxBatchDelay": 100,
    "responseTimeout": 120,
}
SNAPSHOT: dict[str, Any] = {"name": "x", "modelCount": 1, "models": {"a": {"1.0": ENTRY}}}
FINDING_KEYS = {"code", "severity", "key", "message", "fix", "reader", "file", "member", "line", "effect"}

# Each command that reads a file.
READERS = [
    ["config", "show", "FILE"],
    ["config", "show", "--all", "--resolve", "FILE"],
    ["config", "lint", "FILE"],
    ["config", "lint", "--target", "kserve", "--torchserve-version", "0.5.2", "--resolve", "FILE"],
    ["config", "set", "FILE", "job_queue_size=1"],
    ["config", "set", "FILE", "--unset", "job_queue_size"],
    ["snapshot", "show", "FILE"],
    ["snapshot", "lint", "FILE"],
    ["serve-build", "FILE"],
]


def words(command: list[str], file: str) -> list[str]:
    return [file if word == "FILE" else word for word in command]


def output(capsys: pytest.CaptureFixture[str], *command: str, status: int = 0) -> str:
    assert main(command) == status
    out, err = capsys.readouterr()
    assert err == ""
    return out


def complaint(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """Return the one line that a command fails with."""
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("marpack: error: ")
    assert err.count("\n") == 1
    return err


def strict_json(text: str) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def as_json(capsys: pytest.CaptureFixture[str], *command: str, status: int = 0) -> Any:
    assert main([*command, "--json"]) == status
    return strict_json(capsys.readouterr().out)
