"""An archive as a model of KServe's model server, which a worker of its own answers.

This **runs the code that the archive holds**, in a process beside the model server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import quote

from marpack.errors import MarpackError, MissingExtraError
from marpack.running.answers import refusal
from marpack.running.batching_worker import BatchingWorker
from marpack.running.laid_out import ModelSource
from marpack.running.log import LogLine
from marpack.running.request import Request, is_header
from marpack.running.response import Response
from marpack.running.served_model import ServedModel

try:
    from kserve import InferRequest, InferResponse, Model  # type: ignore[import-not-found]
    from kserve.errors import InferenceError, ModelNotReady  # type: ignore[import-not-found]
    from kserve.logging import logger  # type: ignore[import-not-found]
    from kserve.model_server import app  # type: ignore[import-not-found]

    from marpack.running.kserve_app import AnsweredError, is_asked, prepare, received
except ImportError as error:
    raise MissingExtraError("serving an archive by KServe's model server", "kserve") from error

__all__ = ["MarModel"]

# What no longer holds of a body that was made anew.
_OF_THE_BODY = {"content-type", "content-length", "content-encoding", "transfer-encoding"}


class MarModel(Model):  # type: ignore[misc]
    """A model of KServe's that answers as TorchServe would, of the archive's own handler.

    ``name`` is the one in KServe's paths; the handler is told the archive's. ``options`` are those of
    ``ServedModel``, as ``python``, or ``envelope="kserve"``, which KServe sets for a TorchServe of its own. There
    is one worker: ``min_workers`` and ``max_workers`` are for who says how many replicas there are. What is
    otherwise than with TorchServe is in ``differences.KSERVE``.

        model = MarModel("digits", "digits.mar", envelope="kserve")
        model.load()
        kserve.ModelServer().start([model])

    Over HTTP the handler is given what the client sent, and the client what TorchServe would have sent: status,
    headers and body. For that the answer is raised, and a ``postprocess`` of a subclass is asked only by who calls
    the model otherwise (gRPC, a program). A ``preprocess`` may return another payload, or ``Request``. What the
    handler writes goes to KServe's log.
    """

    def __init__(self, name: str, archive: ModelSource, **options: Any) -> None:
        """Keep what it is told, and prepare KServe's app, which must not have started yet.

        Raises what ``ServedModel`` raises.
        """
        super().__init__(name)
        self._taken = prepare(app)
        if type(self).preprocess is MarModel.preprocess:
            self._taken.undecoded.add(name)
        self._model = ServedModel(archive=archive, **options)
        self._worker: BatchingWorker | None = None

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied into another process, where there is no worker."""
        raise MarpackError(
            f"{self.name!r} is served by one process, and not by several (--workers): start more of them, each "
            "with a model of its own (minReplicas)"
        )

    def load(self) -> bool:
        """Load the model, or load it again where its process has ended; it is ready then.

        Raises ``NotServedError``, in the server's words, where TorchServe would not serve it, and what
        ``ServedModel.settings`` and ``Worker`` raise; it is not ready then.
        """
        if self._worker is None:
            self.ready = False
            settings = self._model.settings()
            worker = BatchingWorker(self._model, settings, self._tell)
            try:
                worker.load()
            except BaseException:
                worker.close()
                raise
            self._worker = worker
            self._taken.largest[self.name] = settings.max_request_size
        else:
            self._worker.load()
        self.ready = True
        return True

    def start(self) -> None:
        """Do nothing: KServe's own makes it ready, whatever ``load`` has found."""

    def stop(self) -> None:
        """End the worker; who is not answered yet is told that the model is not ready."""
        self.ready = False
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    async def healthy(self) -> bool:
        """Return whether it is ready; where its process has ended, it is loaded again meanwhile."""
        if self._worker is not None:
            self._worker.load_again()
        return bool(self.ready) and self._worker is not None and self._worker.refused is None

    async def preprocess(self, payload: Any, headers: Mapping[str, str] | None = None) -> Any:
        """Return the request as it came over HTTP, and of any other the payload."""
        try:
            request = received(self.name)
        except ValueError as error:
            raise AnsweredError(refusal(400, "BadRequestException", str(error))) from None
        if request is None:
            return payload
        return replace(request, path=self._path("infer" if isinstance(payload, InferRequest) else "predict"))

    def validate(self, payload: Any) -> Any:
        """Return the payload: what is wrong with it is for the handler, or its envelope, to say."""
        return payload

    async def predict(
        self, payload: Any, headers: Mapping[str, str] | None = None, response_headers: Any = None
    ) -> Any:
        """Return what the handler answers to a payload: a value of JSON, bytes, or an ``InferResponse``.

        Over HTTP the answer is raised, to be sent as it is. So is an error of any other payload.
        """
        return await self._ask(payload, headers, "predict")

    async def explain(self, payload: Any, headers: Mapping[str, str] | None = None) -> Any:
        """Return what the handler answers to a payload that it is to explain; as ``predict``."""
        return await self._ask(payload, headers, "explain")

    async def _ask(self, payload: Any, headers: Mapping[str, str] | None, verb: str) -> Any:
        request = payload if isinstance(payload, Request) else self._request(payload, headers or {}, verb)
        if verb == "explain":
            request = replace(request, path=self._path(verb))
        if self._worker is None:
            raise ModelNotReady(self.name)
        try:
            response = await self._worker.answer(request)
        except MarpackError as error:  # it was stopped meanwhile
            raise ModelNotReady(self.name, str(error)) from None
        if is_asked(self.name) or not response.ok:
            raise AnsweredError(response)
        return _infer_response(response) if isinstance(payload, InferRequest) else _value(response)

    def _path(self, verb: str) -> str:
        """Return the path at which TorchServe would have been asked, of the name that the archive says."""
        name = quote(self._worker.worker.model_name if self._worker else self.name, safe="")
        return f"/v2/models/{name}/infer" if verb == "infer" else f"/v1/models/{name}:{verb}"

    def _request(self, payload: Any, headers: Mapping[str, str], verb: str) -> Request:
        """Return the request of a payload that did not come over HTTP, or that was made of what came."""
        kept = [
            (name, value)
            for name, value in headers.items()
            if name.lower() not in _OF_THE_BODY and is_header(name, value)
        ]
        if isinstance(payload, InferRequest):
            return Request.json(_told(payload), headers=kept, path=self._path("infer"))
        if isinstance(payload, bytes):
            return Request.binary(payload, headers.get("content-type"), headers=kept, path=self._path(verb))
        return Request.json(payload, headers=kept, path=self._path(verb))

    def _tell(self, line: LogLine) -> None:
        """Have what the handler has written in KServe's log, at the level that the server gives it."""
        (logger.info if line.stream == "stdout" else logger.warning)("%s: %s", self.name, line.text)


def _told(request: Any) -> Any:
    """Return the JSON of a request of KServe's second protocol; gRPC's tensors are bytes, or texts as bytes.

    Raises KServe's ``InvalidInput`` for what is none in JSON, as bytes that are no UTF-8.
    """
    for each in request.inputs:
        each.set_data_from_numpy(each.as_numpy(), binary_data=False)
    told, _ = request.to_rest()
    return told


def _value(response: Response) -> Any:
    try:
        return json.loads(response.body)
    except ValueError:
        return response.body


def _infer_response(response: Response) -> Any:
    try:
        return InferResponse.from_rest(json.loads(response.body))
    except (ValueError, KeyError, TypeError, AttributeError):
        told = 'the handler\'s answer is no InferResponse: envelope="kservev2" makes one of a list'
        raise InferenceError(told) from None
