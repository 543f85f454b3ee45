"""A model in memory: packed as it is, or saved first. What it takes to make the model is not measured."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

from contenders import turns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# 512 MiB of weights, in a process that waits for its turn and then says what more memory it has taken.
MODEL = """
import sys
import torch
import marpack
from model_archiver import ModelArchiver, ModelArchiverConfig

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

arguments = dict(model_name="m", version="1.0", handler=sys.argv[1], archive_format="zip-store")
model = torch.nn.Sequential(*(torch.nn.Linear(4096, 4096, bias=False) for _ in range(8)))
before = peak()
print("ready", flush=True)
input()
"""
PACK: dict[str, str] = {
    "marpack from memory": """
marpack.pack(**arguments, serialized_file=model)
""",
    "marpack saved first": """
torch.save(model.state_dict(), "m.pt")
marpack.pack(**arguments, serialized_file="m.pt")
""",
    "official saved first": """
torch.save(model.state_dict(), "m.pt")
ModelArchiver.generate_model_archive(ModelArchiverConfig(**arguments, serialized_file="m.pt"))
""",
}
DONE = """
print(peak() - before, flush=True)
"""


@turns({"marpack from memory": 7, "marpack saved first": 7, "official saved first": 7})
def test_module(
    benchmark: Any,
    fresh: Callable[[], Path],
    environment: dict[str, str],
    handler: Path,
    contender: str,
    turn: int,
) -> None:
    folder = fresh()
    benchmark.group = "512 MiB of a torch module, zip-store"
    with subprocess.Popen(
        [sys.executable, "-c", MODEL + PACK[contender] + DONE, str(handler)],
        cwd=folder,
        env={**environment, "TMPDIR": str(folder / "temporary")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"

        def pack(said: Any = process.stdin, answer: Any = process.stdout) -> str:
            said.write("go\n")
            said.flush()
            line: str = answer.readline()
            return line

        benchmark.extra_info["peak"] = 1024 * int(benchmark.pedantic(pack))
    assert not process.returncode
    benchmark.extra_info["bytes"] = (folder / "m.mar").stat().st_size
