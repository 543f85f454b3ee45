"""Every invocation found in the official repository, run through both tools on made-up inputs."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support import official
from tests.support.official import FORMATS, Worlds, disagreement, write_file

INVOCATIONS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("invocations.json").read_text("utf-8"))

#: Deep enough for every `../` of an invocation to stay inside the test's own folder.
START = "1/2/3/4"

BUILT_IN = {"image_classifier", "image_segmenter", "object_detector", "text_classifier", "base_handler"} | {
    "dali_image_classifier",
    "vllm_handler",
    "trt_llm_handler",
}

#: What a folder among the extra files holds; the first part of each name is made unique to the folder.
FOLDER = [
    "weights.bin",
    "empty",
    "mod.py",
    "mod.pyc",
    "inner.mar",
    "räum 模型.txt",
    "sub/a.txt",
    "sub/b/a.txt",
    "sub/.hidden/x",
    "sub/__pycache__/mod.cpython-311.pyc",
    "sub/__MACOSX/x",
    "sub/.env",
    "Sub/A.txt",
]
HIDDEN = [".env", ".DS_Store", ".git/config", ".git/objects/pack", "__pycache__/mod.pyc", "__MACOSX/._x"]
MODES = [0o644, 0o600, 0o755, 0o4644]
TIMES = [1_580_702_707_000_000_000, 1_234_567_891_987_654_321, 315_532_801_500_000_000, 4_102_444_800_999_999_999]


@pytest.fixture(autouse=True)
def _official() -> None:
    official.require_official()


def relative(argv: list[str]) -> list[str]:
    """Move absolute paths below the working directory."""
    return [re.sub(r"(^|[=,])/", r"\1", argument) for argument in argv]


def parse(argv: list[str]) -> Any:
    """Ask the official parser what the arguments mean; None if it rejects them."""
    parser = importlib.import_module("model_archiver.arg_parser").ArgParser
    with pytest.MonkeyPatch.context() as patch, open(os.devnull, "w") as sink, contextlib.redirect_stderr(sink):
        patch.setattr(sys, "argv", ["torch-model-archiver", *argv])
        try:
            return parser.export_model_args_parser()
        except SystemExit:
            return None


def build(world: Path, argv: list[str]) -> None:
    """Create each file and folder that the arguments name."""
    (world / START / "every form").mkdir(parents=True)
    config = parse(argv)
    if config is None:
        return
    here = world / START
    (here / config.export_path).mkdir(parents=True, exist_ok=True)
    files = [config.model_file, config.serialized_file, config.requirements_file, config.config_file]
    handler = config.handler
    if config.runtime == "LSP":
        if handler != "TorchScriptHandler":
            files.append(handler.split(":")[0] + ".so")
    elif handler not in BUILT_IN:
        files.append(handler if handler.endswith(".py") else handler.split(":")[0] + ".py")
    folders: list[str] = []
    for item in (config.extra_files or "").split(","):
        is_file = re.search(r"\.[A-Za-z]+$", item)
        (files if is_file else folders).append(item)
    for path in filter(None, files):
        if not path.endswith("missing.json"):
            made_up(here / path, name=path)
    for path in filter(None, folders):
        stem = re.sub(r"\W", "", Path(path).name)
        for name in FOLDER:
            made_up(here / path / f"{stem}{name}", name=name)
    # Names that every folder has would collide; hidden ones go into the first.
    for name in HIDDEN if any(folders) else []:
        made_up(here / next(filter(None, folders)) / name, name=name)


def made_up(path: Path, name: str) -> None:
    digest = hashlib.sha256(name.encode()).digest()
    content = b"" if name == "empty" else digest * (digest[0] + 1) + name.encode() * digest[1]
    write_file(path, content, mode=MODES[digest[2] % 4], mtime_ns=TIMES[digest[3] % 4])


def test_the_list_is_whole() -> None:
    assert [each["id"] for each in INVOCATIONS] == list(range(1, 174))
    assert Counter(each["status"] for each in INVOCATIONS) == {0: 152, 1: 15, 2: 6}


@pytest.mark.parametrize("invocation", INVOCATIONS, ids=lambda each: str(each["id"]))
def test_invocation(tmp_path: Path, invocation: dict[str, Any]) -> None:
    argv = relative(invocation["argv"])
    worlds = Worlds(tmp_path, lambda world: build(world, argv), start=START)
    outcomes = worlds.run(argv)
    assert (found := disagreement(*outcomes)) is None, found
    assert outcomes[0].status == invocation["status"]
    for archive_format in FORMATS if outcomes[0].status == 0 else ():
        # Over what is there already, since two of the forms share a name.
        outcomes = worlds.run([*argv, f"--archive-format={archive_format}", "--export-path=every form", "--force"])
        assert (found := disagreement(*outcomes)) is None, found
        assert outcomes[0].status == 0, outcomes[0].stderr
