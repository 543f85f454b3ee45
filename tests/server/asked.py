"""Requests that a running server, an engine and a ``Worker`` are given, of the archives of ``asks``."""

from __future__ import annotations

import gzip
import json
import urllib.parse
from typing import Any

from marpack.frozen import frozen
from marpack.running import Part, Request

# Of the servers and of the workers: bytes.
LARGEST_REQUEST, LARGEST_RESPONSE = 50_000, 60_000


@frozen
class Asked:
    """A request, or those of one batch; also given to 0.9.0, or ``dies``: the worker does, of this one."""

    title: str
    requests: tuple[Request, ...]
    model: str = "asks"
    envelope: str = ""
    by_old_server: bool = False
    dies: bool = False


def one(title: str, request: Request, **more: Any) -> Asked:
    return Asked(title=title, requests=(request,), **more)


def do(*what: Any, path: str | None = None, method: str = "POST") -> Request:
    return Request(body=b"{}", headers=(("Do", json.dumps(what)),), path=path, method=method)


def get(path: str, *headers: tuple[str, str]) -> Request:
    return Request(path=path, method="GET", headers=headers)


def typed(content_type: str | None, body: bytes, *headers: tuple[str, str], path: str | None = None) -> Request:
    typed = () if content_type is None else (("Content-Type", content_type),)
    return Request(body=body, headers=(*typed, *headers), path=path)


def form(*parts: str, boundary: str = "b", end: str = "--b--\r\n", begin: str = "") -> Request:
    """Return a form of parts as they stand, between boundaries."""
    body = begin + "".join(f"--b\r\n{part}\r\n" for part in parts) + end
    return typed(f"multipart/form-data; boundary={boundary}", body.encode())


NAMED = 'Content-Disposition: form-data; name="a"'
FILE = f'{NAMED}; filename="f"'
J = "application/json"
U = "application/x-www-form-urlencoded"
CHUNKED = ("Transfer-Encoding", "chunked")
NOT_ASCII = b'--b\r\nContent-Disposition: form-data; name="\xdb\xed\xa0"\r\n\r\n1\r\n--b--'
PNG = b"\x89PNG\r\n\x1a\n\0--b\r\n"

# J1, J3, J4 and J10.
BODIES = [
    one("json", Request.json({"data": [1, 2]}), by_old_server=True),
    one("text", Request.text("ü\n"), by_old_server=True),
    one("bytes", Request.binary(b"\0\xff"), by_old_server=True),
    one("a body of no type", typed(None, b"{}"), by_old_server=True),
    one("an empty body", typed(J, b"")),
    one("an empty type", typed("", b"1")),
    one("json that is none", typed(J, b"{")),
    one("json with NaN and a charset", typed(f"{J}; charset=latin-1", b"[NaN, 1]")),
    one("json in capitals", typed("application/JSON", b"[1]")),
    one("a blank before the semicolon", typed(f"{J} ; charset=utf-8", b"[1]")),
    one("only a charset", typed(";charset=utf-8", b"[1]")),
    one("text that is not utf-8", typed("text/csv", b"\xff")),
    one("texture", typed("texture/x", b"ab")),
    one("gzip stays", typed(J, gzip.compress(b"[1]", mtime=0), ("Content-Encoding", "gzip"))),
    one("two types", typed(J, b"[1]", ("content-type", "text/plain"))),
    one("a chunked body", typed(J, b"[1, 2]", ("Transfer-Encoding", "chunked")), by_old_server=True),
    one("100-continue", typed(J, b"[1]", ("Expect", "100-continue")), by_old_server=True),
    one("GET with a body", Request(body=b"[1]", headers=(("Content-Type", J),), method="GET"), by_old_server=True),
    one("another expectation", typed(J, b"[1]", ("Expect", "much"))),
    one("a body that is too large", Request.binary(b"x" * (LARGEST_REQUEST + 1)), by_old_server=True),
    one("the largest body", Request.binary(b"x" * LARGEST_REQUEST)),
    one("too large in chunks", typed(J, b"1" * 50_001, ("Transfer-Encoding", "chunked"))),
    one("too large, and the last", typed(J, b"1" * 50_001, ("Connection", "close"))),
    one("too large to be expected", typed(J, b"1" * 50_001, ("Expect", "100-continue"))),
]

