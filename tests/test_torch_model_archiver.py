"""The ready-made package that takes torch-model-archiver's place."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from marpack import compat
from tests.support.official import official_module, require_official

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "torch-model-archiver"
MODULES = [path for path in (EXAMPLE / "model_archiver").rglob("*.py") if path.stem not in ("__init__", "command")]
# A handler that the server refuses.
WORDS = ["--model-name", "m", "--version", "1.0", "--handler", "h.py", "--force"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("h.py").write_text("x = 1\n")
    return tmp_path


def run(*command: str, path: Path = EXAMPLE, check: str = "warn") -> subprocess.CompletedProcess[str]:
    """Run a command where the example is found before the official package."""
    paths = os.pathsep.join(map(str, (path, ROOT)))
    return subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": paths, "MARPACK_CHECK": check},
        capture_output=True,
        text=True,
        check=False,
    )


def archiver(*words: str, check: str = "warn") -> subprocess.CompletedProcess[str]:
    """Run the example's command as its script does."""
    scripts = (EXAMPLE / "pyproject.toml").read_text().partition("[project.scripts]\n")[2]
    script = re.match(r'torch-model-archiver = "([\w.]+):(\w+)"\n', scripts)
    assert script
    code = f"import sys; from {script[1]} import {script[2]} as main; sys.exit(main())"
    return run(sys.executable, "-c", code, *words, check=check)


def test_the_command_packs() -> None:
    done = archiver(*WORDS)
    assert (done.returncode, done.stdout.partition(":")[0]) == (0, "m.mar")
    assert "handler-classes" in done.stderr
    assert archiver(*WORDS, "--handler", "gone.py").returncode == 1
    assert archiver(*WORDS, "--no-such-option").returncode == 2


def test_it_is_silent_where_the_environment_says_so() -> None:
    """pytorch-kfp-components takes any text on standard error for a failure."""
    done = archiver(*WORDS, check="off")
    assert (done.returncode, done.stderr, Path("m.mar").exists()) == (0, "", True)


def test_the_modules_have_the_official_names() -> None:
    require_official()
    assert len(MODULES) == 7
    for path in MODULES:
        name = ".".join(path.relative_to(EXAMPLE).with_suffix("").parts[1:])
        code = f"import model_archiver.{name} as it; print(*it.__all__, it.__file__, sep='\\n')"
        *names, file = run(sys.executable, "-c", code).stdout.split()
        assert file == str(path)
        assert names
        assert all(hasattr(official_module(name), each) and hasattr(compat, each) for each in names), name
    code = "import model_archiver as it; print(*it.__all__, it.__version__)"
    assert run(sys.executable, "-c", code).stdout.split() == [
        "ModelArchiver",
        "ModelArchiverConfig",
        "0.12.0+marpack",
    ]


@pytest.mark.server
@pytest.mark.slow
def test_it_is_installed_in_the_official_packages_place(tmp_path: Path) -> None:
    place = tmp_path / "place"
    words = ["--quiet", "--no-deps", "--target", str(place), str(EXAMPLE)]
    assert run(sys.executable, "-m", "pip", "install", *words).returncode == 0
    done = run(str(place / "bin" / "torch-model-archiver"), *WORDS, path=place, check="off")
    assert (done.returncode, done.stderr) == (0, "")
    code = "from importlib.metadata import version; print(version('torch-model-archiver'))"
    assert run(sys.executable, "-c", code, path=place).stdout == "0.12.0+marpack\n"
