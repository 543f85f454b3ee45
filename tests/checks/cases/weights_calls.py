"""Handlers that load their weights by a call that reads files of another kind."""

from __future__ import annotations

from tests.checks.cases.case import Archive, Case
from tests.checks.cases.weights import CHECKPOINT, NET, REFUSED, SCRIPT, STATE_DICT, saved
from tests.checks.cases.weights_modules import whole


def loads(call: str, data: bytes, name: str = "net.pt", *, top: str = "", **more: str) -> Archive:
    """An archive whose handler has a call load its weights, ``path``."""
    handler = f"""
import os, pickle
import torch
{top}
class Handler:
    def initialize(self, context):
        folder = context.system_properties.get("model_dir")
        path = os.path.join(folder, {name!r})
        self.model = {call}
    def handle(self, data, context):
        return [True] * len(data)
"""
    files: dict[str, str | bytes] = {"handler.py": handler, name: data, "net.py": NET}
    files |= {f"{module}.py": text for module, text in more.items()}
    return Archive(files=files, model={"handler": "handler.py", "serializedFile": name})


SAFETENSORS = (2).to_bytes(8, "little") + b"{}"
MODULE = whole("net")
# With all that makes it one for torch.
FILLED = saved(
    b"cnet\nNet\n)\x81}(X\x08\0\0\0training\x88X\x0b\0\0\0_parameters}X\x08\0\0\0_buffers}X\x08\0\0\0_modules}ub"
)
LISTED = saved(b"cfractions\nFraction\nX\x03\0\0\x001/3\x85R")
LOAD = 'torch.load(path, map_location="cpu")'
TRUSTED = "torch.load(path, weights_only=False)"
SAFE = "import fractions\ntorch.serialization.add_safe_globals([fractions.Fraction])"
EITHER = """
def read(path):
    try:
        return torch.jit.load(path)
    except RuntimeError:
        return {}
"""

CASES = [
    Case(
        code="weights-call",
        title="a whole model",
        broken=loads(LOAD, MODULE),
        repaired=loads(TRUSTED, MODULE),
        fails="worker",
        says=REFUSED,
    ),
    Case(
        code="weights-call",
        title="a state_dict by a name of safetensors",
        broken=loads(LOAD, STATE_DICT, "net.safetensors"),
        repaired=loads("torch.load(open(path, 'rb'))", STATE_DICT, "net.safetensors"),
        fails="worker",
        says="[Ss]afetensor",
        options={"torch": "2.13"},
    ),
    Case(
        code="weights-call",
        title="safetensors for a dict of devices",
        broken=loads("torch.load(path, {'cuda:0': 'cpu'})", SAFETENSORS, "net.safetensors"),
        repaired=loads("torch.load(path, {'cuda:0': 'cpu'})", STATE_DICT),
        fails="worker",
        says="safetensors",
        options={"torch": "2.13"},
    ),
    Case(
        code="weights-call",
        title="another class",
        broken=loads("torch.load(path, weights_only=True)", LISTED),
        repaired=loads(LOAD, LISTED, top=SAFE),
        fails="worker",
        says=REFUSED,
    ),
    Case(
        code="weights-call",
        title="torch.load of TorchScript",
        broken=loads(LOAD, SCRIPT),
        repaired=loads(TRUSTED, SCRIPT),
        fails="worker",
        says="Cannot use ``weights_only=True`` with TorchScript archives",
    ),
    Case(
        code="weights-call",
        title="torch.load of what is neither",
        broken=loads(TRUSTED, b"\x89HDF\r\n\x1a\n" + bytes(100), "net.h5"),
        repaired=loads(LOAD, CHECKPOINT),
        fails="worker",
        says=r"UnpicklingError|Invalid magic number",
    ),
    Case(
        code="weights-call",
        title="torch.jit.load of a state_dict",
        broken=loads("torch.jit.load(path)", STATE_DICT),
        repaired=loads("torch.jit.load(path)", SCRIPT),
        fails="worker",
        says=r"failed locating file constants\.pkl",
    ),
    Case(
        code="weights-call",
        title="torch.export.load of a state_dict",
        broken=loads("torch.export.load(path)", STATE_DICT),
        repaired=loads(LOAD, STATE_DICT),
        fails="worker",
        says="RuntimeError: We ran into an error",  # torch warns of another before
    ),
    Case(
        code="weights-call",
        title="pickle.load of a state_dict",
        broken=loads('pickle.load(open(path, "rb"))', STATE_DICT),
        repaired=loads(LOAD, STATE_DICT),
        fails="worker",
        says="persistent id instruction",
    ),
    Case(
        code="weights-call",
        title="a state_dict that is used as a model",
        broken=loads(f"{LOAD}.eval()", STATE_DICT),
        repaired=loads(LOAD, STATE_DICT),
        fails="worker",
        says="object has no attribute 'eval'",
    ),
    Case(
        code="weights-call",
        title="a checkpoint that is given to load_state_dict",
        broken=loads(f"Net().load_state_dict({LOAD})", CHECKPOINT, top="from net import Net"),
        repaired=loads(f"Net().load_state_dict({LOAD}['model'])", CHECKPOINT, top="from net import Net"),
        fails="worker",
        says="in loading state_dict",
    ),
    Case(
        code="weights-call",
        title="a whole model that is given to load_state_dict",
        broken=loads(f"Net().load_state_dict({TRUSTED})", FILLED, top="from net import Net"),
        repaired=loads(f"Net().load_state_dict({LOAD})", STATE_DICT, top="from net import Net"),
        fails="worker",
        says="Expected state_dict to be dict-like",
    ),
    Case(
        code="weights-call",
        title="a load that comes where another has failed",
        broken=loads("read(path)", MODULE, top=EITHER.format(LOAD)),
        repaired=loads("read(path)", MODULE, top=EITHER.format(TRUSTED)),
        fails="worker",
        says=REFUSED,
    ),
]
