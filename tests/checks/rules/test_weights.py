"""What is said of weights that no handler loads."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import marpack
from tests.checks.cases.case import Archive
from tests.checks.cases.weights import (
    ALLOWED_LATER,
    ALLOWED_ONCE,
    BASE,
    CHECKPOINT,
    NET,
    SCRIPT,
    STATE,
    STATE_DICT,
    alone,
    beside,
    eager,
    flat,
    of_zip,
    saved,
)
from tests.checks.cases.weights_calls import SAFE
from tests.support.checking import found

SAFETENSORS = (2).to_bytes(8, "little") + b"{}"
OF_LIBRARY = STATE[:-1] + b"X\x04\0\0\0morecquantizer\nTensor\nu"
FRACTION = STATE[:-1] + b"X\x04\0\0\0morecfractions\nFraction\nu"


def with_model(archive: Archive, text: str) -> Archive:
    return dataclasses.replace(archive, files={**archive.files, "net.py": text})


def severities(archive: Archive, **options: str) -> list[str]:
    return [each.severity for each in found(archive, **options) if each.code == "weights-state-dict"]


@pytest.mark.parametrize(
    "archive",
    [
        # What is imported before allows it, or may.
        with_model(eager(saved(FRACTION)), f"{NET}{SAFE}\n"),
        with_model(eager(saved(OF_LIBRARY)), f"import quantizer\n{NET}"),
        eager(saved(b"}")),
    ],
)
def test_weights_that_may_be_right(archive: Archive) -> None:
    assert severities(archive) == []


def test_a_name_of_safetensors() -> None:
    named = eager(SAFETENSORS, "net.safetensors")
    assert severities(named) == ["warning"]
    assert severities(named, torch="2.12") == ["error"]
    assert severities(named, torch="2.13") == ["note"]  # nobody knows what is installed beside it
    required = dataclasses.replace(
        named,
        files={**named.files, "requirements.txt": "safetensors\n"},
        model={**named.model, "requirementsFile": "requirements.txt"},
    )
    assert severities(required) == []
    assert severities(eager(SAFETENSORS)) == ["error"]
    misnamed = eager(STATE_DICT, "net.safetensors")
    assert [severities(misnamed, torch=torch) for torch in ("2.12", "2.13")] == [[], ["error"]]
    # By the name in lower case; and what is neither is no state_dict of any torch.
    assert severities(eager(STATE_DICT, "net.SAFETENSORS"), torch="2.13") == []
    assert severities(eager(SAFETENSORS, "net.SAFETENSORS"), torch="2.13") == ["error"]
    assert severities(eager(SCRIPT, "net.safetensors"), torch="2.12") == ["error"]
    # What safetensors itself does not read.
    for broken in (SAFETENSORS + b"more", (3).to_bytes(8, "little") + b"{]}"):
        archive = dataclasses.replace(required, files={**required.files, "net.safetensors": broken})
        assert (severities(archive), severities(archive, torch="2.13")) == (["warning"], ["error"])


def said(archive: Archive, **options: str) -> tuple[str, str]:
    [finding] = [each for each in found(archive, **options) if each.code == "weights-state-dict"]
    return finding.severity, finding.message


def test_what_a_newer_torch_allows_says_which() -> None:
    later = eager(saved(ALLOWED_LATER))
    severity, message = said(later)
    assert severity == "note"  # nobody knows the torch
    assert message.endswith("weights_only=True refuses before torch 2.14; torch 2.14 and newer allow it")
    assert [severities(later, torch=torch) for torch in ("2.5", "2.13", "2.14")] == [[], ["error"], []]
    # What the sources allow is allowed in all of them.
    for text in (f"{NET}{SAFE}\n", f"torch.load = print\n{NET}"):
        assert [severities(with_model(later, text), **torch) for torch in ({}, {"torch": "2.13"})] == [[], []]


def test_what_torch_allows_no_more_says_which_did() -> None:
    once = eager(saved(ALLOWED_ONCE))
    severity, message = said(once)
    assert severity == "note"
    assert message == "it holds builtins.ValueError, which weights_only=True allows in torch 2.14 alone"
    [finding] = [each for each in found(once, torch="2.15") if each.code == "weights-state-dict"]
    assert (finding.severity, finding.message) == ("error", message)
    assert finding.fix == "serve it by torch 2.14, or leave that out of what is saved"
    assert [severities(once, torch=torch) for torch in ("2.5", "2.13", "2.14")] == [[], ["error"], []]
    nested = b"X\1\0\0\0actorch._utils\n_rebuild_nested_tensor\n"
    assert said(eager(saved(STATE[:-1] + nested + b"u")))[0] == "note"
    # Of what a torch refuses, and no more, it is told.
    both = eager(saved(STATE[:-1] + nested + b"X\1\0\0\0bcbuiltins\nset\nu"))
    bounds = "which weights_only=True allows in torch 2.6 to 2.14 alone"
    assert said(both)[1] == f"it holds builtins.set, torch._utils._rebuild_nested_tensor, {bounds}"
    assert said(both, torch="2.15") == ("error", f"it holds torch._utils._rebuild_nested_tensor, {bounds}")


LENIENT = """
    def load_state_dict(self, state_dict, *args, **kwargs):
        return super().load_state_dict(state_dict["model"], *args, **kwargs)
