"""The README's Python examples: mypy takes them in strict mode, and they run as they stand."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "tests" / "models"
# Of somebody who tried the examples there.
LEFTOVERS = shutil.ignore_patterns("*.mar", "__pycache__", "model-store", "deploy", "config.properties")
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 11


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_mypy_takes_it(number: int, tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(EXAMPLES[number])
    out, err, status = api.run(["--strict", "--config-file=", "--cache-dir", str(tmp_path), str(file)])
    assert (status, err) == (0, ""), out


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_it_runs(number: int, tmp_path: Path) -> None:
    shutil.copytree(MODELS, tmp_path / "models", ignore=LEFTOVERS)
    # Those that read an archive read what the first one has packed.
    for example in dict.fromkeys([EXAMPLES[0], EXAMPLES[number]]):
        done = subprocess.run(
            [sys.executable, "-c", example],
            cwd=tmp_path / "models" / "digits",
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
    assert (tmp_path / "models" / "digits" / "digits.mar").exists()


def test_the_command_prints_what_the_readme_says(tmp_path: Path) -> None:
    shell, printed = re.findall(
        r"ci: pack -->\n```sh\n(.*?)^```\n\n```\n(.*?)^```", README, re.MULTILINE | re.DOTALL
    )[0]
    words = shell.replace("\\\n", " ").split(".venv/bin/marpack ")[1].split()
    shutil.copytree(MODELS, tmp_path / "tests" / "models", ignore=LEFTOVERS)
    done = subprocess.run(
        [sys.executable, "-m", "marpack", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    # The size of what is deflated depends on zlib's build, the rest does not.
    without_size = re.compile(r", [\d,]+ bytes")
    assert without_size.sub("", done.stdout) == without_size.sub("", printed)
