"""TorchServe, as users start it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sysconfig
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Server", "free_ports", "write_config"]

_SCRIPTS = sysconfig.get_path("scripts")


def free_ports(count: int) -> list[int]:
    """Return ports on which nobody listened a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def write_config(folder: Path, store: Path, *lines: str, load_models: str) -> tuple[Path, int]:
    """Write what a server is told; return the file and the port on which it answers."""
    *ports, inference, management = free_ports(5)
    path = folder / "config.properties"
    settings = [
        *(
            f"{name}_address=http://127.0.0.1:{port}"
            for name, port in zip(("inference", "management", "metrics"), ports, strict=True)
        ),
        f"grpc_inference_port={inference}",
        f"grpc_management_port={management}",
        f"model_store={store}",
        f"load_models={load_models}",
        "disable_token_authorization=true",
        *lines,
    ]
    path.write_text("\n".join([*settings, ""]))
    return path, ports[0]


class Server:
    """A TorchServe as users start it; ``stop`` ends it with all that it began."""

    def __init__(self, folder: Path, environment: dict[str, str], config: Path, port: int) -> None:
        self.port = port
        self._config = config
        self._folder = folder
        places = {name: str(folder) for name in ("LOG_LOCATION", "METRICS_LOCATION", "TMPDIR", "TEMP")}
        path = os.pathsep.join([_SCRIPTS, environment["PATH"]])
        self._environment = {**environment, **places, "PATH": path}

    def begin(self) -> None:
        """Return when its process has begun, which does not answer yet."""
        self._torchserve("--start", "--ncs", "--ts-config", str(self._config))

    def stop(self) -> None:
        """End it."""
        self._torchserve("--stop", "--foreground")

    def _torchserve(self, *words: str) -> None:
        subprocess.run(
            [f"{_SCRIPTS}/torchserve", *words],
            cwd=self._folder,
            env=self._environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
