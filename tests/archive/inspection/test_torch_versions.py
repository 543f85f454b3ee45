"""Which torch reads a file: the tables, held against the torch of the tests, and an old one where there is one.

Debian 12 has torch 1.13 (apt-get install python3-torch), for its own Python.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from marpack.archive.inspection import torch_versions
from marpack.archive.inspection.torch_versions import (
    Readers,
    numpy_of_names,
    readers_of_code,
    readers_of_dtypes,
    readers_of_format,
    readers_of_names,
    readers_of_schema,
)
from marpack.archive.inspection.weights import describe_weights
from tests.checks.cases.weights import of_zip
from tests.checks.cases.weights_torch import program
from tests.support.torch_page import PAGE, page

DEBIANS = Path("/usr/bin/python3")

# What is there: of names and modules as pickle finds them, and of operators.
ASK = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
import torch
names, operators = json.load(sys.stdin)
def has(name):
    module, _, last = name.rstrip(".").rpartition(".")
    try:
        if name.endswith("."):
            return bool(importlib.import_module(name[:-1]))
        return hasattr(importlib.import_module(module), last)
    except Exception:
        return False
known = {schema.name for schema in torch._C._jit_get_all_schemas()}
version = [int(part) for part in torch.__version__.split(".")[:2]]
called = [name for name in operators if f"aten::{name}" in known]
print(json.dumps([version, [name for name in names if has(name)], called]))
"""

# Files of today: what torch and numpy write for things old and new.
WRITE = """
import sys, warnings
warnings.simplefilter("ignore")
import numpy, torch
from torch.nn import functional
folder = sys.argv[1]
class Attention(torch.nn.Module):
    def forward(self, x):
        return functional.scaled_dot_product_attention(x, x, x)
class Layers(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.GELU(),
            torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2))
    def forward(self, x):
        return self.layers(x)
marked = torch.nn.Parameter(torch.zeros(2))
marked.mine = 1
linear = torch.nn.Linear(2, 1)
class Shifted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("shift", torch.ones(2, dtype=torch.uint16))
    def forward(self, x):
        return x + self.shift.to(torch.float32)
class Resized(torch.nn.Module):
    def forward(self, x):
        return functional.interpolate(x, scale_factor=2.0, mode="nearest")
scripts = {"shifted": Shifted(), "attention": Attention(), "layers": Layers(), "norm": torch.nn.RMSNorm(4)}
scripts["resized"] = Resized()
scripts["lstm"] = torch.nn.LSTM(3, 4)
for name, module in scripts.items():
    torch.jit.script(module).save(f"{folder}/script-{name}.pt")
torch.jit.trace(Layers().eval(), torch.zeros(1, 3, 8, 8)).save(f"{folder}/script-traced.pt")
objects = {
    "state": linear.state_dict(), "module": linear, "norm": torch.nn.RMSNorm(2), "marked": {"a": marked},
    "uint16": {"a": torch.zeros(2, dtype=torch.uint16)}, "bfloat16": {"a": torch.zeros(2, dtype=torch.bfloat16)},
    "scaler": torch.amp.GradScaler("cpu", enabled=False), "optimizer": torch.optim.Adafactor([marked]),
    "float8": {"a": torch.zeros(2).to(torch.float8_e4m3fn)}, "array": {"a": torch.zeros(2), "b": numpy.zeros(3)},
    "nested": torch.nested.nested_tensor([torch.zeros(2)]), "meta": torch.zeros(2, device="meta"),
    "checkpoint": {"model": linear.state_dict(), "optimizer": torch.optim.AdamW(linear.parameters()).state_dict()},
}
for name, value in objects.items():
    torch.save(value, f"{folder}/object-{name}.pt")
"""

READ = """
import glob, json, os, sys, warnings
warnings.simplefilter("ignore")
import torch
said = {}
for path in glob.glob(f"{sys.argv[1]}/*.pt"):
    name = os.path.basename(path)
    try:
        (torch.jit.load if name.startswith("script") else torch.load)(path)
        said[name] = ""
    except Exception as error:
        said[name] = f"{type(error).__name__}: {error}"
print(json.dumps([[int(part) for part in torch.__version__.split(".")[:2]], said]))
"""


def run(python: Path | str, script: str, *arguments: object, given: object = None) -> Any:
    with tempfile.TemporaryDirectory() as folder:  # TorchScript reads the source of what it is made of
        path = Path(folder, "script.py")
        path.write_text(script, encoding="ascii")
        command = [str(python), str(path), *map(str, arguments)]
        done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None


@pytest.fixture(scope="module")
def old() -> Path:
    """Return Debian's Python, if it has a torch."""
    found = DEBIANS.exists() and subprocess.run([DEBIANS, "-c", "import torch"], capture_output=True, check=False)
    if not found or found.returncode:
        pytest.skip("needs an old torch: Debian's python3-torch")
    return DEBIANS


def hold_tables_against(python: Path | str) -> tuple[int, int]:
    firsts, lasts, operators = torch_versions._FIRST, torch_versions._LAST, torch_versions._FIRST_OPERATORS
    numbers, names, calls = run(python, ASK, given=[[*firsts, *lasts], [*operators]])
    version = (numbers[0], numbers[1])
    every = {name: (firsts.get(name, (0, 0)), lasts.get(name, (99, 0))) for name in (*firsts, *lasts)}
    assert set(names) == {name for name, (first, last) in every.items() if first <= version <= last}
    assert set(calls) == {name for name, first in operators.items() if first <= version}
    return version


