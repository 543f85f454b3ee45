#!/usr/bin/env bash
# torch 2.13.0
#
# One would guess: module.save(buffer) of a TorchScript module writes to the buffer, as torch.jit.save(module, buffer)
# and torch.save(module, buffer) do, or raises.
# What happens: it takes str(buffer) for a file name. The buffer stays empty, and the working folder has a new file that
# is called like "<_io.BytesIO object at 0x...>".
#
# Seen:
#   module.save: 0 bytes in the buffer, one file; torch.jit.save: the bytes
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
venv/bin/python -W ignore - <<'PY'
import io
import os

import torch

module = torch.jit.script(torch.nn.ReLU())
before = set(os.listdir("."))
wrong, right = io.BytesIO(), io.BytesIO()
module.save(wrong)
made = sorted(set(os.listdir(".")) - before)
torch.jit.save(module, right)
print(len(wrong.getvalue()), made, len(right.getvalue()))
assert wrong.getvalue() == b""
assert len(made) == 1 and made[0].startswith("<_io.BytesIO object at ")
torch.jit.load(io.BytesIO(right.getvalue()))
PY
