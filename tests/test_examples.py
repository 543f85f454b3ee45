"""The projects in examples/: what their READMEs show is done, in copies, and is what comes out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support import console
from tests.support.official import require_official
from tests.support.signatures import require_model_signing
from tests.support.torchserve import SHARED_VERSION, environment, install_folder, package_home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.support.ray_cluster import RayServe

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
FOLDERS = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())
# Of somebody who tried them there.
LEFTOVERS = shutil.ignore_patterns(
    *("*.mar", "*.pt", "*.log", "__pycache__", ".*_cache", "answer.json", "from-*.json", "key.*"),
    *("before", "dist", "manifests", "published", "shout-on-ray", "storage"),
)
PROGRAMS = {"marpack": "-m marpack", "pytest": "-m pytest -p no:cacheprovider", "python": ""}


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Give a folder for what is temporary; its path is short, for Ray has sockets there."""
    with tempfile.TemporaryDirectory(prefix="ex", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def variables(tmp_path: Path, scratch: Path) -> dict[str, str]:
    """Return those of a shell in whose environment marpack is installed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, runs in PROGRAMS.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {runs} "$@"\n')
        (programs / name).chmod(0o755)
    (scratch / "tmp").mkdir()
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "RAY_"))},
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "80",
        "HOME": str(scratch),
        "TMPDIR": str(scratch / "tmp"),
    }


@pytest.fixture
def installed(variables: dict[str, str], pytestconfig: pytest.Config) -> dict[str, str]:
    """Return those of one with TorchServe beside it, as by the extra."""
    home = package_home(environment(SHARED_VERSION, install_folder(pytestconfig)))
    return {**variables, "PYTHONPATH": os.pathsep.join([str(ROOT), str(home)])}


@pytest.fixture
def shown(tmp_path: Path, scratch: Path) -> Callable[..., Path]:
    """Return what does in a copy of an example what its README shows, and returns the copy.

    Words of its programs may be changed before: the port, of which only one program can have the usual one.
    """

    def show(name: str, variables: dict[str, str], changed: Mapping[str, str] | None = None) -> Path:
        folder = copied(name, tmp_path)
        for path in folder.glob("*.py"):
            for old, new in (changed or {}).items():
                path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        outputs = scratch / "outputs"
        outputs.mkdir()
        console.run((folder / "README.md").read_text(encoding="utf-8"), folder, outputs, variables)
        return folder

    return show


def copied(name: str, place: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / name, place / name, ignore=LEFTOVERS))


def test_all_are_listed_and_have_a_test() -> None:
    listed = re.findall(r"^\| \[(.+)\]\((.+)/README\.md\) \|", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert [name for name, path in listed if name == path] == [name for name, _ in listed]
    assert sorted(name for name, _ in listed) == FOLDERS
    named = {name.removeprefix("test_").replace("_", "-") for name in globals() if name.startswith("test_")}
    others = {name for name in FOLDERS if (ROOT / "tests" / f"test_{name.replace('-', '_')}.py").exists()}
    assert set(FOLDERS) <= named | others
    assert [name for name in FOLDERS if not (EXAMPLES / name / "README.md").exists()] == []


def test_what_a_page_shows_is_compared(tmp_path: Path) -> None:
    page = "```console\n$ echo a \\\n> b\na ...\n$ X=1\n$ echo $X >&2; printf 2\n1\n2\n```\n"
    assert [step.command for step in console.steps(page)] == ["echo a \\\nb\n", "X=1\n", "echo $X >&2; printf 2\n"]
    console.run(page, tmp_path, tmp_path, os.environ)
    for wrong in (page.replace("\n2\n", "\n3\n"), page.replace("X=1", "false"), page.replace("a ...", "")):
        with pytest.raises(AssertionError):
            console.run(wrong, tmp_path, tmp_path, os.environ)
    with pytest.raises(AssertionError):
        console.run("no terminal", tmp_path, tmp_path, os.environ)


@pytest.mark.slow
def test_embed(shown: Callable[..., Path], variables: dict[str, str]) -> None:
    require_official()
    shown("embed", variables)


@pytest.mark.server
@pytest.mark.slow
def test_tested_handler(
    shown: Callable[..., Path], variables: dict[str, str], run_python: Callable[[str], Path]
) -> None:
    setting = f"-o mar_worker_python={run_python(SHARED_VERSION)}"
    shown("tested-handler", {**variables, "PYTEST_ADDOPTS": setting})


@pytest.mark.slow
def test_pipeline(shown: Callable[..., Path], variables: dict[str, str], tmp_path: Path) -> None:
    require_model_signing()
    folder = shown("pipeline", variables)
    made = sorted(path.name for path in (folder / "dist").iterdir())
    assert made == ["language.cdx.json", "language.mar", "language.mar.sig"] + [
        f"language.provenance.json{end}" for end in ("", ".sig")
    ]
    assert not list(Path(variables["TMPDIR"]).iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("language.py", "def initialize", "def prepare", "handler-methods"),
        ("ci.sh", "--reproducible ", "", "differ: byte"),
    ],
)
def test_the_pipeline_breaks_off(
    file: str, old: str, new: str, told: str, variables: dict[str, str], tmp_path: Path
) -> None:
    """Where a server would refuse the model, and where a byte hangs on what lies on one machine."""
    folder = copied("pipeline", tmp_path)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    # From wherever it is called, also by whom CDPATH leads elsewhere.
    (tmp_path / "elsewhere" / "pipeline").mkdir(parents=True)
    told_to_it = {"SOURCE_URI": "git+https://a.example/b", "SOURCE_COMMIT": "1" * 40}
    done = bash("pipeline/ci.sh", tmp_path, variables | told_to_it | {"CDPATH": str(tmp_path / "elsewhere")})
    assert done.returncode == 1
    assert told in done.stderr + done.stdout
    assert not (folder / "dist" / "language.cdx.json").exists()


@pytest.mark.slow
def test_the_workflow_compares_what_two_runners_have_packed(variables: dict[str, str], tmp_path: Path) -> None:
    """Its commands, with what GitHub tells them of a pull request from a fork, which has no secrets."""
    known = {
        "github.server_url": "https://git.example",
        "github.repository": "models/language",
        "github.ref": "refs/heads/main",
        "github.sha": "3f1c2f0cf1b6a1e5a9ad6d3bf1d5a0f3e1c0b7a9",
        "secrets.SIGNING_KEY": "",
    }
    [file] = (EXAMPLES / "pipeline" / ".github" / "workflows").iterdir()
    jobs = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]
    runners = jobs["pack"]["strategy"]["matrix"]["runner"]
    assert len(runners) == 2
    for runner in runners:
        folder = copied("pipeline", tmp_path / runner)
        for step in jobs["pack"]["steps"]:
            told = {
                name: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: known[found[1]], value)
                for name, value in step.get("env", {}).items()
            }
            if (command := step.get("run", "pip")).startswith("pip"):
                continue
            assert bash(command, folder, variables | told).returncode == 0
        shutil.copytree(folder / "dist", tmp_path / "all" / runner)
    packed, [*_, compare] = tmp_path / "all", jobs["compare"]["steps"]
    assert bash(compare["run"], packed, variables).returncode == 0
    (packed / runners[0] / "language.mar").write_bytes(b"other")
    assert bash(compare["run"], packed, variables).returncode == 1


def bash(command: str, folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command as GitHub's runners do."""
    words = ["bash", "-e", "-c", command]
    return subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True, check=False)


@pytest.mark.server
@pytest.mark.slow
def test_kaptain(shown: Callable[..., Path], installed: dict[str, str]) -> None:
    folder = shown("kaptain", installed)
    assert [path.name for path in (folder / "manifests").iterdir()] == ["dev-thermometer.yaml"]
    [service] = yaml.safe_load_all((folder / "manifests" / "dev-thermometer.yaml").read_text(encoding="utf-8"))
    [archive] = folder.glob("storage/**/*.mar")
    assert service["spec"]["predictor"]["model"]["storageUri"] == archive.parents[1].as_uri()


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_to_ray_serve(shown: Callable[..., Path], installed: dict[str, str], ray_serve: RayServe) -> None:
    shown("to-ray-serve", installed | ray_serve.environment, {"8000": str(ray_serve.port)})
