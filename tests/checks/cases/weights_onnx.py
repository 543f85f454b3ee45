"""Models of ONNX that are called as models of torch, and what only is called .onnx or .so."""

from __future__ import annotations

from tests.checks.cases.case import Archive, Case
from tests.checks.cases.weights import SCRIPT, alone

# A stand-in for onnxruntime, which the server of these tests has not: like a real one, a session cannot be called.
SESSIONS = """
class SessionOptions:
    pass
class InferenceSession:
    def __init__(self, path, **given):
        pass
    def run(self, names, feed):
        return [next(iter(feed.values()))]
"""
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
# A model of ONNX: the version of its form, and a graph that has a name.
ONNX = b"\x08\x0a\x3a\3\x12\1g"
COMPILED = "pt2: {export: {aot_compile: true}}\n"


def session(handler: str, name: str = "net.onnx") -> Archive:
    """Return an archive whose handler gets a session."""
    files: dict[str, str | bytes] = {"handler.py": handler, "onnxruntime.py": SESSIONS, name: ONNX}
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
