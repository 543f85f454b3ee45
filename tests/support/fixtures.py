from __future__ import annotations

import fcntl
import gc
import importlib
import socket
import tempfile
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack.archive.formats.inflate_parts import PartedInflater, Sizes, _Part
from marpack.archive.read import member_reader, zip_container
from marpack.disk import threads
from tests.support.image_programs import DockerRegistry, Programs, programs
from tests.support.kserve_models import Judge, load_judge
from tests.support.object_store import GoogleServer, S3Server, WebServer
from tests.support.processes import wait_for
from tests.support.range_server import RangeServer
from tests.support.ray_cluster import RayServe
from tests.support.sharing import mounted, used
from tests.support.torchserve import environment, install_folder, warm_interpreters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask no proxy for what is on the loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def nobody(direct: None) -> Iterator[str]:
    """Give host and port on the loopback at which nobody listens, and nobody can meanwhile."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{kept.getsockname()[1]}"


@pytest.fixture
def default_ports() -> Iterator[None]:
    """Keep the ports that a server takes unless told otherwise: tests in other processes want the same ones."""
    with Path(tempfile.gettempdir(), "marpack-tests-default-ports").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture
def web(direct: None) -> Iterator[WebServer]:
    with WebServer.running() as server:
        yield server


@pytest.fixture(scope="session")
def range_server() -> Iterator[RangeServer]:
    with RangeServer.running() as server:
        yield server


@pytest.fixture
def ranges(range_server: RangeServer, direct: None) -> RangeServer:
    range_server.begin_anew()
    return range_server


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    pytest.importorskip("moto")
    with S3Server.running() as server:
        yield server


@pytest.fixture
def s3(moto: S3Server, direct: None, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return moto


@pytest.fixture(scope="session")
def google() -> Iterator[GoogleServer]:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # Read when gcsfs is imported. Else it also asks by gRPC, which the emulator does not speak.
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        # Google's packages warn when they are imported that a Python nears its end.
        warnings.simplefilter("ignore", FutureWarning)
        importlib.import_module("gcsfs")
    with GoogleServer.running() as server:
        yield server


@pytest.fixture(scope="session")
def run_python(pytestconfig: pytest.Config) -> Iterator[Callable[[str], Path]]:
    """Return the interpreter with which marpack starts a worker of a version in no time (``warm_workers``).

    It needs an installed TorchServe, so who asks for it is in the lane ``server``.
    """
    with warm_interpreters(pytestconfig, script="running/boot.py") as interpreter:
        yield lambda version: interpreter(version) or environment(version, install_folder(pytestconfig))


@pytest.fixture(scope="session")
def ray_serve() -> Iterator[RayServe]:
    """Give a Ray cluster with Serve; its tests are of one ``xdist_group``, ``ray``."""
    with RayServe.running() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def kserve_judge(pytestconfig: pytest.Config) -> Judge:
    """Judge documents for KServe; it needs a package registry, so who asks for it is in the lane ``server``."""
    return load_judge(pytestconfig)


@pytest.fixture(scope="session")
def sharing_file_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with mounted(tmp_path_factory.mktemp("sharing")) as folder:
        yield folder


@pytest.fixture
def sharing_folder(sharing_file_system: Path) -> Iterator[Path]:
    """Give an empty folder whose files can share blocks: 220 MiB fit into it."""
    before = used(sharing_file_system)
    with tempfile.TemporaryDirectory(dir=sharing_file_system) as folder:
        yield Path(folder)
    gc.collect()  # archives that nobody has closed
    # XFS gives back what was removed a while later, when the next test counts what it takes.
    wait_for(lambda: used(sharing_file_system) < before + (1 << 19), True)


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inflate what is deflated in parts, however small it is, and by two threads where none are told."""
    monkeypatch.setattr(threads, "usable_cpus", lambda: 2)
    monkeypatch.setattr(member_reader, "_LONG_SIZE", -1)
    monkeypatch.setattr(zip_container, "_PARTED_SIZE", 0)
    monkeypatch.setattr(zip_container, "_PARTS", Sizes(part=150_000, search=50_000, held=1 << 19, marked=1 << 17))


@pytest.fixture
def given_up(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Give what is set once somebody has given up what threads do for him, and waits for their end alone."""
    told = threading.Event()
    end = threads._Team.end

    def ending(team: threads._Team[Any, Any]) -> None:
        told.set()
        end(team)

    monkeypatch.setattr(threads._Team, "end", ending)
    return told


@pytest.fixture
def parts_used(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Note of each part that has been inflated whether it was of use."""
    found: list[bool] = []
    following = PartedInflater._following

    def noting(parted: PartedInflater, part: _Part) -> list[bytes] | None:
        data = following(parted, part)
        found.append(data is not None)
        return data

    monkeypatch.setattr(PartedInflater, "_following", noting)
    return found


@pytest.fixture(scope="session")
def image_programs(pytestconfig: pytest.Config) -> Programs:
    assert pytestconfig.cache is not None, "the programs are unpacked in pytest's cache: do not disable it"
    return programs(pytestconfig.cache.mkdir("images"))


@pytest.fixture(scope="session")
def shared_registry(
    image_programs: Programs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DockerRegistry]:
    with DockerRegistry.running(image_programs, tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
def docker_registry(
    shared_registry: DockerRegistry, direct: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> DockerRegistry:
    """Give a registry that takes everything from everybody; nobody is logged in anywhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    shared_registry.asked()
    return shared_registry
