"""A worker for an engine: it is asked from an event loop, by one request after another, and answers in batches."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from marpack.errors import MarpackError, NotServedError
from marpack.running.answers import as_sent, no_worker
from marpack.running.batches import Batches
from marpack.running.handlers_log import without_workers_own
from marpack.running.log import LogLine
from marpack.running.model_settings import ModelSettings
from marpack.running.request import Request
from marpack.running.response import Response
from marpack.running.served_model import ServedModel
from marpack.running.worker import Worker

# How many requests an asynchronous worker is given at once: as many as wait in TorchServe's queue of a model.
_TOGETHER = 100


class BatchingWorker:
    """A worker in whose one thread one batch is answered after another; it is loaded again when its process ends.

    ``tell`` is called in that thread, with each line that the handler has written. Nothing is started before
    ``load``. Raises what ``ServedModel.worker`` raises.
    """

    def __init__(self, model: ServedModel, settings: ModelSettings, tell: Callable[[LogLine], None]) -> None:
        self._model = model
        self._settings = settings
        self._tell_line = tell
        self._told = 0
        self._worker = model.worker(settings)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"worker of {settings.model_name}")
        self._batches = self._gathering()
        self._loading: Future[bool] | None = None
        self._closed = False
        self._refused: Exception | None = None
        self._failures = 0

    def _gathering(self) -> Batches[Request, Response]:
        """Return what gathers batches; an asynchronous worker is given all that wait, which are several."""
        return Batches(
            self._ask,
            size=self._settings.batch_size,
            delay=self._settings.max_batch_delay / 1000,
            most=_TOGETHER if self._settings.asynchronous else 1,
        )

    @property
    def worker(self) -> Worker:
        """The worker that is asked now."""
        return self._worker

    @property
    def refused(self) -> Exception | None:
        """Why the model could not be loaded when that was tried last; None where it was, or never was tried."""
        return self._refused

    def load(self, settings: ModelSettings | None = None) -> None:
        """Load the model where it is not, and take other settings, for another batch size by loading it anew.

        It blocks. Raises what ``Worker.start`` raises, and ``MarpackError`` for a worker that is closed.
        """
        self._thread.submit(self._load, settings).result()

    async def load_in_thread(self, settings: ModelSettings | None = None) -> None:
        """Do the same, and let the event loop go on."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._load, settings)

    def _load(self, settings: ModelSettings | None) -> None:
        try:
            self._require_open()
            if settings is not None and settings != self._settings:
                if settings.batch_size != self._settings.batch_size:
                    self._worker.close()
                    self._worker = self._model.worker(settings)
                    self._told = 0
                self._settings = settings
                # Who waits is answered by the one that he waits for.
                self._batches = self._gathering()
            self._worker.start()
            self._worker.restart()
            self._refused = None
            if self._closed:  # meanwhile, before there was a process to be ended
                self._worker.close()
            self._require_open()
        except (MarpackError, OSError) as error:
            self._note_failure(error)
            raise
        finally:
            self._tell()

    def load_again(self) -> None:
        """Have a process that has ended begun again in the worker's thread, as the server does at once."""
        if self._closed or self._worker.runs or (self._loading is not None and not self._loading.done()):
            return
        with contextlib.suppress(RuntimeError):  # it was closed just now
            self._loading = self._thread.submit(self._load_again)

    def _load_again(self) -> bool:
        """Load the model again where its process has ended, and return whether it is there."""
        try:
            self._worker.restart()
            self._refused = None
        except (NotServedError, OSError) as error:
            self._note_failure(error)
        except MarpackError as error:  # it was closed, or could never be started, of which more is known
            self._note_failure(self._refused or error)
        finally:
            self._tell()
        return self._refused is None

    def _note_failure(self, error: Exception) -> None:
        self._refused = error
        self._failures += 1

    async def answer(self, request: Request) -> Response:
        """Return the response to a request, which is part of a batch.

        Where the model cannot be loaded it is the server's, 503. Raises ``MarpackError`` for a worker that is
        closed.
        """
        request = self._model.spelled(request)
        # What need not be gathered takes a way with fewer steps, each of which an event loop may put off.
        if self._settings.batch_size == 1 and not self._settings.asynchronous:
            return (await self._ask([request]))[0]
        return await self._batches.ask(request)

    async def _ask(self, requests: Sequence[Request]) -> list[Response]:
        self._require_open()
        loop = asyncio.get_running_loop()
        try:
            waiting = loop.run_in_executor(self._thread, self._predict, requests, self._failures)
        except RuntimeError:  # it was closed just now
            raise self._closed_error() from None
        return await waiting

    def _predict(self, requests: Sequence[Request], failures: int) -> list[Response]:
        """Return the responses; of those that wait while the model cannot be loaded, one alone has that tried."""
        self._require_open()
        if not self._worker.runs and (self._failures != failures or not self._load_again()):
            return [as_sent(request.method, self._no_worker()) for request in requests]
        try:
            responses = self._worker.predict(requests)
        finally:
            self._tell()
        if not self._worker.runs:
            self.load_again()
        return responses

    def _no_worker(self) -> Response:
        name, server = self._settings.model_name, self._worker.server
        return no_worker(name, None, request_id=str(uuid.uuid4()), server=server)

    def _require_open(self) -> None:
        if self._closed:
            raise self._closed_error()

    def _closed_error(self) -> MarpackError:
        return MarpackError("the worker was closed before it had answered")

    def _tell(self) -> None:
        lines, self._told = self._worker.log_since(self._told)
        for line in without_workers_own(lines):
            self._tell_line(line)

    def close(self) -> None:
        """End the worker, from any thread; who is not answered yet gets a ``MarpackError``."""
        self._closed = True
        self._worker.close()
        self._thread.shutdown(wait=False)
