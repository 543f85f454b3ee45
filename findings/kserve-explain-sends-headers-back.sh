#!/usr/bin/env bash
# kserve 0.21.0 (a custom predictor's model server, V1 protocol)
#
# One would guess: the answer to :explain has the headers of an answer, as that to :predict has.
# What happens: it begins with all headers of the request. The client's own "x-mine", "user-agent" and "host" come back
# as headers of the response; to :predict of the same model they do not.
#
# Seen: predict: no x-mine, no user-agent; explain: x-mine: 1, user-agent: a-client
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check kserve==0.21.0
cat >predictor.py <<'PY'
import sys

from kserve import Model, ModelServer


class Answers(Model):
    def load(self):
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        return {"predictions": []}

    async def explain(self, payload, headers=None):
        return {"explanations": []}


model = Answers("m")
model.load()
ModelServer(http_port=int(sys.argv[1]), enable_grpc=False).start([model])
PY
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/python predictor.py "$port" >log 2>&1 &
server=$!
venv/bin/python - "$port" <<'PY'
import http.client
import sys
import time


def headers_of(verb):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    headers = {"Content-Type": "application/json", "X-Mine": "1", "User-Agent": "a-client"}
    connection.request("POST", f"/v1/models/m:{verb}", '{"instances": []}', headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    return {name: answer.getheader(name) for name in ("x-mine", "user-agent")}


for _ in range(300):
    try:
        headers_of("predict")
        break
    except OSError:
        time.sleep(0.2)
seen = {verb: headers_of(verb) for verb in ("predict", "explain")}
print(seen)
assert seen["predict"] == {"x-mine": None, "user-agent": None}
assert seen["explain"] == {"x-mine": "1", "user-agent": "a-client"}
PY