# J1, J2, J4, J5 and J7.
HEADERS = [
    one("many headers", Request.json(1, headers=[(f"X-Many-{n}", str(n)) for n in range(40)]), by_old_server=True),
    one("duplicates", Request.json(1, headers=[("X-A", "1"), ("x-a", "2"), ("X-A", "3")]), by_old_server=True),
    one(
        "headers that the server adds",
        Request.json(1, headers=[("explain", "no"), ("url_path", "x"), ("Explain", "y")]),
    ),
    one("a header named like the body", Request.json(1, headers={"body": "x"})),
    one("blanks around, and none", Request.json(1, headers={"X-A": " \t a b \t", "X-B": "", "X-C": "\xa0"})),
    one("latin-1", Request.json(1, headers={"X-A": "é"})),
    one("other blanks behind a value", Request.json(1, headers={"X-A": "a\x1db\v\x1f ", "X-B": "\x85\xa0\f"})),
    one("another blank before a value", Request.json(1, headers={"X-A": " \x1d a"})),
    one("only another blank", Request.json(1, headers={"X-A": "\v"}), by_old_server=True),
    one("a form feed in a value", Request.json(1, headers={"X-A": "a\fb"})),
    one("an id of the client's", Request.json(1, headers={"X-Request-Id": "mine"})),
    one("a host of its own", Request.json(1, headers={"HOST": "example.org"})),
    one("the last request", Request.json(1, headers={"Connection": "close"})),
    one("names that fall into one bucket", Request.json(1, headers=[("AaBB", "1"), ("BBAa", "2"), ("AaAa", "3")])),
    one("headers of 8191 bytes", Request(method="GET", headers=(("Host", "h"), ("A", "x" * (8191 - 3 - 7))))),
    one("headers of 8192 bytes", Request(method="GET", headers=(("Host", "h"), ("A", "x" * (8192 - 3 - 7))))),
]

