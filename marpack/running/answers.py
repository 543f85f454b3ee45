"""From what a worker says to the HTTP response, as the server's front end makes it (spec/worker.md). Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from marpack.running.messages import PredictAnswer
from marpack.running.response import Response


def refusal(status: int, kind: str, message: str) -> Response:
    """Return an answer of the front end's own: ``kind`` is the name of its exception."""
    text = json.dumps({"code": status, "type": kind, "message": message}, indent=2) + "\n"
    return Response(status=status, headers=(("content-type", "application/json"),), parts=(text.encode(),))


def responses(said: Sequence[PredictAnswer], ids: Sequence[str]) -> list[Response]:
    """Return the responses to the requests of these ids, in their order, of all that a worker said to the batch."""
    [last] = said
    by_id = {answer.id: answer for answer in last.answers}
    return [Response(status=by_id[each].status, parts=(by_id[each].body,)) for each in ids]
