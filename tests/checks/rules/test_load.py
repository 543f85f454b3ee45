"""``check(load=True)`` without TorchServe: a model is loaded as its base handler does, in a process of its own.

With it: ``server/test_check_load.py``.

Most of such a process is importing torch, so it is a copy of one that has done so (``warm_workers``); that of the
tests that ask for nothing is an ordinary one.
"""

from __future__ import annotations

import fractions
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import cli
from marpack.archive.read.limits import LIMIT_CODES
from marpack.checks.examine import check
from marpack.checks.rules.load import UNSAFE
from tests.conftest import require
from tests.support.archives import SPEC, zipped
from tests.support.warm_workers import warm_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.findings import Finding

torch = pytest.importorskip("torch")

DIGITS = Path(__file__).parents[2] / "models" / "digits"
MODEL = (DIGITS / "model.py").read_text()
WIDER = MODEL.replace("nn.Linear(128, 10)", "nn.Linear(129, 10)")
TWO = MODEL + "\n\nclass Another(nn.Module):\n    pass\n"


def plan(**arguments: Any) -> marpack.ArchivePlan:
    return marpack.plan_archive(model_name="m", handler="base_handler", **arguments)


def loaded(what: Any, **options: Any) -> list[Finding]:
    return [finding for finding in check(what, load=True, **options) if finding.code == "load"]


def why_not(what: Any) -> str:
    """Return what keeps a model from being loaded, which is no fault of it."""
    [finding] = loaded(what)
    assert finding.severity == "note"
    before, because, reason = finding.message.partition("the model was not loaded, because ")
    assert (before, bool(because)) == ("", True)
    return reason


@pytest.fixture(autouse=True)
def without_torchserve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it that way also where it is installed beside these tests."""
    monkeypatch.setattr("marpack.checks.rules.load_worker.can_load", lambda _: False)


@pytest.fixture(scope="session")
def warm() -> Iterator[Path | None]:
    """Return the interpreter that loads models in no time, where the system lets it be."""
    if not hasattr(os, "pidfd_open"):
        yield None
        return
    with (
        tempfile.TemporaryDirectory(prefix="warm-") as folder,
        warm_python(Path(sys.executable), Path(folder), script="load_script.py", imports=["torch"]) as python,
    ):
        yield python


@pytest.fixture
def soon(warm: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have models loaded by copies of a process that has imported torch."""
    if warm:
        monkeypatch.setattr(sys, "executable", str(warm))


@pytest.fixture
def script(tmp_path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".torch.jit")
        torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "script.pt")
    return tmp_path / "script.pt"


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("form", ["default", "no-archive"])
def test_what_loads_is_not_found_fault_with(form: Any, tmp_path: Path) -> None:
    good = plan(model_file={"model.py": MODEL.encode()}, serialized_file=DIGITS / "digits.pt", archive_format=form)
    assert loaded(good) == []
    path = tmp_path / good.file_name
    marpack.write_archive(good, path)
    assert loaded(path) == []
    with marpack.open_archive(path) as archive:
        assert loaded(archive) == []


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("model", "says"),
    [
        (WIDER, "RuntimeError: Error(s) in loading state_dict for DigitClassifier"),
        (TWO, "ValueError: Expected only one class as model definition"),
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("import os\nos._exit(7)\n", "ends the process that loads it (7)"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
    ],
)
def test_what_does_not_load(model: str, says: str) -> None:
    assert MODEL not in (WIDER, TWO)
    [finding] = loaded(plan(model_file={"model.py": model.encode()}, serialized_file=DIGITS / "digits.pt"))
    assert finding.severity == "error"
    assert says in finding.message
    assert finding.member in ("model.py", "digits.pt")


