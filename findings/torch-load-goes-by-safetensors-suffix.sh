#!/usr/bin/env bash
# torch 2.13.0, safetensors 0.8.0, NumPy 2.4.6
#
# One would guess: torch.load() looks at what a file holds, so that its name does not matter, and it does not read
# safetensors at all.
# What happens: a path that ends in .safetensors is given to safetensors. Such a file loads under its own name and under
# no other, and what torch.save() wrote under that name, which torch.save() does without a word, does not load. An open
# file has no suffix that counts.
#
# Seen:
#   net.safetensors: loaded;  the same as net.pt: UnpicklingError;  of torch.save as net.safetensors: SafetensorError
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 safetensors==0.8.0 numpy==2.4.6
venv/bin/python -W ignore - <<'PY'
import shutil

import torch
from safetensors.torch import save_file

weights = torch.nn.Linear(3, 2).state_dict()
save_file(weights, "net.safetensors")
shutil.copy("net.safetensors", "net.pt")
torch.save(weights, "other.safetensors")


def outcome(source):
    try:
        return sorted(torch.load(source))
    except Exception as error:
        return type(error).__name__


with open("other.safetensors", "rb") as file:
    seen = [*map(outcome, ("net.safetensors", "net.pt", "other.safetensors")), outcome(file)]
print(seen)
assert seen == [["bias", "weight"], "UnpicklingError", "SafetensorError", ["bias", "weight"]]
PY
