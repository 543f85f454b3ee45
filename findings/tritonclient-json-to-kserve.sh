#!/usr/bin/env bash
# tritonclient 2.73.0 as a client of kserve 0.21.0's server, with NumPy 2.4.6 and pydantic 2.14.4: two packages that
# speak KServe's second protocol.
#
# Guess: what is sure to work between two of its speakers is plain JSON; the binary form is an extension.
# Seen: as tritonclient sends it, the binary form works and plain JSON is refused, 400: the client sends no Content-Type,
# and the server takes a body without one for the binary form. With a Content-Type of JSON given by hand, JSON works,
# and the binary form no longer does. The protocol's optional id, which tritonclient leaves out by default, comes to the
# model as None, and an answer that carries on the request's id, None, is a 500.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet kserve==0.21.0 'tritonclient[http]==2.73.0' numpy==2.4.6 pydantic==2.14.4
NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 venv/bin/python -W ignore - 2>log <<'PYTHON' | tee seen
import logging
import os
import socket
import sys
import threading
import time

import kserve
import numpy
from tritonclient.http import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

logging.disable(logging.CRITICAL)


class Net(kserve.Model):
    def predict(self, payload, headers=None, response_headers=None):
        values = payload.inputs[0].as_numpy()
        output = kserve.InferOutput("y", list(values.shape), "FP32")
        output.set_data_from_numpy(2 * values, binary_data=False)
        return kserve.InferResponse(payload.id, self.name, [output])


def asked(client, form, given, **request):
    tensor = InferInput("x", [2], "FP32")
    tensor.set_data_from_numpy(numpy.array([1, 2], "float32"), binary_data=form == "binary")
    try:
        said = client.infer("net", [tensor], **request).as_numpy("y").tolist()
    except InferenceServerException as error:
        said = f"refused, {error.status()}"
    print(f"{form}, {given}:", said)


def ask(port):
    client = InferenceServerClient(f"127.0.0.1:{port}")
    for _ in range(100):
        try:
            client.is_model_ready("net")
            break
        except ConnectionError:
            time.sleep(0.3)
    for form in ("binary", "JSON"):
        asked(client, form, "id", request_id="1")
        asked(client, form, "id and type", request_id="1", headers={"Content-Type": "application/json"})
    asked(client, "binary", "no id")
    sys.stdout.flush()
    os._exit(0)


with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
net = Net("net")
net.ready = True
threading.Thread(target=ask, args=[port]).start()
kserve.ModelServer(http_port=port, enable_grpc=False, access_log_format=None).start([net])
PYTHON
diff - seen <<'EXPECTED'
binary, id: [2.0, 4.0]
binary, id and type: refused, 400
JSON, id: refused, 400
JSON, id and type: [2.0, 4.0]
binary, no id: refused, 500
EXPECTED
