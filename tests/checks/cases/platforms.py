"""Who runs the server: names and forms that its platform does not take. None of them is here to be asked."""

from __future__ import annotations

from typing import Any

from tests.checks.cases.case import HANDLER, Archive, Case

FILES: dict[str, str | bytes] = {"handler.py": HANDLER}
GOOD = Archive(files=FILES)
ELSEWHERE = "it is the platform around the server that does not take it"

# As SageMaker's own images set it.
UNDECODED: dict[str, Any] = {
    "request": {"pixels": [1, 2]},
    "config": {"decode_input_request": "false"},
    "options": {"target": "sagemaker"},
}
PREPROCESS = """\
import json
from ts.torch_handler.base_handler import BaseHandler
class Handler(BaseHandler):
    def initialize(self, context):
        self.initialized = True
    def preprocess(self, data):
        return [{pixels} for row in data]
    def inference(self, data):
        return data
    def postprocess(self, data):
        return [str(each) for each in data]
"""
FUNCTION = """\
import json
def handle(data, context):
    if data is None:
        return None
    row = data[0]
    body = {body}
    return [str(body.get("pixels"))]
"""
HANDING_ON = """\
import json
class Handler:
    def initialize(self, context):
        pass
    def preprocess(self, requests):
        return [request["body"]["pixels"] for request in requests]
    def handle(self, data, context):
        return [str(each) for each in self.preprocess({rows})]
"""


def decoding(source: str) -> Archive:
    return Archive(files={"handler.py": source}, form="tgz")


CASES = [
    Case(
        code="kserve-file-name",
        title="two suffixes",
        broken=Archive(files=FILES, suffix=".v1.mar"),
        repaired=GOOD,
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "kserve"},
    ),
    Case(
        code="kserve-file-name",
        title="a tar",
        broken=Archive(files=FILES, form="tgz"),
        repaired=Archive(files=FILES, form="folder"),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "kserve"},
    ),
    Case(
        code="kserve-model-name",
        title="a colon",
        broken=Archive(files=FILES, model={"handler": "handler.py", "modelName": "digits:new"}),
        repaired=Archive(files=FILES, model={"handler": "handler.py", "modelName": "digits-new"}),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "kserve"},
    ),
    Case(
        code="kserve-model-name",
        title="capitals",
        broken=Archive(files=FILES, model={"handler": "handler.py", "modelName": "Digits_2"}),
        repaired=Archive(files=FILES, model={"handler": "handler.py", "modelName": "digits-2"}),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "kserve"},
    ),
    Case(
        code="kserve-model-name",
        title="a digit at the beginning",
        broken=Archive(files=FILES, model={"handler": "handler.py", "modelName": "1-digits"}),
        repaired=Archive(files=FILES, model={"handler": "handler.py", "modelName": "digits-1"}),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "kserve"},
    ),
    Case(
        code="kserve-model-name",
        title="more characters than KServe can lengthen",
        broken=Archive(files=FILES, model={"handler": "handler.py", "modelName": "d" * 46}),
        repaired=Archive(files=FILES, model={"handler": "handler.py", "modelName": "d" * 45}),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "kserve"},
    ),
    Case(
        code="sagemaker-form",
        title="a zip",
        broken=GOOD,
        repaired=Archive(files=FILES, form="tgz"),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "sagemaker"},
    ),
    Case(
        code="sagemaker-json",
        title="a key of what JSON would be",
        broken=decoding(PREPROCESS.format(pixels='row["body"]["pixels"]')),
        repaired=decoding(PREPROCESS.format(pixels='json.loads(row["body"])["pixels"]')),
        fails="predict",
        says="TypeError: bytearray indices must be integers or slices, not str",
        **UNDECODED,
    ),
    Case(
        code="sagemaker-json",
        title="a method of dictionaries, in a function, of the one row that there is",
        broken=decoding(FUNCTION.format(body='row.get("data") or row.get("body")')),
        repaired=decoding(FUNCTION.format(body='json.loads(row.get("data") or row.get("body"))')),
        fails="predict",
        says="AttributeError: 'bytearray' object has no attribute 'get'",
        **UNDECODED,
    ),
    Case(
        code="sagemaker-json",
        title="a handle of its own that hands its rows on",
        broken=decoding(HANDING_ON.format(rows="data")),
        repaired=decoding(HANDING_ON.format(rows='[{"body": json.loads(row["body"])} for row in data]')),
        fails="predict",
        says="TypeError: bytearray indices must be integers or slices, not str",
        **UNDECODED,
    ),
    Case(
        code="vertex-file-name",
        title="another name",
        broken=GOOD,
        repaired=Archive(files=FILES, file="model.mar"),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "vertex"},
    ),
]