@pytest.mark.slow
def test_the_tables_are_true_of_the_torch_of_the_tests() -> None:
    assert hold_tables_against(sys.executable) > (2, 0)


@pytest.mark.slow
def test_the_tables_are_true_of_an_old_torch(old: Path) -> None:
    assert hold_tables_against(old) < (2, 0)


@pytest.mark.slow
def test_an_old_torch_reads_what_is_said_that_it_does(old: Path, tmp_path: Path) -> None:
    run(sys.executable, WRITE, tmp_path)
    numbers, said = run(old, READ, tmp_path)
    version = f"{numbers[0]}.{numbers[1]}"
    assert len(said) > 10
    found = {}
    for name in said:
        with (tmp_path / name).open("rb") as file:
            weights = describe_weights(file, (tmp_path / name).stat().st_size)
        newer = weights.torch_from is not None and as_numbers(weights.torch_from) > as_numbers(version)
        found[name] = newer or weights.numpy_from is not None
    assert found == {name: bool(error) for name, error in said.items()}, said
    assert "Unknown builtin op: aten::rms_norm" in said["script-norm.pt"]
    assert "Can't get attribute 'RMSNorm'" in said["object-norm.pt"]
    assert "No module named 'numpy._core'" in said["object-array.pt"]


def as_numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(".")]


def test_the_page_is_made_from_the_tables() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.support.torch_page"


def test_names() -> None:
    assert readers_of_names(["torch.FloatStorage", "net.Net", "numpy.ndarray"]) == Readers()
    assert readers_of_names(["torch.uint16"]) == Readers(since=(2, 3), because=("torch.uint16",))
    both = readers_of_names(["torch.uint16", "torch.nn.modules.normalization.RMSNorm", "torch.Size"])
    assert both == Readers(since=(2, 4), because=("torch.nn.modules.normalization.RMSNorm",))
    inside = readers_of_names(["torch.distributed.device_mesh.DeviceMesh"])
    assert inside == Readers(since=(2, 2), because=("torch.distributed.device_mesh.DeviceMesh",))
    gone = readers_of_names(["torch.ao.quantization.quantizer.quantizer.QuantizationSpec"])
    assert (gone.since, gone.until) == ((2, 1), (2, 10))
    assert readers_of_dtypes(["float32", None, "float8_e5m2"]).since == (2, 1)
    assert numpy_of_names(["numpy.core.multiarray._reconstruct", "numpy._corelib.x"]) is None
    assert numpy_of_names(["numpy._core.multiarray._reconstruct"]) == "1.26.1"


def test_operators_are_calls_in_the_code() -> None:
    assert readers_of_code(b"x = torch.rms_norm(y, [4])") == Readers(since=(2, 4), because=("aten::rms_norm",))
    for code in (
        b"x = torch.add(y, 1)",
        b"# torch.rms_norm",
        b"mytorch.rms_norm(",
        b"x.rms_norm(",
        b"torch.nn.rms_norm(",
    ):
        assert readers_of_code(code) == Readers()


def test_formats_and_schemas() -> None:
    assert [readers_of_format(number).since for number in (0, 3, 5, 6, 9, 10, 11)] == [
        *(None, None, None),
        *((1, 9), (1, 11), (1, 12), None),
    ]
    old = readers_of_schema(5, archive=False)
    assert (old.since, old.until, old.because) == ((2, 3), (2, 4), ("schema version 5",))
    assert readers_of_schema(8, archive=True).since == (2, 8)
    assert readers_of_schema(9, archive=False) == Readers()
    assert readers_of_schema(9, archive=True) == Readers(since=(2, 8), because=("form pt2",))


def test_both_bounds_are_kept_and_only_what_decides_is_named() -> None:
    one, other = Readers(since=(2, 1), because=("a",)), Readers(since=(2, 3), until=(2, 5), because=("b",))
    assert one.among(other) == Readers(since=(2, 3), until=(2, 5), because=("b",))
    assert Readers().among(one) == one.among(Readers()) == one
    assert one.among(Readers(until=(2, 0), because=("c",))) == Readers(
        since=(2, 1), until=(2, 0), because=("a", "c")
    )


def described(data: bytes) -> tuple[str | None, str | None, tuple[str, ...]]:
    weights = describe_weights(io.BytesIO(data), len(data))
    return weights.torch_from, weights.torch_to, weights.torch_because


def test_files() -> None:
    script = {"data.pkl": b"\x80\x02N.", "constants.pkl": b"\x80\x02)."}
    code = {"code/__torch__/a.py": b"x = torch.rms_norm(", "code/__torch__/b.txt": b"torch.hash_tensor("}
    assert described(of_zip(**script)) == (None, None, ())
    assert described(of_zip(**script, **code)) == ("2.4", None, ("aten::rms_norm",))
    assert described(of_zip(**script, **{".data/version": b"10\n"})) == ("1.12", None, ("format version 10",))
    for version in (b"", b"x", b"9" * 5000, "\u0663".encode()):
        assert described(of_zip(**script, **{".data/version": version})) == (None, None, ())
    assert described(program("7.3")) == ("2.5", "2.5", ("schema version 7",))
    for text in ("", "x", "99999999999999999999.1"):
        assert described(program(text))[0] is None
    schema = b'{"schema_version": {"major": 8, "minor": 15}}'
    exported = of_zip(**{"archive_format": b"pt2", "models/model.json": schema})
    assert described(exported) == ("2.8", None, ("form pt2",))
