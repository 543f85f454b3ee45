"""How a contender is measured, and on what."""

from __future__ import annotations

import os
import shutil
import subprocess
import zlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from contenders import command
from inputs import write_code, write_small_files, write_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Measure: TypeAlias = "Callable[[str, list[str]], str]"

PACKAGES = pytest.StashKey[dict[str, str]]()
FILE_SYSTEM = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    names = (
        "marpack",
        "isal",
        "zlib-ng",
        "torch",
        "torch-model-archiver",
        "torchserve",
        "ray",
        "pytest-benchmark",
    )
    try:
        config.stash[PACKAGES] = {name: version(name) for name in names}
    except PackageNotFoundError as error:
        raise pytest.UsageError(f"{error.name} is missing: benchmarks/README.md says what is installed") from error
    # That nothing was measured must not hide why.
    config.addinivalue_line("filterwarnings", "default::pytest_benchmark.logger.PytestBenchmarkWarning")


def file_system_of(folder: Path) -> str:
    """Return the kind of file system that a folder lies on."""
    told = subprocess.run(["df", "--output=fstype", folder], check=True, capture_output=True, text=True).stdout
    return told.split()[-1]


def room_on(folder: Path) -> int:
    """Return the bytes that are free on the disk of a folder."""
    status = os.statvfs(folder)
    return status.f_bfree * status.f_frsize


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """An installed package is compiled once, whatever the shell says about this run."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@pytest.fixture(scope="session")
def inputs(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, environment: dict[str, str]
) -> Iterator[Path]:
    """A folder with a handler, once every program has run in it: compiled, and in the machine's memory."""
    folder = tmp_path_factory.mktemp("inputs")
    handler = folder / "handler.py"
    handler.write_text("def handle(data, context): return data\n")
    request.config.stash[FILE_SYSTEM] = file_system_of(folder)
    for contender in ("marpack --deflate fast", "without-isal", "official", "zipfile", "cp", "python"):
        words = command(contender, handler, handler)
        warm = folder / "warm"
        warm.mkdir()
        subprocess.run(words, cwd=warm, env={**environment, "TMPDIR": str(warm)}, check=True)
        shutil.rmtree(warm)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def handler(inputs: Path) -> Path:
    return inputs / "handler.py"


@pytest.fixture(scope="module")
def weights(inputs: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """So many MiB of weights, gone before the next size is made."""
    path = inputs / f"{request.param}.pt"
    write_weights(path, request.param)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def code(inputs: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """So many MiB of Python code."""
    path = inputs / f"{request.param}.txt"
    write_code(path, request.param)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def several(inputs: Path) -> Iterator[Path]:
    """A folder of 8 files of weights, 32 MiB each."""
    folder = inputs / "several"
    folder.mkdir()
    for number in range(8):
        write_weights(folder / f"{number}.pt", 32)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def small_files(inputs: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder of so many small files."""
    folder = inputs / str(request.param)
    write_small_files(folder, request.param)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def store(weights: Path, handler: Path, environment: dict[str, str]) -> Iterator[Path]:
    """A model store with one archive of so many MiB of weights."""
    folder = weights.with_suffix("")
    folder.mkdir()
    words = command("marpack", handler, weights, "zip-store")
    subprocess.run(words, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where what is made lies; a suite may name another disk."""
    return tmp_path


@pytest.fixture
def fresh(place: Path) -> Iterator[Callable[[], Path]]:
    """Give an empty folder, when nothing of what was there before waits for the disk any more."""
    folder = place / "out"

    def make() -> Path:
        # What is deleted before the sync need not be written by it.
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "temporary").mkdir(parents=True)
        os.sync()
        return folder

    yield make
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def measure(benchmark: Any, fresh: Callable[[], Path], environment: dict[str, str]) -> Measure:
    """Time one run of a whole process, from start to end; give what it printed."""

    def run(group: str, words: list[str]) -> str:
        benchmark.group = group
        folder = fresh()
        room = room_on(folder)
        # The official tool stages beside the archive then: on the same disk, and not in what others use as well.
        variables = {**environment, "TMPDIR": str(folder / "temporary")}
        done: subprocess.CompletedProcess[str] = benchmark.pedantic(
            subprocess.run,
            args=(words,),
            kwargs={"cwd": folder, "env": variables, "check": True, "stdout": subprocess.PIPE, "text": True},
        )
        sizes = [path.stat().st_size for path in folder.iterdir() if path.is_file()]
        if sizes:
            benchmark.extra_info["bytes"] = sum(sizes)
        os.sync()
        benchmark.extra_info["taken"] = room - room_on(folder)
        return done.stdout

    return run


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    machine_info["zlib"] = zlib.ZLIB_RUNTIME_VERSION
    machine_info["memory"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    machine_info["file_system"] = config.stash.get(FILE_SYSTEM, None)
    machine_info["packages"] = config.stash[PACKAGES]
