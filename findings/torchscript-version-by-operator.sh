#!/usr/bin/env bash
# torch 2.13.0
#
# One would guess: the version record of a TorchScript file goes with the torch that wrote it, and lies in one place.
# What happens: it goes with the operators that the module calls. One torch writes 3 for a Linear, 4 for a division,
# 5 for torch.full and 10 for a GELU; and with the last the record lies in .data/version, not in version. What torch.save
# writes says 3 whatever is in it.
#
# Seen:
#   Linear: version 3; x / 2: version 4; torch.full: version 5; GELU: .data/version 10; torch.save: version 3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
venv/bin/python -W ignore - <<'PY'
import io
import zipfile

import torch


class Half(torch.nn.Module):
    def forward(self, x):
        return x / 2


class Full(torch.nn.Module):
    def forward(self, x):
        return torch.full([2], 3)


def record(module, save):
    buffer = io.BytesIO()
    save(module, buffer)
    archive = zipfile.ZipFile(buffer)
    names = [name for name in archive.namelist() if name.partition("/")[2] in ("version", ".data/version")]
    return {name.partition("/")[2]: int(archive.read(name)) for name in names}


def script(module, buffer):
    with torch.no_grad():
        torch.jit.save(torch.jit.trace(module, torch.zeros(1, 4)), buffer)


modules = {"Linear": torch.nn.Linear(4, 4), "Half": Half(), "Full": Full(), "GELU": torch.nn.GELU()}
seen = {name: record(module, script) for name, module in modules.items()}
seen["torch.save"] = record(torch.nn.GELU().state_dict(), torch.save)
print(seen)
assert seen == {
    "Linear": {"version": 3},
    "Half": {"version": 4},
    "Full": {"version": 5},
    "GELU": {".data/version": 10},
    "torch.save": {"version": 3},
}
PY
