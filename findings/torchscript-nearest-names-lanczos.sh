#!/usr/bin/env bash
# torch 2.13.0
#
# One would guess: a scripted module names the operators that it uses, and nearest interpolation is as old as
# TorchScript, so that an old torch reads the file.
# What happens: scripting takes in every branch of F.interpolate, whatever the mode says, down to
# aten::_upsample_lanczos2d_aa, for which torch 1.12.1 refuses the file. Traced, the same module names the one
# operator that it runs, and 1.12.1 reads it. (The older torch is not run here.)
#
# Seen:
#   scripted: aten::_upsample_lanczos2d_aa is named; traced: aten::upsample_nearest2d alone
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
cat >nearest.py <<'PY'
import re
import zipfile

import torch


class Twice(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


def resizing(module, name):
    module.save(name)
    with zipfile.ZipFile(name) as archive:
        code = "".join(archive.read(each).decode() for each in archive.namelist() if each.endswith(".py"))
    return sorted(set(re.findall(r"torch\.(_?upsample\w+)", code)))


scripted = resizing(torch.jit.script(Twice()), "scripted.pt")
traced = resizing(torch.jit.trace(Twice(), torch.zeros(1, 1, 2, 2)), "traced.pt")
print(scripted, traced)
assert "_upsample_lanczos2d_aa" in scripted
assert traced == ["upsample_nearest2d"]
PY
venv/bin/python -W ignore nearest.py
