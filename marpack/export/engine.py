"""An export that is started as it was written, for as long as it is asked.

Its HTTP server is on the loopback. Ray opens other ports, some of them at all addresses, and lets in who has the
token of this cluster, which goes with it. One that knows of no tokens, before 2.52, lets in anybody.

This **runs the code that its archives hold**.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from marpack.errors import MarpackError, MissingExtraError
from marpack.export import kserve_files
from marpack.export.plan import ExportPlan
from marpack.export.targets import ENGINES, TITLES, ExportTarget
from marpack.running import keeper
from marpack.running.guard import Guard, end_marked
from marpack.running.removal import remove_folder
from marpack.running.request import Request
from marpack.running.response import Response

_HOST = "127.0.0.1"
# Seconds: to ask again whether it answers, to end in good order, and for an answer beyond the worker's own limit.
_PAUSE, _GRACE, _MORE = 0.2, 30, 60
# Bytes of a folder's path below which Ray's sockets find room, and where there may be such.
_LONGEST = 25
_PLACES = ("/tmp", "/var/tmp", "/dev/shm")
_LOG = "log"
# Of the log, what is told of an engine that does not start.
_TAIL = 2000
# Of the variables of who starts it, those that would have Ray join another cluster, or write a token for one.
_RAYS_OWN = ("RAY_ADDRESS", "RAY_NAMESPACE", "RAY_JOB_CONFIG_JSON_ENV_VAR", "RAY_AUTH_TOKEN")
_TOKEN = "token"
# What `serve run` does with the folder's configuration, at another address, and with a replica of each deployment;
# the node is the loopback's.
_RAY = """\
import os, sys, yaml
path, folder, scratch, host, port = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    document = yaml.safe_load(file)
import ray
from ray.serve.schema import ServeDeploySchema
from ray.serve.scripts import cli
ServeDeploySchema(**document)
document["http_options"] = {**(document.get("http_options") or {}), "host": host, "port": int(port)}
for application in document["applications"]:
    for deployment in application.get("deployments") or ():
        if scaling := deployment.get("autoscaling_config"):
            scaling.update(min_replicas=1, max_replicas=1, initial_replicas=1)
        else:
            deployment["num_replicas"] = 1
        # However many models there are, on however few CPUs: none waits for one.
        deployment["ray_actor_options"] = {**(deployment.get("ray_actor_options") or {}), "num_cpus": 0}
changed = os.path.join(scratch, "config.yaml")
with open(changed, "w", encoding="utf-8") as file:
    yaml.safe_dump(document, file)
ray.init(namespace="serve", include_dashboard=False, _node_ip_address=host)
cli(["run", changed, "--app-dir", folder])
"""
# The folder in which it is asked is none that an engine is started in.
_ASK = """
import importlib.util, sys
sys.path = [place for place in sys.path if place]
sys.exit(importlib.util.find_spec(sys.argv[1]) is None)
"""
_ANOTHER = "name a Python that has it, and the rest of requirements.txt (--engine-python, engine_python=)"
# KServe's server has no option for an address.
_KSERVE = """\
import runpy, sys, uvicorn
class OnLoopback(uvicorn.Config):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **{**options, "host": "127.0.0.1"})
uvicorn.Config = OnLoopback
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Engine:
    """An engine that serves an export: what is sent to it, it answers."""

    def __init__(self, port: int, log: str) -> None:
        self._port = port
        self._log = log

    @property
    def said(self) -> str:
        """What the engine wrote last."""
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()[-_TAIL:].strip()

    def ask(self, request: Request, path: str, *, timeout: float) -> Response:
        """Send a request to a path; ``MarpackError`` where there is no answer."""
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=timeout + _MORE)
        with contextlib.closing(connection):
            try:
                return _answer(connection, request, path)
            except (OSError, http.client.HTTPException) as error:
                raise MarpackError(
                    f"no answer to {request.method} {path}: {str(error) or type(error).__name__}"
                ) from error

    def answers(self, path: str) -> bool:
        """Tell whether there is an answer of status 200 to a GET."""
        try:
            return self.ask(Request(method="GET"), path, timeout=0).status == 200
        except MarpackError:
            return False


