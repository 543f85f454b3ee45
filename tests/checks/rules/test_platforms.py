"""What looks like a handler that takes decoded JSON, and is none: the platforms' rules, beside their cases."""

from __future__ import annotations

import textwrap

import pytest

import marpack
from tests.support.checking import codes, handler

RULE = "sagemaker-json"


def function(body: str, *, parameters: str = "data, context") -> str:
    return f"import json\n\n\ndef handle({parameters}):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"


def service(body: str, handle: str = "", *, base: str = "BaseHandler", more: str = "") -> str:
    methods = f"    def preprocess(self, data):\n{textwrap.indent(textwrap.dedent(body), ' ' * 8)}\n"
    if handle:
        methods += f"    def handle(self, rows, context):\n{textwrap.indent(textwrap.dedent(handle), ' ' * 8)}\n"
    head = f"import json\nfrom ts.torch_handler.base_handler import BaseHandler\n{more}\n"
    return f"{head}\nclass Handler({base}):\n    def initialize(self, context):\n        pass\n{methods}"


def found(source: str, **options: str) -> list[marpack.Finding]:
    told = marpack.check(handler(source), **{"target": "sagemaker", **options})  # type: ignore[arg-type]
    return [each for each in told if each.code == RULE]


USES = [
    function('return [row["body"]["x"] for row in data]'),
    function('return [row.get("body")["x"] for row in data]'),
    function('return [(row.get("data") or row.get("body")).get("x") for row in data]'),
    function('return [row["data"].items() for _, row in enumerate(data)]'),
    function('return [row.get("body", {})["x"] for row in data]'),
    function(
        'r = data[0]\nb = r.get("data") if r.get("data") is not None else r.get("body")\nreturn [b.get("x")]'
    ),
    function('x = data[0].get("body").get("x")\nreturn [x] if isinstance(x, str) else x'),
    function('return [data[0]["body"]["x"]]'),
    function('row = data[0]\nbody = row["body"]\nreturn [body["x"]]'),
    function('body = data[0].get("body")\nreturn [body.get("x", 1)]'),
    function('out = []\nfor row in data:\n    body = row["body"]\n    out.append(body["x"])\nreturn out'),
    function('return [[b["body"]["x"] for b in requests]]', parameters="requests, ctx"),
    service('return [row["body"]["x"] for row in data]'),
    service('return [row["body"]["x"] for row in data]', "return self.preprocess(rows)"),
    service("return data", 'return [row["body"]["x"] for row in rows]'),
]
NEAR = {
    "decoded": function('return [json.loads(row["body"])["x"] for row in data]'),
    "decoded in place": function(
        'for row in data:\n    row["body"] = json.loads(row["body"])\nreturn [data[0]["body"]["x"]]'
    ),
    "decoded by its own bytes": function('body = data[0]["body"].decode()\nreturn [eval(body)["x"]]'),
    "looked at first": function(
        'body = data[0]["body"]\n'
        'if isinstance(body, (bytes, bytearray)):\n    body = json.loads(body)\nreturn [body["x"]]'
    ),
    "the row is looked at": function(
        'if hasattr(data[0], "body"):\n    return ["bad"]\nreturn [data[0]["body"]["x"]]'
    ),
    "the rows are looked at": function('if type(data) is list:\n    return [1]\nreturn [data[0]["body"]["x"]]'),
    "a body of two is looked at": function(
        'b = data[0]["body"]\nb = b if type(b) is dict else {"x": b}\nreturn [b["x"], data[0]["body"]["x"]]'
    ),
    "looked at elsewhere in the function": function(
        'body = data[0]["body"]\nif not isinstance(body, dict):\n    return ["bad"]\nreturn [body["x"]]'
    ),
    "tried": function('try:\n    return [data[0]["body"]["x"]]\nexcept TypeError:\n    return ["bad"]'),
    "bound twice": function('body = data[0]["body"]\nbody = parse(body)\nreturn [body["x"]]\n'),
    "other rows": function('data = parse(data)\nreturn [row["body"]["x"] for row in data]'),
    "rows of another kind": function('other = parse(data)\nreturn [row["body"]["x"] for row in other]'),
    "bytes by number": function('return [row["body"][0] for row in data]'),
    "bytes by slice": function('return [row["body"][:4] for row in data]'),
    "methods that bytes have": function('return [row["body"].hex() for row in data]'),
    "not the body": function('return [row["image"]["x"] for row in data]'),
    "the rows themselves": function('return [data["body"]["x"]]'),
    "handed on": function('return [parse(row["body"]) for row in data]'),
    "decorated": "def decode(f):\n    return f\n\n\n@decode\n"
    + function('return [data[0]["body"]["x"]]')[len("import json\n\n\n") :],
    "a helper that nobody calls": function("return data")
    + '\n\ndef other(data):\n    return [data[0]["body"]["x"]]\n',
    "handed on otherwise": service(
        'return [row["body"]["x"] for row in data]', 'return self.preprocess([{"body": {"x": 1}}])'
    ),
    "handed on after a change": service(
        'return [row["body"]["x"] for row in data]', "rows = parse(rows)\nreturn self.preprocess(rows)"
    ),
    "handed on by one that decodes": service(
        'return [row["body"]["x"] for row in data]',
        "for row in rows:\n    row['body'] = json.loads(row['body'])\nreturn self.preprocess(rows)",
    ),
    "never handed on": service('return [row["body"]["x"] for row in data]', "return rows"),
    "an unknown base": service(
        'return [row["body"]["x"] for row in data]', base="Decoding", more="from elsewhere import Decoding"
    ),
}


@pytest.mark.parametrize("source", USES)
def test_what_takes_decoded_json(source: str) -> None:
    [finding] = found(source)
    assert finding.severity == "warning"
    assert finding.member == "handler.py"
    assert finding.line
    assert "bytearray" in finding.effect
    assert found(source, target="torchserve") == found(source, target="kserve") == []


@pytest.mark.parametrize("name", NEAR)
def test_what_does_not(name: str) -> None:
    compile(NEAR[name], name, "exec")
    assert found(NEAR[name]) == []


def test_a_base_in_the_archive() -> None:
    base = service('return [row["body"]["x"] for row in data]').replace("class Handler", "class Base")
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": b"from base import Base\n\n\nclass Handler(Base):\n    pass\n"},
        extra_files={"base.py": base.encode()},
    )
    [finding] = [each for each in marpack.check(plan, target="sagemaker") if each.code == RULE]
    assert finding.member == "base.py"


def test_built_in_handlers_take_bytes() -> None:
    plan = marpack.plan_archive(model_name="m", handler="image_classifier", archive_format="tgz")
    assert RULE not in codes(plan, target="sagemaker")
