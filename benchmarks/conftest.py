"""Inputs of the benchmarks, and how a contender is run."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

MIB = 1 << 20


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A handler, weights of 64 and 512 MiB that deflate as floats do, and 5,000 small files."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "handler.py").write_text("def handle(data, context): return data\n")
    noise = random.Random(0)
    # Three noisy bytes and one of little variety, as in the exponents of float32 weights.
    piece = bytearray(noise.randbytes(MIB))
    piece[3::4] = noise.choices(b"\x3b\x3c\x3d\xbb\xbc\xbd", k=MIB // 4)
    for mebibytes in (64, 512):
        with open(folder / f"{mebibytes}.pt", "wb") as file:
            for number in range(mebibytes):
                piece[0 : MIB // 2] = piece[number + 1 : number + 1 + MIB // 2]
                file.write(piece)
    small = folder / "small"
    small.mkdir()
    for number in range(5000):
        (small / f"{number}.txt").write_text(f"line {number}\n" * 40)
    yield folder
    shutil.rmtree(folder)


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    machine_info["zlib"] = zlib.ZLIB_RUNTIME_VERSION


@pytest.fixture
def measure(benchmark: Any, tmp_path: Path) -> Callable[[list[str]], None]:
    """Time a whole process, from start to end, in a folder that is empty each time."""
    # An installed package is compiled once, whatever the shell says about this run.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def run(command: list[str]) -> None:
        out = tmp_path / "out"

        def setup() -> None:
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()

        benchmark.pedantic(
            lambda: subprocess.run(command, cwd=out, env=environment, check=True, stdout=subprocess.DEVNULL),
            setup=setup,
            rounds=3,
            warmup_rounds=1,
        )
        shutil.rmtree(out)

    return run