def _answer(connection: http.client.HTTPConnection, request: Request, path: str) -> Response:
    connection.putrequest(request.method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in request.sent_headers:
        connection.putheader(name, value)
    connection.endheaders(request.body, encode_chunked=bool(request.values("transfer-encoding")))
    answer = connection.getresponse()
    headers = tuple(answer.getheaders())
    try:
        body, complete = answer.read(), True
    except http.client.IncompleteRead as cut:
        body, complete = cut.partial, False
    return Response(status=answer.status, reason=answer.reason, headers=headers, parts=(body,), complete=complete)


@contextlib.contextmanager
def started(
    plan: ExportPlan, folder: str, *, python: str | os.PathLike[str] | None = None, timeout: float
) -> Iterator[Engine]:
    """Start what was written to ``folder``, and end it with the block; nothing of it is left then.

    ``python`` is an interpreter that has the engine, and what else the export's requirements name; by default this
    one. Each model has one replica, whatever the export says. Raises ``MarpackError`` for an engine that does not
    answer within ``timeout`` seconds, with what it wrote last.
    """
    with own_port() as port, _started(plan, folder, port, python=python, timeout=timeout) as engine:
        yield engine


@contextlib.contextmanager
def own_port() -> Iterator[int]:
    """Give a port of the loopback that the system gives to nobody else meanwhile, and that an engine can open.

    It does so after seconds of importing. Linux alone lets two hold a port of which one listens, where both say
    ``SO_REUSEADDR``, as servers do; elsewhere another program may be faster.
    """
    with socket.socket() as held:
        held.bind((_HOST, 0))
        port = held.getsockname()[1]
        if sys.platform.startswith("linux"):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            held.close()
        yield port


@contextlib.contextmanager
def _started(
    plan: ExportPlan, folder: str, port: int, *, python: str | os.PathLike[str] | None, timeout: float
) -> Iterator[Engine]:
    scratch = _scratch()
    with open(os.path.join(scratch, _TOKEN), "x", encoding="ascii", opener=_for_its_owner) as file:
        file.write(secrets.token_hex(32))
    # It ends what is left, and removes the folder, should this program be killed.
    guard = Guard((scratch,))
    done = False
    try:
        with _running(plan, os.path.join(os.path.abspath(folder), plan.inner), scratch, port, python) as process:
            guard.watch(process.pid)
            engine = Engine(port, os.path.join(scratch, _LOG))
            _wait(engine, process, plan, timeout)
            yield engine
    finally:
        try:
            done = remove_folder(scratch)
        finally:
            guard.close(done=done)


def interpreter(python: str | os.PathLike[str] | None) -> str:
    """Return an interpreter as it is started: a relative path means what it means here; by default this one."""
    named = os.fspath(python or sys.executable)
    return os.path.abspath(named) if os.path.dirname(named) else named


def require_engine(target: ExportTarget, python: str | os.PathLike[str] | None) -> None:
    """Raise ``MissingExtraError`` where this Python has no engine, ``MarpackError`` where another has not."""
    package = ENGINES[target].partition(">")[0].partition("[")[0]
    executable = interpreter(python)
    try:
        ended = subprocess.run(
            [executable, "-c", _ASK, package],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
        )
    except OSError as error:
        raise MarpackError(
            f"{executable!r} cannot be started: {error.strerror}: name a Python (--engine-python)"
        ) from None
    if ended.returncode == 0:
        return
    if python is None:
        raise MissingExtraError(f"starting an export for {TITLES[target]}", package, _ANOTHER)
    raise MarpackError(
        f"{executable!r} has no {package}: install what the export's requirements name "
        f"({executable} -m pip install -r ...), or {_ANOTHER}"
    )


def _scratch() -> str:
    """Make a folder for an engine's own files; Ray's sockets lie deep in it, so its path is short."""
    places = [place for place in (tempfile.gettempdir(), *_PLACES) if len(os.fsencode(place)) <= _LONGEST]
    for place in places:
        with contextlib.suppress(OSError):
            return os.path.realpath(tempfile.mkdtemp(prefix="mar-", dir=place))
    raise MarpackError(f"no temporary folder with a path of {_LONGEST} bytes: set TMPDIR to a shorter one")


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def _running(
    plan: ExportPlan, inner: str, scratch: str, port: int, python: str | os.PathLike[str] | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run an engine below a keeper, which ends all that it has begun."""
    executable = interpreter(python)
    with open(os.path.join(scratch, _LOG), "wb") as log:
        process = subprocess.Popen(
            [executable, "-I", "-S", keeper.__file__, executable, *_command(plan, inner, scratch, port)],
            cwd=inner,
            env=_environment(scratch),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    grace = 0
    try:
        yield process
        grace = _GRACE
    finally:
        # The keeper takes no notice, and ends when the engine has. Who is interrupted does not wait for it.
        if grace:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(grace)
        assert process.stdin is not None
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        end_marked(scratch)
        process.kill()
        process.wait()


def _command(plan: ExportPlan, inner: str, scratch: str, port: int) -> list[str]:
    if plan.target == "kserve":
        program = os.path.join(inner, "app.py")
        return ["-c", _KSERVE, program, f"--http_port={port}", "--enable_grpc=false"]
    return ["-c", _RAY, os.path.join(inner, "config.yaml"), inner, scratch, _HOST, str(port)]


def _environment(scratch: str) -> dict[str, str]:
    told = {
        # By this folder in its environment whatever is left is known.
        "MARPACK_EXPORT": scratch,
        "RAY_TMPDIR": scratch,
        # What a process leaves there that is killed goes with it.
        "TMPDIR": scratch,
        # Of Ray's own servers some listen at all addresses: they ask for what is in this file.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": os.path.join(scratch, _TOKEN),
        "RAY_USAGE_STATS_ENABLED": "0",
        # The export stays as it was written.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {name: value for name, value in os.environ.items() if name not in _RAYS_OWN} | told


def _wait(engine: Engine, process: subprocess.Popen[bytes], plan: ExportPlan, timeout: float) -> None:
    paths = ["/ping"]
    if plan.target == "kserve":
        paths = [*map(kserve_files.ready_path, kserve_files.quoted_names(plan.models))]
    deadline = time.monotonic() + timeout
    while not all(map(engine.answers, paths)):
        ended = process.poll()
        if ended is not None or time.monotonic() > deadline:
            how = f"ended with {ended}" if ended is not None else f"does not answer within {timeout:g} seconds"
            raise MarpackError(f"{TITLES[plan.target]} {how}; it wrote last:\n{engine.said}")
        time.sleep(_PAUSE)
