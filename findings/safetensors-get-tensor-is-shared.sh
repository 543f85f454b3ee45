#!/usr/bin/env bash
# safetensors 0.8.0, torch 2.13.0, NumPy 2.4.6
#
# Guess: safe_open(...).get_tensor() reads a tensor from the file each time: what one caller does to it in place is
# nobody else's matter, and get_slice() gives a copy of a part.
# Seen: with torch all that one safe_open gives of a name is one memory. A step of an optimizer on what it gave changes
# what it gives next, and so does writing to a slice; the file, and what another safe_open gives, stay. With NumPy each
# is a copy.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet safetensors==0.8.0 torch==2.13.0 numpy==2.4.6
venv/bin/python - <<'PYTHON' | tee seen
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

save_file({"w": torch.zeros(4)}, "w.safetensors")
with safe_open("w.safetensors", "pt") as file, safe_open("w.safetensors", "pt") as other:
    weights = torch.nn.Parameter(file.get_tensor("w"))
    weights.grad = torch.full((4,), -1.0)
    torch.optim.SGD([weights], lr=1.0).step()
    print("torch, after a step:", file.get_tensor("w").tolist(), "elsewhere:", other.get_tensor("w").tolist())
    file.get_slice("w")[:2].fill_(5.0)
    print("torch, after a slice:", file.get_tensor("w").tolist(), "the file:", load_file("w.safetensors")["w"].tolist())
with safe_open("w.safetensors", "np") as file:
    file.get_tensor("w")[:] = 1
    file.get_slice("w")[:2][:] = 5
    print("NumPy, after both:", file.get_tensor("w").tolist())
PYTHON
diff - seen <<'EXPECTED'
torch, after a step: [1.0, 1.0, 1.0, 1.0] elsewhere: [0.0, 0.0, 0.0, 0.0]
torch, after a slice: [5.0, 5.0, 1.0, 1.0] the file: [0.0, 0.0, 0.0, 0.0]
NumPy, after both: [0.0, 0.0, 0.0, 0.0]
EXPECTED
