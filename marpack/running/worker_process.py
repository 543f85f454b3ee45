"""One process of TorchServe's worker: started, told to load a model, asked, and ended with all that it began.

Its clauses are J40 to J45 (spec/worker.md).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence

from marpack.running.connection import Connection, DiedError
from marpack.running.guard import Guard, end_marked
from marpack.running.kept_log import KeptLog
from marpack.running.messages import PredictAnswer, WorkerAnswer, WorkerRequest, load_message, predict_message
from marpack.running.output import Output
from marpack.running.server_python import ServerPython

_KEEPER, _BOOT = (os.path.join(os.path.dirname(__file__), name) for name in ("keeper.py", "boot.py"))
_STARTED = "Torch worker started."
_PID = "[PID]"
# Seconds: until it listens, as the server waits; for one that has closed its socket to end; for its keeper to end
# all, and for the system to take away what was killed.
START_TIMEOUT = 120
_ENDING = 5
_KEPT = 3
_KILLED = 10
_PAUSE = 0.005
# Bytes of what a worker says of a load, and headers of one answer: no server is told more.
_LOAD_MESSAGE = 1 << 20
_HEADERS = 1 << 20

_here: weakref.WeakSet[WorkerProcess] = weakref.WeakSet()


class WorkerProcess:
    """A worker that runs. Whatever goes wrong is a ``DiedError``, after which it must be closed."""

    def __init__(
        self,
        python: ServerPython,
        *,
        model_folder: str,
        scratch: str,
        environment: Mapping[str, str],
        asynchronous: bool,
        sockets: str,
        number: int,
        log: KeptLog,
        guard: Guard,
        debugger: tuple[int, int] | None,
    ) -> None:
        """Start it, in ``model_folder`` and with just that ``environment``.

        ``scratch`` is the folder of its own that is named in the environment; ``sockets`` has a short path, and
        ``number`` is one that no other worker of that folder has. With a ``debugger`` it stays in this process's
        group, and has these descriptors.
        """
        self._scratch = scratch
        self._guard = guard
        self._asynchronous = asynchronous
        self._alone = debugger is None
        self._socket_path = os.path.join(sockets, f"worker.{number}")
        self._connection: Connection | None = None
        self._pid: int | None = None
        self._owner = os.getpid()
        self._state = threading.RLock()
        self._reaped = False
        self._closed = False
        words = [
            # The keeper has nothing of what the environment, or the model, does to a Python that starts.
            *(python.executable, "-I", "-S", _KEEPER),
            *(python.executable, _BOOT),
            *(["--debugger={},{}".format(*debugger)] if debugger else []),
            python.worker_script,
            "--sock-type",
            "unix",
            "--sock-name",
            self._socket_path,
            "--metrics-config",
            os.path.join(python.package, "configs", "metrics.yaml"),
        ]
        self._process = _Popen(
            [*words, "--async"] if asynchronous else words,
            cwd=model_folder,
            env=environment,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=self._alone,
            pass_fds=debugger or (),
        )
        # Whoever is interrupted here, as by Ctrl-C, has nothing yet that could be closed.
        undoing = contextlib.ExitStack()
        try:
            stdout, stderr = self._process.stdout, self._process.stderr
            assert stdout is not None
            assert stderr is not None
            undoing.callback(self._end)
            if self._alone:
                guard.watch(self._process.pid)
            self._output = undoing.enter_context(contextlib.closing(Output(stdout, stderr, log)))
            _here.add(self)
            self._output.follow(self._note)
        except BaseException:
            undoing.close()
            raise

    @property
    def pid(self) -> int:
        """The number of its process, as it tells it."""
        return self._pid or self._process.pid

    def connect(self, deadline: float) -> None:
        """Wait until it listens."""
        if not self._output.await_line(deadline, self.runs):
            if self.runs():
                raise DiedError("did not listen in time", late=True)
            raise self._died(DiedError("ended before it listened", ended=True))
        self._connection = Connection(self._socket_path, self.runs)

    def load(
        self,
        *,
        model_name: str,
        folder: str,
        batch_size: int,
        handler: str,
        gpu: int | None,
        envelope: str,
        deadline: float,
    ) -> tuple[int, str]:
        """Make it load a model; return its code, 200 where it is loaded or else it ends, and what it says."""
        message = load_message(
            model_name=model_name,
            folder=folder,
            batch_size=batch_size,
            handler=handler,
            gpu=gpu,
            envelope=envelope,
        )
        connection = self._connected()
        try:
            connection.send([message], deadline)
            code, text = connection.number(deadline), connection.text(deadline, _LOAD_MESSAGE)
            connection.number(deadline)
        except DiedError as error:
            raise self._died(error) from None
        if code != 200:
            self._await_exit(_ENDING)
        self._output.drain()
        return code, text

    def predict(
        self, batches: Sequence[Sequence[WorkerRequest]], *, timeout: float, largest: int
    ) -> Iterator[PredictAnswer]:
        """Ask one after another; an asynchronous worker all at once, whose answers come in any order.

        Yields what it says, of a stream several times, for each of which it has ``timeout`` seconds. No field has
        more than ``largest`` bytes.
        """
        connection = self._connected()
        try:
            for some in [batches] if self._asynchronous else [[batch] for batch in batches]:
                deadline = time.monotonic() + timeout
                for batch in some:
                    connection.send(predict_message(batch), deadline)
                waiting = {request.id for batch in some for request in batch}
                known = frozenset(waiting)
                while waiting:
                    answer = self._answer(connection, time.monotonic() + timeout, largest, known)
                    named = {each.id for each in answer.answers}
                    if not named:
                        raise DiedError("answers nothing")
                    if answer.code != 200 or not any(map(_goes_on, answer.answers)):
                        # All of one message: an answer to it names each of its requests.
                        waiting -= named
                    self._output.drain()
                    yield answer
        except DiedError as error:
            raise self._died(error) from None

    def _answer(
        self, connection: Connection, deadline: float, largest: int, known: frozenset[str]
    ) -> PredictAnswer:
        code, message = connection.number(deadline), connection.text(deadline, largest)
        answers: list[WorkerAnswer] = []
        while (length := connection.number(deadline)) != -1:
            each = connection.rest_of_field(length, deadline, largest).decode("utf-8", "replace")
            if each not in known or len(answers) == len(known):
                raise DiedError("answers what it was not asked")
            content_type = connection.text(deadline, largest)
            status, reason = connection.number(deadline), connection.text(deadline, largest)
            count = connection.number(deadline)
            if not 0 <= count <= _HEADERS:
                raise DiedError(f"says that there are {count:,} headers")
            headers = tuple(
                (connection.text(deadline, largest), connection.text(deadline, largest)) for _ in range(count)
            )
            body = connection.field(deadline, largest)
            answers.append(
                WorkerAnswer(
                    id=each, content_type=content_type, status=status, reason=reason, headers=headers, body=body
                )
            )
        return PredictAnswer(code=code, message=message, answers=tuple(answers))

    def kill(self) -> None:
        """End it, from any thread, in no more than seconds: whoever waits for its answer gets a ``DiedError``."""
        if os.getpid() != self._owner:
            return
        if self._connection is not None:
            self._connection.shutdown()
        self._let_keeper_end()
        self._await_exit(_KEPT)
        with self._state:
            if self._reaped:
                return
            # Who is still there has ended its keeper, or has stopped it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                self._process.kill()
            if self._alone:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def close(self, *, grace: float = 0) -> None:
        """End it and all that it has begun; first it has ``grace`` seconds to end in good order."""
        if self._closed or os.getpid() != self._owner:
            return
        if self._connection is not None:
            self._connection.shutdown()
            if grace and not self._asynchronous:
                self._await_exit(grace)
        self._end()
        self._output.close()
        if self._connection is not None:
            self._connection.close()
        with contextlib.suppress(OSError):
            os.remove(self._socket_path)
        self._closed = True
        _here.discard(self)

    def forget(self) -> None:
        """Be a copy's: give up what the worker would take for the process that it belongs to."""
        self._process.returncode = 0
        self._let_keeper_end()
        self._output.forget()
        if self._connection is not None:
            self._connection.close()
        self._guard.forget()

    def _end(self) -> None:
        """End it, and all that it has begun."""
        self.kill()
        end_marked(self._scratch)
        self._reap()

    def _let_keeper_end(self) -> None:
        """Give up this process's end of the pipe that keeps the worker alive."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _connected(self) -> Connection:
        if self._connection is None:
            raise DiedError("was not started")
        return self._connection

    def _note(self, line: str) -> bool:
        if line.startswith(_PID) and line[len(_PID) :].isdecimal():
            self._pid = int(line[len(_PID) :])
        return line.endswith(_STARTED)

    def _died(self, error: DiedError) -> DiedError:
        """Return the error with the status that it ended with, once all that it wrote is in the log."""
        status = self._await_exit(_ENDING) if error.ended else None
        self._output.drain()
        return DiedError(str(error), status, late=error.late)

    def runs(self) -> bool:
        """Tell whether it has not ended."""
        return self._exit_status() is None

    def _await_exit(self, seconds: float) -> int | None:
        deadline = time.monotonic() + seconds
        while (status := self._exit_status()) is None and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        return status

    def _exit_status(self) -> int | None:
        """Return what it ended with, None while it runs; its number stays its own until it is reaped."""
        with self._state:
            if not self._reaped and hasattr(os, "waitid") and sys.platform != "win32":
                try:
                    found = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
                except ChildProcessError:  # the program waits for all its children
                    return self._process.poll()
                if found is None:
                    return None
                return found.si_status if found.si_code == os.CLD_EXITED else 128 + found.si_status
            status = self._process.poll()
            return 128 - status if status is not None and status < 0 else status

    def _reap(self) -> None:
        with self._state:
            if self._reaped:
                return
            self._guard.watch(None)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILLED)
            self._reaped = True
            self._let_keeper_end()


class _Popen(subprocess.Popen[bytes]):
    """One that keeps no pipe when nobody has it any more: a keeper ends with its input, and its worker too."""

    def __del__(self) -> None:
        for name in ("stdin", "stdout", "stderr"):
            if (pipe := getattr(self, name, None)) is not None:
                pipe.close()
        super().__del__()


def _goes_on(answer: WorkerAnswer) -> bool:
    return ("ts_stream_next", "true") in answer.headers


def _forget_all() -> None:
    for process in [*_here]:
        process.forget()
    _here.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
