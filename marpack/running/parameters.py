"""From an HTTP request to what a worker is given, as the server's front end does (J2 to J10). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from marpack.running.answers import refusal, unread
from marpack.running.front_end_error import FrontEndError
from marpack.running.hash_map import in_order
from marpack.running.messages import WorkerRequest
from marpack.running.multipart import fields_of, form_of
from marpack.running.percent import urlencoded_fields
from marpack.running.request import Request
from marpack.running.response import Response
from marpack.running.routes import Route, route

# Netty's own limits, in characters: of the line of a request, and of all headers. The end of a line has one more.
_LONGEST_LINE = 4096
_LONGEST_HEADERS = 8192
# What Netty takes off both ends of a value.
_BLANKS = " \t\v\f\x1c\x1d\x1e\x1f"
_SEQUENCE, _SEQUENCE_START = "ts_request_sequence_id", "ts_request_sequence_start"
_URLENCODED = "application/x-www-form-urlencoded"


def worker_request(
    request: Request,
    *,
    request_id: str,
    model_name: str,
    version: str,
    max_request_size: int,
    server: tuple[int, ...],
    sequences: bool = False,
) -> WorkerRequest | Response:
    """Return what a worker is given, or the answer where the front end refuses the request itself.

    ``server`` is the version of TorchServe, as numbers. With ``sequences`` a request that belongs to none begins
    one, which is called after it. Raises ``ValueError`` for what the server answers without
    a model, and which is not restated: its health, the description of its API, workflows.
    """
    try:
        told = _worker_request(request, request_id, model_name, version, max_request_size, server)
    except FrontEndError as refused:
        return refusal(refused.status, refused.kind, refused.message, request_id=request_id)
    return _in_sequence(told) if sequences and isinstance(told, WorkerRequest) else told


def _in_sequence(told: WorkerRequest) -> WorkerRequest:
    if dict(told.headers).get(_SEQUENCE):
        return told
    more = ((_SEQUENCE_START, "true"), (_SEQUENCE, f"ts-seq-{told.id}"))
    return replace(told, headers=tuple(in_order([*told.headers, *more])))


def _worker_request(
    request: Request,
    request_id: str,
    model_name: str,
    version: str,
    max_request_size: int,
    server: tuple[int, ...],
) -> WorkerRequest | Response:
    target = (
        request.path or f"/{'explanations' if request.explain else 'predictions'}/{quote(model_name, safe='')}"
    )
    sent = request.sent_headers
    if _is_too_long(f"{request.method} {target} HTTP/1.1", sent) or not all(_is_read(value) for _, value in sent):
        raise FrontEndError(400, "BadRequestException", "Invalid HTTP message.")
    headers = [(name, value.strip(_BLANKS)) for name, value in sent]
    # J3: what is not read at all.
    expected = _values(headers, "expect")
    if expected[:1] and expected[0].lower() != "100-continue":
        return unread(417, closes=False)
    headers = [each for each in headers if each[0].lower() != "expect"]
    is_chunked = bool(_values(headers, "transfer-encoding"))
    if len(request.body) > max_request_size:
        says_close = any("close" in each.lower().split(",") for each in _values(headers, "connection"))
        return unread(413, closes=not expected and (is_chunked or says_close))
    if is_chunked:
        headers = [each for each in headers if each[0].lower() not in ("transfer-encoding", "content-length")]
    if not _values(headers, "content-length"):
        headers.append(("content-length", str(len(request.body))))
    asked = route(request.method, target, server=server)
    parameters = [(name, "", value.encode()) for name, value in asked.query]
    parameters += _of_body(next(iter(_values(headers, "content-type")), ""), request.body)
    _check_model(asked, model_name, version)
    if request.method == "OPTIONS":
        raise ValueError(f"the server's description of its API is not restated: OPTIONS {target}")
    return WorkerRequest(
        id=request_id, headers=tuple(in_order([*headers, *asked.added])), parameters=tuple(parameters)
    )


def _is_too_long(line: str, headers: Sequence[tuple[str, str]]) -> bool:
    length = sum(len(name) + len(": ") + len(value) for name, value in headers)
    return len(line) >= _LONGEST_LINE or length >= _LONGEST_HEADERS


def _is_read(value: str) -> bool:
    """Whether Netty takes a value: before it stand two kinds of blanks only, and two others only behind it."""
    if value.isprintable():
        return True
    if value.lstrip(" \t")[:1] in tuple(_BLANKS):
        return False
    text = value.rstrip(_BLANKS)
    return "\v" not in text and "\f" not in text


def _values(headers: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [value for each, value in headers if each.lower() == name]


def _of_body(content_type: str, body: bytes) -> list[tuple[str, str, bytes]]:
    """Return the fields of a form, or what is none as the parameter ``body``."""
    if form := form_of(content_type):
        return fields_of(body, form)
    kind = content_type.partition(";")[0]
    if kind.lower() == _URLENCODED:
        return [(name, "", value) for name, value in urlencoded_fields(body)]
    return [("body", kind, body)]


def _check_model(asked: Route, model_name: str, version: str) -> None:
    if asked.model_name not in (None, model_name):
        raise FrontEndError(404, "ModelNotFoundException", f"Model not found: {asked.model_name}")
    if asked.version not in (None, version):
        told = f"Model version: {asked.version} does not exist for model: {model_name}"
        raise FrontEndError(404, "ModelVersionNotFoundException", told)
