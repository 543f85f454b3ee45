"""One process of TorchServe's worker: started, told to load a model, asked, and ended with all that it began."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import IO

from marpack.running.log import LogLine
from marpack.running.messages import PredictAnswer, WorkerAnswer, WorkerRequest, load_message, predict_message
from marpack.running.server_python import ServerPython

_BOOT = os.path.join(os.path.dirname(__file__), "boot.py")
_STARTED = "Torch worker started."


class DiedError(Exception):
    """The worker has ended, or does not answer in time, or with what is no answer; ``status`` is of its exit."""

    def __init__(self, message: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class WorkerProcess:
    """A worker that runs. Whatever goes wrong is a ``DiedError``, after which it has been ended."""

    def __init__(
        self,
        python: ServerPython,
        *,
        model_folder: str,
        scratch: str,
        environment: Mapping[str, str],
        asynchronous: bool = False,
    ) -> None:
        """Start it, in ``model_folder`` and with just that ``environment``; ``scratch`` is a folder of a short path."""
        self._socket_path = os.path.join(scratch, "worker.0")
        words = [python.executable, _BOOT, python.worker_script, "--sock-type", "unix", "--sock-name"]
        words += [self._socket_path, "--metrics-config", os.path.join(python.package, "configs", "metrics.yaml")]
        self._log: list[LogLine] = []
        self._process = subprocess.Popen(
            [*words, "--async"] if asynchronous else words,
            cwd=model_folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._connection: socket.socket | None = None

    @property
    def log(self) -> tuple[LogLine, ...]:
        """What it has written so far, all that it wrote before its last answer among it."""
        return tuple(self._log)

    def connect(self, deadline: float) -> None:
        """Wait until it listens."""
        stdout: IO[bytes] | None = self._process.stdout
        assert stdout is not None
        for line in stdout:
            text = line.decode("utf-8", "replace").rstrip("\n")
            self._log.append(LogLine(stream="stdout", text=text))
            if text.endswith(_STARTED):
                break
        else:
            raise DiedError("ended before it listened", self._process.wait())
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection.connect(self._socket_path)

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
        """Make it load a model; return its code, 200 where it is loaded, and what it says."""
        assert self._connection is not None
        self._connection.sendall(
            load_message(
                model_name=model_name,
                folder=folder,
                batch_size=batch_size,
                handler=handler,
                gpu=gpu,
                envelope=envelope,
                limit_pixels=True,
            )
        )
        code, message = self._int(deadline), self._text(deadline)
        self._int(deadline)
        return code, message

    def predict(self, batch: Iterable[WorkerRequest], *, deadline: float, largest: int) -> Iterator[PredictAnswer]:
        """Ask; yield what it says, of a stream several times. No field has more than ``largest`` bytes."""
        assert self._connection is not None
        self._connection.sendall(b"".join(predict_message(batch)))
        code, message = self._int(deadline), self._text(deadline)
        answers: list[WorkerAnswer] = []
        while (length := self._int(deadline)) != -1:
            each = self._exactly(length, deadline).decode()
            content_type, status, reason = self._text(deadline), self._int(deadline), self._text(deadline)
            headers = tuple((self._text(deadline), self._text(deadline)) for _ in range(self._int(deadline)))
            body = self._exactly(self._int(deadline), deadline)
            answers.append(
                WorkerAnswer(
                    id=each, content_type=content_type, status=status, reason=reason, headers=headers, body=body
                )
            )
        yield PredictAnswer(code=code, message=message, answers=tuple(answers))

    def close(self) -> None:
        """End it and all that it has begun."""
        if self._connection is not None:
            self._connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _exactly(self, length: int, deadline: float) -> bytes:
        assert self._connection is not None
        data = b""
        while len(data) < length:
            self._connection.settimeout(max(0.001, deadline - time.monotonic()))
            part = self._connection.recv(length - len(data))
            if not part:
                raise DiedError("ended before it answered", self._process.wait())
            data += part
        return data

    def _int(self, deadline: float) -> int:
        number: int = struct.unpack(">i", self._exactly(4, deadline))[0]
        return number

    def _text(self, deadline: float) -> str:
        return self._exactly(self._int(deadline), deadline).decode()
