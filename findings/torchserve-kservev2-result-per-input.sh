#!/usr/bin/env bash
# torchserve 0.12.0's envelope for KServe's second protocol, kservev2, with NumPy 2.4.6.
#
# Guess: an input of shape [2, 3] is two rows; a handler that returns a row for each makes one output of shape [2, ...],
# as with other servers of the protocol.
# Seen: the handler gets one item for an input, whatever its shape, and its nth result becomes the output that is called
# like the nth input. Two results for one input are an IndexError; of two inputs, one result answers the first and
# leaves out the second. What is nested comes back flat, [[1, 2], [3, 4]] with the shape [4], and Python's numbers as
# FP64 or INT64 whatever came in. Of a BYTES input with two texts the handler sees the first, and still shape [2].
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torchserve==0.12.0 numpy==2.4.6
venv/bin/python - 2>log <<'PYTHON' | tee seen
import json
from types import SimpleNamespace

from ts.torch_handler.request_envelope.kservev2 import KServev2Envelope

FOUR = {"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]}
TEXTS = {"name": "x", "shape": [2], "datatype": "BYTES", "data": ["first", "second"]}
ONE = {"name": "x", "shape": [1], "datatype": "FP32", "data": [5]}


def answered(label, inputs, handler):
    context = SimpleNamespace(
        manifest={"model": {"modelName": "net", "modelVersion": "1.0"}}, get_request_id=lambda index: "some"
    )
    body = json.dumps({"inputs": inputs}).encode()
    try:
        answers = KServev2Envelope(handler).handle([{"body": body}], context)
    except IndexError as error:
        print(f"{label}:", type(error).__name__, error)
        return
    for output in answers[0]["outputs"]:
        print(f"{label}:", output["name"], output["datatype"], output["data"], *output["shape"])


def items(rows, context):
    return [row["data"] for row in rows]


def seen(rows, context):
    return [f"{row['data']} of {row['shape']}" for row in rows]


answered("a result for each input", [FOUR], items)
answered("a result for each row", [FOUR], lambda rows, context: [row for item in rows for row in item["data"]])
answered("a result for two inputs", [ONE, ONE | {"name": "y"}], lambda rows, context: items(rows, context)[:1])
answered("two texts", [TEXTS], seen)
PYTHON
diff - seen <<'EXPECTED'
a result for each input: x INT64 [1, 2, 3, 4] 4
a result for each row: IndexError list index out of range
a result for two inputs: x INT64 [5] 1
two texts: x BYTES ['first of [2]'] 1
EXPECTED
