"""A process that has loaded a model, or what a server says where none can."""

from __future__ import annotations

import math
import time

from marpack.errors import NotServedError
from marpack.running.connection import DiedError
from marpack.running.handlers_log import last_traceback
from marpack.running.held import Held
from marpack.running.kept_log import KeptLog
from marpack.running.laid_out import LaidOut
from marpack.running.registration_errors import not_started
from marpack.running.traceback import last_line
from marpack.running.worker_process import START_TIMEOUT, WorkerProcess


def load(held: Held, model: LaidOut, log: KeptLog, *, debugger: tuple[int, int] | None) -> WorkerProcess:
    """Start a process that loads the model, which is held then; ``log`` is what it writes to.

    There are no time limits with a ``debugger``. Raises ``NotServedError`` where it is not loaded.
    """
    mark = log.count
    settings = model.settings
    process = held.begin(
        model.python,
        folder=model.folder,
        environment=model.environment,
        asynchronous=settings.asynchronous,
        debugger=debugger,
    )
    endless = debugger is not None
    try:
        process.connect(time.monotonic() + (math.inf if endless else START_TIMEOUT))
        code, message = process.load(
            model_name=settings.model_name,
            folder=model.folder,
            batch_size=settings.batch_size,
            handler=settings.handler or model.folder,
            gpu=settings.gpu,
            envelope=settings.envelope,
            deadline=time.monotonic() + (math.inf if endless else settings.startup_timeout),
        )
    except DiedError as error:
        held.drop()
        raise _not_served(model, log, mark, _why(error), late=error.late, exit_status=error.status) from None
    except BaseException:
        held.drop()
        raise
    if code != 200:
        held.drop()
        raise _not_served(model, log, mark, message, code=code)
    return process


def _not_served(
    model: LaidOut,
    log: KeptLog,
    mark: int,
    why: str,
    *,
    code: int = 500,
    late: bool = False,
    exit_status: int | None = None,
) -> NotServedError:
    lines = log.since(mark)
    traceback = "" if late else last_traceback(lines, model.places)
    return not_started(
        model.path,
        model_name=model.settings.model_name,
        version=model.settings.version,
        code=code,
        why=last_line(traceback) or why,
        traceback=traceback,
        log=tuple(line.text for line in lines),
        exit_status=exit_status,
    )


def _why(error: DiedError) -> str:
    return f"the worker {error}" if error.status is None else f"the worker {error}, with status {error.status}"
