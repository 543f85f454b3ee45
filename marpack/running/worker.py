"""A model that is loaded, for programs to ask."""

from __future__ import annotations

import math
import os
import re
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from marpack.archive.plan.plan import Plan
from marpack.archive.read.limits import Limits
from marpack.archive.read.open import ArchiveSource
from marpack.errors import MarpackError, NotServedError
from marpack.running.asked_batches import AskedBatches
from marpack.running.connection import DiedError
from marpack.running.handlers_log import last_traceback
from marpack.running.held import GRACE, Held
from marpack.running.kept_log import KeptLog
from marpack.running.laid_out import LaidOut, lay_out
from marpack.running.loading import load
from marpack.running.log import LogLine, Metric
from marpack.running.messages import PredictAnswer
from marpack.running.model_settings import LARGEST, ModelSettings, require_in_range
from marpack.running.request import Request
from marpack.running.response import Response
from marpack.running.server_python import server_python
from marpack.running.worker_process import WorkerProcess

if TYPE_CHECKING:
    from typing import Self

    from marpack.signing import RequiredSignature

_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)


class Worker:
    """A process of TorchServe's own worker that has loaded a model, and answers as the server would.

    This **runs the code that the archive holds**, with the rights of the caller.

    - ``archive``: a path, a URL, an open file, an open archive or a plan, as ``open_archive`` and ``plan_archive``
      know them, to which ``limits``, ``storage_options`` and ``download`` belong. It is unpacked into a temporary
      folder; a model's folder is used where it lies, and nothing is written to it.
    - ``batch_size``, ``startup_timeout`` and ``response_timeout`` (seconds): what the model's configuration says,
      or the server's own, unless they are given. ``envelope`` is the server's ``service_envelope``, ``gpu`` the
      number of the GPU that the model gets.
    - ``python``: another interpreter, which has TorchServe and torch. ``requirements``: install what the archive
      asks for, for this worker alone. ``environment``: variables beside those of this process.
    - ``signature``: one that all of the archive has to have, before anything of it is unpacked; a folder is copied
      first, since it might change. See ``marpack.signing``.
    - ``max_request_size``, ``max_response_size``: bytes, the server's own unless they are given.

    It is a context manager, or is begun by ``start()`` and ended by ``close()``: nothing is left then of its
    process, of what that began, and of its folders, nor when the program is killed. Several threads may use it,
    one after another; a copy of the process (``os.fork``) may not.
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
        signature: RequiredSignature | None = None,
        debugger: tuple[int, int] | None = None,
    ) -> None:
        """Keep what it is told, and find the server's Python; see the class.

        Raises ``MissingExtraError`` where this Python has no TorchServe, ``MarpackError`` where another has
        none that can be driven, ``ValueError`` for a batch size, a GPU, a time limit or a size that is none.

        ``debugger`` is the command's: descriptors that a debugger in the handler reads and writes. There are no
        time limits then.
        """
        numbers: dict[str, Any] = {
            "batch_size": batch_size,
            "gpu": gpu,
            "startup_timeout": startup_timeout,
            "response_timeout": response_timeout,
            "max_request_size": max_request_size,
            "max_response_size": max_response_size,
        }
        require_in_range(**numbers)
        self._archive = archive
        self._asked = {**numbers, "envelope": envelope}
        self._opening: dict[str, Any] = {
            "limits": limits,
            "storage_options": storage_options,
            "download": download,
        }
        self._signature = signature
        self._python = server_python(python)
        self._requirements = requirements
        self._more = dict(environment or {})
        self._debugger = debugger
        self._log = KeptLog()
        self._mark = 0
        self._model: LaidOut | None = None
        self._held: Held | None = None
        self._closing = False
        # To be had again by who has it: a signal's handler may close what its own thread is asking.
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Load the model, unless it is loaded.

        Raises ``NotServedError`` where the server would not serve it, what ``open_archive`` and ``extract`` raise,
        ``SignatureError`` where it is not signed as required, and ``MarpackError`` for a model that the server
        runs in a way which is not known here.
        """
        with self._lock:
            if self._held is not None and self._held.is_ours:
                return
            self._closing = False
            held = Held(self._log)
            self._let_go = weakref.finalize(self, held.close)
            try:
                self._held = held
                self._model = lay_out(
                    self._archive,
                    held.scratch.folder,
                    self._python,
                    opening=self._opening,
                    asked=self._asked,
                    more=self._more,
                    requirements=self._requirements,
                    signature=self._signature,
                )
                load(held, self._model, self._log, debugger=self._debugger)
            except BaseException as error:
                self._held = None
                held.close(grace=0)
                self._let_go.detach()
                if isinstance(error, NotServedError):
                    self._require_open()
                raise

    def close(self) -> None:
        """End the worker, and all that it has begun, from any thread; nothing is left of it.

        A request that it has not answered yet raises ``MarpackError`` where it was asked.
        """
        held = self._held
        if held is None or not held.is_ours:
            self._held = None
            return
        self._closing = True
        while not self._lock.acquire(timeout=0.05):
            held.interrupt()
        try:
            held.close(grace=0 if self._debugger else GRACE)
            if self._held is held:
                self._let_go.detach()
                self._held = None
        finally:
            self._lock.release()

    @overload
    def predict(self, requests: Request) -> Response: ...
    @overload
    def predict(self, requests: Sequence[Request]) -> list[Response]: ...
    def predict(self, requests: Request | Sequence[Request]) -> Response | list[Response]:
        """Return the response to a request, or the responses to several.

        Several are given to the handler in batches of ``batch_size``. Whatever goes wrong in the model is a
        response, as of the server; a worker that has died is started again for the next batch. Raises
        ``MarpackError`` for a worker that is not started, or closed meanwhile, ``ValueError`` for a path to which
        the server answers without a model, and ``TypeError`` for what is no request.
        """
        if isinstance(requests, Request):
            return self.predict([requests])[0]
        if not all(isinstance(each, Request) for each in requests):
            raise TypeError("give a Request, as Request.json(value) makes one, or a list of them")
        held = self._held
        if held is not None and not held.is_ours:
            raise MarpackError("the worker belongs to the process that this is a copy of: start another")
        with self._lock:
            held, model = self._held, self._model
            if held is None or model is None:
                raise MarpackError("the worker is not started: call start(), or use it in a with statement")
            size = model.settings.batch_size
            batches = [requests[start : start + size] for start in range(0, len(requests), size)]
            self._mark = self._log.count
            together = [batches] if model.settings.asynchronous else [[batch] for batch in batches]
            return [response for some in together for response in self._predict(held, model, some)]

    def _predict(self, held: Held, model: LaidOut, batches: Sequence[Sequence[Request]]) -> list[Response]:
        settings = model.settings
        asked = AskedBatches(batches, settings, self._python.version)
        said: list[PredictAnswer] = []
        if not asked.batches:
            return asked.answered(said, exit_status=None)
        status = None
        try:
            process = self._running(held, model)
            timeout = math.inf if self._debugger else settings.response_timeout
            for answer in process.predict(asked.batches, timeout=timeout, largest=settings.max_response_size):
                said.append(answer)  # noqa: PERF402  # what was said before it died is kept
        except DiedError as error:
            status = error.status
            held.drop()
        except NotServedError:
            self._require_open()
            return asked.without_worker()
        except BaseException:  # an answer would come that nobody waits for
            held.drop()
            raise
        self._require_open()
        return asked.answered(said, exit_status=status)

    def _running(self, held: Held, model: LaidOut) -> WorkerProcess:
        process = held.process
        if process is None or not process.runs():
            held.drop()
            process = load(held, model, self._log, debugger=self._debugger)
        return process

    def restart(self) -> None:
        """Load the model again where its process has ended: what the next ``predict`` would do first.

        Raises ``NotServedError`` where it cannot be loaded, ``MarpackError`` for a worker that is not started, or
        closed meanwhile.
        """
        with self._lock:
            held, model = self._held, self._model
            if held is None or model is None:
                raise MarpackError("the worker is not started: call start(), or use it in a with statement")
            try:
                self._running(held, model)
            except NotServedError:
                self._require_open()
                raise

    @property
    def runs(self) -> bool:
        """Whether its process has loaded the model and has not ended."""
        process = self._held.process if self._held is not None else None
        return process is not None and process.runs()

    def _require_open(self) -> None:
        if self._closing:
            raise MarpackError("the worker was closed before it had answered")

    @property
    def log(self) -> tuple[LogLine, ...]:
        """What the worker has written, metrics not among it, also after it was closed.

        All that it wrote before an answer is there when ``predict`` returns. What it writes to one stream stands
        in its order. The first 1,000 lines are kept and the last 10,000 (of at most 16 million characters), each
        of at most 64 KiB: a longer one is several.
        """
        return self._log.lines

    def log_since(self, count: int) -> tuple[tuple[LogLine, ...], int]:
        """Return what is kept of the log behind its first ``count`` lines, and how many lines there have been."""
        return self._log.whole_since(count)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The last 10,000 metrics that it has told of, also after it was closed."""
        return self._log.metrics

    @property
    def traceback(self) -> str:
        """The traceback that was logged last during the last ``predict``, ``""`` where there is none.

        It begins with the handler's own first frame, and names files as they lie in the archive.
        """
        if self._model is None:
            return ""
        return last_traceback(self._log.since(self._mark), self._model.places)

    @property
    def model_name(self) -> str:
        """The name under which the server would know the model (known, as others are, once it is started)."""
        return self._settings.model_name

    @property
    def version(self) -> str:
        """The version under which the server would know it."""
        return self._settings.version

    @property
    def batch_size(self) -> int:
        """How many requests the handler gets at once."""
        return self._settings.batch_size

    @property
    def torchserve_version(self) -> str:
        """The version of the server's package whose worker this is."""
        return ".".join(map(str, self.server))

    @property
    def server(self) -> tuple[int, ...]:
        """The same, as numbers."""
        return self._python.version

    @property
    def pid(self) -> int | None:
        """The number of the worker's process, None where there is none."""
        process = self._held.process if self._held is not None else None
        return process.pid if process is not None else None

    @property
    def peak_memory(self) -> int | None:
        """The most bytes of memory that its process has had, None where the system does not say."""
        try:
            with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
                found = _PEAK.search(file.read())
        except OSError:
            return None
        return int(found[1]) * 1024 if found else None

    @property
    def _settings(self) -> ModelSettings:
        if self._model is None:
            raise MarpackError("the worker is not started: call start(), or use it in a with statement")
        return self._model.settings
