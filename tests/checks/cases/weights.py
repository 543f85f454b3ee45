"""Serialized files that BaseHandler does not load. They are written here as torch writes them, without torch."""

from __future__ import annotations

import io
import zipfile

from tests.checks.cases.case import Archive, Case

BASE = "from ts.torch_handler.base_handler import BaseHandler\nclass Handler(BaseHandler):\n"
BASE += "    def handle(self, data, context):\n        return [self.model.training] * len(data)\n"
NET = "import torch\nclass Net(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(2, 1)\n"

TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
    b"X\x01\0\0\0%dX\x03\0\0\0cpuK%ctQK\0%s%s"
)
NO_HOOKS = b"\x89ccollections\nOrderedDict\n)RtR"
WEIGHT = TENSOR % (0, 2, b"K\x01K\x02\x86", b"K\x02K\x01\x86") + NO_HOOKS
BIAS = TENSOR % (1, 1, b"K\x01\x85", b"K\x01\x85") + NO_HOOKS
STATE = b"ccollections\nOrderedDict\n)R(X\x06\0\0\0weight" + WEIGHT + b"X\x04\0\0\0bias" + BIAS + b"u"


def of_zip(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {**files, "version": b"3\n"}.items():
            archive.writestr(f"archive/{name}", data)
    return buffer.getvalue()


def saved(pickled: bytes) -> bytes:
    """What torch.save writes for an object."""
    return of_zip(**{"data.pkl": b"\x80\x02" + pickled + b".", "data/0": bytes(8), "data/1": bytes(4)})


def beside(data: bytes) -> bytes:
    """The same with one more file, as what packs zips by hand leaves it."""
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("__MACOSX/readme", b"")
    return buffer.getvalue()


def flat(program: bytes) -> bytes:
    """What torch.export wrote before 2.8, as far as it is looked at."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("serialized_exported_program.json", program)
        archive.writestr("version", "5.3")
    return buffer.getvalue()


STATE_DICT = saved(STATE)
# What torch 2.14 alone allows, and what it is the first to allow.
ALLOWED_ONCE = STATE[:-1] + b"X\x04\0\0\0morecexceptions\nValueError\n)Ru"
ALLOWED_LATER = STATE[:-1] + b"X\x04\0\0\0morectorch\nbcomplex32\nu"
CHECKPOINT = saved(b"}(X\x05\0\0\0model" + STATE + b"X\x05\0\0\0epochK\x03u")
MODULE = saved(b"cnet\nNet\n)\x81}X\x08\0\0\0training\x88sb")
SCRIPT = of_zip(
    **{
        "data.pkl": b"\x80\x02c__torch__\nNet\n)\x81}X\x08\0\0\0training\x88sb.",
        "code/__torch__.py": b"class Net(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n"
        b"  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n    return x\n",
        "constants.pkl": b"\x80\x02).",
    }
)


def alone(data: bytes, name: str = "net.pt") -> Archive:
    """Without a model file."""
    return Archive(files={"handler.py": BASE, name: data}, model={"handler": "handler.py", "serializedFile": name})


def eager(data: bytes | None, name: str = "net.pt") -> Archive:
    """With a model file."""
    files: dict[str, str | bytes] = {"handler.py": BASE, "net.py": NET}
    model = {"handler": "handler.py", "modelFile": "net.py"}
    if data is None:
        return Archive(files=files, model=model)
    return Archive(files={**files, name: data}, model={**model, "serializedFile": name})


# A module in its place that cannot be imported, for the server of these tests has onnxruntime.
NO_ONNXRUNTIME = Archive(
    files={"handler.py": BASE, "onnxruntime.py": "raise ImportError\n", "net.onnx": b"\x08\x07"},
    model={"handler": "handler.py", "serializedFile": "net.onnx"},
)

NO_WEIGHTS = r"RuntimeError: No model weights could be loaded"
REFUSED = r"UnpicklingError: Weights only load failed"

CASES = [
    Case(
        code="weights-suffix",
        title="TorchScript called pth",
        broken=alone(SCRIPT, "net.pth"),
        repaired=alone(SCRIPT),
        fails="worker",
        says=NO_WEIGHTS,
    ),
    Case(
        code="weights-suffix",
        title="a library without a word",
        broken=alone(b"\x7fELF\x02\x01\x01" + bytes(57), "net.so"),
        repaired=alone(SCRIPT),
        fails="worker",
        says=NO_WEIGHTS,
    ),
    Case(
        code="weights-onnx",
        title="no onnxruntime",
        broken=NO_ONNXRUNTIME,
        repaired=alone(SCRIPT),
        fails="worker",
        says=NO_WEIGHTS,
    ),
    Case(
        code="weights-script",
        title="a state_dict",
        broken=alone(STATE_DICT),
        repaired=eager(STATE_DICT),
        fails="worker",
        says=r"failed locating file constants\.pkl",
    ),
    Case(
        code="weights-script",
        title="garbage",
        broken=alone(b"to be uploaded"),
        repaired=alone(SCRIPT),
        fails="worker",
        says="PytorchStreamReader failed reading zip archive",
    ),
    Case(
        code="weights-state-dict",
        title="TorchScript",
        broken=eager(SCRIPT),
        repaired=alone(SCRIPT),
        fails="worker",
        says="Cannot use ``weights_only=True`` with TorchScript archives",
    ),
    Case(
        code="weights-state-dict",
        title="a checkpoint",
        broken=eager(CHECKPOINT),
        repaired=eager(STATE_DICT),
        fails="worker",
        says=r"Missing key\(s\) in state_dict",
    ),
    Case(
        code="weights-state-dict",
        title="a whole module",
        broken=eager(MODULE),
        repaired=eager(STATE_DICT),
        fails="worker",
        says=REFUSED,
    ),
    Case(
        code="weights-state-dict",
        title="garbage",
        broken=eager(b"version https://git-lfs.github.com/spec/v1\n"),
        repaired=eager(STATE_DICT),
        fails="worker",
        says=REFUSED,
    ),
    Case(
        code="weights-state-dict",
        title="empty",
        broken=eager(b""),
        repaired=eager(STATE_DICT),
        fails="worker",
        says="EOFError",
    ),
    Case(
        code="weights-script",
        title="a program of torch.export",
        broken=alone(of_zip(**{"archive_format": b"pt2", "models/model.json": b"{}"})),
        repaired=alone(SCRIPT),
        fails="worker",
        says=r"failed locating file constants\.pkl",
    ),
    Case(
        code="weights-state-dict",
        title="a tensor",
        broken=eager(saved(WEIGHT)),
        repaired=eager(STATE_DICT),
        fails="worker",
        says="Expected state_dict to be dict-like",
    ),
    Case(
        code="weights-state-dict",
        title="a dict of something else",
        broken=eager(saved(b"}X\x05\0\0\0stateK\1s")),
        repaired=eager(STATE_DICT),
        fails="worker",
        says=r"Unexpected key\(s\) in state_dict",
    ),
    Case(
        code="weights-state-dict",
        title="what torch 2.14 alone allows",
        broken=eager(saved(ALLOWED_ONCE)),
        repaired=eager(STATE_DICT),
        fails="worker",
        says=REFUSED,
        options={"torch": "2.13"},
    ),
    Case(
        code="weights-state-dict",
        title="a zip of something else",
        broken=eager(of_zip(**{"readme.txt": b""})),
        repaired=eager(STATE_DICT),
        fails="worker",
        says=r"failed locating file data\.pkl",
    ),
    Case(
        code="weights-state-dict",
        title="a file beside torch's folder",
        broken=eager(beside(STATE_DICT)),
        repaired=eager(STATE_DICT),
        fails="worker",
        says="is not in a subdirectory",
    ),
    Case(
        code="weights-script",
        title="a program of torch.export from before 2.8",
        broken=alone(flat(b"{}")),
        repaired=alone(SCRIPT),
        fails="worker",
        says="is not in a subdirectory",
    ),
    Case(
        code="weights-state-dict",
        title="under a name of safetensors",
        broken=eager(STATE_DICT, "net.safetensors"),
        repaired=eager(STATE_DICT),
        fails="worker",
        says="safetensors",
    ),
    Case(
        code="weights-missing",
        title="a model file alone",
        broken=eager(None),
        repaired=eager(STATE_DICT),
        fails="serves",
    ),
]
