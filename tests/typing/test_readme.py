"""The examples of the README run as they stand; their types are those of tests/docs/test_blocks.py."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from marpack import check
from tests.support.torchserve import SHARED_VERSION, environment, install_folder, package_home

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "tests" / "models"
# Of somebody who tried the examples there.
LEFTOVERS = shutil.ignore_patterns(
    *("*.mar", "*.war", "*.tar.gz", "__pycache__", "config.properties"),
    *("contents", "deploy", "dev-digits*.yaml", "model-store", "storage", "unpacked"),
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|sh)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
EXAMPLES = {f"README_{number}": text for number, text in enumerate(PYTHON, 1)}
# Those that read an archive read what this one has packed.
FIRST = EXAMPLES["README_1"]


@pytest.fixture
def installed(pytestconfig: pytest.Config) -> dict[str, str]:
    """Return the variables of a process in whose Python TorchServe is installed, as the extra does."""
    home = package_home(environment(SHARED_VERSION, install_folder(pytestconfig)))
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(home)])}


RUNNING = [name for name, text in EXAMPLES.items() if "from marpack.running" in text]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - RUNNING))
def test_it_runs(name: str, tmp_path: Path) -> None:
    run_example(name, tmp_path, None)


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.parametrize("name", RUNNING)
def test_it_runs_a_model(name: str, tmp_path: Path, installed: dict[str, str]) -> None:
    run_example(name, tmp_path, installed)


def run_example(name: str, tmp_path: Path, variables: dict[str, str] | None) -> None:
    shutil.copytree(MODELS, tmp_path / "models", ignore=LEFTOVERS)
    for example in dict.fromkeys([FIRST, EXAMPLES[name]]):
        done = subprocess.run(
            [sys.executable, "-c", example],
            cwd=tmp_path / "models" / "digits",
            env=variables,
            capture_output=True,
            text=True,
            check=True,
        )
        # Nothing but what deploy tells, which begins with the time.
        assert [line for line in done.stderr.splitlines() if not re.match(r"\d{4}-\d\d-\d\d ", line)] == []
    assert (tmp_path / "models" / "digits" / "digits.mar").exists()


@pytest.mark.slow
@pytest.mark.server
def test_the_page_runs_in_its_order(tmp_path: Path, installed: dict[str, str]) -> None:
    """All of it but what installs, serves or tests, in one folder; what it packs is what a server would load."""
    shutil.copytree(MODELS, tmp_path / "tests" / "models", ignore=LEFTOVERS)
    folder = tmp_path / "tests" / "models" / "digits"
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, runs in (("python", ""), ("marpack", " -m marpack")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{runs} "$@"\n')
        (programs / name).chmod(0o755)
    (programs / "activate").write_text(f'PATH="{programs}:$PATH"\n')
    script = []
    for language, text in BLOCKS:
        if language == "python":
            script.append(f"python - <<'END'\n{text}END\n")
        elif not re.search(r"torchserve --start|\.venv-test|ci: ", text):
            # The first one installs marpack, the last one of another finds two archives to be different.
            text = text.partition("install --quiet . && ")[2] or text
            script.append(re.sub(r"^marpack diff .*", r"! \g<0>", text, flags=re.MULTILINE))
    shell = ["bash", "-e", "-c", "".join(script)]
    done = subprocess.run(shell, cwd=tmp_path, env=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    archives = sorted([*folder.glob("*.mar"), *folder.glob("*.war"), *folder.glob("*.tar.gz")])
    assert len(archives) == 9
    for path in archives:
        assert not [found for found in check(path) if found.severity == "error"], path


def test_the_command_prints_what_the_readme_says(tmp_path: Path) -> None:
    shell, printed = re.findall(
        r"ci: pack -->\n```sh\n(.*?)^```\n\n```text\n(.*?)^```", README, re.MULTILINE | re.DOTALL
    )[0]
    words = shell.replace("\\\n", " ").split(".venv/bin/marpack ")[1].split()
    shutil.copytree(MODELS, tmp_path / "tests" / "models", ignore=LEFTOVERS)
    done = subprocess.run(
        [sys.executable, "-m", "marpack", *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    # The size of what is deflated depends on zlib's build, the rest does not.
    without_size = re.compile(r", [\d,]+ bytes")
    assert without_size.sub("", done.stdout) == without_size.sub("", printed)


@pytest.mark.slow
@pytest.mark.server
def test_run_prints_what_the_readme_says(tmp_path: Path, installed: dict[str, str]) -> None:
    shell, printed = re.findall(
        r"output: run -->\n```sh\nmarpack (.*?)^```\n\n```text\n(.*?)^```", README, re.MULTILINE | re.DOTALL
    )[0]
    folder = tmp_path / "models" / "digits"
    shutil.copytree(MODELS, tmp_path / "models", ignore=LEFTOVERS)
    for words in (["-c", FIRST], ["-m", "marpack", *shell.split()]):
        done = subprocess.run(
            [sys.executable, *words], cwd=folder, env=installed, capture_output=True, text=True, check=True
        )
    assert done.stderr == "200\n"
    told, said = json.loads(done.stdout), json.loads(printed)
    # Layout as it stands; of the numbers, what any processor makes alike.
    assert (told.keys(), told["class"]) == (said.keys(), said["class"])
    assert told["scores"] == pytest.approx(said["scores"], rel=1e-3)
    assert done.stdout.count("\n") + 1 == printed.count("\n")
