"""Calls that load weights: which are right in ways that are easily overlooked."""

from __future__ import annotations

import pytest

from tests.archive.inspection.test_onnx import model
from tests.checks.cases.case import Archive
from tests.checks.cases.weights import CHECKPOINT, SCRIPT, STATE_DICT, of_zip
from tests.checks.cases.weights_calls import EITHER, LISTED, LOAD, MODULE, SAFE, TRUSTED, loads
from tests.checks.cases.weights_keys import named
from tests.support.checking import found

CODE = "weights-call"
SAFETENSORS = (2).to_bytes(8, "little") + b"{}"
EXPORTED = of_zip(**{"archive_format": b"pt2", "models/model.json": b"{}"})


def severities(archive: Archive, **options: str) -> list[str]:
    return [finding.severity for finding in found(archive, **options) if finding.code == CODE]


@pytest.mark.parametrize(
    "archive",
    [
        loads(LOAD, STATE_DICT),
        loads(LOAD, CHECKPOINT),
        loads(TRUSTED, MODULE),
        loads(TRUSTED, SCRIPT),
        loads("torch.jit.load(path)", SCRIPT),
        loads("torch.export.load(path)", EXPORTED, "net.pt2"),
        loads("load_file(path)", SAFETENSORS, "net.bin", top="from safetensors.torch import load_file"),
        loads("ort.InferenceSession(path)", model(), "net.onnx", top="import onnxruntime as ort"),
        loads(LOAD, SAFETENSORS, "net.safetensors"),
        # Nobody knows what it is, or what is said.
        loads("torch.load(path)", of_zip(**{"data.bin": b"x"})),
        loads("torch.jit.load(path)", b"anything\0at all"),
        loads("torch.load(path, weights_only=bool(os.environ))", MODULE),
        loads("torch.load(path, **{'weights_only': False})", MODULE),
        loads("torch.load(path, pickle_module=pickle)", MODULE),
        loads("torch.load(path, weights_only=not False and False)", MODULE),
        # Allowed elsewhere, and what is imported may allow its own.
        loads(LOAD, LISTED, top=SAFE),
        loads(LOAD, LISTED, top="import allowing", allowing=f"import torch\n{SAFE}\n"),
        loads(LOAD, LISTED, top="os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'"),
        # Not reached for sure, or expected to fail.
        loads("torch.jit.load(path) if os.environ.get('JIT') else None", STATE_DICT),
        loads("None", STATE_DICT),
        # Another function of the name, or another file.
        loads("torch.load(path)", MODULE, top="class torch:\n    load = staticmethod(print)"),
        loads("torch.jit.load(path + 'x')", STATE_DICT),
        # What stands in its place, and what only one of the ways says.
        loads(
            LOAD, MODULE, top="import functools\ntorch.load = functools.partial(torch.load, weights_only=False)"
        ),
        loads(LOAD, MODULE, top="setattr(torch, 'load', print)"),
        loads(f"{TRUSTED} if torch.cuda.is_available() else torch.load(path, weights_only=False)", MODULE),
        loads(f"{LOAD} if torch.cuda.is_available() else {TRUSTED}", MODULE),
        # What is made of it is not known, or may be right.
        loads(f"{LOAD}['model'].eval()", CHECKPOINT),
        loads(f"{LOAD}.update(a=1)", STATE_DICT),
        loads(f"{TRUSTED}.eval()", MODULE),
        loads(f"Net().load_state_dict({LOAD})", STATE_DICT, top="from net import Net"),
        loads(f"Net().load_state_dict({LOAD}, strict=False)", CHECKPOINT, top="from net import Net"),
        loads(f"Net().load_state_dict({LOAD}['model'])", CHECKPOINT, top="from net import Net"),
        loads("read(path)", STATE_DICT, top=EITHER.format(LOAD)),
        loads("read(path)", MODULE, top=EITHER.format(LOAD).replace("RuntimeError", "ValueError")),
        loads("read(path)", SCRIPT, top=EITHER.format(LOAD)),
    ],
)
def test_calls_that_may_be_right(archive: Archive) -> None:
    assert severities(archive) == []


