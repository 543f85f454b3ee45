"""The commands where the system has no more than Windows or macOS has, and forbids what Windows forbids.

Neither system is here: what these tests cannot show is in CONTRIBUTING.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

T = 1_600_000_000
PACK = "pack --model-name m --version 1.0 --handler h.py --serialized-file w.pt --reproducible --check off --quiet"
PACK += " --extra-files words"
# In this order, in one folder; the last is what must be refused.
COMMANDS = (
    *(f"{PACK} --archive-format {form} --output {form}.mar" for form in ("default", "auto")),
    f"{PACK} --archive-format tgz --output m.tar.gz",
    f"{PACK} --archive-format no-archive --output m",
    f"{PACK} --force --output default.mar",
    f"{PACK} --force --archive-format no-archive --output m",
    *(f"{command} default.mar" for command in ("inspect --digest", "verify", "check", "extract")),
    "extract --force auto.mar default",
    "extract default.mar deep/down/",
    f"{PACK} --archive-format no-archive --output deep/m/",
    "verify deep/m/",
    "diff default.mar m.tar.gz",
    "repack default.mar --version 2.0 --output repacked.mar --quiet",
    "config init --set max_request_size=1000000",
    "config set config.properties max_request_size=2000000",
    "config lint config.properties",
    "snapshot build default.mar -o snapshot.json",
    "image default.mar --output layout --tag 1.0",
    "attest default.mar --output default.json",
    "attest deep/down --output deep.json",
    "export default.mar --to sagemaker-ray --output sagemaker",
    "export default.mar --to ray --output ray",
    f"{PACK} --output default.mar",
)
CODE = """
import contextlib, io, json, sys
if sys.argv[1] != "this":
    from tests.support.other_systems import become
    become(sys.argv[1])
from marpack.cli import main
told = []
for words in json.loads(sys.argv[2]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words.split())
    told.append([words, status, out.getvalue(), err.getvalue()])
print(json.dumps(told))
"""


def run(system: str, folder: Path) -> tuple[list[list[object]], dict[str, bytes]]:
    """Return what each command told, and the files that they left."""
    folder.mkdir()
    (folder / "h.py").write_text("def handle(data, context): return data\n")
    (folder / "w.pt").write_bytes(bytes(range(256)) * 5000)
    (folder / "words/of").mkdir(parents=True)
    for name in ("one.txt", "of/two.txt"):
        (folder / "words" / name).write_text(name)
    (folder / "deep").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", CODE, system, json.dumps(COMMANDS)],
        cwd=folder,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(T), "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    left = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return json.loads(done.stdout), left


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[list[object]], dict[str, bytes]]:
    return run("this", tmp_path_factory.mktemp("this") / "folder")


@pytest.mark.parametrize("system", ["windows", "macos"])
def test_the_commands_do_the_same(
    system: str, here: tuple[list[list[object]], dict[str, bytes]], tmp_path: Path
) -> None:
    told, left = run(system, tmp_path / "folder")
    if system == "windows":
        told = json.loads(json.dumps(told).replace("\\\\", "/"))
    assert told == here[0]
    assert left == here[1]
    assert [row[1] for row in told] == [0] * (len(COMMANDS) - 1) + [1], told
