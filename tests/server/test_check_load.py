"""``check(load=True)`` in a Python that has TorchServe: its worker loads the model, the handler and all."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import marpack
from tests.support.torchserve import environment, install_folder

if TYPE_CHECKING:
    from collections.abc import Callable

DIGITS = Path(__file__).parents[1] / "models" / "digits"
MODEL = (DIGITS / "model.py").read_text("utf-8")
WIDER = MODEL.replace("nn.Linear(128, 10)", "nn.Linear(129, 10)")
FINE = "def handle(data, context):\n    return data\n"
LATE = "class Handler:\n    def initialize(self, context):\n        {}\n    def handle(self, data, context): ...\n"

# A script for the server's Python: its interpreter is another, that starts workers in no time.
SCRIPT = """
import json, sys
sys.executable = sys.argv[2]
from marpack.checks.examine import check
for path in json.loads(sys.argv[1]):
    found = check(path, load=True, select="load")
    print(json.dumps([[each.severity, each.message, each.effect, each.member, each.line] for each in found]))
"""


class Found(NamedTuple):
    severity: str
    message: str
    effect: str
    member: str | None
    line: int | None


def handled(source: str, **more: Any) -> dict[str, Any]:
    return {"handler": {"handler.py": source.encode()}, **more}


MODELS: dict[str, dict[str, Any]] = {
    "fine": handled(FINE),
    "a folder": handled(FINE, archive_format="no-archive"),
    "digits": {
        "handler": DIGITS / "handler.py",
        "model_file": DIGITS / "model.py",
        "serialized_file": DIGITS / "digits.pt",
    },
    "other weights": {
        "handler": "base_handler",
        "model_file": {"model.py": WIDER.encode()},
        "serialized_file": DIGITS / "digits.pt",
    },
    "no Python": handled("def handle(data, context):\n    return (\n"),
    "raises": handled(LATE.format("raise ValueError('no\\nmore')")),
    "raises in a folder": handled(LATE.format("raise ValueError('no')"), archive_format="no-archive"),
    "ends": handled("import os\nos._exit(3)\n"),
    "a file that is not packed": handled(LATE.format("open('absent.txt')")),
    "a file beside it": handled("import os\nopen(os.path.join(os.path.dirname(__file__), 'absent.txt'))\n"),
    "a file elsewhere": handled("open('/no-such-folder/file')\n"),
    "a module that is not here": handled("import no_such_module\n"),
    "a module of its own": handled("import helpers.absent\n", extra_files={"helpers/__init__.py": b""}),
    "a name that a package has not": handled("from torch import no_such_name\n"),
    "a variable": handled("import os\nos.environ['NO_SUCH_VARIABLE']\n"),
    "a device": handled(LATE.format("import torch; torch.zeros(1).to('cuda:7')")),
    "memory": handled(LATE.format("raise MemoryError")),
    "memory by another name": handled(LATE.format("raise type('ShortError', (MemoryError,), {})")),
    "killed": handled("import os\nos._exit(137)\n"),
    "nobody answers": handled("import urllib.request as u\nu.urlopen('http://127.0.0.1:1/')\n"),
    "a configuration of nothing": handled(FINE, config_file={"c.yaml": b""}),
}


@pytest.fixture(scope="module")
def found(
    pytestconfig: pytest.Config, warm: Callable[[str], Path | None], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Found]]:
    """Have all of them checked by one process of the server's Python."""
    folder = tmp_path_factory.mktemp("models")
    paths = []
    for number, arguments in enumerate(MODELS.values()):
        plan = marpack.plan_archive(model_name=f"m{number}", **arguments)
        paths.append(str(marpack.write_archive(plan, folder / plan.file_name).path))
    python = environment("0.12.0", install_folder(pytestconfig))
    done = subprocess.run(
        [python, "-c", SCRIPT, json.dumps(paths), str(warm("0.12.0") or python)],
        env=os.environ | {"PYTHONPATH": str(Path(marpack.__file__).parents[1]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [[Found(*each) for each in json.loads(line)] for line in done.stdout.splitlines()]
    return dict(zip(MODELS, answers, strict=True))


@pytest.mark.parametrize("title", ["fine", "a folder", "digits"])
def test_what_loads_is_not_found_fault_with(title: str, found: dict[str, list[Found]]) -> None:
    assert found[title] == []


DIES = "the worker dies: it answers 500, 'Failed to start workers for model {} version: 1.0'"


@pytest.mark.parametrize(
    ("title", "says", "member", "line"),
    [
        ("other weights", "RuntimeError: Error(s) in loading state_dict for DigitClassifier", None, None),
        ("no Python", "SyntaxError: '(' was never closed", "handler.py", 2),
        ("raises", "ValueError: no\nmore", "handler.py", 3),
        ("raises in a folder", "ValueError: no", "handler.py", 3),
        ("ends", "the worker ended before it answered, with status 3", None, None),
        ("a file that is not packed", "No such file or directory: 'absent.txt'", "handler.py", 3),
        ("a file beside it", "No such file or directory: 'absent.txt'", "handler.py", 2),
        ("a module of its own", "No module named 'helpers.absent'", "handler.py", 1),
    ],
)
def test_what_ends_a_worker(
    title: str, says: str, member: str | None, line: int | None, found: dict[str, list[Found]]
) -> None:
    [each] = found[title]
    assert says in each.message
    assert (each.severity, each.member, each.line) == ("error", member, line)
    assert each.effect == DIES.format(f"m{[*MODELS].index(title)}")


@pytest.mark.parametrize(
    ("title", "says"),
    [
        ("a module that is not here", "this Python's packages: ModuleNotFoundError: No module named 'no_such_mod"),
        (
            "a name that a package has not",
            "this Python's packages: ImportError: cannot import name 'no_such_name'",
        ),
        ("a variable", "this machine's environment: KeyError: 'NO_SUCH_VARIABLE'"),
        ("a device", "this machine: "),
        ("a file elsewhere", "this machine: FileNotFoundError: [Errno 2] No such file or directory: '/no-such-"),
        ("memory", "this machine: MemoryError"),
        ("memory by another name", "this machine: "),
        ("killed", "this machine: the worker ended before it answered, with status 137"),
        ("nobody answers", "this machine: urllib.error.URLError: "),
    ],
)
def test_what_another_machine_may_have_is_a_note(title: str, says: str, found: dict[str, list[Found]]) -> None:
    [each] = found[title]
    assert each.severity == "note"
    assert f"the model was not loaded, because of {says}" in each.message


def test_what_no_server_registers(found: dict[str, list[Found]]) -> None:
    [each] = found["a configuration of nothing"]
    assert (each.severity, each.effect.partition(",")[0]) == ("error", "it answers 500")
    assert '"yamlMap" is null' in each.message
