"""From what a worker says to the HTTP response, as the server's front end makes it (J20 to J26). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from marpack.running import statuses
from marpack.running.hash_map import in_order
from marpack.running.messages import PredictAnswer, WorkerAnswer
from marpack.running.response import Response

# By this header a worker says that more of the answer follows.
_NEXT = "ts_stream_next"
# What the kernel ends where memory is short.
_KILLED = 128 + 9
_NEVER_CACHED = (
    ("Pragma", "no-cache"),
    ("Cache-Control", "no-cache; no-store, must-revalidate, private"),
    ("Expires", "Thu, 01 Jan 1970 00:00:00 UTC"),
)
# Headers that Netty takes; a value may go on in a line that begins with a blank.
_NAME = re.compile(r"[\x01-\x08\x0e-\x1f!-+\--9<>-\x7f]+")
_VALUE = re.compile(r"(?:[^\0\v\f\r\n]|\r?\n[\t ])*")
_BEYOND = re.compile(r"[\U00010000-\U0010ffff]")
# What gson escapes, and json does not.
_SEPARATORS = {0x2028: "\\u2028", 0x2029: "\\u2029"}


def refusal(status: int, kind: str, message: str | None, *, request_id: str = "") -> Response:
    """Return an answer of the front end's own; ``kind`` names its exception, whose message may be none."""
    told: dict[str, object] = {"code": status, "type": kind}
    if message is not None:
        told["message"] = message
    body = (json.dumps(told, indent=2, ensure_ascii=False).translate(_SEPARATORS) + "\n").encode()
    return _response(status, statuses.reason(status), [("content-type", "application/json")], request_id, body)


def unread(status: int, *, closes: bool) -> Response:
    """Return the answer to a request whose body the front end does not take."""
    headers = [("content-length", "0"), *([("connection", "close")] if closes else [])]
    return Response(status=status, reason=statuses.reason(status), headers=tuple(headers))


def no_worker(model_name: str, version: str | None, *, request_id: str = "", server: tuple[int, ...]) -> Response:
    """Return the answer where a model has no worker; ``version`` is that of the path, None without one."""
    which = f'Model "{model_name}' + (f'" Version {version}' if version is not None else "")
    told = f'{which}" has no worker to serve inference request. Please use scale workers API to add workers.'
    if server >= (0, 10):
        told += " If this is a sequence inference, please check if it is closed, or expired;"
        told += " or exceeds maxSequenceJobQueueSize"
    return refusal(503, "ServiceUnavailableException", told, request_id=request_id)


def responses(
    said: Sequence[PredictAnswer], ids: Sequence[str], *, exit_status: int | None = None
) -> list[Response]:
    """Return the responses to the requests of these ids, in their order, of all that a worker said to the batch.

    Where its last message is missing, the worker died, or did not answer in time: ``exit_status`` is of its
    process, 128 and the number of a signal where one ended it, None while that is not known.
    """
    answers = {each: _Answer(each) for each in ids}
    for message in said:
        if message.code != 200:
            for answer in answers.values():
                answer.fail(507 if message.code == 413 else message.code, message.message)
        elif not all(each.id in answers and answers[each.id].take(each) for each in message.answers):
            # Of what it does not know, or cannot make a response of, the front end ends the worker.
            exit_status = None
            break
    for answer in answers.values():
        answer.fail(507 if exit_status == _KILLED else 500, "Worker died.")
    return [answer.response() for answer in answers.values()]


class _Answer:
    """The answer to one request, as it comes."""

    def __init__(self, request_id: str) -> None:
        self._id = request_id
        self._first: Response | None = None
        self._parts: list[bytes] = []
        self._streams = False
        self._done = False
        self._complete = True

    def take(self, said: WorkerAnswer) -> bool:
        """Take what the worker says; return whether that can be a response."""
        headers = in_order(said.headers)
        following = dict(headers).get(_NEXT)
        if self._first is None:
            if said.content_type:
                headers.insert(0, ("content-type", said.content_type))
            self._streams = following == "true"
            if not (self._streams or all(_is_header(*each) for each in headers)):
                return False
            if said.status < 0 or "\r" in said.reason or "\n" in said.reason:
                return False
            body = None if self._streams else said.body
            self._first = _response(said.status, _latin(said.reason), headers, self._id, body)
        if not self._done:
            if said.body or not self._streams:  # a chunk of nothing would be the end
                self._parts.append(said.body)
            self._done = following != "true"
        return True

    def fail(self, status: int, message: str) -> None:
        """Have an error as the answer; break a stream off that has begun."""
        if self._done:
            return
        self._done = True
        if self._first is None:
            self._first = refusal(status, "InternalServerException", message, request_id=self._id)
            self._parts = list(self._first.parts)
        else:
            self._complete = False

    def response(self) -> Response:
        assert self._first is not None
        first = self._first
        return Response(
            status=first.status,
            reason=first.reason,
            headers=first.headers,
            parts=tuple(self._parts) if self._streams and not has_no_body(first.status) else first.parts or (b"",),
            complete=self._complete,
        )


def _response(
    status: int, reason: str, headers: Sequence[tuple[str, str]], request_id: str, body: bytes | None
) -> Response:
    """Return a response with the headers that the front end adds; ``body`` is None of a stream."""
    added = [("x-request-id", request_id)] if request_id else []
    added += _NEVER_CACHED
    if body is None:
        headers = [each for each in headers if each[0].lower() != "content-length"]
        added.append(("transfer-encoding", "chunked"))
    else:
        added.append(("content-length", str(len(body))))
    added.append(("connection", "close" if status >= 400 else "keep-alive"))
    kept: dict[str, tuple[str, str]] = {}
    for name, value in (*((_latin(name), _latin(value)) for name, value in headers), *added):
        kept.pop(name.lower(), None)  # the later one stands where it is set
        kept[name.lower()] = name, value
    if 100 <= status < 200 or status in (204, 205):
        kept.pop("transfer-encoding", None)
        kept.pop("content-length", None)
        if status == 205:
            kept["content-length"] = ("content-length", "0")
    parts = () if body is None else (b"" if has_no_body(status) else body,)
    return Response(status=status, reason=reason, headers=tuple(kept.values()), parts=parts)


def has_no_body(status: int) -> bool:
    """Return whether a response of a status ends with its headers, whatever the handler says."""
    return 100 <= status < 200 or status in (204, 205, 304)


def as_sent(method: str, response: Response) -> Response:
    """Return the response to a request of this method: to HEAD, without its body (J21)."""
    if method != "HEAD":
        return response
    return Response(
        status=response.status, reason=response.reason, headers=response.headers, complete=response.complete
    )


def _latin(text: str) -> str:
    if text.isascii():
        return text
    # Java has two characters for what is beyond 16 bits.
    return _BEYOND.sub("??", text).encode("latin-1", "replace").decode("latin-1")


def _is_header(name: str, value: str) -> bool:
    """Whether Netty takes it; what it does not ends the worker."""
    return bool(_NAME.fullmatch(name) and _VALUE.fullmatch(value))
