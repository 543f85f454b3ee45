"""Pickled models that import what the worker does not have."""

from __future__ import annotations

from tests.checks.cases.case import Archive, Case
from tests.checks.cases.weights import NET, saved

# A handler of its own, that loads a whole model by itself.
LOADER = """
import os
import torch
class Handler:
    def initialize(self, context):
        folder, name = context.system_properties["model_dir"], context.manifest["model"]["serializedFile"]
        self.model = torch.load(os.path.join(folder, name), map_location="cpu", weights_only=False)
    def handle(self, data, context):
        return [self.model.training] * len(data)
"""
SMALL = "import torch\nclass Net(torch.nn.Module):\n    pass\n"


def whole(module: str, name: str = "Net") -> bytes:
    """A whole model as torch.save writes it, of a class of a module."""
    return saved(f"c{module}\n{name}\n".encode() + b")\x81}X\x08\0\0\0training\x88sb")


def loaded(data: bytes, file: str = "net.pth", **files: str) -> Archive:
    """An archive whose handler loads what is pickled; further files by their names, with __ for a slash."""
    more: dict[str, str | bytes] = {f"{name.replace('__', '/')}.py": text for name, text in files.items()}
    model = {"handler": "handler.py", "serializedFile": file}
    return Archive(files={"handler.py": LOADER, file: data, **more}, model=model)


CASES = [
    Case(
        code="weights-module-missing",
        title="a module that is not packed",
        broken=loaded(whole("nets.small")),
        repaired=loaded(whole("nets.small"), nets__small=SMALL),
        fails="worker",
        says=r"ModuleNotFoundError: No module named 'nets'",
    ),
    Case(
        code="weights-module-missing",
        title="a class that the module does not have",
        broken=loaded(whole("small", "Big"), small=SMALL),
        repaired=loaded(whole("small"), small=SMALL),
        fails="worker",
        says=r"Can't get attribute 'Big' on <module 'small'",
    ),
    Case(
        code="weights-module-missing",
        title="a module that the package does not have",
        broken=loaded(whole("nets.large"), nets____init__="", nets__small=SMALL),
        repaired=loaded(whole("nets.small"), nets____init__="", nets__small=SMALL),
        fails="worker",
        says=r"No module named 'nets\.large'",
    ),
    Case(
        code="weights-module-missing",
        title="a class of a script",
        broken=loaded(whole("__main__"), net=NET),
        repaired=loaded(whole("net"), net=NET),
        fails="worker",
        says=r"Can't get attribute 'Net' on <module '__main__'",
    ),
]
