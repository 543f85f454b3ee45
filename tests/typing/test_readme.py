"""What the README shows is done as it stands, and what comes out is compared; test_blocks.py has its types."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from marpack import check, lint_config
from marpack.config.store_listing import read_manifests
from tests.conftest import require
from tests.support.documents import LEFTOVERS, ROOT, blocks
from tests.support.torchserve import (
    SHARED_VERSION,
    TorchServe,
    environment,
    install_folder,
    package_home,
    require_default_ports,
)

MODELS = ROOT / "tests" / "models"
BLOCKS = blocks("README.md")
[LIBRARY] = [each.text for each in BLOCKS if each.language == "python"]
# With what each prints, if it says so, but for what runs all tests.
SHELL = [(each.text, each.printed or "") for each in BLOCKS if each.language == "sh" and "pytest" not in each.text]
# What starts the server and ends it, and what asks it between the two.
SERVING = re.compile(r"^torchserve --st.*\n|^curl (?:.*\\\n)*.*\n", re.MULTILINE)
# What is deflated has another size by another build of zlib.
SIZE = re.compile(r", ([\d,]+|\.\.\.) bytes")


def test_the_library_packs_what_a_server_would_load(tmp_path: Path) -> None:
    """Twice the same."""
    shutil.copytree(MODELS, tmp_path / "models", ignore=LEFTOVERS)
    folder = tmp_path / "models" / "digits"
    program = [sys.executable, "-c", LIBRARY]
    one, other = (
        subprocess.run(program, cwd=folder, capture_output=True, text=True, check=True) for _ in range(2)
    )
    assert (one.stdout, one.stderr) == (other.stdout, "")
    assert len(one.stdout) == len(f"{'0' * 64}\n")
    assert not check(folder / "digits.mar")


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.usefixtures("default_ports")
@pytest.mark.xdist_group("default-ports")
def test_the_page_runs_in_its_order(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """All of it but what installs or tests; the server is started and ended by what other tests start it by."""
    cache = install_folder(pytestconfig)
    home = package_home(environment(SHARED_VERSION, cache))
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(home)])}
    shutil.copytree(MODELS, tmp_path / "tests" / "models", ignore=LEFTOVERS)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "marpack").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m marpack "$@"\n')
    (programs / "marpack").chmod(0o755)
    (programs / "activate").write_text(f'PATH="{programs}:$PATH"\n')
    assert len(SHELL) == 3
    script = ""
    for number, (text, _) in enumerate(SHELL):
        text = SERVING.sub("", text.rpartition("install --quiet . && ")[2])
        script += f"{{\n{text}}} > {number}.txt\n"
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (packed, said_of_packing), (ran, said_of_running), _ = (
        ((tmp_path / f"{number}.txt").read_text(), said) for number, (_, said) in enumerate(SHELL)
    )
    assert SIZE.sub("", packed) == SIZE.sub("", said_of_packing)
    checked, answer = ran.split("\n", 1)
    said_of_checking, status, said = said_of_running.split("\n", 2)
    assert (checked, done.stderr) == (said_of_checking, f"{status}\n")
    # Of the numbers, what any processor makes alike.
    assert json.loads(answer)["class"] == json.loads(said)["class"]
    assert json.loads(answer)["scores"] == pytest.approx(json.loads(said)["scores"], rel=1e-3)
    assert answer.count("\n") == said.rstrip("\n").count("\n")
    manifests = read_manifests([tmp_path / "model-store" / "digits.mar"])
    found = lint_config((tmp_path / "config.properties").read_bytes(), archives=manifests)
    assert not [each for each in found if each.severity == "error"]
    start, ask, stop = SERVING.findall(SHELL[-1][0])
    assert (start.split()[-2:], stop) == (["--ts-config", "config.properties"], "torchserve --stop\n")
    require(shutil.which("curl"), "curl")
    require_default_ports(8080, 8081)
    with TorchServe.from_file(tmp_path / "config.properties", SHARED_VERSION, cache):
        asked = subprocess.run(["bash", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert json.loads(asked.stdout)["class"] == json.loads(answer)["class"]
    assert json.loads(asked.stdout)["scores"] == pytest.approx(json.loads(answer)["scores"], rel=1e-3)
