"""The examples of docs/kaptain.md run as they stand, in their order, in one process."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml  # type: ignore[import-untyped]

from marpack import pack
from tests.images.bases import Blobs, image, write_files
from tests.images.layouts import Layout
from tests.support.documents import blocks
from tests.support.tutorials import DIGITS, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.object_store import S3Server

pytestmark = pytest.mark.slow

BLOCKS = [(block.language, block.text) for block in blocks("docs/kaptain.md") if block.runs]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("model.py", "handler.py", "index_to_name.json", "digits.pt", "train.py"):
        shutil.copy(DIGITS / name, tmp_path)
    return tmp_path


@pytest.fixture
def store(s3: S3Server) -> Iterator[S3Server]:
    yield s3
    s3.empty()


@pytest.mark.usefixtures("store")
def test_the_page_runs_in_its_order(folder: Path) -> None:
    blobs = Blobs()
    write_files(blobs.index(image(blobs)), folder / "base")
    code = "".join(text for language, text in BLOCKS if language == "python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    uri, files, url = done.stdout.splitlines()
    assert re.fullmatch(r"s3://models/teams/vision/dev/digits/deploy/[0-9a-f]{32}", uri)
    assert [Path(file).name for file in files.split()] == ["dev-digits.yaml", "dev-digits-secret.yaml"]
    assert url == "http://dev-digits.default.svc.cluster.local"
    # What it tells is for the eye, and has no warning in it.
    told = done.stderr.splitlines()
    assert told
    assert [line for line in told if "WARNING" in line or "ERROR" in line] == []
    layout = Layout.of(folder / "dev-digits-image")
    assert {"kaptain/train.py", "kaptain/model.py"} <= {*layout.layers()[1]}
    assert layout.config["config"]["Entrypoint"] == ["python", "-u", "train.py"]


def test_the_commands_of_the_page_make_a_folder_and_its_document_of_an_archive(folder: Path) -> None:
    [commands] = [text for language, text in BLOCKS if language == "sh"]
    pack(
        model_name="digits",
        handler=folder / "handler.py",
        model_file=folder / "model.py",
        serialized_file=folder / "digits.pt",
        export_path=folder,
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    script = f'set -e; marpack() {{ {shlex.quote(sys.executable)} -m marpack "$@"; }}\n{commands}'
    done = subprocess.run(
        ["sh", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    [service, *_] = yaml.safe_load_all((folder / "digits.yaml").read_text(encoding="utf-8"))
    predictor = service["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (1, 4)
    assert predictor["model"]["storageUri"] == "s3://models/digits"