# J6 to J9, and J2.
ROUTES = [
    one("GET", get("/predictions/asks"), by_old_server=True),
    one("GET with a query", get("/predictions/asks?a=1"), by_old_server=True),
    one("HEAD", Request(method="HEAD"), by_old_server=True),
    one("HEAD of nothing", Request(method="HEAD", path="/predictions/none")),
    one("PUT", Request(method="PUT")),
    one("DELETE", Request(method="DELETE")),
    one("a method of its own", Request(method="brew")),
    one("explain", Request.json(1, explain=True), by_old_server=True),
    one("a version", get("/predictions/asks/1.0"), by_old_server=True),
    one("a version and more", get("/predictions/asks/1.0/x/y%2Fz"), by_old_server=True),
    one("another version and more", get("/predictions/asks/2.0/x"), by_old_server=True),
    one("more, and empty", get("/explanations/asks/1.0//a//")),
    one("a slash at the end", get("/predictions/asks/")),
    one("a name that is encoded", get("/predictions/%61sks")),
    one("a name with a blank", get("/predictions/with%20blank"), model="with blank"),
    one("a name with a plus", get("/predictions/with+blank"), model="with blank"),
    one("the name by itself", Request.json(1), model="with blank", by_old_server=True),
    one("a path with a fragment", get("/predictions/asks#x?y")),
    one("an escape that is none", get("/predictions/asks%zz"), by_old_server=True),
    one("an escape that is cut", get("/predictions/asks%4")),
    one("bytes that are not utf-8", get("/predictions/%ff")),
    one("half of a surrogate pair", get("/predictions/%ED%A0"), by_old_server=True),
    one("a surrogate pair", get("/predictions/%ED%A0%80%ED%B0%80x%E2%82%ED")),
    *(
        one(f"more that is no value, {more!a}", get(f"/predictions/asks/1.0/{urllib.parse.quote(more)}"))
        for more in ["a\0", "\vb", "a\fb", "a\rb", "a\r\0", "a\nb", "a\n\v", "a\r", "a\n", "a\r\n\tb\n"]
    ),
    one("more of two lines", get("/predictions/asks/1.0/a%0A%20b%0D%0A%09c")),
    one("more that is no value, of no model", get("/explanations/none/1.0/%00")),
    one("an empty name", get("/predictions//1.0")),
    one("no name", get("/predictions"), by_old_server=True),
    one("no such model", Request.json(1, path="/predictions/none"), by_old_server=True),
    one("no such version", Request.json(1, path="/predictions/asks/2.0"), by_old_server=True),
    one(
        "no such model, and no such form",
        typed("multipart/form-data; boundary=b", b"--b\r\n\r\n\r\n--b--", path="/predictions/none"),
    ),
    one("no such route", get("/predict/asks"), by_old_server=True),
    one("two slashes", get("//predictions/asks")),
    one("the root", get("/"), by_old_server=True),
    one(
        "invocations",
        Request.json(1, path="/invocations?a=1&b=%C3%BC+x;c&d=&=e&a=2&&f=g=h#i=j"),
        by_old_server=True,
    ),
    one("invocations, and the model", get("/invocations?model_name=asks")),
    one("invocations, and no such model", get("/invocations?model_name=none")),
    one("invocations, an empty name", get("/invocations?model_name=&model_name=none")),
    one("invocations and more", get("/invocations/asks")),
    one("an escape in a query", get("/invocations?a=%4")),
    one("an escape in a query that nobody reads", get("/predictions/asks?a=%4")),
    one("invoke", Request.json(1, path="/models/asks/invoke?a=1"), by_old_server=True),
    one("invoke nothing", get("/models//invoke")),
    one("not invoke", get("/models/asks/call")),
    one("predict", Request.json(1, path="/asks/predict?a=1"), by_old_server=True),
    one("predict a version", Request.json(1, path="/asks/1.0/predict?body=1")),
    one("predict no version", get("/asks/2.0/predict")),
    one("v1", Request.json(1, path="/v1/models/asks:predict?a=1"), by_old_server=True),
    one("v1 explain", Request.json(1, path="/v1/models/asks:explain")),
    one("v1 of another verb", get("/v1/models/asks")),
    one("v1 of a longer verb", get("/v1/models/asks:predictions:explain")),
    one("v2", Request.json(1, path="/v2/models/asks/infer?a=1"), by_old_server=True),
    one("v2 explain", Request.json(1, path="/v2/models/asks:x/explain")),
    one("v2 of no name", get("/v2/models/:/infer")),
    one("v2 of a version", get("/v2/models/asks/versions/1.0/infer")),
    one("a line of 4095 characters", get("/predictions/asks?" + "x" * (4095 - 13 - 18))),
    one("a line of 4096 characters", get("/predictions/asks?" + "x" * (4096 - 13 - 18))),
]

