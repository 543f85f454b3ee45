#!/usr/bin/env bash
# torchao 0.18.0, torch 2.13.0, NumPy 2.4.6
#
# One would guess: quantized weights need "import torchao" first, whether they lie in a file of torch.save or in a
# program of torch.export.
# What happens: the first does: torch.load() refuses its class. torch.export.load() imports torchao by itself, by the
# name in the file, and the program runs; where torchao is not installed it ends with ModuleNotFoundError. And a
# state_dict that does load is not copied into a plain module: it takes assign=True, or a module that is quantized.
#
# Seen:
#   torch.load: Unsupported global ... Int8Tensor; torch.export.load: runs, torchao in sys.modules
#   load_state_dict: 'Parameter' object has no attribute 'tensor_data_names'
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 torchao==0.18.0 numpy==2.4.6
venv/bin/python -W ignore - <<'PY'
import subprocess
import sys

import torch
from torchao.quantization import Int8WeightOnlyConfig, quantize_


def network():
    return torch.nn.Sequential(torch.nn.Linear(64, 64)).eval()


model = network()
quantize_(model, Int8WeightOnlyConfig())
torch.save(model.state_dict(), "weights.pt")
torch.export.save(torch.export.export(model, (torch.zeros(1, 64),)), "model.pt2")

try:
    network().load_state_dict(torch.load("weights.pt"))
except RuntimeError as error:
    print(str(error)[-120:])
    assert "tensor_data_names" in str(error)
else:
    raise AssertionError("quantized weights are copied into a plain module")
taken = network()
print(taken.load_state_dict(torch.load("weights.pt"), assign=True))
assert type(taken[0].weight).__name__ == "Int8Tensor"


def outcome(code):
    code = "import sys, torch\nassert 'torchao' not in sys.modules\n" + code
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    return ran.stdout + ran.stderr


loaded = outcome('torch.load("weights.pt")')
program = (
    'torch.export.load("model.pt2").module()(torch.zeros(1, 64))\n'
    "print('ran', 'torchao' in sys.modules)"
)
ran = outcome(program)
print(loaded[-300:], ran[-300:])
assert "Unsupported global" in loaded and "Int8Tensor" in loaded
assert "ran True" in ran
subprocess.run([sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", "torchao"], check=True)
gone = outcome(program)
print(gone.splitlines()[-1])
assert "ModuleNotFoundError: No module named 'torchao'" in gone
PY
