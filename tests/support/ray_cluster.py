"""A Ray cluster of its own on the loopback, with Serve, and applications of archives on it.

Run as a script, this file is the program that begins the cluster and is told what to serve: what Ray does to a
process (threads, signals, children) happens there, and not to the tests.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marpack.frozen import frozen
from marpack.running.served_model import ServedModel
from tests.support.processes import wait_for
from tests.support.torchserve import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_REPOSITORY = Path(__file__).parents[2]
_CPUS = 2
# Ray gives out as many as it is told: what is behind them is not its to know.
_GPUS = 2
# Nothing large is passed from one process to another.
_STORE = 100_000_000
# Seconds: it ends replica by replica.
_ENDING = 300
# A replica, and what a worker's processes are called.
_OURS = re.compile("ServeReplica|marpack")


@frozen
class App:
    """An application of some models, at a path; ``ray`` are options of the deployments."""

    name: str
    models: tuple[ServedModel, ...]
    prefix: str
    ray: Mapping[str, Any]


class RayServe:
    """The program that is told; what it, and Ray, log is in ``log``."""

    def __init__(self, process: subprocess.Popen[str], port: int, home: Path) -> None:
        self._process = process
        self.port = port
        self._home = home
        self._address = self._answer()

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[RayServe]:
        """Begin a cluster of two CPUs and two GPUs, whatever the machine has, and end it."""
        # Sockets lie in it, whose paths are short. What the killed leave behind may still appear while it goes.
        with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
            home = Path(folder)
            (home / "workers").mkdir()
            [port] = free_ports(1)
            told = _told(folder) | {
                "HOME": folder,
                "TMPDIR": str(home / "workers"),
                "PYTHONPATH": os.pathsep.join(filter(None, [str(_REPOSITORY), os.environ.get("PYTHONPATH")])),
            }
            with (
                (home / "log").open("w", encoding="utf-8") as log,
                subprocess.Popen(
                    [sys.executable, "-m", "tests.support.ray_cluster", folder, str(port)],
                    cwd=_REPOSITORY,
                    env=os.environ | told,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                ) as process,
            ):
                try:
                    yield cls(process, port, home)
                    assert process.stdin is not None
                    process.stdin.close()
                    process.wait(_ENDING)
                    wait_for(lambda: [each for each in _marked(folder).values() if _OURS.search(each)], [])
                    # What is left of one that Ray has killed, its guard removes.
                    wait_for(lambda: [*(home / "workers").iterdir()], [])
                finally:
                    process.kill()
                    # What else Ray has begun may outlive it by minutes.
                    for number in _marked(folder):
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(number, signal.SIGKILL)

    def serve(self, *apps: App) -> None:
        """Serve applications, beside others or in their place; raises ``OSError`` with what a failure says."""
        self._tell("serve", apps)

    def delete(self, name: str) -> None:
        """End an application."""
        self._tell("delete", name)

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables by which another program takes this cluster, and begins none."""
        return _told(str(self._home)) | {"RAY_ADDRESS": self._address}

    def replicas(self, app: str) -> dict[int, str]:
        """Return the processes of an application's replicas, by number, with their deployments."""
        title = re.compile(rf"ray::ServeReplica:{re.escape(app)}:(.*)")
        found = {number: title.match(command) for number, command in _marked(str(self._home)).items()}
        return {number: match[1] for number, match in found.items() if match}

    def unpacked(self) -> set[str]:
        """Return the names of the folders of models that there are."""
        return {each.name for each in (self._home / "workers").glob("marpack-run-*")}

    def log(self) -> str:
        """Return what is logged of all replicas."""
        files = (self._home / "session_latest" / "logs" / "serve").glob("replica_*")
        return "".join(file.read_text("utf-8", "replace") for file in files)

    def _tell(self, *order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(base64.b64encode(pickle.dumps(order)).decode() + "\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        """Return what it says."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                answer: dict[str, str] = json.loads(line)
                if answer["error"]:
                    raise OSError(answer["error"])
                return answer["said"]
        raise OSError((self._home / "log").read_text(encoding="utf-8")[-5000:])


def _told(folder: str) -> dict[str, str]:
    return {"RAY_TMPDIR": folder, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}


def _marked(text: str) -> dict[int, str]:
    """Return the command lines of processes that have a text in their environment."""
    found = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if text.encode() in (process / "environ").read_bytes():
                command = (process / "cmdline").read_bytes()
                found[int(process.name)] = command.rstrip(b"\0").decode(errors="replace")
    return found


def _serve(apps: Sequence[App]) -> None:
    from ray import serve

    from marpack.running.ray import application

    serve.run_many(
        [
            serve.RunTarget(application(*app.models, ray=app.ray), name=app.name, route_prefix=app.prefix)
            for app in apps
        ]
    )


def main() -> None:
    """Be told, a line each, and answer."""
    import ray
    from ray import serve

    folder, port = sys.argv[1:]
    ray.init(
        num_cpus=_CPUS,
        num_gpus=_GPUS,
        object_store_memory=_STORE,
        include_dashboard=False,
        log_to_driver=False,
        _temp_dir=folder,
        _node_ip_address="127.0.0.1",
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(port)})
    orders: dict[str, Callable[[Any], None]] = {"serve": _serve, "delete": serve.delete}
    print(json.dumps({"error": "", "said": ray.get_runtime_context().gcs_address}), flush=True)
    for line in sys.stdin:
        what, argument = pickle.loads(base64.b64decode(line))
        error = ""
        try:
            orders[what](argument)
        except Exception as failed:
            error = f"{type(failed).__name__}: {failed} {serve.status()}"
        print(json.dumps({"error": error, "said": ""}), flush=True)
    serve.shutdown()  # type: ignore[no-untyped-call]
    ray.shutdown()


if __name__ == "__main__":
    # Under its own name: what is told is pickled.
    from tests.support.ray_cluster import main as named

    named()
