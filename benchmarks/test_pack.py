"""Packing, whole process: marpack, the official tool, plain ``zipfile``, and ``cp``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Measure = Callable[[list[str]], None]

ZIPFILE = """
import sys, zipfile
out, method, *paths = sys.argv[1:]
with zipfile.ZipFile(out, "w", int(method)) as archive:
    for path in paths:
        archive.write(path, path.rpartition("/")[2])
"""

SMALL_ZIPFILE = """
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    for name in sorted(os.listdir(sys.argv[2])):
        archive.write(os.path.join(sys.argv[2], name), name)
"""


def archiver(contender: str, inputs: Path, archive_format: str, *options: str) -> list[str]:
    program = {
        "marpack": [sys.executable, "-m", "marpack", "pack"],
        "official": [
            *(sys.executable, "-c"),
            "from model_archiver.model_packaging import generate_model_archive as main; main()",
        ],
    }[contender]
    mandatory = ["--model-name", "m", "--version", "1.0", "--handler", str(inputs / "handler.py")]
    return [*program, *mandatory, "--archive-format", archive_format, *options]


def command(contender: str, inputs: Path, archive_format: str, weights: Path) -> list[str]:
    if contender == "cp":
        return ["cp", str(weights), "m.mar"]
    if contender == "zipfile":
        return [
            sys.executable,
            "-c",
            ZIPFILE,
            "m.mar",
            "0" if archive_format == "zip-store" else "8",
            str(weights),
        ]
    return archiver(contender, inputs, archive_format, "--serialized-file", str(weights))


@pytest.mark.parametrize("contender", ["marpack", "official", "zipfile", "cp"])
def test_small_model(benchmark: Any, measure: Measure, inputs: Path, contender: str) -> None:
    benchmark.group = "start to end of a model of one handler"
    measure(command(contender, inputs, "default", inputs / "handler.py"))


@pytest.mark.parametrize("contender", ["marpack", "official", "zipfile", "cp"])
@pytest.mark.parametrize("mebibytes", [64, 512])
def test_stored_weights(benchmark: Any, measure: Measure, inputs: Path, contender: str, mebibytes: int) -> None:
    benchmark.group = f"zip-store, {mebibytes} MiB of weights"
    measure(command(contender, inputs, "zip-store", inputs / f"{mebibytes}.pt"))


@pytest.mark.parametrize("contender", ["marpack", "official", "zipfile", "cp"])
def test_deflated_weights(benchmark: Any, measure: Measure, inputs: Path, contender: str) -> None:
    benchmark.group = "default, 64 MiB of weights"
    measure(command(contender, inputs, "default", inputs / "64.pt"))


@pytest.mark.parametrize("contender", ["marpack", "official", "zipfile", "cp"])
def test_small_files(benchmark: Any, measure: Measure, inputs: Path, contender: str) -> None:
    benchmark.group = "default, 5,000 small extra files"
    small = str(inputs / "small")
    commands = {
        "zipfile": [sys.executable, "-c", SMALL_ZIPFILE, "m.mar", small],
        "cp": ["cp", "-r", small, "m"],
    }
    measure(commands.get(contender) or archiver(contender, inputs, "default", "--extra-files", small))


@pytest.mark.parametrize("contender", ["marpack", "official", "nothing"])
def test_import(benchmark: Any, measure: Measure, contender: str) -> None:
    benchmark.group = "import alone"
    code = {
        "marpack": "import marpack",
        "official": "import model_archiver.model_packaging",
        "nothing": "pass",
    }[contender]
    measure([sys.executable, "-c", code])
