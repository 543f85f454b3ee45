"""Run real TorchServe servers, each version in an environment of its own."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import require
from tests.support import environments
from tests.support.warm_workers import warm_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pytest

# Compiled lightly: most of a short life would go into compiling well.
JAVA = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
# The one that most servers are of.
SHARED_VERSION = "0.12.0"

START_SECONDS = 300
ANSWER_SECONDS = 300
STOP_SECONDS = 10
# For the ports of a server that was killed: no verdict.
FREE_SECONDS = 120
LOG_TAIL_LINES = 60
FIRST_PORT, PORTS_A_RANGE, PORT_RANGES = 10_000, 1_000, 20

# What a version imports without saying so: its handlers need pkg_resources.packaging, gone from setuptools 70.
UNDECLARED = {"0.9.0": ["setuptools<70"]}

# Never through a proxy: the server listens on the loopback.
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerError(Exception):
    """The server refused a request; the text ends with what it logged last."""


class StartError(ServerError):
    """The server ended before it answered: ``status`` is what it ended with, ``log`` all that it wrote."""

    def __init__(self, status: int, log: str, tail: str) -> None:
        self.status = status
        self.log = log
        super().__init__(f"the server ended with {status}. {tail}")


class TorchServe:
    """A running server: ask it for predictions and for what it has loaded, register and unregister models."""

    def __init__(self, version: str, config: Path, home: Path) -> None:
        self.version = version
        self.store = Path(setting(config, "model_store", "model-store"))
        self._config = config
        self._home = home
        self._log = home / "server.log"
        self.inference = setting(config, "inference_address", "http://127.0.0.1:8080")
        self.management = setting(config, "management_address", "http://127.0.0.1:8081")

    @classmethod
    @contextlib.contextmanager
    def running(cls, version: str, cache: Path, *, warm: Path | None = None) -> Iterator[TorchServe]:
        """Run a server that loads nothing by itself until the block is left, whatever happens inside."""
        # The workers of models that are folders write into them, and may be about to end.
        with tempfile.TemporaryDirectory(prefix="torchserve-", ignore_cleanup_errors=True) as folder:
            store = Path(folder, "store")
            store.mkdir()
            config = Path(folder, "config.properties")
            lines = [
                *addresses(),
                f"model_store={store}",
                f"workflow_store={store}",
                "number_of_netty_threads=1",
                "disable_system_metrics=true",
                # Since 0.11.1 models can be registered only where this is said.
                "enable_model_api=true",
                "disable_token_authorization=true",
            ]
            config.write_text("\n".join([*lines, ""]), encoding="ascii")
            with cls.from_file(config, version, cache, warm=warm) as server:
                yield server

    @classmethod
    @contextlib.contextmanager
    def from_file(
        cls,
        config: Path,
        version: str,
        cache: Path,
        *,
        snapshots: bool = False,
        launcher: bool = False,
        warm: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Iterator[TorchServe]:
        """Run a server that is told this file, and in its environment ``variables``, until the block is left.

        With ``snapshots`` it saves its own files, `saved` finds the newest. With ``launcher`` it is started as
        users do, by ``torchserve --ts-config``, which reads the file too. ``warm`` is an interpreter that it finds
        for its workers before its own (``warm_workers``).
        """
        require(shutil.which("java"), "Java to run TorchServe")
        python = environment(version, cache)
        # Not pytest's own folder: the workers' sockets lie here, and their paths may have 107 bytes only.
        # What the killed leave behind may still appear while the folder goes.
        with tempfile.TemporaryDirectory(prefix="torchserve-", ignore_cleanup_errors=True) as folder:
            server = cls(version, config, Path(folder))
            process = server._start(
                python, snapshots=snapshots, launcher=launcher, warm=warm, variables=variables or {}
            )
            try:
                server._await_answer(process)
                yield server
            finally:
                stop(process)

    def register(self, file: str, **settings: object) -> None:
        """Register what lies under this name in the store, and wait until a worker has loaded it."""
        told = {"url": file, "initial_workers": 1, "synchronous": "true"} | settings
        query = urllib.parse.urlencode(told)
        self._ask("POST", self.management, f"/models?{query}")

    def predict(self, model: str, request: object, version: str | None = None) -> Any:
        """Return the model's answer; its default version's when none is named."""
        path = "/".join(["/predictions", *map(urllib.parse.quote, filter(None, [model, version]))])
        return self._ask("POST", self.inference, path, request)

    def infer(self, path: str, request: object) -> Any:
        """Return the answer to a request at a path of another protocol's: ``/v1/models/m:predict``."""
        return self._ask("POST", self.inference, path, request)

    def unregister(self, model: str) -> None:
        """Remove the model and end its worker."""
        self._ask("DELETE", self.management, f"/models/{urllib.parse.quote(model)}")

    def register_workflow(self, file: str) -> None:
        """Register the workflow of this name in the store, and wait until its workers have loaded its nodes."""
        self._ask("POST", self.management, f"/workflows?{urllib.parse.urlencode({'url': file})}")

    def predict_workflow(self, workflow: str, request: object) -> Any:
        """Return the workflow's answer."""
        return self._ask("POST", self.inference, f"/wfpredict/{urllib.parse.quote(workflow)}", request)

    def unregister_workflow(self, workflow: str) -> None:
        """Remove the workflow, and its nodes with it."""
        self._ask("DELETE", self.management, f"/workflows/{urllib.parse.quote(workflow)}")

    def models(self) -> dict[str, str]:
        """Return the file names of all loaded models' default versions."""
        listed = self._ask("GET", self.management, "/models?limit=100")["models"]
        return {model["modelName"]: model["modelUrl"] for model in listed}

    def describe(self, model: str) -> list[dict[str, Any]]:
        """Return what the server says of each version of the model."""
        described: list[dict[str, Any]] = self._ask(
            "GET", self.management, f"/models/{urllib.parse.quote(model)}/all"
        )
        return described

    def described_version(self) -> str:
        """Return the version that the server itself states."""
        return str(self._ask("GET", self.management, "/api-description")["info"]["version"])

    def saved(self) -> Path:
        """Return the newest of the files in which the server has saved its own state."""
        return max(self._home.glob("logs/config/*.cfg"))

    def await_log(self, text: str) -> None:
        """Wait until the server or one of its workers has logged the text."""
        wait_until(lambda: text in self.log(), lambda: f"nobody logs {text!r}. {self.log_tail()}")

    def log(self, start: int = 0) -> str:
        """Return what the server and its workers have logged: all, or since ``log_size()`` was ``start``."""
        with self._log.open("rb") as file:
            file.seek(start)
            return file.read().decode("utf-8", "replace")

    def log_size(self) -> int:
        """Return how many bytes the server and its workers have logged."""
        return self._log.stat().st_size

    def log_tail(self) -> str:
        """Return what the server and its workers logged last."""
        lines = self.log().splitlines()
        telling = [line for line in lines if not (line.startswith("\tat ") or " TS_METRICS - " in line)]
        return "\n".join([f"TorchServe {self.version} logged:", *telling[-LOG_TAIL_LINES:]])

    def _start(
        self, python: Path, *, snapshots: bool, launcher: bool, warm: Path | None, variables: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        if launcher:
            command = [str(python), "-m", "ts.model_server", "--foreground", "--ts-config", str(self._config)]
            silent = "--no-config-snapshots"
        else:
            # The jar where it can be: a process of our own to end and to see ending. The launcher leaves
            # the JVM running when it is ended itself, exits with 0 when the JVM fails, and names a model
            # store of its own, which beats the file's.
            home = package_home(python)
            command = [
                *JAVA,
                *share_classes(self.version, home),
                f"-Dmodel_server_home={home}",
                f"-Djava.io.tmpdir={self._home}",
                *front_end(home),
                "-f",
                str(self._config),
            ]
            silent = "-ncs"
        mine = {
            # Where the server finds the interpreter of its workers unless told otherwise.
            "PATH": os.pathsep.join(
                [*([str(warm.parent)] if warm else []), str(python.parent), os.environ.get("PATH", os.defpath)]
            ),
            "TMPDIR": str(self._home),
            "TEMP": str(self._home),
            "LOG_LOCATION": str(self._home / "logs"),
            "METRICS_LOCATION": str(self._home / "metrics"),
            # A worker that takes every core starts slower beside others.
            "OMP_NUM_THREADS": "1",
        }
        others = {
            name: value
            for name, value in os.environ.items()
            if name != "PYTHONPATH" and not name.startswith("TS_")
        }
        with self._log.open("wb") as log:
            return subprocess.Popen(
                command if snapshots else [*command, silent],
                cwd=self._home,
                env=others | mine | dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        def answers() -> bool:
            if process.poll() is not None:
                raise StartError(process.returncode, self.log(), self.log_tail())
            return self._answers()

        wait_until(answers, lambda: f"the server does not answer. {self.log_tail()}", START_SECONDS)

    def _answers(self) -> bool:
        # It may end yet when the first address answers: the other ports come later.
        if "Model server started." not in self.log():
            return False
        try:
            self._ask("GET", self.inference, "/ping")
        except ServerError:  # it may ask for a token
            return True
        except OSError:  # nobody listens yet
            return False
        return True

    def _ask(self, method: str, address: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(address + path, method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with LOOPBACK.open(request, timeout=ANSWER_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            answer = error.read().decode("utf-8", "replace")
            raise ServerError(f"{method} {path}: {error.code} {answer}\n{self.log_tail()}") from None


def front_end(home: Path) -> list[str]:
    """Return the words of a command that say where the server's classes are, and which of them begins."""
    return ["-cp", f"{home}/ts/frontend/*", "org.pytorch.serve.ModelServer"]


def share_classes(version: str, home: Path) -> list[str]:
    """Return the option by which a JVM finds the server's classes parsed and verified: 0.6 s of CPU, not 1.0.

    They are those that a server which has started has loaded, kept beside the environment. Java without it, and
    another Java than the one that kept them, starts as ever.
    """
    if version != SHARED_VERSION:
        return []
    kept = home / "ts" / "classes.jsa"
    with kept.with_suffix(".lock").open("w") as lock:  # another process may be about to keep them
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            with tempfile.TemporaryDirectory(prefix="classes-") as folder:
                _keep_classes(home, Path(folder))
                made = Path(folder, "classes.jsa")
                shutil.move(made, kept) if made.exists() else kept.touch()
    return [f"-XX:SharedArchiveFile={kept}"] if kept.stat().st_size else []


def _keep_classes(home: Path, folder: Path) -> None:
    """Start a server of no models, and end it in good order, which is when Java writes them."""
    config, log = folder / "config.properties", folder / "log"
    config.write_text("\n".join([*addresses(), f"model_store={folder}", "disable_system_metrics=true", ""]))
    places = {"LOG_LOCATION": str(folder), "METRICS_LOCATION": str(folder)}
    options = [f"-XX:ArchiveClassesAtExit={folder}/classes.jsa", f"-Dmodel_server_home={home}"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*JAVA, *options, *front_end(home), "-f", str(config), "-ncs"],
            cwd=folder,
            env=os.environ | places,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        started = "Model server started."
        wait_until(
            lambda: started in log.read_text("utf-8", "replace") or process.poll() is not None, log.read_text
        )
        process.terminate()
        process.wait(START_SECONDS)
    finally:
        stop(process)


def addresses() -> list[str]:
    """Return the lines that make a server listen on free ports of the loopback only."""
    ports = free_ports(6)
    return [
        f"inference_address=http://127.0.0.1:{ports[0]}",
        f"management_address=http://127.0.0.1:{ports[1]}",
        f"metrics_address=http://127.0.0.1:{ports[2]}",
        f"grpc_inference_port={ports[3]}",
        f"grpc_management_port={ports[4]}",
        f"initial_worker_port={ports[5]}",
    ]


def require_default_ports(*others: int) -> None:
    """Require that the ports of metrics and gRPC, which a file need not name, and others are or get free."""
    wanted = [8082, 7070, 7071, *others]
    deadline = time.monotonic() + FREE_SECONDS
    while not all(map(is_free, wanted)) and time.monotonic() < deadline:
        time.sleep(0.5)
    require(all(map(is_free, wanted)), f"the ports {wanted} free, which a server takes unless told otherwise")


def is_free(port: int) -> bool:
    """Return whether nobody listens on this port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def setting(config: Path, key: str, default: str) -> str:
    """Return a plain value of a file, or of one that the server has saved, where colons are escaped."""
    found = re.findall(rf"^{key}=(.*)$", config.read_text(encoding="latin-1"), re.MULTILINE)
    return found[-1].replace("\\", "") if found else default


def wait_until(condition: Callable[[], bool], failure: Callable[[], str], seconds: float = ANSWER_SECONDS) -> None:
    """Wait until the condition holds; say what failed when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ServerError(failure())
        time.sleep(0.1)


def install_folder(config: pytest.Config) -> Path:
    """Return the folder in which environments are kept from one session to the next."""
    assert config.cache is not None, "TorchServe is installed into pytest's cache: do not disable it"
    return config.cache.mkdir("torchserve")


def environment(version: str, cache: Path) -> Path:
    """Return the interpreter of an environment that has this version; only the package `ts` is its own."""
    folder = f"torchserve-{version}"
    python = environments.environment(cache, folder, [f"torchserve=={version}", *UNDECLARED.get(version, [])])
    found = (package_home(python) / "ts" / "version.txt").read_text(encoding="ascii").strip()
    if found != version:
        raise ServerError(f"{python.parents[1]} holds TorchServe {found}, not {version}: delete it")
    return python


@functools.cache  # also for the threads that start servers: a process of theirs has ended in EFAULT
def package_home(python: Path) -> Path:
    """Return the folder from which this interpreter imports TorchServe."""
    where = "import ts; print(ts.__path__[0])"
    done = subprocess.run([python, "-I", "-c", where], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip()).parent


@contextlib.contextmanager
def warm_interpreters(config: pytest.Config, *, script: str) -> Iterator[Callable[[str], Path | None]]:
    """Return what to start instead of a version's Python, for ``script`` to begin in no time (``warm_workers``).

    It is None, for ordinary workers, where ``MARPACK_ORDINARY_WORKERS`` is in the environment.
    """
    # Where temporary files lie now: a test may give itself another place.
    place = tempfile.gettempdir()
    with contextlib.ExitStack() as stack:

        @functools.cache
        def interpreter(version: str) -> Path | None:
            if "MARPACK_ORDINARY_WORKERS" in os.environ or not hasattr(os, "pidfd_open"):
                return None
            python = environment(version, install_folder(config))
            # A short path: there is a socket below it.
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="warm-", dir=place, ignore_cleanup_errors=True)
            )
            return stack.enter_context(
                warm_python(
                    python,
                    Path(folder),
                    script=script,
                    imports=["ts.torch_handler.base_handler", "ts.model_service_worker"],
                    anew="ts",
                    home=str(package_home(python)),
                )
            )

        yield interpreter


def own_ports() -> Iterator[int]:
    """Yield ports that no other process of tests asks for, below those that systems give to clients.

    Who has the first port of a range has the others, whoever runs the tests, and wherever temporary files lie.
    """
    for number in range(PORT_RANGES):
        first = FIRST_PORT + number * PORTS_A_RANGE
        with socket.socket() as mine, contextlib.suppress(OSError):
            mine.bind(("127.0.0.1", first))
            yield from itertools.cycle(range(first + 1, first + PORTS_A_RANGE))


OWN_PORTS = own_ports()


# Tests start servers in several threads, and a generator is no thing of several.
ONE_AT_A_TIME = threading.Lock()


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listened on a moment ago, all different."""
    found: list[int] = []
    while len(found) < count:
        with ONE_AT_A_TIME:
            port = next(OWN_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return found


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and its workers at once: in good order it takes seconds, and their folder goes anyway."""
    # They are of its process group, which outlives it while one of them lives and holds its ports.
    deadline = time.monotonic() + STOP_SECONDS
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            time.sleep(0.02)
