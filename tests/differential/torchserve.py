"""Run real TorchServe servers, each version in an environment of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import require

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 120
ANSWER_SECONDS = 180
STOP_SECONDS = 30
LOG_TAIL_LINES = 60

# What a version imports without saying so: its handlers need pkg_resources.packaging, gone from setuptools 70.
UNDECLARED = {"0.9.0": ["setuptools<70"]}

# Never through a proxy: the server listens on the loopback.
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerError(Exception):
    """The server refused a request; the text ends with what it logged last."""


class TorchServe:
    """A running server: register, predict and unregister models that lie in its store."""

    def __init__(self, version: str, home: Path) -> None:
        self.version = version
        self.store = home / "store"
        self.store.mkdir()
        self._log = home / "server.log"
        self._inference, self._management, *others = free_ports(6)
        self._config = home / "config.properties"
        self._config.write_text(
            "\n".join(
                [
                    f"inference_address=http://127.0.0.1:{self._inference}",
                    f"management_address=http://127.0.0.1:{self._management}",
                    f"metrics_address=http://127.0.0.1:{others[0]}",
                    f"grpc_inference_port={others[1]}",
                    f"grpc_management_port={others[2]}",
                    f"initial_worker_port={others[3]}",
                    f"model_store={self.store}",
                    "number_of_netty_threads=1",
                    "disable_system_metrics=true",
                    # Since 0.11.1 models can be registered only where this is said.
                    "enable_model_api=true",
                    "disable_token_authorization=true",
                    "",
                ]
            ),
            encoding="ascii",
        )

    @classmethod
    @contextlib.contextmanager
    def running(cls, version: str, cache: Path) -> Iterator[TorchServe]:
        """Run a server of this version until the block is left, whatever happens inside."""
        require(shutil.which("java"), "Java to run TorchServe")
        python = environment(version, cache)
        # Not pytest's own folder: the workers' sockets lie here, and their paths may have 107 bytes only.
        with tempfile.TemporaryDirectory(prefix="torchserve-") as folder:
            server = cls(version, Path(folder))
            process = server._start(python)
            try:
                server._await_health(process)
                yield server
            finally:
                stop(process)

    def register(self, file: str) -> None:
        """Register what lies under this name in the store, and wait until a worker has loaded it."""
        query = urllib.parse.urlencode({"url": file, "initial_workers": 1, "synchronous": "true"})
        self._ask("POST", self._management, f"/models?{query}")

    def predict(self, model: str, request: object) -> Any:
        """Return the model's answer."""
        return self._ask("POST", self._inference, f"/predictions/{urllib.parse.quote(model)}", request)

    def unregister(self, model: str) -> None:
        """Remove the model and end its worker."""
        self._ask("DELETE", self._management, f"/models/{urllib.parse.quote(model)}")

    def described_version(self) -> str:
        """Return the version that the server itself states."""
        return str(self._ask("GET", self._management, "/api-description")["info"]["version"])

    def log_tail(self) -> str:
        """Return what the server and its workers logged last."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        telling = [line for line in lines if not (line.startswith("\tat ") or " TS_METRICS - " in line)]
        return "\n".join([f"TorchServe {self.version} logged:", *telling[-LOG_TAIL_LINES:]])

    def _start(self, python: Path) -> subprocess.Popen[bytes]:
        # The jar, not the launcher (ts.model_server): a process of our own to end and to see ending.
        # The launcher leaves the JVM running when it is ended itself, exits with 0 when the JVM fails,
        # and refuses to start beside another server that shares its temporary folder.
        home = package_home(python)
        java = [
            "java",
            f"-Dmodel_server_home={home}",
            f"-Djava.io.tmpdir={self.store.parent}",
            "-cp",
            f"{home}/ts/frontend/*",
            "org.pytorch.serve.ModelServer",
        ]
        options = ["--python", str(python), "-f", str(self._config), "-ncs"]
        options += ["-s", str(self.store), "-w", str(self.store)]
        mine = {
            "TMPDIR": str(self.store.parent),
            "TEMP": str(self.store.parent),
            "LOG_LOCATION": str(self.store.parent / "logs"),
            "METRICS_LOCATION": str(self.store.parent / "metrics"),
            # A worker that takes every core starts slower beside others.
            "OMP_NUM_THREADS": "1",
        }
        foreign = {"PYTHONPATH", "TS_CONFIG_FILE"}
        with self._log.open("wb") as log:
            return subprocess.Popen(
                java + options,
                cwd=self.store.parent,
                env={key: value for key, value in os.environ.items() if key not in foreign} | mine,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _await_health(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            if process.poll() is not None:
                raise ServerError(f"the server ended with {process.returncode}. {self.log_tail()}")
            if time.monotonic() > deadline:
                raise ServerError(f"the server does not answer. {self.log_tail()}")
            time.sleep(0.1)

    def _is_healthy(self) -> bool:
        try:
            self._ask("GET", self._inference, "/ping")
        except OSError:  # nobody listens yet
            return False
        return True

    def _ask(self, method: str, port: int, path: str, body: object = None) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with LOOPBACK.open(request, timeout=ANSWER_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            answer = error.read().decode("utf-8", "replace")
            raise ServerError(f"{method} {path}: {error.code} {answer}\n{self.log_tail()}") from None


def environment(version: str, cache: Path) -> Path:
    """Return the interpreter of an environment that has this version; it is made once and kept in the cache.

    Only the package `ts` is its own. Everything else, torch above all, is found behind it in the
    environment that runs the tests.
    """
    folder = cache / f"torchserve-{version}-{sys.implementation.cache_tag}"
    python = folder / "bin" / "python"
    if not python.exists():
        shutil.rmtree(folder, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        # Made aside and renamed: one that was interrupted is never taken for a whole one.
        with tempfile.TemporaryDirectory(dir=cache) as aside:
            made = Path(aside, "environment")
            venv.create(made, symlinks=True, with_pip=False)
            install([f"torchserve=={version}", *UNDECLARED.get(version, [])], made / "bin" / "python")
            with contextlib.suppress(OSError):  # another process was faster
                made.rename(folder)
    [packages] = folder.glob("lib/python3*/site-packages")
    behind = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "behind.pth").write_text("\n".join(sorted(behind)) + "\n", encoding="utf-8")
    found = (package_home(python) / "ts" / "version.txt").read_text(encoding="ascii").strip()
    if found != version:
        raise ServerError(f"{folder} holds TorchServe {found}, not {version}: delete it")
    return python


def install(requirements: list[str], python: Path) -> None:
    """Install packages without what they depend on."""
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
    done = subprocess.run([*pip, *requirements], capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"{requirements[0]}, but pip said: {done.stderr.strip()[-500:]}")


def package_home(python: Path) -> Path:
    """Return the folder from which this interpreter imports TorchServe."""
    where = "import ts; print(ts.__path__[0])"
    done = subprocess.run([python, "-I", "-c", where], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip()).parent


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listened on a moment ago, all different."""
    with contextlib.ExitStack() as sockets:
        listeners = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server in good order, then whatever it has left behind."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    # Its workers are of its process group, which outlives it while one of them lives.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
