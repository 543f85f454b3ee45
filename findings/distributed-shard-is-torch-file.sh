#!/usr/bin/env bash
# torch 2.13.0 (torch.distributed.checkpoint), NumPy 2.4.6
#
# One would guess: a shard (__0_0.distcp) has a format of its own, and torch.load() reads none.
# What happens: a shard is what torch.save() writes, once for each tensor, one zip after another in one file. Where
# these happen to be of one length, as with small tensors, the offsets in the last zip's directory fit the first zip:
# torch.load() returns the first tensor alone, without its name and without a word. Otherwise it calls the file
# corrupted. That it loads says nothing.
#
# Seen:
#   one tensor: that tensor;  (2, 3) and (3,): the first;  (200, 300) and (200,): invalid header or archive is corrupted
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
venv/bin/python -W ignore - <<'PY'
import torch
import torch.distributed.checkpoint as dcp

states = {
    "one": {"a": torch.ones(2, 3)},
    "alike": {"a": torch.ones(2, 3), "b": torch.zeros(3)},
    "unlike": {"a": torch.ones(200, 300), "b": torch.zeros(200)},
}
seen = {}
for name, state in states.items():
    dcp.save(state, checkpoint_id=name)
    with open(f"{name}/__0_0.distcp", "rb") as file:
        data = file.read()
    assert data[:4] == b"PK\x03\x04" and data.count(b"PK\x05\x06") == len(state)
    try:
        seen[name] = torch.load(f"{name}/__0_0.distcp")
    except RuntimeError as error:
        seen[name] = str(error)
print({name: str(value)[:100] for name, value in seen.items()})
assert torch.equal(seen["one"], states["one"]["a"])
assert torch.equal(seen["alike"], states["alike"]["a"])
assert "invalid header or archive is corrupted" in str(seen["unlike"])
PY
