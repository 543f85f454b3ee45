"""Archives on Ray Serve: each replica of a deployment is a process that drives a worker of its own.

This **runs the code that the archives hold**, in the replicas.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from marpack.archive.plan.plan import Plan
from marpack.archive.read.open import ArchiveSource
from marpack.errors import MissingExtraError
from marpack.running.batching_worker import BatchingWorker
from marpack.running.chosen import Version, chosen, versions
from marpack.running.log import LogLine
from marpack.running.model_settings import MOST, ModelSettings
from marpack.running.ray_options import FRONT, deployment_names, deployment_options, front_options
from marpack.running.request import Request
from marpack.running.response import Response
from marpack.running.served_model import ServedModel
from marpack.running.server_python import NEWEST
from marpack.running.without_model import bad_request, without_model

try:
    from ray import serve

    from marpack.running.asgi import Answer, body_of, request_of
except ImportError as error:
    raise MissingExtraError("serving an archive on Ray Serve", "ray") from error

if TYPE_CHECKING:
    from ray.serve import Application
    from ray.serve.handle import DeploymentHandle
    from starlette.requests import Request as HttpRequest

__all__ = ["application"]

# Of the lines that a replica tells this logger, Ray keeps a file.
_log = logging.getLogger("ray.serve")
_LEVELS = {"stdout": logging.INFO, "stderr": logging.WARNING}
# Ray's proxy adds its own, the client's where it has sent one.
_ADDED = ("x-request-id",)


def application(
    *models: Plan | ArchiveSource | ServedModel,
    ray: Mapping[str, Any] | None = None,
    root: str | None = None,
    **options: Any,
) -> Application:
    """Return a Ray Serve application that answers as a TorchServe with these models.

    ``options`` are those of ``ServedModel``, for each archive that is not one already; ``ray`` are options of
    Ray's deployments (``ray_actor_options``, ``health_check_period_s``, ...), which go before what is made of the
    archives. Of one model its deployment is the application's ingress; before several there is one that chooses.
    ``root`` is the path that a request to ``/`` is taken for, as ``/invocations`` where Amazon's container asks.

    The archives are read here, and again where a replica starts: a path must lead to the same file there, and
    ``python`` to a Python that has TorchServe and torch, which a replica's own process needs as little as this.
    Nothing is run before the application is. Raises what ``ServedModel.settings`` raises, and ``MarpackError`` for
    an archive that is open, or twice among the models.
    """
    if not models:
        raise ValueError("an application serves one archive or more, and none is given")
    served = [each if isinstance(each, ServedModel) else ServedModel(archive=each, **options) for each in models]
    if options and all(isinstance(each, ServedModel) for each in models):
        raise ValueError(f"each model says itself how it is served: nobody would be told {', '.join(options)}")
    served = [each.elsewhere() for each in served]
    settings = [each.settings() for each in served]
    names = deployment_names(settings)
    told = versions(
        [(each.model_name, each.version, model.is_default) for model, each in zip(served, settings, strict=True)]
    )
    more = dict(ray or {})
    if "num_replicas" in more or "autoscaling_config" in more:
        kept = {"num_replicas": None, "autoscaling_config": None}
        more = {**kept, **more}
    bound = [
        serve.deployment(name=name, **_merged(deployment_options(each), more))(ModelReplica).bind(
            model, each, root
        )
        for name, model, each in zip(names, served, settings, strict=True)
    ]
    if len(bound) == 1:
        return bound[0]
    most = max(each.max_request_size for each in settings)
    return serve.deployment(name=FRONT, **front_options())(Front).bind(told, root, most, *bound)


def _merged(own: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**own, **more}
    actor = {**own.get("ray_actor_options", {}), **(more.get("ray_actor_options") or {})}
    if actor:
        merged["ray_actor_options"] = actor
    return {name: value for name, value in merged.items() if value is not None}


class _Answering:
    """What stands behind HTTP: ``answer`` is asked what is a request; one to ``/`` is to ``_root``, if told.

    Of a body that has more than ``_most`` bytes, which no model takes, no more is read.
    """

    _root: str | None
    _most: int

    async def __call__(self, request: HttpRequest) -> Answer:
        try:
            asked = request_of(request.scope, await body_of(request.stream(), self._most))
        except ValueError as error:
            return Answer(bad_request(str(error)), without=_ADDED)
        if self._root is not None and asked.path in ("", "/"):
            asked = replace(asked, path=self._root)
        return Answer(await self.answer(asked), without=_ADDED)

    async def answer(self, request: Request) -> Response:
        raise NotImplementedError


class ModelReplica(_Answering):
    """A replica: one worker, and Ray's ways to ask for its health and to tell it of other settings."""

    def __init__(self, model: ServedModel, settings: ModelSettings, root: str | None = None) -> None:
        self._root = root
        self._most = settings.max_request_size
        self._settings = settings
        self._worker = BatchingWorker(model, settings, _tell)
        self._server = self._worker.worker.server
        self._is_loaded = False

    async def reconfigure(self, user_config: Mapping[str, Any]) -> None:
        """Take another batch size, for which the model is loaded anew, or another delay; see ``ray_options``.

        What is not said is what the application says.
        """
        known = {
            "batch_size": (1, self._settings.batch_size),
            "max_batch_delay": (0, self._settings.max_batch_delay),
        }
        if unknown := user_config.keys() - known.keys():
            raise ValueError(f"user_config has {', '.join(known)}, and not {', '.join(sorted(unknown))}")
        told: dict[str, Any] = {}
        for name, (least, default) in known.items():
            value = user_config.get(name, default)
            if type(value) is not int or not least <= value <= MOST:
                raise ValueError(f"{name} of user_config is a number from {least} to {MOST}, not {value!r}")
            told[name] = value
        await self._load(replace(self._settings, **told))

    async def _load(self, settings: ModelSettings) -> None:
        await self._worker.load_in_thread(settings)
        self._is_loaded = True

    async def check_health(self) -> None:
        """Fail where the model cannot be loaded again; one whose process has ended is loaded meanwhile.

        Ray asks before a replica gets requests: one without a ``user_config`` is loaded then.
        """
        if not self._is_loaded:
            await self._load(self._settings)
        if self._worker.refused is not None:
            raise self._worker.refused
        self._worker.load_again()

    async def answer(self, request: Request) -> Response:
        """Return the worker's answer, or the server's own."""
        healthy = self._worker.refused is None
        own = without_model(request.method, request.path or "/", healthy=healthy, server=self._server)
        if own is not None:
            return own
        return await self._worker.answer(request)

    def __del__(self) -> None:
        if hasattr(self, "_worker"):  # else it was never made: there is no such Python
            self._worker.close()


def _tell(line: LogLine) -> None:
    """Have what a handler has written in the replica's log, at the level that the server gives it."""
    _log.log(_LEVELS[line.stream], "%s", line.text)


class Front(_Answering):
    """What stands before several models, and gives each request to the one that it is for."""

    def __init__(
        self, models: Sequence[Version], root: str | None, most: int, *replicas: DeploymentHandle[Any]
    ) -> None:
        self._root = root
        self._most = most
        self._models = models
        self._replicas = replicas

    async def answer(self, request: Request) -> Response:
        """Return what the model says, or the server's own answer."""
        target = request.path or "/"
        own = without_model(request.method, target, healthy=True, server=NEWEST)
        if own is not None:
            return own
        try:
            number = chosen(request.method, target, self._models, server=NEWEST)
        except LookupError:
            return bad_request("Parameter model_name is required.")
        response: Response = await self._replicas[number].answer.remote(request)
        return response
