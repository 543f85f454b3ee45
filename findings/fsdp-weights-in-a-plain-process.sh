#!/usr/bin/env bash
# torch 2.13.0 (FSDP2, one process on the CPU), NumPy 2.4.6
#
# One would guess: the state_dict of a module under fully_shard() is refused for an unknown global, and once it is
# allowed it loads into the same module without FSDP, at least where one process had everything.
# What happens: torch.load() asks for an import instead. After it the file loads, with no process group in sight, to
# DTensors; load_state_dict() of the plain module refuses to copy them, though nothing is sharded. full_tensor() before
# saving (or get_model_state_dict with full_state_dict=True) is what makes a file for others.
#
# Seen:
#   ``torch.distributed.tensor`` must be imported to load DTensors
#   aten.copy_.default got mixed torch.Tensor and DTensor
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
venv/bin/python -W ignore - <<'PY'
import os
import subprocess
import sys

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
model = torch.nn.Linear(4, 4)
fully_shard(model, mesh=init_device_mesh("cpu", (1,)))
weights = model.state_dict()
torch.save(weights, "sharded.pt")
torch.save({key: value.full_tensor() for key, value in weights.items()}, "full.pt")
dist.destroy_process_group()


def outcome(code):
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", "import torch\n" + code], capture_output=True, text=True)
    return ran.stdout + ran.stderr


refused = outcome('torch.load("sharded.pt")')
mixed = outcome(
    'import torch.distributed.tensor\nread = torch.load("sharded.pt")\nprint(type(read["weight"]).__name__)\n'
    "torch.nn.Linear(4, 4).load_state_dict(read)"
)
plain = outcome('print(torch.nn.Linear(4, 4).load_state_dict(torch.load("full.pt")))')
print(refused[-400:], mixed[-600:], plain)
assert "``torch.distributed.tensor`` must be imported to load DTensors" in refused
assert mixed.startswith("DTensor") and "got mixed torch.Tensor and DTensor" in mixed
assert "All keys matched" in plain
PY