@pytest.mark.parametrize(
    "call",
    [
        "functools.partial(torch.load, map_location='cpu')(path)",
        "torch.load(path, **{'map_location': 'cpu'})",
        "torch.load(io.BytesIO(open(path, 'rb').read()))",
        "torch.load(path) if torch.cuda.is_available() else torch.load(path, map_location='cpu')",
        "read(path)",
        "{'.pt': torch.load}[os.path.splitext(path)[1]](path)",
    ],
)
def test_a_call_that_is_written_in_another_way(call: str) -> None:
    top = "import functools, io\ndef read(path, device='cpu', **more): return torch.load(path, device, **more)"
    assert severities(loads(call, MODULE, top=top)) == ["warning"]
    scripted = severities(loads(call.replace("torch.load", "torch.jit.load"), STATE_DICT, top=top))
    assert scripted == ([] if call == "read(path)" else ["error"])


def test_what_a_try_takes_is_not_reported() -> None:
    text = """
import torch
class Handler:
    def initialize(self, context):
        try:
            self.model = torch.jit.load("net.pt")
        except RuntimeError:
            self.model = torch.load("net.pt")
    def handle(self, data, context):
        return [1] * len(data)
"""
    archive = Archive(files={"handler.py": text, "net.pt": STATE_DICT})
    assert severities(archive) == []


@pytest.mark.parametrize(
    ("call", "data", "name", "top"),
    [
        ("load_file(path)", STATE_DICT, "net.safetensors", "from safetensors.torch import load_file"),
        ("safe_open(path, framework='pt')", STATE_DICT, "net.bin", "from safetensors import safe_open"),
        ("ort.InferenceSession(path)", SCRIPT, "net.onnx", "import onnxruntime as ort"),
        ("onnxruntime.InferenceSession(path, providers=[])", b"", "net.onnx", "import onnxruntime"),
        ("torch.jit.load(path)", EXPORTED, "net.pt", ""),
        ("torch.jit.load(path)", MODULE, "net.pt", ""),
        ("torch.jit.load(path)", SAFETENSORS, "net.pt", ""),
        ("torch.export.load(path)", SCRIPT, "net.pt2", ""),
        ("torch.load(path)", SAFETENSORS, "net.bin", ""),
        ("torch.load(open(path, 'rb'))", model(), "net.pt", ""),
        ("torch.load(path, weights_only=True)", MODULE, "net.pt", ""),
    ],
)
def test_calls_that_are_wrong_whatever_the_torch(call: str, data: bytes, name: str, top: str) -> None:
    assert severities(loads(call, data, name, top=top)) == ["error"]


def test_by_the_servers_torch() -> None:
    whole = loads(LOAD, MODULE)
    assert severities(whole) == ["warning"]
    assert severities(whole, torch="2.5") == severities(whole, target="kserve") == []
    assert severities(whole, torch="2.6") == ["error"]
    script = loads(LOAD, SCRIPT)
    assert severities(script) == ["warning"]
    assert severities(script, torch="2.5") == []
    for archive in (whole, script):
        [unknown], [known] = (found(archive), found(archive, torch="2.6"))
        assert unknown.effect == f"{known.effect}, from torch 2.6 on"
    named = loads(LOAD, SAFETENSORS, "net.safetensors")
    assert severities(named, torch="2.12") == ["error"]
    assert severities(named, torch="2.13") == []
    misnamed = loads(LOAD, STATE_DICT, "net.safetensors")
    assert severities(misnamed) == ["warning"]
    assert (severities(misnamed, torch="2.12"), severities(misnamed, torch="2.13")) == ([], ["error"])
    # In lower case, and of a path.
    for call in ("torch.load(open(path, 'rb'))", "torch.load(io.BytesIO(open(path, 'rb').read()))"):
        assert severities(loads(call, STATE_DICT, "net.safetensors", top="import io"), torch="2.13") == []
        assert severities(loads(call, SAFETENSORS, "net.safetensors", top="import io"), torch="2.13") == ["error"]
    assert severities(loads(LOAD, STATE_DICT, "net.SAFETENSORS"), torch="2.13") == []
    assert severities(loads(LOAD, SAFETENSORS, "net.SAFETENSORS"), torch="2.13") == ["error"]
    for keywords in ("weights_only=False", "mmap=True", "map_location=torch.device('cpu')"):
        call = f"torch.load(path, {keywords})"
        assert severities(loads(call, SAFETENSORS, "net.safetensors"), torch="2.13") == []
        assert severities(loads(call, STATE_DICT, "net.safetensors"), torch="2.13") == ["error"]


