#!/usr/bin/env bash
# mlflow 3.17.2 with torch 2.13.0: its flavour for models of torch.
#
# Guess: save_model(net, path) writes data/model.pth, a whole module pickled with cloudpickle, as mlflow 2 did; where a
# .pt2 is written from an example, its batch may have any length.
# Seen: the default is .pt2. A model without an input_example is refused, as is a TorchScript module, until
# serialization_format="pickle" is said. From an example of one row comes a data/model.pt2 that takes one row and no
# other number, while MLmodel's signature says [-1, 3]; from an example of two rows, one that takes any.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 mlflow==3.17.2
MLFLOW_DISABLE_TELEMETRY=true venv/bin/python -W ignore - 2>log <<'PYTHON' | tee seen
import os

import mlflow.pytorch
import numpy
import torch

net = torch.nn.Sequential(torch.nn.Linear(3, 2))


def saved(name, model, **options):
    try:
        mlflow.pytorch.save_model(model, name, pip_requirements=["torch"], **options)
    except mlflow.MlflowException as error:
        return f"refused, {error.error_code}"
    return " ".join(sorted(os.listdir(f"{name}/data")))


def rows(name, number):
    try:
        return str(len(mlflow.pytorch.load_model(name)(torch.zeros(number, 3))))
    except AssertionError as error:
        return str(error)


one, two = numpy.zeros((1, 3), "float32"), numpy.zeros((2, 3), "float32")
print("plain:", saved("plain", net))
print("scripted:", saved("scripted", torch.jit.script(net), input_example=one))
print("pickle:", saved("pickle", net, serialization_format="pickle"))
for name, example in (("one", one), ("two", two)):
    print(f"{name}:", saved(name, net, input_example=example))
    print(" ", mlflow.models.get_model_info(name).signature.inputs.inputs[0].shape, rows(name, 1), rows(name, 4))
PYTHON
diff - seen <<'EXPECTED'
plain: refused, INTERNAL_ERROR
scripted: refused, INTERNAL_ERROR
pickle: model.pth pickle_module_info.txt
one: model.pt2
  (-1, 3) 1 Guard failed: input.size()[0] == 1
two: model.pt2
  (-1, 3) 1 4
EXPECTED
