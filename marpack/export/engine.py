"""An export that is started as it stands, on the loopback, for as long as it is asked.

This **runs the code that its archives hold**.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from marpack.config.text import yaml_text
from marpack.errors import MarpackError
from marpack.export import kserve_files, ray_files
from marpack.export.plan import ExportPlan
from marpack.export.targets import TITLES
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
_RAYS_OWN = ("RAY_ADDRESS", "RAY_NAMESPACE", "RAY_JOB_CONFIG_JSON_ENV_VAR")
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

    def __init__(self, port: int) -> None:
        self._port = port

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
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port = free.getsockname()[1]
    scratch = _scratch()
    # It ends what is left, and removes the folder, should this program be killed.
    guard = Guard((scratch,))
    done = False
    try:
        with _running(plan, os.path.join(os.path.abspath(folder), plan.inner), scratch, port, python) as process:
            guard.watch(process.pid)
            engine = Engine(port)
            _wait(engine, process, plan, timeout, os.path.join(scratch, _LOG))
            yield engine
    finally:
        try:
            done = remove_folder(scratch)
        finally:
            guard.close(done=done)


def _scratch() -> str:
    """Make a folder for an engine's own files; Ray's sockets lie deep in it, so its path is short."""
    places = [place for place in (tempfile.gettempdir(), *_PLACES) if len(os.fsencode(place)) <= _LONGEST]
    for place in places:
        with contextlib.suppress(OSError):
            return os.path.realpath(tempfile.mkdtemp(prefix="mar-", dir=place))
    raise MarpackError(f"no temporary folder with a path of {_LONGEST} bytes: set TMPDIR to a shorter one")


@contextlib.contextmanager
def _running(
    plan: ExportPlan, inner: str, scratch: str, port: int, python: str | os.PathLike[str] | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run an engine below a keeper, which ends all that it has begun."""
    executable = os.fspath(python or sys.executable)
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
    document = ray_files.config(plan.models, plan.target, None)
    document["http_options"] = {"host": _HOST, "port": port}
    for deployment in document["applications"][0]["deployments"]:
        deployment.pop("autoscaling_config", None)
        deployment["num_replicas"] = 1
        # There may be fewer than models: one that finds none would be waited for without an end.
        deployment["ray_actor_options"] = {**deployment.get("ray_actor_options", {}), "num_cpus": 0}
    config = os.path.join(scratch, "config.yaml")
    with open(config, "w", encoding="ascii") as file:
        file.write(yaml_text.dumps(document))
    return ["-m", "ray.serve.scripts", "run", config, "--app-dir", inner]


def _environment(scratch: str) -> dict[str, str]:
    told = {
        # By this folder in its environment whatever is left is known.
        "MARPACK_EXPORT": scratch,
        "RAY_TMPDIR": scratch,
        # What a process leaves there that is killed goes with it.
        "TMPDIR": scratch,
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        # The export stays as it was written.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {name: value for name, value in os.environ.items() if name not in _RAYS_OWN} | told


def _wait(engine: Engine, process: subprocess.Popen[bytes], plan: ExportPlan, timeout: float, log: str) -> None:
    paths = ["/ping"]
    if plan.target == "kserve":
        paths = [f"/v2/models/{name}/ready" for name in kserve_files.quoted_names(plan.models)]
    deadline = time.monotonic() + timeout
    while not all(map(engine.answers, paths)):
        ended = process.poll()
        if ended is not None or time.monotonic() > deadline:
            with open(log, encoding="utf-8", errors="replace") as file:
                said = file.read()[-_TAIL:].strip()
            how = f"ended with {ended}" if ended is not None else f"does not answer within {timeout:g} seconds"
            raise MarpackError(f"{TITLES[plan.target]} {how}; it wrote last:\n{said}")
        time.sleep(_PAUSE)
