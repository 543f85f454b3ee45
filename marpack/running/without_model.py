"""What an engine's app answers where the server needs no model. Pure."""

from __future__ import annotations

import json

from marpack.running.answers import refusal
from marpack.running.front_end_error import FrontEndError
from marpack.running.response import Response
from marpack.running.routes import route

_NOT_FOUND = "Requested resource is not found, please refer to API document."


def without_model(method: str, target: str, *, healthy: bool, server: tuple[int, ...]) -> Response | None:
    """Return the answer to a path of the server's own, None where a worker has one.

    That is its health; the description of its API and workflows, which no engine has, are not found.
    """
    try:
        route(method, target, server=server)
    except FrontEndError:
        return None
    except ValueError:
        is_ping = target.partition("?")[0].partition("#")[0].strip("/").partition("/")[0] == "ping"
        return health(healthy) if is_ping else not_found()
    return not_found() if method == "OPTIONS" else None


def health(healthy: bool) -> Response:
    """Return what the server says of its health."""
    body = json.dumps({"status": "Healthy" if healthy else "Unhealthy"}, indent=2) + "\n"
    found = refusal(200 if healthy else 500, "", None)
    headers = [(name, value) for name, value in found.headers if name not in ("content-length", "connection")]
    headers += [("content-length", str(len(body))), ("connection", "keep-alive" if healthy else "close")]
    return Response(status=found.status, reason=found.reason, headers=tuple(headers), parts=(body.encode(),))


def not_found() -> Response:
    """Return what the server says of a path that it does not know."""
    return refusal(404, "ResourceNotFoundException", _NOT_FOUND)


def bad_request(message: str) -> Response:
    """Return the answer to what no client of the server could have sent, or what it refuses so."""
    return refusal(400, "BadRequestException", message)