# J11 to J13.
FORMS = [
    one("fields", Request.form({"a": "ü", "b": b"\0\xff", "empty": ""}), by_old_server=True),
    one(
        "files",
        Request.form(
            {
                "data": Part(data=PNG, file_name="a.png", content_type="image/png"),
                "x": Part(data=b"", file_name=""),
            }
        ),
        by_old_server=True,
    ),
    one(
        "a json field and a json file",
        Request.form(
            [("a", Part(data=b"[1]", content_type=J)), ("b", Part(data=b"[1]", file_name="b", content_type=J))]
        ),
        by_old_server=True,
    ),
    one("a text file with a charset", form(f"{FILE}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx")),
    one(
        "a type with another parameter",
        form(f"{FILE}\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n\r\nx"),
    ),
    one("a type with a comma", form(f"{FILE}\r\nContent-Type: text/plain, x\r\n\r\nx")),
    one("an empty type of a file", form(f"{FILE}\r\nContent-Type:\r\n\r\nx")),
    one("one name twice", Request.form([("a", "1"), ("a", "2")]), by_old_server=True),
    one(
        "odd names",
        Request.form([('q"uote', "1"), ("a=b;c,d:e", "2"), ("ü", "3"), (" blank ", "4"), ("l\r\nf", "5")]),
    ),
    one("an empty name in a form", Request.form({"": "1"})),
    one("no fields", Request.form({})),
    one("a large file", Request.form({"a": Part(data=PNG * 2000, file_name="f"), "b": "c"}), by_old_server=True),
    one("a large field", Request.form({"a": b"\r\n--marpack" * 3000}), by_old_server=True),
    one(
        "a field in chunks",
        typed(
            "multipart/form-data; boundary=b", f"--b\r\n{NAMED}\r\n\r\n{'1' * 20_000}\r\n--b--".encode(), CHUNKED
        ),
    ),
    one("urlencoded in chunks", typed(U, b"a=" + b"%41" * 9000, CHUNKED)),
    one("capitals", form('CONTENT-DISPOSITION: FORM-DATA; NAME="a"; FILENAME="f"\r\ncontent-type: X/Y\r\n\r\n1')),
    one("an empty form", form(end="")),
    one("no last boundary", form(f"{NAMED}\r\n\r\n1", end="--c"), by_old_server=True),
    one("nothing behind the last part", form(f"{NAMED}\r\n\r\n1", f"{NAMED}\r\n\r\n2", end="")),
    one("a preamble", form(f"{NAMED}\r\n\r\n1", begin="preamble\r\n")),
    one("blanks before", form(f"{NAMED}\r\n\r\n1", begin="\r\n \r\n")),
    one("an epilogue", form(f"{NAMED}\r\n\r\n1", end="--b--\r\nmore\r\n--b\r\n")),
    one("an end without a line's end", form(f"{NAMED}\r\n\r\n1", end="--b--")),
    one("blanks behind a boundary", form(f"{NAMED}\r\n\r\n1", end="--b \r\n--b--")),
    one(
        "ends of lines of one byte",
        typed("multipart/form-data; boundary=b", f"--b\n{NAMED}\n\n1\n2\r\n\n--b--\n".encode()),
    ),
    one("contents with ends of lines", form(f"{NAMED}\r\n\r\n\r\n\n1\r\n--\r\n--a\r\r\n\r")),
    one("a boundary inside a line", form(f"{NAMED}\r\n\r\nx--b\r\n--bc")),
    one("no disposition", form("X-A: b\r\n\r\n1")),
    one("no name in a form", form("Content-Disposition: form-data\r\n\r\n1")),
    one("a disposition of another kind", form('Content-Disposition: attachment; name="a"\r\n\r\n1')),
    one("a semicolon at the end", form(f"{NAMED};\r\n\r\n1"), by_old_server=True),
    one("a parameter without a value", form(f"{NAMED}; x\r\n\r\n1")),
    one("a name without quotes", form("Content-Disposition: form-data; name=a b; FileName=c\r\n\r\n1")),
    one("a semicolon in quotes", form('Content-Disposition: form-data; filename="a;\\"b"; name="c;d"\r\n\r\n1')),
    one("only a colon", form(f"{NAMED}\r\n:\r\nContent-Type: ,\r\n\r\n1")),
    one("filename*", form(f"{NAMED}; filename*=utf-8''%C3%BC\r\n\r\n1")),
    one("filename* that is cut", form(f"{NAMED}; filename*=utf-8''%C3%B\r\n\r\n1")),
    one("filename* of no charset", form(f"{NAMED}; filename*=nope''a\r\n\r\n1")),
    one("filename* of a bad charset", form(f"{NAMED}; filename*=''a\r\n\r\n1")),
    one("filename* without quotes", form(f"{NAMED}; filename*=a\r\n\r\n1")),
    one("no such charset of a file", form(f"{FILE}\r\nContent-Type: text/plain; charset=nope\r\n\r\n1")),
    one("no such charset of a field", form(f"{NAMED}\r\nContent-Type: text/plain; charset=nope\r\n\r\n1")),
    one("a bad charset of a field", form(f"{NAMED}\r\nContent-Type: text/plain; charset=n ope\r\n\r\n1")),
    one("a charset without a value", form(f"{FILE}\r\nContent-Type: text/plain; charset\r\n\r\n1")),
    one("base64", form(f"{FILE}\r\nContent-Transfer-Encoding: base64\r\n\r\nMQ=="), by_old_server=True),
    one("base64 of a field", form(f"{NAMED}\r\nContent-Transfer-Encoding: base64\r\n\r\nMQ==")),
    one("binary", form(f"{FILE}\r\nContent-Transfer-Encoding: Binary\r\n\r\n\xff")),
    one("a length", form(f"{FILE}\r\nContent-Length: 9\r\n\r\n1")),
    one("a length of a file that is too small", form(f"{FILE}\r\nContent-Length: 1\r\n\r\n12")),
    one(
        "a length that is too small, and no end", form(f"{FILE}\r\nContent-Length: 7\r\n\r\n12\r\n3\r", end="\n--")
    ),
    one("a length that is enough, and no end", form(f"{FILE}\r\nContent-Length: 8\r\n\r\n12\r\n3\r", end="\n--")),
    one("a length in other digits", form(f"{FILE}\r\nContent-Length: \u0661\r\n\r\n12")),
    one("a length with zeros", form(f"{FILE}\r\nContent-Length: {'0' * 30}1\r\n\r\n12")),
    one("a length that is too small", form(f"{NAMED}\r\nContent-Length: 1\r\n\r\n12")),
    one(
        "several files in a part",
        form(
            f"{NAMED}\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
            '--c\r\nContent-Disposition: file; filename="x"\r\nContent-Type: text/plain\r\n\r\n1\r\n'
            '--c\r\nContent-Disposition: attachment; filename="y"\r\n\r\n2\r\n--c--',
            'Content-Disposition: form-data; name="d"\r\n\r\n3',
        ),
    ),
    one(
        "a field among several files",
        form(f"{NAMED}\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n{NAMED}\r\n\r\n1\r\n--c--"),
    ),
    one("blanks in front of a line", form(f"{NAMED}\r\n X-A: b\r\n  \r\n\r\n1")),
    one("a head without an end", form(NAMED, end="")),
    one(
        "a head of latin-1",
        typed(
            "multipart/form-data; boundary=b; charset=latin1",
            b'--b\r\nContent-Disposition: form-data; name="\xfc"\r\n\r\n\xfc\r\n--b--',
        ),
    ),
    one("a charset that only Python knows", typed("multipart/form-data; boundary=b; charset=latin-1", b"--b--")),
    one(
        "a charset before the boundary",
        typed("multipart/form-data ; charset=utf-8; boundary=b", f"--b\r\n{NAMED}\r\n\r\n1\r\n--b--".encode()),
    ),
    one("a head of ASCII that is none", typed("multipart/form-data; boundary=b; charset=us-ascii", NOT_ASCII)),
    one("a head that is not UTF-8", typed("multipart/form-data; boundary=b", NOT_ASCII)),
    one(
        "other blanks at the end of a line", form(f"{NAMED}\r\nContent-Type: text/plain; charset=\u2028\r\n\r\n1")
    ),
    one("a blank that is none at the end of a type", typed("multipart/form-data; boundary=b\xa0", NOT_ASCII)),
    one("no such charset", typed("multipart/form-data; boundary=b; charset=nope", b"--b--")),
    one("a bad charset", typed("multipart/form-data; boundary=b; charset=utf-8; x=y", b"--b--")),
    one(
        "a boundary in quotes",
        typed('multipart/form-data; boundary="b" ', f"--b\r\n{NAMED}\r\n\r\n1\r\n--b--".encode()),
    ),
    one("a boundary of one quote", typed('multipart/form-data; boundary="', b"--b--")),
    one("no boundary", typed("multipart/form-data", b"--b--")),
    one("a boundary without a value", typed("multipart/form-data; boundary", b"--b--")),
    one("an empty boundary", typed("multipart/form-data; boundary=", b"--b--")),
    one("a boundary of another case", typed("Multipart/Form-Data; boundary=b", b"--b--")),
    one("a boundary as the third", typed("multipart/form-data; a=b; c=d; boundary=b", b"--b--")),
    one("urlencoded", Request.urlencoded({"a": "x y", "b": "ü&=", "empty": ""}), by_old_server=True),
    one(
        "urlencoded, and a charset",
        typed(f"{U.upper()}; charset=utf-8", b"a=1;b=2&c&d=%2B+%ff&e"),
        by_old_server=True,
    ),
    one("urlencoded, and one word", typed(U, b"x")),
    one("urlencoded, and nothing", typed(U, b"")),
    one("urlencoded, an empty name", typed(U, b"=1"), by_old_server=True),
    one("urlencoded, two separators", typed(U, b"a=1&&b=2")),
    one("urlencoded, a bad escape in a value", typed(U, b"a=1%zz"), by_old_server=True),
    one("urlencoded, a cut escape in a value", typed(U, "a=ü%4".encode())),
    one("urlencoded, a bad escape in a name", typed(U, b"a%zz=1")),
    one("urlencoded, ends of lines", typed(U, b"a\n=1\r\nb=2")),
    one("urlencoded, a carriage return", typed(U, b"a=1\r&b=2")),
    one("urlencoded, a carriage return at the end", typed(U, b"a=1\r")),
    one("urlencoded, surrogates", typed(U, b"%ED%A0%80=1&\xed\xa0\x80=2&\xed\xa0%ED%BF=3")),
    one("urlencoded, a blank before a last line end", typed(U, "a%0D\x85=1&+\u2028=2&b \n=3".encode())),
    one("urlencoded, ends of lines in a name", typed(U, b"a%0Db%0Ac\r\nd=1&e")),
    one("urlencoded, many fields", typed(U, b"a=1&b&c=%41+&" * 2000)),
    one("urlencoded, and a query", typed(U, b"a=1", path="/invocations?a=2&b=3")),
]

