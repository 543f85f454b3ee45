#!/usr/bin/env bash
# safetensors 0.8.0, torch 2.13.0, NumPy 2.4.6
#
# One would guess: the shape in the header of a safetensors file is the shape of the tensor.
# What happens: torch.float4_e2m1fn_x2 holds two values in an element, safetensors' F4 counts values: a tensor of shape
# (2, 4) is written as [2, 8] in 8 bytes, and is (2, 4) again when it is read. A reader of headers that takes shapes for
# torch's, or multiplies by whole bytes, is off by two.
#
# Seen:
#   {"w":{"dtype":"F4","shape":[2,8],"data_offsets":[0,8]}}; read back: (2, 4)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 safetensors==0.8.0 numpy==2.4.6
venv/bin/python -W ignore - <<'PY'
import json

import torch
from safetensors.torch import load_file, save_file

tensor = torch.zeros(2, 4, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
save_file({"w": tensor}, "w.safetensors")
with open("w.safetensors", "rb") as file:
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
back = load_file("w.safetensors")["w"]
print(header, tuple(back.shape), back.dtype)
assert header == {"w": {"dtype": "F4", "shape": [2, 8], "data_offsets": [0, 8]}}
assert tuple(tensor.shape) == tuple(back.shape) == (2, 4) and back.dtype == torch.float4_e2m1fn_x2
PY
