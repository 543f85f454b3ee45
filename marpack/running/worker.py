"""A model that is loaded, for programs to ask."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from marpack.archive.plan.plan import Plan
from marpack.archive.read.archive import Archive
from marpack.archive.read.limits import Limits
from marpack.archive.read.open import ArchiveSource, open_archive
from marpack.running.answers import as_sent, responses
from marpack.running.environment import worker_environment
from marpack.running.log import LogLine, Metric
from marpack.running.messages import WorkerRequest
from marpack.running.model_folder import unpack
from marpack.running.model_settings import LARGEST, ModelSettings
from marpack.running.parameters import worker_request
from marpack.running.request import Request
from marpack.running.response import Response
from marpack.running.server_python import server_python
from marpack.running.worker_process import WorkerProcess

if TYPE_CHECKING:
    from typing_extensions import Self


class Worker:
    """A process of TorchServe's own worker that has loaded a model, and answers as the server would.

    This **runs the code that the archive holds**, with the rights of the caller.
    """

    def __init__(
        self,
        archive: Plan | ArchiveSource,
        *,
        batch_size: int | None = None,
        envelope: str | None = None,
        gpu: int | None = None,
        python: str | os.PathLike[str] | None = None,
        requirements: bool = False,
        environment: Mapping[str, str] | None = None,
        startup_timeout: float | None = None,
        response_timeout: float | None = None,
        max_request_size: int = LARGEST,
        max_response_size: int = LARGEST,
        limits: Limits | None = None,
        storage_options: Mapping[str, Any] | None = None,
        download: bool = False,
    ) -> None:
        self._archive = archive
        self._python = server_python(python)
        self._batch_size = batch_size or 1
        self._limits = limits
        self._settings: ModelSettings | None = None
        self._scratch: str | None = None
        self._process: WorkerProcess | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Load the model; raises ``NotServedError`` where the server would not serve it."""
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        self._scratch = tempfile.mkdtemp(prefix="marpack-run-")
        with contextlib.ExitStack() as stack:
            archive = self._archive
            if not isinstance(archive, Archive):
                assert not isinstance(archive, Plan)
                archive = stack.enter_context(open_archive(archive, limits=self._limits))
            model = archive.manifest.model
            folder = unpack(archive, self._scratch)
            self._settings = settings = ModelSettings(
                model_name=model.model_name,
                version=model.served_version,
                handler=model.handler,
                batch_size=self._batch_size,
            )
        self._process = WorkerProcess(
            self._python, model_folder=folder, scratch=self._scratch, environment=worker_environment(folder, {})
        )
        deadline = time.monotonic() + settings.startup_timeout
        self._process.connect(deadline)
        self._process.load(
            model_name=settings.model_name,
            folder=folder,
            batch_size=settings.batch_size,
            handler=settings.handler,
            gpu=settings.gpu,
            envelope=settings.envelope,
            deadline=deadline,
        )

    @overload
    def predict(self, requests: Request) -> Response: ...
    @overload
    def predict(self, requests: Sequence[Request]) -> list[Response]: ...
    def predict(self, requests: Request | Sequence[Request]) -> Response | list[Response]:
        """Return the response to a request, or the responses to several.

        Several are given to the handler in batches of ``batch_size``. Whatever goes wrong in the model is a
        response, as of the server.
        """
        if isinstance(requests, Request):
            return self.predict([requests])[0]
        with self._lock:
            size = self._batch_size
            batches = [requests[start : start + size] for start in range(0, len(requests), size)]
            return [response for batch in batches for response in self._predict(batch)]

    def _predict(self, batch: Sequence[Request]) -> list[Response]:
        settings, process = self._settings, self._process
        assert settings is not None
        assert process is not None
        told = [
            worker_request(
                request,
                request_id=str(uuid.uuid4()),
                model_name=settings.model_name,
                version=settings.version,
                max_request_size=settings.max_request_size,
                server=self._python.version,
            )
            for request in batch
        ]
        asked = [each for each in told if isinstance(each, WorkerRequest)]
        deadline = time.monotonic() + settings.response_timeout
        said = [*process.predict(asked, deadline=deadline, largest=settings.max_response_size)]
        answered = iter(responses(said, [each.id for each in asked]))
        answers = [each if isinstance(each, Response) else next(answered) for each in told]
        return [as_sent(request.method, each) for request, each in zip(batch, answers, strict=True)]

    @property
    def log(self) -> tuple[LogLine, ...]:
        """What the worker has written, metrics not among it."""
        return self._process.log if self._process else ()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that it has told of."""
        return ()

    def close(self) -> None:
        """End the worker, and all that it has begun; nothing is left of it."""
        if self._process is not None:
            self._process.close()
            self._process = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None
