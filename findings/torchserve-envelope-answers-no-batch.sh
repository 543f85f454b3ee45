#!/usr/bin/env bash
# torchserve 0.12.0 with its envelopes, torch 2.13.0, NumPy 2.4.6, PyYAML 6.0.3. Needs a JDK of 17 or newer.
#
# Guess: batchSize works with an envelope as without one; it gives the handler the rows of all requests of a batch, and
# each request its own part of the answer.
# Seen: the envelope reads the first request of a batch and makes one answer. As soon as two requests meet in a batch both
# are refused, 503 "number of batch response mismatched", though the handler answered; alone, each gets its answer, so
# that a test with one request at a time sees nothing. The same handler without an envelope answers both. Of the
# envelopes that come with TorchServe, json is one that splits a batch.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 torchserve==0.12.0 numpy==2.4.6 PyYAML==6.0.3
mkdir -p store net/MAR-INF
cat >net/handler.py <<'PYTHON'
def handle(rows, context):
    return None if rows is None else [float(len(rows))] * len(rows)
PYTHON
cat >net/MAR-INF/MANIFEST.json <<'JSON'
{"runtime": "python", "archiverVersion": "0.12.0",
 "model": {"modelName": "net", "modelVersion": "1.0", "handler": "handler.py"}}
JSON
(cd net && ../venv/bin/python -m zipfile -c ../store/net.mar handler.py MAR-INF)
cat >ask.py <<'PYTHON'
import json
import sys
import threading
import time
import urllib.error
import urllib.request

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
envelope, (inference, management) = sys.argv[1], sys.argv[2:]
v2 = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}
path, body = {
    "none": ("predictions/net", [1]),
    "json": ("v1/models/net:predict", {"instances": [1]}),
    "kserve": ("v1/models/net:predict", {"instances": [1]}),
    "kservev2": ("v2/models/net/infer", v2),
}[envelope]


def ready():
    try:
        with opener.open(f"http://127.0.0.1:{management}/models/net", timeout=5) as answer:
            return json.load(answer)[0]["workers"][0]["status"] == "READY"
    except (OSError, IndexError):
        return False


def ask(answers):
    request = urllib.request.Request(f"http://127.0.0.1:{inference}/{path}", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    try:
        with opener.open(request, timeout=60) as answer:
            answers.append(str(answer.status))
    except urllib.error.HTTPError as error:
        answers.append(f"{error.code} {json.load(error)['message']}")


end = time.monotonic() + 120
while not ready():
    assert time.monotonic() < end, "no worker has started"
    time.sleep(0.5)
for number in (1, 2):
    answers = []
    threads = [threading.Thread(target=ask, args=[answers]) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{envelope}, {number} at once:", "; ".join(answers))
PYTHON
ports=$(venv/bin/python -c '
import socket
all = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
print(*(each.getsockname()[1] for each in all))')
read -r inference management metrics grpc grpc_management <<<"$ports"
for envelope in none json kserve kservev2; do
    cat >config.properties <<CONFIG
inference_address=http://127.0.0.1:$inference
management_address=http://127.0.0.1:$management
metrics_address=http://127.0.0.1:$metrics
grpc_inference_port=$grpc
grpc_management_port=$grpc_management
disable_token_authorization=true
model_store=$folder/store
load_models=net.mar
models={"net": {"1.0": {"marName": "net.mar", "minWorkers": 1, "maxWorkers": 1, "batchSize": 2, "maxBatchDelay": 3000}}}
CONFIG
    [ "$envelope" = none ] || echo "service_envelope=$envelope" >>config.properties
    PATH=$PWD/venv/bin:$PATH java -Dmodel_server_home="$(echo venv/lib/python*/site-packages)" \
        -jar venv/lib/python*/site-packages/ts/frontend/model-server.jar \
        --python "$PWD/venv/bin/python" -f config.properties -s store -ncs >>log 2>&1 &
    server=$!
    venv/bin/python ask.py "$envelope" "$inference" "$management" | tee -a seen
    kill "$server"
    wait "$server" || true
    server=
done
diff - seen <<'EXPECTED'
none, 1 at once: 200
none, 2 at once: 200; 200
json, 1 at once: 200
json, 2 at once: 200; 200
kserve, 1 at once: 200
kserve, 2 at once: 503 number of batch response mismatched; 503 number of batch response mismatched
kservev2, 1 at once: 200
kservev2, 2 at once: 503 number of batch response mismatched; 503 number of batch response mismatched
EXPECTED
