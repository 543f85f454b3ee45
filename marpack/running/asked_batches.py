"""Batches of requests to a model: what its worker is told of them, and what of its answers each client gets."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from marpack.running.answers import as_sent, no_worker, responses
from marpack.running.messages import PredictAnswer, WorkerRequest
from marpack.running.model_settings import ModelSettings
from marpack.running.parameters import worker_request
from marpack.running.request import Request
from marpack.running.response import Response


class AskedBatches:
    """Requests, some of which the front end of a ``server`` of this version answers itself, as too large ones."""

    def __init__(
        self, batches: Sequence[Sequence[Request]], settings: ModelSettings, server: tuple[int, ...]
    ) -> None:
        self._settings = settings
        self._server = server
        self._methods = [request.method for batch in batches for request in batch]
        told = [[self._told(request) for request in batch] for batch in batches]
        self._in_order = [each for batch in told for each in batch]
        asked = [[each for each in batch if isinstance(each, WorkerRequest)] for batch in told]
        self._batches = [batch for batch in asked if batch]

    def _told(self, request: Request) -> WorkerRequest | Response:
        return worker_request(
            request,
            request_id=str(uuid.uuid4()),
            model_name=self._settings.model_name,
            version=self._settings.version,
            max_request_size=self._settings.max_request_size,
            server=self._server,
            sequences=self._settings.sequences,
        )

    @property
    def batches(self) -> Sequence[Sequence[WorkerRequest]]:
        """What the worker is asked, without batches of which nothing is."""
        return self._batches

    def answered(self, said: Sequence[PredictAnswer], *, exit_status: int | None) -> list[Response]:
        """Return all responses, to what a worker has said before it had answered or ended, in requests' order."""
        found: list[Response] = []
        for batch in self._batches:
            ids = [each.id for each in batch]
            # An answer is one to a batch, and of an asynchronous worker's another may come between.
            to_batch = [each for each in said if not {answer.id for answer in each.answers}.isdisjoint(ids)]
            found += responses(to_batch, ids, exit_status=exit_status)
        return self._sent(found)

    def without_worker(self) -> list[Response]:
        """Return all responses where there is no worker to be asked, in requests' order."""
        name, server = self._settings.model_name, self._server
        ids = [each.id for batch in self._batches for each in batch]
        return self._sent(no_worker(name, None, request_id=each, server=server) for each in ids)

    def _sent(self, workers: Iterable[Response]) -> list[Response]:
        """Put a worker's responses between the front end's own."""
        found = iter(workers)
        answers = [each if isinstance(each, Response) else next(found) for each in self._in_order]
        return [as_sent(method, each) for method, each in zip(self._methods, answers, strict=True)]
