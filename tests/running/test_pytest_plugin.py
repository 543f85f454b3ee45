"""The fixture ``mar_worker``, in projects of their own whose environment has marpack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.export.exports import digits
from tests.support.processes import wait_for
from tests.support.torchserve import SHARED_VERSION

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")

HANDLER = """
import os
class Handler:
    def initialize(self, context):
        print("loading")
    def handle(self, data, context):
        print("asked for", data[0]["body"])
        if data[0]["body"] == "raise":
            raise ValueError("as asked")
        return [str(os.getpid())] * len(data)
"""


@pytest.fixture(scope="module")
def worker_python(run_python: Callable[[str], Path]) -> Path:
    return run_python(SHARED_VERSION)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Have a project, beside which marpack is installed: its entry points are what pytest looks at."""
    folder = tmp_path / "installed" / "marpack-0.1.0.dist-info"
    folder.mkdir(parents=True)
    stated = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [entry] = re.findall(r'^\[project\.entry-points\.pytest11\]\n(\w+ = )"([\w.]+)"$', stated, re.MULTILINE)
    (folder / "entry_points.txt").write_text("[pytest11]\n" + "".join(entry) + "\n")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: marpack\nVersion: 0.1.0\n")
    (folder / "RECORD").write_text("marpack/__init__.py,,\nmarpack/running/pytest_plugin.py,,\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (project / "handler.py").write_text(HANDLER)
    return project


def run_pytest(project: Path, *words: str, folder: str = ".") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
        cwd=project / folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(project.parent / "installed"), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_whoever_does_not_ask_for_it_loads_next_to_nothing(project: Path) -> None:
    (project / "conftest.py").write_text(
        "import sys\ndef pytest_unconfigure(config):\n"
        "    print(*sorted(name for name in sys.modules if name.startswith('marpack')))\n"
    )
    done = run_pytest(project, "--collect-only", "-q")
    loaded = "marpack marpack.lazy marpack.running marpack.running.pytest_plugin"
    assert done.stdout.splitlines()[-1] == loaded, done.stderr
    assert done.stderr == ""
    done = run_pytest(project, "--fixtures", "-q")
    assert "mar_worker [session scope]" in done.stdout
    assert "mar_worker_python (string)" in run_pytest(project, "--help").stdout


@pytest.mark.server
def test_tests_share_a_worker_until_the_archive_changes(project: Path, worker_python: Path) -> None:
    (project / "test_it.py").write_text(
        """
import os
from pathlib import Path

import marpack
from marpack.running import Request

PLAN = marpack.plan_archive(model_name="m", handler="handler.py")
PIDS = []


def ask(worker, text="pid"):
    return worker.predict(Request.text(text)).text()


def test_of_a_plan(mar_worker):
    worker = mar_worker(PLAN)
    assert mar_worker(PLAN) is worker
    PIDS.append(int(ask(worker)))


def test_in_another_test(mar_worker):
    assert int(ask(mar_worker(PLAN))) == PIDS[0]


def test_with_other_options(mar_worker):
    assert int(ask(mar_worker(PLAN, batch_size=2))) != PIDS[0]
    assert mar_worker(PLAN, batch_size=2).batch_size == 2


def test_of_one_that_was_closed(mar_worker):
    with mar_worker(PLAN, batch_size=2):
        pass
    assert ask(mar_worker(PLAN, batch_size=2))


def test_of_a_file_that_changes(mar_worker):
    marpack.write_archive(PLAN, "m.mar")
    worker = mar_worker("m.mar")
    assert mar_worker(Path("m.mar").absolute()) is worker
    handler = {"handler.py": b"def handle(data, context): return ['new']\\n"}
    marpack.pack(model_name="m", handler=handler, force=True)
    assert ask(mar_worker("m.mar")) == "new"


def test_that_fails(mar_worker):
    assert ask(mar_worker(PLAN), "raise") == "answered"


def test_of_what_is_not_served(mar_worker):
    mar_worker(marpack.plan_archive(model_name="broken", handler={"handler.py": b"1/0"}))
"""
    )
    (project / "conftest.py").write_text(
        "import pytest\n@pytest.fixture(autouse=True, scope='session')\ndef left(mar_worker):\n"
        "    yield\n"
        "@pytest.hookimpl(trylast=True)\ndef pytest_sessionfinish(session):\n"
        "    import test_it\n    print('PID', *test_it.PIDS)\n"
    )
    done = run_pytest(project, "-o", f"mar_worker_python={worker_python}", "-rA", "test_it.py")
    assert "5 passed" in done.stdout, done.stdout + done.stderr
    assert "2 failed" in done.stdout
    shown = done.stdout.partition("FAILURES")[2].partition("PASSES")[0]
    failed, _, refused = shown.partition("test_of_what_is_not_served")
    assert "Captured mar_worker call" in failed
    assert "asked for raise" in failed
    assert "asked for pid" not in failed
    assert "ValueError: as asked" in failed
    assert "NotServedError" in refused
    assert "ZeroDivisionError" in refused.partition("Captured mar_worker call")[2]
    [pid] = re.findall(r"PID (\d+)$", done.stdout, re.MULTILINE)
    wait_for(lambda: Path("/proc", pid).exists(), False)


@pytest.mark.server
def test_the_settings_name_a_python_from_their_folder(project: Path, worker_python: Path) -> None:
    (project / "bin").mkdir()
    (project / "bin" / "python").symlink_to(worker_python)
    (project / "below").mkdir()
    (project / "below" / "test_it.py").write_text(
        "def test_it(mar_worker):\n    assert mar_worker('handler-gone.mar', python='given')\n"
        "def test_python(pytestconfig):\n"
        "    from marpack.running.pytest_plugin import _python\n    print('PYTHON', _python(pytestconfig))\n"
    )
    for value, meant in [("bin/python", str(project / "bin/python")), ("python3.11", "python3.11"), ("", "None")]:
        (project / "pytest.ini").write_text(f"[pytest]\nmar_worker_python = {value}\n")
        done = run_pytest(project, "-rA", "-k", "test_python", folder="below")
        assert f"PYTHON {meant}" in done.stdout, done.stdout


@pytest.mark.server
def test_the_pages_test(project: Path, worker_python: Path) -> None:
    [text] = [
        each
        for each in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        if "mar_worker" in each
    ]
    (project / "test_page.py").write_text(text)
    digits(project)
    done = run_pytest(project, "-q", "-o", f"mar_worker_python={worker_python}")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