@pytest.mark.usefixtures("soon")
def test_a_whole_module_is_refused_as_by_the_server(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pt")
    [finding] = loaded(plan(model_file={"model.py": MODEL.encode()}, serialized_file=tmp_path / "whole.pt"))
    assert "Weights only load failed" in finding.message


HELD = """
import fractions
import torch


class Net(torch.nn.Linear):
    def __init__(self):
        super().__init__(3, 2)
        self.scale = fractions.Fraction(1, 3)

    def get_extra_state(self):
        return self.scale

    def set_extra_state(self, state):
        self.scale = state
"""
ALLOW = "import fractions, torch\ntorch.serialization.add_safe_globals([fractions.Fraction])\n"
HANDLER = "def handle(data, context):\n    return data\n"
WITHIN = """
import fractions, torch
from ts.torch_handler.base_handler import BaseHandler
class Handler(BaseHandler):
    def initialize(self, context):
        with torch.serialization.safe_globals([fractions.Fraction]):
            super().initialize(context)
"""


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("model", "handler", "expected"),
    [
        (ALLOW + HELD, HANDLER, None),
        (HELD, ALLOW + HANDLER, None),
        (HELD, "import os\nos.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'\n" + HANDLER, None),
        (HELD, HANDLER, "error"),
        # What nobody runs here may allow it.
        (HELD, WITHIN, "note"),
        (HELD, "import no_such_module\n" + HANDLER, "note"),
    ],
)
def test_what_the_weights_hold_is_allowed_by_what_is_imported(
    model: str, handler: str, expected: str | None, tmp_path: Path
) -> None:
    state = {**torch.nn.Linear(3, 2).state_dict(), "_extra_state": fractions.Fraction(1, 3)}
    torch.save(state, tmp_path / "net.pt")
    packed = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": handler.encode()},
        model_file={"model.py": model.encode()},
        serialized_file=tmp_path / "net.pt",
    )
    findings = [each for each in check(packed, load=True) if each.code in ("load", "weights-state-dict")]
    assert [each.severity for each in findings if each.code == "load"] == ([expected] if expected else [])
    if expected is None:
        assert findings == []


@pytest.mark.usefixtures("soon")
def test_what_was_loaded_is_not_warned_of(tmp_path: Path) -> None:
    hidden = (
        "import torch\nload = torch.load\nsetattr(torch, 'lo' 'ad', lambda *a, **k: load(*a, weights_only=False))"
    )
    state = {**torch.nn.Linear(3, 2).state_dict(), "_extra_state": fractions.Fraction(1, 3)}
    torch.save(state, tmp_path / "net.pt")
    packed = marpack.plan_archive(
        model_name="m",
        handler="base_handler",
        model_file={"model.py": f"{hidden}\n{HELD}".encode()},
        serialized_file=tmp_path / "net.pt",
    )
    version = ".".join(torch.__version__.split(".")[:2])
    cases: tuple[tuple[str | None, list[str]], ...] = ((None, []), (version, []), ("2.6", ["weights-state-dict"]))
    for told, expected in cases:
        assert [each.code for each in check(packed, load=True, select="weights", torch=told)] == expected
        assert "weights-state-dict" in [each.code for each in check(packed, torch=told)]


@pytest.mark.usefixtures("soon")
def test_torchscript(script: Path, tmp_path: Path) -> None:
    assert loaded(plan(serialized_file=script)) == []
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(script.read_bytes()[:-100])
    [finding] = loaded(plan(serialized_file=damaged))
    assert (finding.file, finding.member) == ("m.mar", "damaged.pt")


def test_what_the_base_handler_does_not_load_is_left_alone(tmp_path: Path) -> None:
    for what in (plan(serialized_file={"weights.bin": b"anything"}), plan()):
        assert why_not(what).startswith("there is neither a model file nor a serialized file called .pt")
    spec = {"w.yaml": b"models: {a: {url: a.mar}}\ndag: {a: []}\n"}
    assert why_not(marpack.plan_workflow(workflow_name="w", spec_file=spec)) == "it is a workflow"


@pytest.mark.usefixtures("soon")
def test_it_is_a_rule() -> None:
    bad = plan(model_file={"model.py": WIDER.encode()}, serialized_file=DIGITS / "digits.pt")
    assert [finding.code for finding in check(bad, load=True, select=["load"])] == ["load"]
    assert loaded(bad, ignore=["load"]) == []
    assert loaded(bad, select=["handler"]) == []
    assert check(bad, select=["load"]) == ()


FILES = {"digits.pt": (DIGITS / "digits.pt").read_bytes(), "model.py": MODEL.encode()}
MANIFEST = json.dumps(
    {
        "model": {
            "modelName": "m",
            "handler": "base_handler",
            "modelFile": "model.py",
            "serializedFile": "digits.pt",
        }
    }
)


