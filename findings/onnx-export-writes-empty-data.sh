#!/usr/bin/env bash
# torch 2.13.0 (torch.onnx.export as it is by default), onnxscript 0.7.2, onnx 1.23.2, onnxruntime 1.32.0, NumPy 2.4.6
#
# One would guess: beside m.onnx there is m.onnx.data where the model refers to it, and nothing else where it does not.
# What happens: the file is always there. For a model whose tensors are all small it is empty, and nothing refers to
# it; the model runs without. For others it holds the weights, and the model does not load without. Only the model's
# own external_data tells the two apart, not the name and not that the file is there.
#
# Seen:
#   Linear(2, 2): 0 bytes, named by no tensor, runs without it
#   Linear(16, 16): 1024 bytes, named by "weight"; without it: External data path does not exist
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0 numpy==2.4.6
venv/bin/python -W ignore - <<'PY'
import os

import numpy as np
import onnx
import onnxruntime
import torch

seen = {}
for size in (2, 16):
    name = f"m{size}.onnx"
    torch.onnx.export(torch.nn.Linear(size, size).eval(), (torch.zeros(1, size),), name, verbose=False)
    named = [t.name for t in onnx.load(name, load_external_data=False).graph.initializer if t.external_data]
    length = os.path.getsize(name + ".data")
    os.remove(name + ".data")
    try:
        session = onnxruntime.InferenceSession(name)
        result = session.run(None, {session.get_inputs()[0].name: np.ones((1, size), np.float32)})[0].shape
    except Exception as error:
        result = str(error)
    seen[size] = (length, named, result)
print(seen)
assert seen[2] == (0, [], (1, 2))
assert seen[16][:2] == (1024, ["weight"]) and "External data path does not exist" in seen[16][2]
PY
