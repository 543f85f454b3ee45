#!/usr/bin/env bash
# kserve 0.21.0 (a custom predictor's model server, V1 protocol)
#
# One would guess: a body sent as "application/json; charset=utf-8", as many HTTP clients write it, reaches predict() as
# JSON does: parsed.
# What happens: the header is compared with a short list of whole values, in this spelling. With a charset, or in
# capitals, predict() is given the raw bytes, and no error says so: a model that reads payload["instances"] fails only
# for these clients.
#
# Seen: application/json: dict; with "; charset=utf-8": bytes; Application/JSON: bytes; no content type: dict
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check kserve==0.21.0
cat >predictor.py <<'PY'
import sys

from kserve import Model, ModelServer


class Tells(Model):
    def load(self):
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        return {"type": type(payload).__name__}


model = Tells("m")
model.load()
ModelServer(http_port=int(sys.argv[1]), enable_grpc=False).start([model])
PY
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/python predictor.py "$port" >log 2>&1 &
server=$!
venv/bin/python - "$port" <<'PY'
import http.client
import json
import sys
import time


def type_told(content_type):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    headers = {"Content-Type": content_type} if content_type else {}
    connection.request("POST", "/v1/models/m:predict", json.dumps({"instances": [1]}), headers)
    return json.loads(connection.getresponse().read())["type"]


for _ in range(300):
    try:
        type_told("application/json")
        break
    except OSError:
        time.sleep(0.2)
types = ("application/json", "application/json; charset=utf-8", "Application/JSON", None)
seen = {each: type_told(each) for each in types}
print(seen)
assert [*seen.values()] == ["dict", "bytes", "bytes", "dict"], seen
PY
