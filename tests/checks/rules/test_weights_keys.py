"""What is said of the names in a state_dict, and what is not; and that torch finds the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checks.cases.weights import BIAS, NET
from tests.checks.cases.weights_keys import PARTS, TWO, named, of, state
from tests.support.checking import found

MODULE = named("module.weight", "module.bias")
COMPILED = named("_orig_mod.weight", "_orig_mod.bias")
INNER = named("encoder._orig_mod.weight", "encoder._orig_mod.bias")
NORMED = state({"bias": BIAS, "parametrizations.weight.original0": BIAS})
OTHER = named("decoder.weight", "decoder.bias")
QUANTIZED = named("weight", "bias", **{"_packed_params.dtype": b"ctorch\nqint8\n"})
FLAT = named("weight", "bias", epoch=b"K\3")


def said(data: bytes, source: str = NET, code: str = "weights-keys", **more: str) -> list[str]:
    archive = of(data, source)
    archive.files.update(more)  # type: ignore[attr-defined]
    return [each.severity for each in found(archive) if each.code == code]


@pytest.mark.parametrize(
    ("data", "source"),
    [
        # The names are those of the model, which has an attribute of the wrapper's name.
        (MODULE, PARTS.replace("encoder", "module")),
        (named("model.weight", "model.bias"), PARTS.replace("encoder", "model")),
        (named("base_model.model.weight", "base_model.model.bias"), PARTS.replace("encoder", "base_model")),
        (named("epoch.weight", "epoch.bias"), PARTS.replace("self.encoder =", "self.epoch = self.encoder =")),
        # It wraps itself, or parts of it.
        (MODULE, "from torch.nn import DataParallel\n" + NET),
        (INNER, PARTS.replace("torch.nn.Linear(2, 1)", "torch.compile(torch.nn.Linear(2, 1))")),
        (INNER, "from torch import compile\n" + PARTS),
        (INNER, "from parts import Part\n" + PARTS),
        (NORMED, NET + "        torch.nn.utils.parametrizations.weight_norm(self)\n"),
        (NORMED, "from torch.nn.utils.parametrizations import spectral_norm as norm\n" + NET),
        (named("weight_g", "weight_v"), "from torch.nn.utils import weight_norm\n" + NET),
        (named("weight_orig", "weight_mask"), "import torch.nn.utils.prune as p\n" + NET),
        (named("weight_g", "weight_v"), NET + "        self.weight_g = self.weight_v = self.weight\n"),
        (named("weight_g", "bias_v"), NET),
        (named("lora_A.weight", "lora_B.weight"), NET + "        self.lora_A = self.lora_B = None\n"),
        # It loads in a way of its own.
        (MODULE, NET + "    def load_state_dict(self, state): pass\n"),
        (FLAT, NET + "    def _load_from_state_dict(self, *given): pass\n"),
        (MODULE, NET + "        self.register_load_state_dict_pre_hook(print)\n"),
        (MODULE, NET + "    def __new__(cls):\n        return other()\n"),
        # Names that no text tells.
        (OTHER, PARTS + "        setattr(self, 'de' + 'coder', 1)\n"),
        (OTHER, PARTS + "        self.add_module('de' + 'coder', None)\n"),
        (OTHER, PARTS + "        self.register_module('decoder', None)\n"),
        (OTHER, PARTS.replace("torch.nn.Module", "torch.nn.ModuleDict")),
        (OTHER, "import other\n" + PARTS.replace("torch.nn.Module", "other.Net")),
        # Extra state, and what quantized layers keep.
        (named("weight", "bias", _extra_state=b"K\3"), NET),
        (named("weight", "bias", **{"layer._extra_state": b"K\3"}), NET),
        (QUANTIZED, "from torch.ao.quantization import quantize_dynamic as small\n" + NET),
        (QUANTIZED, NET + "        torch.quantization.convert(self, inplace=True)\n"),
        (named("weight", "bias"), NET),
        (TWO, PARTS),
    ],
)
def test_names_that_may_be_right(data: bytes, source: str) -> None:
    parts = "import torch\nPart = torch.compile(torch.nn.Linear(2, 1))\n"
    assert said(data, source, **{"parts.py": parts}) == []


@pytest.mark.parametrize(
    ("data", "source", "expected"),
    [
        (MODULE, "import re\nWORDS = re.compile('a')\n" + NET, "error"),
        (COMPILED, "import re\nWORDS = re.compile('a')\n" + NET, "error"),
        (named("module._orig_mod.weight", "module._orig_mod.bias"), NET, "error"),
        (named("_orig_mod.module.weight", "_orig_mod.module.bias"), NET, "error"),
        (MODULE, PARTS, "error"),
        (MODULE, PARTS + "        for module in self.modules():\n            module.eval()\n", "error"),
        (MODULE, NET.replace("torch.nn.Linear", "other.Net").replace("torch\n", "torch, other\n"), "warning"),
        (INNER, PARTS, "error"),
        (INNER, "import timm\n" + PARTS, "warning"),
        (NORMED, "import torchaudio\n" + NET, "warning"),
        (NORMED, NET, "error"),
        (named("weight_g", "weight_v"), NET, "error"),
        (named("weight_orig", "weight_mask"), NET, "error"),
        (named("weight_orig", "weight_u"), NET, "error"),
        (named("encoder._checkpoint_wrapped_module.weight", "encoder.bias"), PARTS, "error"),
        (named("encoder.lora_A.weight", "encoder.lora_B.weight"), PARTS, "error"),
        (QUANTIZED, NET, "error"),
        (QUANTIZED, "import torchaudio\n" + NET, "warning"),
        (FLAT, NET, "error"),
        (named("weight", "bias", loss=b"G?\xb9\x99\x99\x99\x99\x99\x9a"), NET, "error"),
        (named("weight", "bias", optimizer=b"}"), NET, "error"),
        (OTHER, PARTS, "error"),
    ],
)
def test_names_that_the_model_has_not(data: bytes, source: str, expected: str) -> None:
    assert said(data, source) == [expected]


def test_a_handler_that_has_words_of_wrapping_wraps_no_model_file() -> None:
    base = str(of(MODULE).files["handler.py"])
    compiles = (
        f"{base}    def initialize(self, c):\n        super().initialize(c)\n        self.module = compile\n"
    )
    assert said(MODULE, **{"handler.py": compiles}) == ["error"]


MADE = {
    "torch.compile(net).state_dict()": PARTS,
    "torch.nn.DataParallel(net).state_dict()": PARTS,
    "torch.optim.swa_utils.AveragedModel(torch.compile(net)).state_dict()": PARTS,
    "setattr(net, 'encoder', torch.compile(net.encoder)) or net.state_dict()": PARTS,
    "torch.nn.utils.parametrizations.spectral_norm(net.encoder) and net.state_dict()": PARTS,
    "torch.nn.utils.parametrizations.weight_norm(net.encoder) and net.state_dict()": PARTS,
    "torch.nn.utils.weight_norm(net.encoder) and net.state_dict()": PARTS,
    "torch.nn.utils.spectral_norm(net.encoder) and net.state_dict()": PARTS,
    "__import__('torch.nn.utils.prune') and torch.nn.utils.prune.l1_unstructured(net.encoder, 'weight', 1)"
    " and net.state_dict()": PARTS,
    "{**net.state_dict(), 'epoch': 3}": PARTS,
    "{**net.state_dict(), 'loss': 0.5}": PARTS,
    "{**net.state_dict(), 'optimizer': torch.optim.SGD(net.parameters()).state_dict()}": PARTS,
    "{f'model.{name}': value for name, value in net.state_dict().items()}": PARTS,
    "torch.ao.quantization.quantize_dynamic(net, {torch.nn.Linear}).state_dict()": PARTS,
    "net.state_dict() # quantized": PARTS.replace("torch.nn.Linear", "torch.ao.nn.quantized.dynamic.Linear"),
    "net.compile() or net.state_dict()": PARTS,
    "net.state_dict()": PARTS,
    "net.state_dict() # compiled": PARTS.replace("torch.nn.Linear(2, 1)", "torch.compile(torch.nn.Linear(2, 1))"),
    "net.state_dict() # called so": PARTS.replace("encoder", "module"),
    "net.state_dict() # normed": PARTS + "        torch.nn.utils.parametrizations.weight_norm(self.encoder)\n",
    "net.state_dict() # extra": PARTS
    + "    def get_extra_state(self): return 3\n    def set_extra_state(self, state): pass\n",
}
JUDGE = """
import importlib, json, sys
import torch
said = []
for number, make in enumerate(json.load(sys.stdin)):
    Net = importlib.import_module(f"net{number}").Net
    torch.save(eval(make, {"torch": torch, "net": Net()}), f"{number}.pt")
    try:
        Net().load_state_dict(torch.load(f"{number}.pt", weights_only=True))
        said.append("")
    except Exception as error:
        said.append(str(error))
print(json.dumps(said))
"""


@pytest.mark.slow
def test_torch_finds_the_same(tmp_path: Path) -> None:
    for number, source in enumerate(MADE.values()):
        (tmp_path / f"net{number}.py").write_text(source, encoding="ascii")
    command = [sys.executable, "-W", "ignore", "-c", JUDGE]
    given = json.dumps(list(MADE))
    judged = subprocess.run(command, input=given, cwd=tmp_path, capture_output=True, text=True, check=True)
    errors = json.loads(judged.stdout)
    for number, (make, source) in enumerate(MADE.items()):
        data = (tmp_path / f"{number}.pt").read_bytes()
        assert said(data, source) == (["error"] if errors[number] else []), (make, errors[number])
    assert len([each for each in errors if each]) == 14
