"""Law: the server's parser reads what ``Request`` writes (J11 to J13), and whatever comes it reads or refuses."""

from __future__ import annotations

import email
import email.policy
import urllib.parse
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from marpack.running import Part, Request, Response
from marpack.running.messages import WorkerRequest
from marpack.running.parameters import worker_request

# What of a name comes through: the server takes away quotes, and makes blanks of what separates.
NAME = st.text(
    st.characters(exclude_characters='"\r\n\t:,=;\\\0', exclude_categories=["Cc", "Cs", "Z"]), min_size=1
)
# Bytes that look like the ends of lines and boundaries, among others.
DATA = st.lists(
    st.one_of(
        st.sampled_from([b"\r\n", b"\n", b"\r", b"--", b"marpack-00000000", b"--marpack-00000000--"]), st.binary()
    )
).map(b"".join)
TYPE = st.sampled_from(["image/png", "text/plain", "application/json"])
FIELD = st.one_of(
    DATA,
    st.builds(Part, data=DATA, file_name=st.one_of(st.just(""), NAME), content_type=st.one_of(st.none(), TYPE)),
)
TYPES = [
    "multipart/form-data; boundary=b",
    'multipart/form-data; charset=utf-16; boundary="b"',
    "application/x-www-form-urlencoded",
]
PIECES = [
    "--b", "--", "\r\n", "\n", " ", ";", "=", '"', "\\", "'", ":", ",", "%", "%41", "&", "+", "\xfc", "x", "",
    'Content-Disposition: form-data; name="a"', '; filename="f"', "filename*=utf-8''a", "Content-Type: ",
    "text/plain", "multipart/mixed; boundary=c", "--c", "charset=", "Content-Length: 1",
    "Content-Transfer-Encoding: 8bit", "Content-Disposition: file",
]  # fmt: skip


def given_to_worker(request: Request) -> WorkerRequest | Response:
    return worker_request(
        request, request_id="1", model_name="m", version="1.0", max_request_size=1 << 20, server=(0, 12, 0)
    )


def parameters(request: Request) -> tuple[tuple[str, str, bytes], ...]:
    told = given_to_worker(request)
    assert isinstance(told, WorkerRequest)
    return told.parameters


def as_the_worker_is_told(field: bytes | Part) -> tuple[str, bytes]:
    if isinstance(field, bytes):
        return "", field
    if field.file_name is None:
        return "", field.data
    return field.content_type or "application/octet-stream", field.data


@given(fields=st.lists(st.tuples(NAME, FIELD), max_size=4))
@example(fields=[("a", b"\r\n--marpack-00000000"), ("b", b"marpack-00000001")])
def test_a_form_is_read_back(fields: list[tuple[str, Any]]) -> None:
    request = Request.form(fields)
    assert parameters(request) == tuple((name, *as_the_worker_is_told(field)) for name, field in fields)
    assert Request.form(fields) == request


@given(fields=st.lists(st.tuples(NAME, FIELD), min_size=1, max_size=4))
def test_another_parser_reads_the_same(fields: list[tuple[str, Any]]) -> None:
    request = Request.form(fields)
    [content_type] = request.values("content-type")
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    assert message.is_multipart()
    found = [part.get_payload(decode=True) for part in message.iter_parts()]
    assert found == [field if isinstance(field, bytes) else field.data for _, field in fields]


@given(fields=st.lists(st.tuples(NAME, st.one_of(st.text(), st.binary())), max_size=4))
def test_an_urlencoded_form_is_read_back(fields: list[tuple[str, str | bytes]]) -> None:
    request = Request.urlencoded(fields)
    values = [(name, value.encode() if isinstance(value, str) else value) for name, value in fields]
    assert [(name, data) for name, _, data in parameters(request)] == values
    if all(isinstance(value, str) for _, value in fields):
        assert urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True) == fields


@given(content_type=st.sampled_from(TYPES), pieces=st.lists(st.sampled_from(PIECES), max_size=30))
def test_whatever_comes_is_read_or_refused(content_type: str, pieces: list[str]) -> None:
    body = "".join(pieces).encode("latin-1")
    told = given_to_worker(Request(body=body, headers=(("Content-Type", content_type),)))
    assert isinstance(told, WorkerRequest) or told.status in (403, 500)


@given(pieces=st.lists(st.sampled_from([*PIECES, "/", "?", "#", "predictions", "m", "invocations", "predict"])))
def test_whatever_is_asked_for_is_there_or_is_not(pieces: list[str]) -> None:
    path = "/" + "".join(each for each in pieces if each.isascii() and each.isprintable() and " " not in each)
    try:
        told = given_to_worker(Request(path=path, method="GET"))
    except ValueError as error:
        assert "not restated" in str(error)  # noqa: PT017  # a path may be any
    else:
        assert isinstance(told, WorkerRequest) or told.status in (400, 403, 404, 405, 500)
