#!/usr/bin/env bash
# torch 2.13.0, safetensors 0.8.0, NumPy 2.4.6
#
# One would guess: weights that lack a buffer of the module are refused by load_state_dict(), whatever held them.
# What happens: BatchNorm goes by the version of the module, which travels in an attribute of the OrderedDict that
# state_dict() returns. A file of torch.save keeps the attribute, and the missing num_batches_tracked is an error. A
# plain dict and a safetensors file have no such attribute: the buffer is filled in, and all keys "match".
#
# Seen:
#   OrderedDict of state_dict(): RuntimeError, Missing key(s) in state_dict: "num_batches_tracked"
#   plain dict: <All keys matched successfully>
#   safetensors: <All keys matched successfully>
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 safetensors==0.8.0 numpy==2.4.6
venv/bin/python -W ignore - <<'PY'
import torch
from safetensors.torch import save_file

weights = torch.nn.BatchNorm1d(3).state_dict()
del weights["num_batches_tracked"]
torch.save(weights, "ordered.pt")
torch.save(dict(weights), "plain.pt")
save_file(weights, "weights.safetensors")


def outcome(name):
    try:
        return str(torch.nn.BatchNorm1d(3).load_state_dict(torch.load(name)))
    except RuntimeError as error:
        return " ".join(str(error).split())


seen = {name: outcome(name) for name in ("ordered.pt", "plain.pt", "weights.safetensors")}
print(seen)
assert 'Missing key(s) in state_dict: "num_batches_tracked"' in seen["ordered.pt"]
assert seen["plain.pt"] == seen["weights.safetensors"] == "<All keys matched successfully>"
PY
