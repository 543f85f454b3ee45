"""Start what imports torch in a few milliseconds: copies of one process that has imported it already.

Run as a script with a socket and what to import, it is that process. Whoever starts workers (TorchServe; marpack,
which loads models) is told to start, as its interpreter, a script that hands it arguments, environment, folder and
output. The copy then runs the script that is asked for as the interpreter would, a worker the server's own
``model_service_worker.py``, or the one by which marpack starts that. Where files of the model could take the place
of a module that is imported already, a worker is started in the ordinary way.

The rest of this file runs in TorchServe's environment: it knows nothing of these tests.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import runpy
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["warm_python"]

READY_SECONDS = 300

# What is started for each worker: small, for it is an interpreter too.
CLIENT = """
import json, os, socket, sys
python, address, *arguments = sys.argv[1:]
if any(argument.endswith("SCRIPT") for argument in arguments[:2]):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as parent:
        parent.connect(address)
        told = json.dumps({"argv": arguments, "env": dict(os.environ), "cwd": os.getcwd()}).encode()
        socket.send_fds(parent, [len(told).to_bytes(4, "big")], [0, 1, 2])
        parent.sendall(told)
        answer = parent.recv(1)
    if answer != b"x":
        os._exit(answer[0] if answer else 1)
os.execv(python, [python, *arguments])
"""


@contextlib.contextmanager
def warm_python(
    python: Path, folder: Path, *, script: str, imports: Sequence[str], anew: str = "", home: str = ""
) -> Iterator[Path]:
    """Return what to start instead of this interpreter, for as long as the block lasts.

    Where it is asked for ``script``, its first or second argument, the copy has imported the modules ``imports``;
    what belongs to the package ``anew``, which lies in ``home``, each imports again. ``folder`` is one of a short
    path.
    """
    address, client, start = folder / "workers", folder / "client.py", folder / "python"
    client.write_text(CLIENT.replace("SCRIPT", script), encoding="ascii")
    command = shlex.join([str(python), "-IS", str(client), str(python), str(address)])
    start.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    start.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        [python, __file__, str(address), home, anew, *imports],
        cwd=folder,
        env=environment | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not address.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise OSError("no process that workers could be copies of")
            time.sleep(0.05)
        yield start
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # and what is left of the workers
        process.wait()


class Parent:
    """The process that workers are copies of."""

    def __init__(self, address: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(f"{address}.new")
        self._listener.listen(16)
        os.rename(f"{address}.new", address)  # who finds the name finds somebody who listens
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        # Whatever could be meant by one of these is imported by an ordinary worker, in its own order.
        self._taken = {
            *sys.stdlib_module_names,
            *(name.partition(".")[0] for name in sys.modules),
            *(
                entry.partition(".")[0]
                for folder in sys.path[1:]
                if os.path.isdir(folder)
                for entry in os.listdir(folder)
            ),
            "sitecustomize",
            "usercustomize",
        } - {"__main__", "__pycache__"}
        self._path = sys.path[1:]

    def serve(self) -> NoReturn:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    client, _ = self._listener.accept()
                    self._begin(client)
                    continue
                whose, pid, client, pidfd = key.data
                if whose == "client":  # it was killed, and its worker goes too
                    os.kill(pid, signal.SIGKILL)
                self._end(pid, client, pidfd)
                break  # the other of the two may be among those selected

    def _begin(self, client: socket.socket) -> None:
        files: list[int] = []
        try:
            head, files, _, _ = socket.recv_fds(client, 4, 3)
            length, told = int.from_bytes(head, "big"), b""
            while len(told) < length and (part := client.recv(length - len(told))):
                told += part
            order = json.loads(told)
            # The model's folder: the server's worker begins in it, marpack's script is told it first.
            told_first = order["argv"][1]
            models = told_first if os.path.isdir(told_first) else order["cwd"]
            is_taken = bool(self._taken & {entry.partition(".")[0] for entry in os.listdir(models)})
            if is_taken:
                client.sendall(b"x")
        # It was killed: before it had told all, or since, and its folder was removed. Others want to be begun yet.
        except (ValueError, OSError):
            is_taken = True
        if is_taken:
            client.close()
        elif pid := os.fork():
            pidfd = os.pidfd_open(pid)
            self._selector.register(client, selectors.EVENT_READ, ("client", pid, client, pidfd))
            self._selector.register(pidfd, selectors.EVENT_READ, ("worker", pid, client, pidfd))
        else:
            self._selector.close()
            self._listener.close()
            client.close()
            self._work(order, files)
        for file in files:
            os.close(file)

    def _end(self, pid: int, client: socket.socket, pidfd: int) -> None:
        self._selector.unregister(client)
        self._selector.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        with contextlib.suppress(OSError):
            code = os.waitstatus_to_exitcode(status)
            # As Java, and marpack, say it of a process that a signal has ended.
            client.sendall(bytes([code if code >= 0 else 128 - code]))
        client.close()

    def _work(self, order: dict[str, list[str] | dict[str, str] | str], files: list[int]) -> NoReturn:
        """Be the worker: what is left of the process that this is a copy of are its imports."""
        status = 1
        try:
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            os.environ.clear()
            os.environ.update(order["env"])  # type: ignore[arg-type]
            os.chdir(str(order["cwd"]))
            sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in os.environ
            arguments = list(order["argv"])
            sys.argv = arguments
            searched = os.environ.get("PYTHONPATH", "").split(os.pathsep)
            sys.path[:] = [os.path.dirname(arguments[0]), *filter(None, searched), *self._path]
            runpy.run_path(arguments[0], run_name="__main__")
        except SystemExit as done:
            status = done.code if isinstance(done.code, int) else 0 if done.code is None else 1
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)


def main() -> NoReturn:
    """Import what every worker imports, and wait for workers to be."""
    address, home, anew, *imports = sys.argv[1:]
    warnings.simplefilter("ignore", DeprecationWarning)  # of threads in a process that is copied
    for name in imports:
        __import__(name)
    if anew and not sys.modules[anew].__path__[0].startswith(home):
        raise SystemExit(f"another {anew} is found")
    # TorchServe's package reads its settings as it is imported: each worker imports its own.
    for name in [name for name in sys.modules if name.partition(".")[0] == anew]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()
    Parent(address).serve()


if __name__ == "__main__":
    main()
