"""What is built of the project: the wheel and the source distribution, the command from them, and the hook."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

import marpack

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "tests" / "models" / "digits"
T = 1_600_000_000
# What builds, in a process of its own, as an installer asks it.
BUILD = """
import sys
from flit_core.buildapi import build_sdist, build_wheel
build_wheel(sys.argv[1])
build_sdist(sys.argv[1])
"""

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.xdist_group("packaging")]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what builds marpack, the one thing that comes from a package registry."""
    folder = tmp_path_factory.mktemp("packages")
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *requires]
    subprocess.run(pip, check=True)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what is in the repository, or would be if all were added."""
    folder = tmp_path_factory.mktemp("source") / "marpack"
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def built(source: Path, target: Path, packages: Path, epoch: int | None) -> dict[str, str]:
    """Build both into a folder, and return their sums."""
    target.mkdir()
    [builder] = packages.glob("flit_core-*.whl")  # which Python imports as it is
    variables = offline(packages) | {"PYTHONPATH": str(builder)}
    if epoch is not None:
        variables["SOURCE_DATE_EPOCH"] = str(epoch)
    subprocess.run([sys.executable, "-c", BUILD, str(target)], cwd=source, env=variables, check=True)
    return sums(target)


def sums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def offline(packages: Path) -> dict[str, str]:
    """Return an environment in which pip knows the packages of a folder and no others."""
    dropped = {"PYTHONPATH", "SOURCE_DATE_EPOCH"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(packages), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.fixture(scope="module")
def distributions(source: Path, packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributions") / "here"
    built(source, folder, packages, T)
    return folder


def test_built_twice_they_are_the_same(source: Path, distributions: Path, packages: Path, tmp_path: Path) -> None:
    """Of one folder always; of another clone, whose files have other times and rights, with a time told."""
    assert built(source, tmp_path / "1", packages, None) == built(source, tmp_path / "2", packages, None)
    clone = tmp_path / "clone"
    shutil.copytree(source, clone, copy_function=shutil.copy)
    for path in clone.rglob("*.py"):
        path.chmod(path.stat().st_mode | 0o020)
    assert built(clone, tmp_path / "3", packages, T) == sums(distributions)
    assert len(sums(distributions)) == 2


def test_the_wheel_holds_the_library_and_its_manual_page(distributions: Path) -> None:
    [wheel] = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        told = archive.read(f"marpack-{marpack.__version__}.dist-info/METADATA").decode()
    outside = {name for name in names if not re.match(r"marpack(/|-[\d.]+\.dist-info/)", name)}
    assert outside == {f"marpack-{marpack.__version__}.data/data/share/man/man1/marpack.1"}
    assert {"marpack/py.typed", "marpack/__init__.pyi"} <= set(names)
    assert "\nProject-URL: " in told
    assert not [name for name in names if "test" in name.split("/")[0] or name.endswith((".pyc", "/conftest.py"))]


def test_the_source_distribution_makes_the_same_wheel(
    source: Path, distributions: Path, packages: Path, tmp_path: Path
) -> None:
    """By pip, as whoever packages it for a distribution builds it; all but what is for a repository is in it."""
    [made] = distributions.glob("*.tar.gz")
    [wheel] = distributions.glob("*.whl")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path)]
    variables = offline(packages) | {"SOURCE_DATE_EPOCH": str(T)}
    subprocess.run([*command, str(made)], env=variables, check=True)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()
    with tarfile.open(made) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    files = (path.relative_to(source) for path in source.rglob("*") if path.is_file())
    wanted = {path.as_posix() for path in files if not path.parts[0].startswith(".")}
    assert len(wanted) > 1000
    assert wanted - inside == set()


def test_the_command_runs_from_the_wheel_alone(distributions: Path, packages: Path, tmp_path: Path) -> None:
    """As pipx runs it: in an environment in which nothing else is."""
    [wheel] = distributions.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    place = tmp_path / "venv"
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, str(wheel)], env=offline(packages), check=True)
    assert (place / "share" / "man" / "man1" / "marpack.1").is_file()
    shutil.copytree(MODEL, tmp_path / "digits")
    pack = "pack --model-name digits --version 1.0 --handler handler.py --model-file model.py"
    for words in (
        f"{pack} --serialized-file digits.pt --extra-files index_to_name.json --force",
        "check digits.mar",
    ):
        done = subprocess.run(
            [str(place / "bin" / "marpack"), *words.split()],
            cwd=tmp_path / "digits",
            env=offline(packages),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "digits.mar: 0 errors, 0 warnings\n"


def test_it_is_imported_from_a_zip(distributions: Path, tmp_path: Path) -> None:
    """As a tool that is one file (zipapp) holds it: with the tables that rules read."""
    handler = b"import torchmetrics, tomllib\n\ndef handle(data, context): return data\n"
    path = marpack.pack(
        model_name="m",
        handler={"h.py": handler},
        model_file={"model.py": b""},
        serialized_file={"m.pt": b""},
        export_path=tmp_path,
        check="off",
    ).path
    [wheel] = distributions.glob("*.whl")

    def checked(variables: dict[str, str], *words: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "marpack", "check", "--python", "3.8", *words, str(path)]
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    status, out, err = checked(os.environ | {"PYTHONPATH": str(wheel)})
    assert (status, out, err) == checked(os.environ | {"PYTHONPATH": str(ROOT)})
    assert "tomllib" in out
    assert err == ""
    # What a model is loaded by is a program of its own: that is not the model's fault.
    status, out, err = checked(os.environ | {"PYTHONPATH": str(wheel)}, "--load", "--select=load")
    assert (status, err) == (0, "")
    assert "pip install marpack" in out
    code = "from marpack.running.server_python import server_python; server_python()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(wheel)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1].startswith("marpack.errors.MarpackError: a model is run by ")


def test_the_hook_of_pre_commit(source: Path, packages: Path, tmp_path: Path) -> None:
    """Pre-commit itself installs marpack from a clone, and runs it over what is committed there."""
    pre_commit = [sys.executable, "-m", "pre_commit"]
    subprocess.run([*pre_commit, "validate-config", source / ".pre-commit-config.yaml"], check=True)
    commit = committed(source)
    project = tmp_path / "project"
    project.mkdir()
    (project / ".pre-commit-config.yaml").write_text(
        f"repos: [{{repo: '{source}', rev: {commit}, hooks: [{{id: marpack-check}}]}}]\n"
    )
    (project / "README").touch()
    marpack.pack(
        model_name="good", handler={"h.py": b"def handle(data, context): return data\n"}, export_path=project
    )
    for name in ("-h.mar", "two words, $(false) 'and' \\ more.mar"):
        shutil.copy(project / "good.mar", project / name)
    committed(project)
    variables = offline(packages) | {"PRE_COMMIT_HOME": str(tmp_path / "home")}

    def run() -> subprocess.CompletedProcess[str]:
        command = [*pre_commit, "run", "--all-files", "--color", "never"]
        return subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True, check=False)

    done = run()
    assert (done.returncode, done.stdout[-7:]) == (0, "Passed\n"), done.stdout + done.stderr
    marpack.pack(model_name="bad", handler={"h.py": b"x = 1\n"}, export_path=project)
    (project / "broken.war").touch()
    (project / "broken.mar.txt").touch()
    subprocess.run(["git", "add", "."], cwd=project, check=True)
    done = run()
    assert done.returncode == 1
    assert "bad.mar" in done.stdout
    assert "handler-classes" in done.stdout
    assert "broken.war" in done.stdout
    assert "broken.mar.txt" not in done.stdout


def committed(folder: Path) -> str:
    """Make a repository of a folder, and return its commit."""
    names = {f"GIT_{who}_{what}": "marpack" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "all"]):
        subprocess.run(["git", *words], cwd=folder, env=os.environ | names, check=True)
    head = ["git", "rev-parse", "HEAD"]
    return subprocess.run(head, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_a_release_says_one_version_everywhere() -> None:
    cited, changed = ((ROOT / name).read_text(encoding="utf-8") for name in ("CITATION.cff", "CHANGELOG.md"))
    assert f"\nversion: {marpack.__version__}\n" in cited
    assert re.findall("^## ([^ ]+) ", changed, re.MULTILINE)[0] == marpack.__version__


def test_the_same_pythons_are_named_everywhere() -> None:
    """What is declared is what a hosted CI would try, and what the first page says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = [each.rpartition(" ")[2] for each in project["project"]["classifiers"] if ":: 3." in each]
    oldest, newest = named[0], named[-1]
    assert named == [f"3.{minor}" for minor in range(int(oldest[2:]), int(newest[2:]) + 1)]
    assert project["project"]["requires-python"] == f">={oldest}"
    assert project["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert f"Python {oldest} to {newest}" in (ROOT / "README.md").read_text(encoding="utf-8")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    tried = workflow["jobs"]["quick"]["strategy"]["matrix"]["python"]
    assert [each for each in tried if not each.endswith("t")] == named
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1"))
