"""From an HTTP request to what a worker is given of it, as the server's front end does (spec/worker.md). Pure."""

from __future__ import annotations

from marpack.running.messages import WorkerRequest
from marpack.running.request import Request
from marpack.running.response import Response


def worker_request(
    request: Request,
    *,
    request_id: str,
    model_name: str,
    version: str,
    max_request_size: int,
    server: tuple[int, ...],
) -> WorkerRequest | Response:
    """Return what a worker is given, or the answer where the front end refuses the request itself.

    ``server`` is the version of TorchServe, as numbers.
    """
    return WorkerRequest(
        id=request_id,
        headers=(*request.headers, ("explain", str(request.explain)), ("url_path", "")),
        parameters=(("body", "application/json", request.body),),
    )
