#!/usr/bin/env bash
# torch 2.13.0 and TorchServe 0.12.0's BaseHandler; NumPy 2.4.6, PyYAML 6.0.4
#
# One would guess: torch.compile() of a TorchScript module is taken, and runs as it is; errors of compiling come with
# the first call, as for other modules.
# What happens: torch.compile() itself raises, whatever the back end. BaseHandler catches that, logs two warnings and
# goes on: a model archive with a TorchScript file and "pt2" in its configuration serves, and is not compiled.
#
# Seen:
#   RuntimeError torch.compile does not support compiling torch.jit.script or torch.jit.freeze models directly.
#   BaseHandler: Compiling model model with backend inductor has failed; the model is a RecursiveScriptModule
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 torchserve==0.12.0 numpy==2.4.6 pyyaml==6.0.4
venv/bin/python -W ignore - <<'PY'
import logging
import os

import torch

torch.jit.script(torch.nn.Linear(3, 2)).save("linear.pt")
for backend in ("inductor", "eager"):
    try:
        torch.compile(torch.jit.load("linear.pt"), backend=backend)
    except RuntimeError as error:
        said = str(error).splitlines()[0]
        print(said)
        assert "does not support compiling torch.jit.script" in said
    else:
        raise AssertionError("torch.compile takes TorchScript")

from ts.context import Context
from ts.torch_handler import base_handler

logged = []
base_handler.logger.addHandler(type("Kept", (logging.Handler,), {"emit": lambda _, r: logged.append(r.getMessage())})())


class Handler(base_handler.BaseHandler):
    pass


context = Context("linear", os.getcwd(), {"model": {"serializedFile": "linear.pt"}}, 1, None, True)
context.model_yaml_config = {"pt2": {"compile": {"enable": True, "backend": "inductor"}}}
handler = Handler()
handler.initialize(context)
print(type(handler.model).__name__, [line for line in logged if "has failed" in line])
assert type(handler.model).__name__ == "RecursiveScriptModule"
assert any("with backend inductor has failed" in line for line in logged)
assert handler.inference(torch.zeros(1, 3)).shape == (1, 2)
PY
