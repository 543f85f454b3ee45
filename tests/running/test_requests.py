"""What a request may be, and what a client makes of it (J1)."""

from __future__ import annotations

from typing import Any

import pytest

from marpack.running import Part, Request


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "P OST"}, "no method of HTTP: 'P OST'"),
        ({"method": ""}, "no method of HTTP: ''"),
        ({"path": "predictions/m"}, "a path begins with"),
        ({"path": "/a b"}, "a path begins with"),
        ({"path": "/ü"}, "the rest %-encoded: '/ü'"),
        ({"path": "/a\r\nX: y"}, "a path begins with"),
        ({"path": "/a", "explain": True}, "explain is for requests without a path"),
        ({"headers": (("X Y", "1"),)}, "no name of a header: 'X Y'"),
        ({"headers": (("X-A", "1\r\nX-B: 2"),)}, "no value of a header"),
        ({"headers": (("X-A", "\0"),)}, "no value of a header"),
        ({"headers": (("X-A", "€"),)}, "up to U\\+00FF"),
        ({"body": b"ab", "headers": (("content-length", "3"),)}, "the body has 2 bytes, not Content-Length: 3"),
        ({"headers": (("Content-Length", "0"), ("Content-Length", "0"))}, "not Content-Length: 0, 0"),
        ({"headers": (("Transfer-Encoding", "gzip"),)}, "only chunked is known"),
    ],
)
def test_what_no_client_could_send_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Request(**arguments)


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        (Request(), [("Host", "127.0.0.1:8080"), ("Content-Length", "0")]),
        (Request(method="GET"), [("Host", "127.0.0.1:8080")]),
        (Request(method="GET", body=b"a"), [("Host", "127.0.0.1:8080"), ("Content-Length", "1")]),
        (Request(headers=(("HOST", "h"), ("content-length", "0"))), [("HOST", "h"), ("content-length", "0")]),
        (
            Request(headers=(("Transfer-Encoding", "Chunked"),), body=b"a"),
            [("Host", "127.0.0.1:8080"), ("Transfer-Encoding", "Chunked")],
        ),
    ],
)
def test_what_a_client_adds_is_added(request_: Request, sent: list[tuple[str, str]]) -> None:
    assert list(request_.sent_headers) == sent


def test_a_request_has_the_type_of_its_body_unless_it_has_one() -> None:
    assert Request.json([1, "ü"]).headers == (("Content-Type", "application/json"),)
    assert Request.json([1, "ü"]).body == b'[1, "\\u00fc"]'
    assert Request.text("ü").headers == (("Content-Type", "text/plain; charset=utf-8"),)
    assert Request.text("ü").body == b"\xc3\xbc"
    assert Request.binary(b"a").headers == (("Content-Type", "application/octet-stream"),)
    assert Request.binary(b"a", "image/png", headers={"X-A": "b"}).headers == (
        ("Content-Type", "image/png"),
        ("X-A", "b"),
    )
    assert Request.json(1, headers=[("content-type", "x/y")]).headers == (("content-type", "x/y"),)
    assert Request.urlencoded({"a b": "ü&", "c": b"\xff"}).body == b"a+b=%C3%BC%26&c=%FF"


def test_a_form_is_written_as_browsers_do() -> None:
    request = Request.form({'a"\r\n': "ü", "f": Part(data=b"x", file_name='"', content_type="text/csv")})
    assert request.headers == (("Content-Type", "multipart/form-data; boundary=marpack-00000000"),)
    assert request.body.decode() == (
        '--marpack-00000000\r\nContent-Disposition: form-data; name="a%22%0D%0A"\r\n\r\nü\r\n'
        '--marpack-00000000\r\nContent-Disposition: form-data; name="f"; filename="%22"\r\n'
        "Content-Type: text/csv\r\n\r\nx\r\n--marpack-00000000--\r\n"
    )


def test_a_boundary_is_nowhere_in_the_form() -> None:
    request = Request.form([("marpack-00000000", b"a"), ("b", b"--marpack-00000001")])
    assert request.values("content-type") == ["multipart/form-data; boundary=marpack-00000002"]


def test_what_is_no_form_is_refused() -> None:
    wrong: Any = {"a": 1}
    with pytest.raises(TypeError, match="the field 'a' is a text, bytes or a Part, not int"):
        Request.form(wrong)
    with pytest.raises(ValueError, match="no content type, in one line"):
        Request.form({"a": Part(data=b"", content_type="a\r\nb")})
    for make in (Request.form, Request.urlencoded):
        with pytest.raises(ValueError, match="the content type of a form is made with it"):
            make({}, headers={"CONTENT-TYPE": "text/plain"})
