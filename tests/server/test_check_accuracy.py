"""The script that holds ``check`` against TorchServe's loader tells what fails from what does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.torchserve import environment, install_folder

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "check_accuracy.py"

# Loads, for a stand-in is made of what no machine has.
GOOD = """
import json, os
import absent_package
class Handler(absent_package.Base):
    def initialize(self, context):
        with open(os.path.join(context.system_properties["model_dir"], "words.json")) as file:
            self.words = json.load(file)
    def handle(self, data, context):
        return [self.words[0]] * len(data)
"""
HANDLERS = {
    "good.py": GOOD,
    "words.json": '["one"]',
    "two_classes.py": "class A:\n    def handle(self, data, context): ...\nclass B: ...\n",
    # No fault that a text can show.
    "missed.py": "import math\nmath.sqrt(-1)\ndef handle(data, context): ...\n",
    "no_handler.py": "def other(): ...\n",
}

# A file that stands in for data nobody has: what is said of it is true only of what reads that very file.
POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
READERS = {"by_torch": "import torch\nread = torch.load", "by_a_stand_in": "from absent_package import read"}
READS = """
class Handler:
    def initialize(self, context):
        self.model = read("model.pt")
    def handle(self, data, context):
        return ["one"] * len(data)
"""


def add_archive(folder: Path, name: str, reader: str) -> None:
    """Write an unpacked archive whose weights are a stand-in."""
    manifest = {"model": {"modelName": "m", "handler": "handler.py", "serializedFile": "model.pt"}}
    files = {
        f"{name}/MAR-INF/MANIFEST.json": json.dumps(manifest),
        f"{name}/handler.py": reader + READS,
        f"{name}/model.pt": POINTER,
        f".meta/{name}.json": json.dumps({"stand_ins": ["model.pt"]}),
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def test_what_fails_is_told_from_what_does_not(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    folder, result, names = tmp_path / "handlers", tmp_path / "result.json", tmp_path / "names"
    folder.mkdir()
    for name, text in HANDLERS.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, reader in READERS.items():
        add_archive(folder, name, reader)
    names.write_text("absent_package\n", encoding="utf-8")
    python = environment("0.12.0", install_folder(pytestconfig))
    words = [folder, "--broken", "--stand-ins", names, "--server-python", python, "--json", result]
    done = subprocess.run([sys.executable, SCRIPT, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [told] = json.loads(result.read_text("utf-8")).values()
    models = {model["name"]: model for model in told["models"]}
    assert {name: (model["fails"], model["found"]) for name, model in models.items()} == {
        "by_a_stand_in": (False, False),
        "by_torch": (False, False),
        "good.py": (False, False),
        "missed.py": (True, False),
        "two_classes.py": (True, True),
    }
    assert models["missed.py"]["load"]["said"] == "ValueError: math domain error"
    verdicts = {
        (name, finding["code"]): finding["verdict"]
        for name, model in models.items()
        for finding in model["findings"]
    }
    assert verdicts == {
        ("by_a_stand_in", "import-missing"): "true",
        ("by_a_stand_in", "git-lfs-pointer"): "unjudged",
        ("by_torch", "git-lfs-pointer"): "true",
        ("good.py", "import-missing"): "true",
        ("missed.py", "handler-result"): "masked",
        ("two_classes.py", "handler-classes"): "true",
    }
    assert told["numbers"]["missed"] == {"ValueError": 1}
    made = {(model["kind"], model["broken"]) for model in told["broken"]["models"]}
    kinds = ("2 file not packed", "5 import removed", "5 a dict is returned")
    assert {*((kind, True) for kind in kinds)} | {("2 file not packed, caught", False)} <= made
