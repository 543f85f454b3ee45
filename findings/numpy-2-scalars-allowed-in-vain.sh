#!/usr/bin/env bash
# torch 2.13.0 with NumPy 2.4.6, and with NumPy 1.26.4
#
# One would guess: a checkpoint with a NumPy number in it ("best": np.float64(0.5)) loads with weights_only=True once
# numpy._core.multiarray.scalar is allowed, as the error says, under each NumPy that has that name.
# What happens: NumPy 1.26 has the name, and reads the file with weights_only=False. But its function calls itself
# numpy.core.multiarray.scalar, and torch allows what a function calls itself: the same error comes again. A pair of
# the function and the name in the file is what it takes.
#
# Seen under NumPy 1.26.4:
#   allowed: Unsupported global: GLOBAL numpy._core.multiarray.scalar
#   allowed with its name: {'w': tensor([1., 1.]), 'best': 0.5}
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
venv/bin/python -W ignore - <<'PY'
import numpy as np
import torch
from numpy._core.multiarray import scalar

torch.save({"w": torch.ones(2), "best": np.float64(0.5)}, "written.pt")
with torch.serialization.safe_globals([scalar, np.dtype, np.dtypes.Float64DType]):
    print(np.__version__, torch.load("written.pt"))
PY
venv/bin/pip install --quiet --disable-pip-version-check numpy==1.26.4
venv/bin/python -W ignore - <<'PY'
import numpy as np
import torch
from numpy._core.multiarray import scalar

others = [np.dtype, type(np.dtype("f8"))]
assert torch.load("written.pt", weights_only=False)["best"] == 0.5
try:
    with torch.serialization.safe_globals([scalar, *others]):
        torch.load("written.pt")
except Exception as error:
    print(np.__version__, scalar.__module__, [line for line in str(error).splitlines() if "Unsupported" in line])
    assert "Unsupported global: GLOBAL numpy._core.multiarray.scalar" in str(error)
else:
    raise AssertionError("allowing the function is enough")
with torch.serialization.safe_globals([(scalar, "numpy._core.multiarray.scalar"), *others]):
    print(torch.load("written.pt"))
PY
