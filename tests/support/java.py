"""Ask a running JVM: one process, many questions over a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests.conftest import require
from tests.support.torchserve import JAVA, environment, package_home

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pytest

HERE = Path(__file__).parent
TORCHSERVE_VERSION = "0.12.0"

# Peer.java counts in these, the highest byte first.
NUMBER = struct.Struct(">i")


class JavaError(Exception):
    """What Java threw: the exception's class and message."""


class Java:
    """A running Peer.java or ServerPeer.java."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes], log: Path) -> None:
        self._questions = questions
        self._answers = answers
        self._log = log

    def ask(self, name: str, *items: bytes) -> list[bytes]:
        """Return the items of the answer. Raises ``JavaError`` with what Java threw."""
        frame = [units(name), *items]
        parts = [NUMBER.pack(len(frame)), *(NUMBER.pack(len(item)) + item for item in frame)]
        self._questions.write(b"".join(parts))
        self._questions.flush()
        outcome, *answer = [self._read(self._number()) for _ in range(self._number())]
        if text(outcome) == "error":
            raise JavaError(*map(text, answer))
        return answer

    def ask_text(self, name: str, *items: bytes) -> str:
        """Return the one text of the answer."""
        [answer] = self.ask(name, *items)
        return text(answer)

    def ask_mapping(self, name: str, *items: bytes) -> dict[str, str]:
        """Return the keys and values of the answer."""
        answer = [text(item) for item in self.ask(name, *items)]
        return dict(zip(answer[::2], answer[1::2], strict=True))

    def _number(self) -> int:
        number: int = NUMBER.unpack(self._read(NUMBER.size))[0]
        return number

    def _read(self, size: int) -> bytes:
        data = self._answers.read(size)
        if len(data) < size:
            raise EOFError(f"Java ended. It said: {self._log.read_text(errors='replace')[-2000:]}")
        return data


def units(string: str) -> bytes:
    """Return a text as Java has it."""
    return string.encode("utf-16-be", "surrogatepass")


def text(data: bytes) -> str:
    """Return a text that Java has."""
    return data.decode("utf-16-be", "surrogatepass")


def pairs(mapping: Mapping[str, str]) -> list[bytes]:
    """Return keys and values in turn, in their order."""
    return [units(item) for pair in mapping.items() for item in pair]


@contextlib.contextmanager
def jdk(factory: pytest.TempPathFactory) -> Iterator[Java]:
    """Run a JVM that knows Java's own classes."""
    with _running("Peer", [_classes(factory)]) as java:
        yield java


@contextlib.contextmanager
def server_classes(
    factory: pytest.TempPathFactory, config: pytest.Config, variables: Mapping[str, str] | None = None
) -> Iterator[Java]:
    """Run a JVM that knows the classes of TorchServe; no server is started. ``variables`` join its environment."""
    require(shutil.which("java"), "Java for TorchServe's classes")
    home = torchserve_home(config)
    jars = home / "ts" / "frontend" / "*"
    options = [
        f"-Dmodel_server_home={home}",
        # To change what System.getenv answers.
        "--add-opens=java.base/java.util=ALL-UNNAMED",
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
    ]
    classpath = [_classes(factory), _classes(factory, jars), jars]
    with _running("ServerPeer", classpath, options, variables or {}) as java:
        yield java


def torchserve_home(config: pytest.Config) -> Path:
    """Return the folder that holds TorchServe's package."""
    return package_home(torchserve_python(config))


def torchserve_python(config: pytest.Config) -> Path:
    """Return an interpreter that imports TorchServe."""
    assert config.cache is not None, "TorchServe is installed into pytest's cache: do not disable it"
    return environment(TORCHSERVE_VERSION, config.cache.mkdir("torchserve"))


def _classes(factory: pytest.TempPathFactory, jars: Path | None = None) -> Path:
    """Compile a program, once a session."""
    require(shutil.which("javac"), "a JDK to compile the peer with")
    program = "Peer" if jars is None else "ServerPeer"
    # Above the folders of xdist's processes, if there are any.
    session = factory.getbasetemp()
    folder = (session.parent if "PYTEST_XDIST_WORKER" in os.environ else session) / f"{program}-classes"
    behind = [] if jars is None else ["-cp", os.pathsep.join(map(str, [_classes(factory), jars]))]
    with folder.with_suffix(".lock").open("w") as lock:  # another process may be about to compile it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            javac = ["javac", "-encoding", "UTF-8", "-proc:none", *behind, "-d", str(folder)]
            done = subprocess.run(
                [*javac, str(HERE / f"{program}.java")], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
    return folder


@contextlib.contextmanager
def _running(
    program: str,
    classpath: Sequence[Path],
    options: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Iterator[Java]:
    # A folder of its own: the server's classes write logs into the working folder.
    with tempfile.TemporaryDirectory(prefix="java-") as folder:
        log = Path(folder, "stderr")
        command = [*JAVA, "-Dfile.encoding=UTF-8", *options]
        with (
            log.open("wb") as errors,
            subprocess.Popen(
                [*command, "-cp", os.pathsep.join(map(str, classpath)), program],
                cwd=folder,
                env=clean_environment() | dict(variables or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            ) as process,
        ):
            assert process.stdin
            assert process.stdout
            yield Java(process.stdin, process.stdout, log)
            # The end of the questions is the end of the program.
            process.stdin.close()


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what would configure a server."""
    foreign = ("TS_", "LOG_LOCATION", "METRICS_LOCATION", "SM_TELEMETRY_LOG", "CUDA_VISIBLE_DEVICES")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def place(key: str) -> int:
    """Return where a key lies in a hash table of 16 places, which a larger table only divides.

    With nine keys in one place Java keeps them in a tree, or makes a small table larger than others need it.
    """
    value = 0
    for (unit,) in struct.iter_unpack(">H", units(key)):
        value = (31 * value + unit) % 2**32
    return (value ^ value >> 16) % 16