# J20 to J25.
ANSWERS = [
    *(
        one(
            f"returns {what}", do("returns", what), by_old_server=what in ("bytes", "str", "dict", "nan", "object")
        )
        for what in [
            "bytes",
            "bytearray",
            "str",
            "none",
            "nan",
            "list",
            "nothing",
            "dict",
            "object",
            "set",
            "number",
            "false",
            "tensor",
        ]
    ),
    one("a status", do("status", 201), by_old_server=True),
    one("a status and a phrase", do("status", 418, "I'm a teapot", {"a": 1}), by_old_server=True),
    one("a status of its own", do("status", 799, "")),
    one("a status of no body", do("status", 204)),
    one("a status that resets", do("status", 205)),
    one("a status in between", do("status", 103)),
    one("a status that redirects", do("status", 304)),
    one("no status", do("status", 0, "zero")),
    one("headers", do("headers", ["X-B", "1"], ["x-b", "2"], ["X-A", ""], ["X-U", "ü€😀"]), by_old_server=True),
    one(
        "headers that the server sets",
        do(
            "headers",
            ["Pragma", "p"],
            ["CONNECTION", "c"],
            ["Content-Length", "7"],
            ["x-request-id", "mine"],
            ["Set-Cookie", "a=b"],
        ),
    ),
    one("a content type as a header", do("headers", ["content-type", "a/b"])),
    one("a content type as another header", do("headers", ["CONTENT-TYPE", "a/b"])),
    one("a content type", do("content type", "image/png"), by_old_server=True),
    one("fails", do("fails", "ValueError", "why"), by_old_server=True),
    one("fails for memory", do("fails", "MemoryError"), by_old_server=True),
    one("fails for CUDA", do("fails", "RuntimeError", "CUDA error")),
    *(
        one(
            f"fails with {code}",
            do("fails", "PredictionException", 'a "b" <c> \\ ü\u2028\n\x01', code),
            by_old_server=code == 404,
        )
        for code in (404, 413, 499, 513, 600, 99, 200)
    ),
    one("no list", do("answers", {"a": 1}), by_old_server=True),
    one("too many answers", do("answers", [1, 2]), by_old_server=True),
    one("no answers", do("answers", [])),
    one("None", do("answers", None)),
    one("a stream", do("streams", "one", "", "ü"), by_old_server=True),
    one("a stream of headers", do("streams with", 201, ["X-A", "b"], ["Content-Length", "1"])),
    one("a stream that fails", do("streams", "one", "two", "fails")),
    one("the answer to HEAD", do("returns", "str", method="HEAD")),
    one("the stream to HEAD", do("streams", "one", "two", method="HEAD")),
    one("the largest answer", do("big", LARGEST_RESPONSE)),
]

