"""The Python examples of the README and of docs: mypy takes them in strict mode, and they run as they stand."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mypy import api

from tests.typing.test_seed import BUILD, SNIPPETS

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "tests" / "models"
# Of somebody who tried the examples there.
LEFTOVERS = shutil.ignore_patterns("*.mar", "__pycache__", "model-store", "deploy", "config.properties")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    path.stem: re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
EXAMPLES = {f"{page}_{number}": text for page, found in PAGES.items() for number, text in enumerate(found, 1)}
# Those that read an archive read what this one has packed.
FIRST = EXAMPLES["README_1"]


@pytest.mark.slow
def test_mypy_takes_them(tmp_path: Path) -> None:
    """Also Kaptain's snippets: one run of mypy for all, with the cache of the run over the repository."""
    for name, text in (EXAMPLES | {"kaptain": SNIPPETS + BUILD}).items():
        (tmp_path / f"{name.replace('-', '_')}.py").write_text(text, encoding="utf-8")
    settings, kept = ROOT / "pyproject.toml", ROOT / ".mypy_cache"
    out, err, status = api.run(["--config-file", str(settings), "--cache-dir", str(kept), str(tmp_path)])
    assert (status, err) == (0, ""), out


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_it_runs(name: str, tmp_path: Path) -> None:
    shutil.copytree(MODELS, tmp_path / "models", ignore=LEFTOVERS)
    for example in dict.fromkeys([FIRST, EXAMPLES[name]]):
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
        [sys.executable, "-m", "marpack", *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    # The size of what is deflated depends on zlib's build, the rest does not.
    without_size = re.compile(r", [\d,]+ bytes")
    assert without_size.sub("", done.stdout) == without_size.sub("", printed)