def test_what_fails_for_each_request_is_a_warning() -> None:
    text = """
import torch
def handle(data, context):
    if data is None:
        return None
    return [torch.jit.load("net.pt")] * len(data)
"""
    assert severities(Archive(files={"handler.py": text, "net.pt": STATE_DICT})) == ["warning"]


def test_keywords_that_an_older_torch_does_not_take() -> None:
    only, mapped = (
        loads("torch.load(path, weights_only=True)", STATE_DICT),
        loads("torch.load(path, mmap=True)", STATE_DICT),
    )
    assert [severities(only, torch=torch) for torch in ("1.12", "1.13")] == [["error"], []]
    assert [severities(mapped, torch=torch) for torch in ("2.0", "2.1")] == [["error"], []]
    assert severities(mapped, torchserve_version="0.8.2") == ["warning"]


def test_the_names_of_a_wrapper_in_what_is_given_to_load_state_dict() -> None:
    call, top = f"Net().load_state_dict({LOAD})", "from net import Net"
    for data in (named("module.weight", "module.bias"), named("_orig_mod.weight", "_orig_mod.bias")):
        assert severities(loads(call, data, top=top)) == ["warning"]
        assert severities(loads(call.replace("))", "), strict=False)"), data, top=top)) == []
        assert severities(loads(call.replace("torch.load", "dict(torch.load") + ")", data, top=top)) == []
        wraps = f"{top}\nfrom torch.nn import DataParallel\nNet = torch.compile(Net)"
        assert severities(loads(call, data, top=wraps)) == []


@pytest.mark.parametrize(
    "net",
    [
        "self.module = torch.nn.Linear(1, 1)",
        "self.add_module('module', torch.nn.Linear(1, 1))",
        "self.register_module(name='module', module=torch.nn.Linear(1, 1))",
        "setattr(self, WORDS[0], torch.nn.Linear(1, 1))",
    ],
)
def test_a_class_may_have_a_part_that_is_called_as_a_wrapper_calls_its_model(net: str) -> None:
    call, data, top = (
        f"Net().load_state_dict({LOAD})",
        named("module.weight", "module.bias"),
        "from net import Net",
    )
    source = (
        "import torch\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        "
    )
    assert severities(loads(call, data, top=top, net=f"{source}{net}\n")) == []
    # A variable of that name is no attribute.
    other = "module = torch.nn.Linear(1, 1)\n        self.net = module\n"
    assert severities(loads(call, data, top=top, net=source + other)) == ["warning"]


@pytest.mark.parametrize(
    "top",
    [
        "from timm.utils import ModelEmaV2",
        "from mmcv.parallel import MMDataParallel",
        "import deepspeed\nmake = deepspeed.init_inference",
        "from fastai.text.models.core import SentenceEncoder",
    ],
)
def test_wrappers_of_other_libraries(top: str) -> None:
    call = f"Net().load_state_dict({LOAD})"
    assert severities(loads(call, named("module.weight", "module.bias"), top=f"from net import Net\n{top}")) == []