# J24. An old server does not get a worker to run again of which it has broken off the connection itself.
DEATHS = [
    one("exits", do("dies", "sys.exit"), dies=True),
    one("exits at once", do("dies", "os._exit"), dies=True),
    one("does not answer", do("dies", "sleep"), dies=True),
    one("an answer that is too large", do("big", LARGEST_RESPONSE + 1), dies=True),
    one("a header that is no text", do("headers", ["X-A", 1]), dies=True),
    one("a header that is none", do("headers", ["X A", "1"]), dies=True),
    one("a header of another alphabet", do("headers", ["X-Ü", "1"]), dies=True),
    one("a header of two lines", do("headers", ["X-A", "1\r\nX-B: 2"]), dies=True),
    one("a phrase of two lines", do("status", 200, "a\r\nb"), dies=True),
    one("a phrase that is not ASCII", do("status", 200, "üüüüüüüü"), dies=True),
    one("a stream that dies", do("streams", "one", "exits"), dies=True),
]

# J23.
BATCHES = [
    Asked(
        title="a batch",
        model="batch",
        requests=(Request.json(1), Request.form({"a": "b"}), get("/predictions/batch/1.0/x")),
    ),
    Asked(
        title="a batch that fails",
        model="batch",
        requests=(Request.json(1), do("fails", "PredictionException", "no", 400), Request.json(2)),
    ),
    Asked(
        title="a batch of four answers",
        model="batch",
        requests=(Request.json(1), do("answers", [1, 2, 3, 4]), Request.json(2)),
    ),
    Asked(
        title="a batch of three answers",
        model="batch",
        requests=(Request.json(1), do("answers", [1, "b", None]), Request.json(2)),
        by_old_server=True,
    ),
    Asked(
        title="a batch of statuses",
        model="batch",
        requests=(do("status", 500, "mine"), Request.json(1), do("headers", ["a", "b"])),
    ),
    Asked(
        title="a batch of streams",
        model="batch",
        requests=(Request.json(1), do("streams", "one", "two"), Request.json(2)),
    ),
    Asked(
        title="a batch with one that cannot be written",
        model="batch",
        requests=(Request.json(1), do("returns", "object"), do("returns", "str")),
    ),
]