"""
REFUSED_CHECKPOINT = b"}(X\5\0\0\0model" + STATE + b"X\4\0\0\0argscargparse\nNamespace\n)\x81u"


def test_a_model_may_take_a_checkpoint_itself_that_torch_reads() -> None:
    own = with_model(eager(CHECKPOINT), NET + LENIENT)
    assert (severities(eager(CHECKPOINT)), severities(own)) == (["error"], [])
    other = NET + LENIENT.replace('["model"]', "[self.key]")
    assert severities(with_model(eager(CHECKPOINT), other)) == ["note"]
    inherited = f"from base import Base\n{NET}".replace("(torch.nn.Linear)", "(Base, torch.nn.Linear)")
    base = f"class Base:{LENIENT}"
    archive = with_model(eager(CHECKPOINT), inherited)
    assert severities(dataclasses.replace(archive, files={**archive.files, "base.py": base})) == []
    # torch.load comes first.
    for text in (NET, NET + LENIENT):
        [finding] = [
            each
            for each in found(with_model(eager(saved(REFUSED_CHECKPOINT)), text), torch="2.13")
            if each.code == "weights-state-dict"
        ]
        assert finding.severity == "error"
        assert "UnpicklingError: Weights only load failed" in finding.effect


def test_what_torch_says_of_a_damaged_pickle() -> None:
    torch = pytest.importorskip("torch")
    data = of_zip(**{"data.pkl": b"\xc0" + STATE})
    [finding] = [each for each in found(eager(data), torch="2.13") if each.code == "weights-state-dict"]
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(io.BytesIO(data))
    assert "UnpicklingError: Weights only load failed" in finding.effect


OWN = STATE[:-1] + b"X\x04\0\0\0morecscale\nScale\nu"
OF_TIMM = STATE[:-1] + b"X\x04\0\0\0morectimm.models.resnet\nResNet\nu"
OF_FACES = STATE[:-1] + b"X\x04\0\0\0morecfacenet_pytorch.models.mtcnn\nMTCNN\nu"
NAMESPACE = STATE[:-1] + b"X\x04\0\0\0morecargparse\nNamespace\nu"
MESH = STATE[:-1] + b"X\x04\0\0\0morectorch.distributed.device_mesh\nDeviceMesh\nu"


@pytest.mark.parametrize(
    ("state", "top", "allowed"),
    [
        (OF_LIBRARY, "", False),
        (OF_LIBRARY, "import quantizer.parts", True),
        (OF_LIBRARY, "import importlib\nimportlib.import_module('quantizer')", True),
        (OF_LIBRARY, "import torchvision, numpy, PIL, json", False),
        (OF_LIBRARY, "import boto3, bs4, flask, matplotlib.pyplot, omegaconf, psycopg2, soundfile", False),
        (OF_FACES, "from facenet_pytorch import MTCNN", False),
        # It may import the other, or allow what is not its own.
        (OF_LIBRARY, "import trainer", True),
        (FRACTION, "import trainer", True),
        (FRACTION, "import fractions", False),
        # These allow nothing for good, and may import what does.
        (FRACTION, "import transformers, accelerate, timm, lightning.pytorch, sentence_transformers", False),
        (OF_LIBRARY, "import transformers", True),
        (OF_TIMM, "import timm", False),
        (OF_TIMM, "import monai", True),
        (NAMESPACE, "import timm", False),
        (MESH, "import transformers", True),
        # Nobody else knows a class of the archive's.
        (OWN, "import trainer", False),
        (MESH, "", False),
        (MESH, "import torch.distributed", False),
        (MESH, "from ts.torch_handler.base_handler import BaseHandler", False),
        (MESH, "from torchvision import transforms", True),
        (MESH, "from ts.torch_handler.image_classifier import ImageClassifier", True),
        (MESH, "import torch._dynamo", True),
        (MESH, "net = torch.compile(torch.nn.Linear(1, 1))", True),
        (MESH, "from torch.distributed import tensor", True),
        (MESH, "import torch.distributed.tensor.parallel", True),
        (MESH, "from torch.distributed.tensor import DTensor", True),
    ],
)
@pytest.mark.parametrize("where", ["net.py", "handler.py", "scale.py"])
def test_what_is_imported_may_allow_it(state: bytes, top: str, allowed: bool, where: str) -> None:
    archive = eager(saved(state))
    files = {**archive.files, "net.py": f"import scale\n{NET}", "scale.py": "class Scale: pass\n"}
    files[where] = f"{top}\n{files[where]!s}"
    assert severities(dataclasses.replace(archive, files=files), torch="2.13") == ([] if allowed else ["error"])


ALLOW = "torch.serialization.add_safe_globals"
# What a module beside the model file says: whether torch then reads a state that holds scale.Scale.
REGISTERED = {
    f"{ALLOW}([scale.Scale])": True,
    f"from scale import Scale as S\n{ALLOW}((S,))": True,
    f"{ALLOW}([scale.Also])": True,
    f"{ALLOW}([each for each in vars(scale).values() if isinstance(each, type)])": True,
    "from torch.serialization import add_safe_globals as allow\nallow([scale.Scale])": True,
    f"allow = {ALLOW}\nallow([scale.Scale])": True,
    f"def once(): {ALLOW}([scale.Scale])\nonce()": True,
    f"def once(): {ALLOW}([scale.Scale])\nglobals()['once']()": True,
    f"def twice(): {ALLOW}([scale.Scale])\ndef once(): twice()\nclass A:\n    once()": True,
    f"def decorator(cls):\n    {ALLOW}([cls, scale.Scale])\n    return cls\n@decorator\nclass A: pass": True,
    f"if __name__ != '__main__': {ALLOW}([scale.Scale])": True,
    f"if __name__ == '__main__': pass\nelse: {ALLOW}([scale.Scale])": True,
    "torch.serialization.safe_globals([scale.Scale]).__enter__()": True,
    f"if __name__ == '__main__': {ALLOW}([scale.Scale])": False,
    f"def once(): {ALLOW}([scale.Scale])": False,
    f"def twice(): {ALLOW}([scale.Scale])\ndef once(): twice()\nif __name__ == '__main__': once()": False,
    "def read(path):\n    with torch.serialization.safe_globals([scale.Scale]): return torch.load(path)": False,
    f"{ALLOW}([scale.Other])": False,
    f"from scale import Other as Scale\n{ALLOW}([Scale])": False,
    f"import argparse\n{ALLOW}([argparse.Namespace])": False,
}
JUDGE = """
import importlib, json, sys, torch
for text in json.load(sys.stdin):
    with open("told.py", "w") as file:
        file.write(f"import torch\\nimport scale\\n{text}\\n")
    torch.serialization.clear_safe_globals()
    sys.modules.pop("told", None)
    importlib.invalidate_caches()
    import told
    try:
        torch.load("net.pt")
        print("read")
    except Exception as error:
        print("refused" if "Scale" in str(error) else error)
