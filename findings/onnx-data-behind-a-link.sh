#!/usr/bin/env bash
# onnxruntime 1.32.0, onnx 1.23.2, NumPy 2.4.6
#
# One would guess: a symbolic link in the place of a file is as good as the file, or it is refused in both places.
# What happens: where the model and its external data are both links into one folder, as a hub's cache lays them out,
# the model loads. Where the model is a file, or a link, and only its data lies elsewhere behind a link, it is refused:
# the data has to lie below the folder of the model's own real path.
#
# Seen:
#   both links: loaded
#   only the data: External data path escapes model directory
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
venv/bin/python -W ignore - <<'PY'
import os

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

weight = numpy_helper.from_array(np.ones((64, 64), np.float32), "w")
inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])]
outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 64])]
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", inputs, outputs, [weight])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
for folder in ("kept", "both", "data"):
    os.mkdir(folder)
onnx.save_model(model, "kept/m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
os.symlink("../kept/m.onnx", "both/m.onnx")
os.symlink("../kept/m.data", "both/m.data")
with open("kept/m.onnx", "rb") as source, open("data/m.onnx", "wb") as copy:
    copy.write(source.read())
os.symlink("../kept/m.data", "data/m.data")


def outcome(name):
    try:
        return onnxruntime.InferenceSession(name).run(None, {"x": np.ones((1, 64), np.float32)})[0].shape
    except Exception as error:
        return str(error)


seen = {name: outcome(name) for name in ("both/m.onnx", "data/m.onnx")}
print(seen["both/m.onnx"], seen["data/m.onnx"][:110])
assert seen["both/m.onnx"] == (1, 64)
assert "External data path escapes model directory" in seen["data/m.onnx"]
PY
