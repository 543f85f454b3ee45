"""From what a worker says to the HTTP response, as the server's front end makes it (spec/worker.md). Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from marpack.running.messages import PredictAnswer
from marpack.running.response import Response


def refusal(status: int, kind: str, message: str, *, request_id: str = "") -> Response:
    """Return an answer of the front end's own: ``kind`` is the name of its exception."""
    text = json.dumps({"code": status, "type": kind, "message": message}, indent=2) + "\n"
    return Response(status=status, headers=(("content-type", "application/json"),), parts=(text.encode(),))


def no_worker(model_name: str, version: str | None, *, request_id: str = "", server: tuple[int, ...]) -> Response:
    """Return the answer where a model has no worker; ``version`` is that of the path, None without one."""
    told = f'Model "{model_name}" has no worker to serve inference request.'
    return refusal(503, "ServiceUnavailableException", told, request_id=request_id)


def responses(
    said: Sequence[PredictAnswer], ids: Sequence[str], *, exit_status: int | None = None
) -> list[Response]:
    """Return the responses to the requests of these ids, in their order, of all that a worker said to the batch.

    Where its last message is missing, the worker died, or did not answer in time: ``exit_status`` is of its
    process, None while that is not known.
    """
    by_id: dict[str, Response] = {}
    for message in said:
        for each in message.answers:
            if message.code != 200:
                by_id[each.id] = refusal(message.code, "InternalServerException", message.message)
            else:
                before = by_id[each.id].parts if each.id in by_id else ()
                by_id[each.id] = Response(status=each.status, parts=(*before, each.body))
    died = refusal(507 if exit_status == 137 else 500, "InternalServerException", "Worker died.")
    return [by_id.get(each, died) for each in ids]