"""


def test_what_the_sources_allow_is_what_they_run_and_name(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    scale = "class Scale: pass\nclass Other: pass\nAlso = Scale\n"
    (tmp_path / "scale.py").write_text(scale)
    (tmp_path / "net.pt").write_bytes(saved(OWN))
    done = subprocess.run(
        [sys.executable, "-B", "-c", JUDGE],
        input=json.dumps(list(REGISTERED)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True,
    )
    assert done.stdout.split() == ["read" if read else "refused" for read in REGISTERED.values()]
    archive = eager(saved(OWN))
    for text, read in REGISTERED.items():
        told = f"import torch\nimport scale\n{text}\n"
        files = {**archive.files, "net.py": f"import told\n{NET}", "told.py": told, "scale.py": scale}
        expected = [] if read else ["error"]
        assert severities(dataclasses.replace(archive, files=files), torch="2.13") == expected, text


@pytest.mark.parametrize(
    ("data", "of_load", "of_script"),
    [
        (of_zip(**{".data/extern_modules": b""}), "locating file data.pkl", "locating file constants.pkl"),
        (flat(b"{}"), "is not in a subdirectory", "is not in a subdirectory"),
        (beside(STATE_DICT), "is not in a subdirectory", "locating file constants.pkl"),
        (of_zip(readme=b""), "locating file data.pkl", "locating file constants.pkl"),
        (STATE_DICT[:-9], "reading zip archive", "reading zip archive"),
    ],
)
def test_what_torch_says_of_another_zip(data: bytes, of_load: str, of_script: str) -> None:
    for archive, code, effect in (
        (eager(data), "weights-state-dict", of_load),
        (alone(data), "weights-script", of_script),
    ):
        [finding] = [each for each in found(archive) if each.code == code]
        assert effect in (finding.effect or "")


def test_an_older_torch_imports_what_newer_ones_refuse() -> None:
    assert severities(eager(saved(FRACTION)), torch="2.5") == []
    assert severities(eager(saved(b"ccollections\ndefaultdict\n)R")), torch="2.5") == []


def test_names_are_kept_as_they_are_and_escaped_once_where_they_are_shown() -> None:
    """The key of a checkpoint, and the class of an object, are whatever their writer wants."""
    net = {"net.py": NET.encode()}
    checkpoint = saved(b"}X\x03\0\0\0a\nb" + STATE + b"s")
    pickled = saved(b"\x8c\x03a\x1bb\x8c\x03Net\x93)\x81")
    refused = saved(
        b"ccollections\nOrderedDict\n)R(X\x04\0\0\0more" + b"\x8c\x03a\x1bb\x8c\x03Net\x93" + STATE[31:]
    )
    cases = (
        (checkpoint, net, "weights-state-dict", r"'a\nb'", r"under 'a\nb'"),
        (pickled, net, "weights-state-dict", "a\x1bb.Net", r"a\x1bb.Net"),
        (pickled, None, "weights-script", r"of 'a\x1bb.Net'", r"of 'a\x1bb.Net'"),
        (refused, net, "weights-state-dict", "it holds a\x1bb.Net", r": it holds a\x1bb.Net: "),
    )
    for data, model_file, code, said, shown in cases:
        plan = marpack.plan_archive(
            model_name="m",
            handler={"handler.py": BASE.encode()},
            model_file=model_file,
            serialized_file={"net.pt": data},
        )
        [finding] = marpack.check(plan, select="weights")
        assert finding.code == code
        assert said in finding.message
        assert shown in str(finding)


def test_a_model_that_takes_the_state_dict_out_of_a_checkpoint() -> None:
    checkpoint = eager(saved(b"}X\5\0\0\0model" + STATE + b"s"))
    own = NET + "    def load_state_dict(self, state, strict=True):\n        return super().load_state_dict(KEY)\n"
    for text, expected in (("state['model']", []), ("state.get('model', state)", []), ("state['net']", ["note"])):
        assert severities(with_model(checkpoint, own.replace("KEY", text))) == expected
    assert severities(with_model(checkpoint, NET + "        self.key = 'model'\n")) == ["error"]


def test_a_handler_that_loads_a_pt_in_its_own_way() -> None:
    own = BASE + "    def _load_torchscript_model(self, path):\n        return torch.load(path)\n"
    for handler, expected in ((BASE, ["weights-script"]), ("import torch\n" + own, [])):
        archive = alone(STATE_DICT)
        archive = dataclasses.replace(archive, files={**archive.files, "handler.py": handler})
        assert [each.code for each in found(archive)] == expected


def test_a_model_file_makes_up_for_a_state_dict_alone() -> None:
    for data, expected in (
        (STATE_DICT, "pack the model file too, or"),
        (CHECKPOINT, "pack a state_dict and the model file, or"),
        (b"<html>", "pack a state_dict and the model file, or"),
    ):
        [finding] = [each for each in found(alone(data)) if each.code == "weights-script"]
        assert finding.fix.startswith(expected)
