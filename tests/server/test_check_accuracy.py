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


def test_what_fails_is_told_from_what_does_not(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    folder, result, names = tmp_path / "handlers", tmp_path / "result.json", tmp_path / "names"
    folder.mkdir()
    for name, text in HANDLERS.items():
        (folder / name).write_text(text, encoding="utf-8")
    names.write_text("absent_package\n", encoding="utf-8")
    python = environment("0.12.0", install_folder(pytestconfig))
    words = [folder, "--broken", "--stand-ins", names, "--server-python", python, "--json", result]
    done = subprocess.run([sys.executable, SCRIPT, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [told] = json.loads(result.read_text("utf-8")).values()
    models = {model["name"]: model for model in told["models"]}
    assert {name: (model["fails"], model["found"]) for name, model in models.items()} == {
        "good.py": (False, False),
        "missed.py": (True, False),
        "two_classes.py": (True, True),
    }
    assert models["missed.py"]["load"]["said"] == "ValueError: math domain error"
    assert told["numbers"]["error"] == {"true": 1}
    assert told["numbers"]["warning"]["true"] == 1
    assert "false" not in told["numbers"]["warning"]
    made = {(model["kind"], model["broken"]) for model in told["broken"]["models"]}
    kinds = ("2 file not packed", "5 import removed", "5 a dict is returned")
    assert {*((kind, True) for kind in kinds)} | {("2 file not packed, caught", False)} <= made