V1 = {"instances": [[1, 2], [3]]}
V2 = {"id": "7", "inputs": [{"name": "i", "shape": [2], "datatype": "INT64", "data": [1, 2]}]}

# J30.
ENVELOPES = [
    one("kserve", Request.json(V1, path="/v1/models/asks:predict"), envelope="kserve", by_old_server=True),
    one("kserve explains", Request.json(V1, path="/v1/models/asks:explain"), envelope="kserve"),
    one("kserve on another path", Request.json(V1), envelope="kserve"),
    one("kserve of something else", Request.json([1]), envelope="kserve"),
    one("kservev2", Request.json(V2, path="/v2/models/asks/infer"), envelope="kservev2"),
    one("kservev2 explains", Request.json(V2, path="/v2/models/asks/explain"), envelope="kservev2"),
    one("kservev2 of v1", Request.json(V1, path="/v2/models/asks/infer"), envelope="kservev2"),
    one("json in an envelope", Request.json(V1), envelope="json"),
    one("a form in an envelope of json", Request.form({"a": "b"}), envelope="json"),
    one("body", Request.json(V1), envelope="body"),
    one("body of data", Request.form({"data": "b"}), envelope="body"),
]

# J25: the server never answers, and the worker does as if nothing had been said of a stream.
NEVER_ANSWERED = one("no stream, it says", do("headers", ["ts_stream_next", "false"]))

ASKED = [*BODIES, *HEADERS, *ROUTES, *FORMS, *ANSWERS, *BATCHES, *DEATHS, *ENVELOPES]
