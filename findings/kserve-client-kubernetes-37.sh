#!/usr/bin/env bash
# kserve 0.21.0's KServeClient with kubernetes 36.0.3 and 37.0.1, on an API server of this script that takes what comes.
#
# Guess: kserve asks for kubernetes>=23.3.0, so what pip takes for it will do: 37.0.1 (37.0.2 wants a python-dateutil that
# kserve does not allow).
# Seen: with 37.0.1 no service is created, patched or replaced, though it is built of both packages' models as before:
# its CustomObjectsApi takes nothing but a dict as a body, and raises before anything is sent. Its serializer, which
# made camelCase of kserve's models up to 36, now gives their Python names, api_version and storage_uri. kserve's own
# ApiClient still makes the document, and that, handed to CustomObjectsApi, is sent by both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
cat >service.py <<'PYTHON'
import http.server
import json
import os
import threading

import kserve
import kubernetes
from kubernetes import client

os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
received = []


class Server(http.server.BaseHTTPRequestHandler):
    def answer(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if sent:
            received.append(json.loads(sent))
        reply = sent or b'{"metadata": {"resourceVersion": "1"}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = do_PATCH = do_PUT = answer

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
with open("config", "w") as file:
    json.dump({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "here",
    }, file)
model = kserve.V1beta1ModelSpec(
    model_format=kserve.V1beta1ModelFormat(name="pytorch"),
    storage_uri="s3://models/net",
    resources=client.V1ResourceRequirements(limits={"cpu": "1"}),
)
service = kserve.V1beta1InferenceService(
    api_version="serving.kserve.io/v1beta1",
    kind="InferenceService",
    metadata=client.V1ObjectMeta(name="net", namespace="models"),
    spec=kserve.V1beta1InferenceServiceSpec(predictor=kserve.V1beta1PredictorSpec(model=model)),
)
known = kserve.KServeClient(config_file="config")


def tried(name, call):
    received.clear()
    try:
        call()
        print(" ", name, *received[0])
    except Exception as error:
        print(" ", name, type(error).__name__, f"{len(received)} sent")


print("kubernetes", kubernetes.__version__)
tried("create", lambda: known.create(service))
tried("patch", lambda: known.patch("net", service))
tried("replace", lambda: known.replace("net", service))
print("  its serializer:", *client.ApiClient().sanitize_for_serialization(service))
document = kserve.ApiClient().sanitize_for_serialization(service)
where = ("serving.kserve.io", "v1beta1", "models", "inferenceservices")
tried("document", lambda: client.CustomObjectsApi().create_namespaced_custom_object(*where, document))
PYTHON
venv/bin/pip install --quiet kserve==0.21.0 kubernetes==36.0.3
venv/bin/python -W ignore service.py 2>log >seen
venv/bin/pip install --quiet kubernetes==37.0.1
venv/bin/python -W ignore service.py 2>>log >>seen
cat seen
diff - seen <<'EXPECTED'
kubernetes 36.0.3
  create apiVersion kind metadata spec
  patch apiVersion kind metadata spec
  replace apiVersion kind metadata spec
  its serializer: apiVersion kind metadata spec
  document apiVersion kind metadata spec
kubernetes 37.0.1
  create ValidationError 0 sent
  patch ValidationError 0 sent
  replace ValidationError 0 sent
  its serializer: api_version kind metadata spec status
  document apiVersion kind metadata spec
EXPECTED
