"""Whether an export answers as its archives do: the same requests to both.

This **runs the code that the archives hold**, twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import quote

from marpack.errors import MarpackError
from marpack.export.engine import Engine, require_engine, started
from marpack.export.kserve_files import quoted_names
from marpack.export.model import ExportedModel
from marpack.export.plan import ExportPlan
from marpack.export.targets import TITLES
from marpack.frozen import frozen
from marpack.running.request import Request
from marpack.running.response import Response
from marpack.running.server_python import server_python
from marpack.running.worker import Worker

# Seconds: engines import for long on a busy machine.
_TIMEOUT = 300
# Of an export that brings TorchServe's Python part.
_TS = "ts/version.txt"
# What Amazon's adapter passes on of a request, and what it fills in.
_PASSED_ON = ("content-type", "accept")
_PASSED_ON_PREFIX = "x-amzn-sagemaker-"


@frozen
class Compared:
    """A request, by its number, to a model, and the answers of the archive's own worker and of the export."""

    request: int
    model: str
    own: Response
    exported: Response

    @property
    def is_equal(self) -> bool:
        """Whether status and body are equal, the latter also where it breaks off."""
        own, exported = self.own, self.exported
        return (own.status, own.body, own.complete) == (exported.status, exported.body, exported.complete)


def verify_export(
    plan: ExportPlan,
    folder: str | os.PathLike[str],
    requests: Sequence[Request],
    *,
    python: str | os.PathLike[str] | None = None,
    engine_python: str | os.PathLike[str] | None = None,
    timeout: float = _TIMEOUT,
) -> tuple[Compared, ...]:
    """Start what ``write_export`` wrote to ``folder``, and ask it, and a worker of each archive, the same.

    Each request goes to each model, by the target's own path unless it has one, for which there may be but one
    model. ``python`` is the interpreter of the worker (see ``Worker``), ``engine_python`` the one that has the
    engine and what the export requires; ``timeout`` is how many seconds that may take to start. Nothing of either
    is left.

    Raises ``MissingExtraError`` and ``MarpackError`` for an interpreter that has not what it is asked for,
    ``MarpackError`` for an engine that does not start, or gives no answer, ``NotServedError`` for a model that no
    server would serve, and what ``Worker`` raises.
    """
    if any(request.path is not None for request in requests) and len(plan.models) > 1:
        raise MarpackError("a request with a path is to one model, and this export has several")
    require_pythons(plan, python=python, engine_python=engine_python)
    own = [[*_own_answers(plan, model, requests, python)] for model in plan.models]
    found = []
    with started(plan, os.fspath(folder), python=engine_python, timeout=timeout) as engine:
        for number, model in enumerate(plan.models):
            for index, request in enumerate(requests):
                try:
                    # Of several models none may be loaded yet: the first answer of each waits for that.
                    patience = model.settings.response_timeout + (timeout if index == 0 else 0)
                    exported = _ask(engine, plan, number, request, patience)
                except MarpackError as error:
                    told = f"{TITLES[plan.target]} has no answer of {model.title!r} to request {index + 1}"
                    raise MarpackError(f"{told}: {error}; it wrote last:\n{engine.said}") from error
                found.append(Compared(request=index, model=model.title, own=own[number][index], exported=exported))
    return tuple(found)


def require_pythons(
    plan: ExportPlan,
    *,
    python: str | os.PathLike[str] | None = None,
    engine_python: str | os.PathLike[str] | None = None,
) -> None:
    """Raise what ``verify_export`` does for interpreters that have not what they are asked for; nothing is run."""
    server_python(python)
    require_engine(plan.target, engine_python)
    if not any(each.name == _TS for each in plan.packages):
        server_python(engine_python)


def _own_answers(
    plan: ExportPlan, model: ExportedModel, requests: Sequence[Request], python: str | os.PathLike[str] | None
) -> Iterator[Response]:
    settings = model.settings
    with Worker(
        model.archive,
        batch_size=settings.batch_size,
        envelope=settings.envelope or None,
        gpu=settings.gpu,
        python=python,
        environment=model.environment,
        startup_timeout=settings.startup_timeout,
        response_timeout=settings.response_timeout,
        max_request_size=settings.max_request_size,
        max_response_size=settings.max_response_size,
    ) as worker:
        for request in requests:
            path = request.path
            if path is None and plan.target == "kserve":
                path = _kserve_path(model, quote(settings.model_name, safe=""), request)
            [answer] = worker.predict([replace(request, path=path, explain=request.explain and path is None)])
            yield answer


def _ask(engine: Engine, plan: ExportPlan, number: int, request: Request, timeout: float) -> Response:
    model = plan.models[number]
    path = request.path
    if plan.target == "sagemaker-ray":
        path, request = "/", _adapted(request)
    elif path is None and plan.target == "kserve":
        path = _kserve_path(model, quoted_names(plan.models)[number], request)
    elif path is None:
        verb = "explanations" if request.explain else "predictions"
        path = f"/{verb}/{quote(model.settings.model_name, safe='')}/{quote(model.settings.version, safe='')}"
    return engine.ask(request, path, timeout=timeout)


def _kserve_path(model: ExportedModel, name: str, request: Request) -> str:
    if model.settings.envelope == "kservev2" and not request.explain:
        return f"/v2/models/{name}/infer"
    return f"/v1/models/{name}:{'explain' if request.explain else 'predict'}"


def _adapted(request: Request) -> Request:
    """Return what is left of a request behind SageMaker's adapter."""
    kept = [
        (name, value)
        for name, value in request.headers
        if name.lower() in _PASSED_ON or name.lower().startswith(_PASSED_ON_PREFIX)
    ]
    given = {name.lower() for name, _ in kept}
    kept += [(name, "application/json") for name in ("Content-Type", "Accept") if name.lower() not in given]
    return replace(request, headers=tuple(kept))
