"""Models of ONNX that are called as models of torch, and what only is called .onnx or .so."""

from __future__ import annotations

from tests.checks.cases.case import Archive, Case
from tests.checks.cases.weights import SCRIPT, alone

CALLS = """
import torch
from ts.torch_handler.base_handler import BaseHandler
class Handler(BaseHandler):
    def preprocess(self, data):
        return torch.ones(len(data), 3)
"""
RUNS = f"""{CALLS}    def inference(self, data, *args, **kwargs):
        return torch.as_tensor(self.model.run(None, {{"x": data.numpy()}})[0])
"""
# As onnx 1.23 writes it: y is x, of any number of rows and three columns.
_SHAPE = b"\x12\x0c\n\n\x08\x01\x12\x06\n\x00\n\x02\x08\x03"
_GRAPH = b'\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x11\n\x01x' + _SHAPE + b"b\x11\n\x01y" + _SHAPE
ONNX = b"\x08\x08:;" + _GRAPH + b"B\x04\n\x00\x10\r"
COMPILED = "pt2: {export: {aot_compile: true}}\n"


def session(handler: str, name: str = "net.onnx") -> Archive:
    """Return an archive whose handler gets a session."""
    files: dict[str, str | bytes] = {"handler.py": handler, name: ONNX}
    return Archive(files=files, model={"handler": "handler.py", "serializedFile": name})


def library(data: bytes) -> Archive:
    """Return an archive with a library that BaseHandler is told to load."""
    archive = alone(data, "net.so")
    files = {**archive.files, "model-config.yaml": COMPILED}
    return Archive(files=files, model={**archive.model, "configFile": "model-config.yaml"})


CASES = [
    Case(
        code="onnx-called",
        title="BaseHandler's own inference",
        broken=session(CALLS),
        repaired=session(RUNS),
        fails="predict",
        says="TypeError: 'InferenceSession' object is not callable",
        request={},
    ),
    Case(
        code="onnx-called",
        title="an inference that calls the session",
        broken=session(RUNS.replace('self.model.run(None, {"x": data.numpy()})[0]', "self.model(data)")),
        repaired=session(RUNS),
        fails="predict",
        says="TypeError: 'InferenceSession' object is not callable",
        request={},
    ),
    Case(
        code="onnx-called",
        title="eval() of a session",
        broken=session(
            f"{RUNS}    def initialize(self, context):\n        super().initialize(context)\n"
            "        self.model.eval()\n"
        ),
        repaired=session(RUNS),
        fails="worker",
        says="'InferenceSession' object has no attribute 'eval'",
    ),
    Case(
        code="weights-renamed",
        title="a web page called .so",
        broken=library(b"<!DOCTYPE html><title>404</title>"),
        repaired=alone(SCRIPT),
        fails="worker",
        says="Error in dlopen",
    ),
]