def test_names_that_cannot_be_unpacked_safely_are_not(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.mar", [*FILES.items(), ("../sprung.py", b"")], manifest=MANIFEST)
    assert why_not(path) == "it is not safe to unpack: ../sprung.py leads out of a folder by '..'"
    path = zipped(tmp_path / "n.mar", [*FILES.items(), ("a\n/../b", b"")], manifest=MANIFEST)
    [finding] = loaded(path)
    assert "unpack: a\n/../b leads" in finding.message
    assert r"unpack: a\n/../b leads" in str(finding)
    path = zipped(tmp_path / "l.mar", [*FILES.items(), ("x", bytes(5000))], manifest=MANIFEST)
    [finding] = loaded(path, limits=marpack.Limits(size=5000))
    assert "it is not safe to unpack: the members hold" in finding.message


def test_every_fault_of_a_name_keeps_it_from_being_unpacked() -> None:
    """All that the specification has."""
    codes = re.findall(r"^\| `([\w-]+)` \| unsafe ", (SPEC / "archive.md").read_text("utf-8"), re.MULTILINE)
    names = {code for code in codes if code.startswith("name-")}
    assert len(names) == 9
    assert {*names, "file-and-folder", *LIMIT_CODES} == UNSAFE


@pytest.mark.usefixtures("soon")
def test_what_is_harmless_does_not_keep_it_from_being_loaded(tmp_path: Path) -> None:
    files = FILES | {"model.py": WIDER.encode()}
    more = [("NOTES", b"1"), ("notes", b"2"), ("twice", b"1"), ("twice", b"2")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = zipped(tmp_path / "m.mar", [*files.items(), *more], manifest=MANIFEST)
    with marpack.open_archive(path) as archive:
        assert {issue.code for issue in archive.issues} == {"case-collision", "duplicate"}
    [finding] = loaded(path)
    assert "Error(s) in loading state_dict" in finding.message


@pytest.mark.usefixtures("soon")
def test_links_and_missing_files_are_told(tmp_path: Path) -> None:
    good = plan(
        model_file={"model.py": MODEL.encode()}, serialized_file=DIGITS / "digits.pt", archive_format="no-archive"
    )
    marpack.write_archive(good, tmp_path / "m")
    (tmp_path / "m" / "digits.pt").unlink()
    assert why_not(tmp_path / "m") == "'digits.pt' is not in it"
    (tmp_path / "m" / "digits.pt").symlink_to(DIGITS / "digits.pt")
    assert why_not(tmp_path / "m") == "'digits.pt' leads out of it"


@pytest.mark.usefixtures("soon")
def test_damage_is_a_finding(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.mar", [*FILES.items(), ("data", b"a" * 100)], manifest=MANIFEST)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        data[archive.getinfo("data").header_offset + 35] ^= 0xFF
    path.write_bytes(data)
    assert [each.member for each in check(path, load=True) if each.severity == "error"] == ["data"]
    assert [each for each in check(path) if each.severity == "error"] == []


@pytest.mark.usefixtures("soon")
def test_models_own_modules_are_found(tmp_path: Path) -> None:
    text = MODEL.replace("from torch import nn", "from parts import nn")
    assert text != MODEL
    parts = {"parts.py": b"from torch import nn\n"}
    good = plan(model_file={"model.py": text.encode()}, serialized_file=DIGITS / "digits.pt", extra_files=parts)
    assert loaded(good) == []


@pytest.mark.usefixtures("soon")
def test_without_load_nothing_is_run(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    model = f"{MODEL}\nopen({os.fspath(trap)!r}, 'w').close()\n"
    trapped = plan(model_file={"model.py": model.encode()}, serialized_file=DIGITS / "digits.pt")
    check(trapped)
    assert not trap.exists()
    check(trapped, load=True)
    assert trap.exists()


def test_without_torch_the_extra_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In an interpreter that has no torch: the standard library's own, without site-packages."""
    require(sys.executable, "an interpreter")
    path = tmp_path / "m.mar"
    marpack.write_archive(plan(model_file={"model.py": MODEL.encode()}), path)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from marpack import cli\n"
        "import marpack.checks.rules.load as load\n"
        "import subprocess\n"
        "real = subprocess.run\n"
        "subprocess.run = lambda words, **how: real([words[0], '-S', *words[1:]], **how)\n"
        "sys.exit(cli.main(['check', '--load', sys.argv[2]]))\n"
    )
    root = os.fspath(Path(marpack.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-S", "-c", script, root, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'marpack[torch]'" in done.stderr


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.mar"
    bad = plan(model_file={"model.py": WIDER.encode()}, serialized_file=DIGITS / "digits.pt")
    marpack.write_archive(bad, path)
    assert cli.main(["check", str(path)]) == 0
    assert cli.main(["check", "--load", str(path)]) == 1
    assert "Error(s) in loading state_dict" in capsys.readouterr().out


def test_what_the_model_file_leaves_running_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marpack.checks.rules.load._SECONDS", 100)
    running = """
import subprocess, sys, threading, time
threading.Thread(target=time.sleep, args=(150,)).start()
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(150)"])
"""
    weights = torch.nn.Linear(2, 2).state_dict()
    source = "import torch\nclass Net(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(2, 2)\n"
    what = plan(model_file={"net.py": (source + running).encode()}, serialized_file={"net.pt": weights})
    assert loaded(what) == []
