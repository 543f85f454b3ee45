#!/usr/bin/env bash
# kserve 0.21.0, its server and its transformers (orjson 3.13.0, FastAPI 0.165.0, pydantic 2.14.4, NumPy 2.4.6).
#
# Guess: NaN goes through as Python's json has it, in and out, as through TorchServe, which reads and writes NaN; or it
# is refused.
# Seen: the first protocol refuses a request with NaN, 400, and the second reads it, on the same server. An answer with
# NaN or an infinity is sent as null by both, 200. A transformer whose predictor answers NaN, as TorchServe does, raises
# JSONDecodeError: orjson takes no NaN. Whole numbers beyond 64 bits come in as floats, and cannot be answered at all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet kserve==0.21.0 orjson==3.13.0 fastapi==0.165.0 pydantic==2.14.4 numpy==2.4.6
NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 venv/bin/python -W ignore - 2>log <<'PYTHON' | tee seen
import asyncio
import http.server
import logging
import os
import socket
import sys
import threading

import httpx
import kserve
from kserve.context import set_predictor_config
from kserve.model import PredictorConfig

logging.disable(logging.CRITICAL)


class Net(kserve.Model):
    def predict(self, payload, headers=None, response_headers=None):
        if isinstance(payload, dict):
            values = [{"nan": float("nan"), "big": 2**70}.get(each, each) for each in payload["instances"]]
            return {"predictions": values}
        values = payload.inputs[0].as_numpy()
        output = kserve.InferOutput("y", list(values.shape), "FP64")
        output.set_data_from_numpy(values, binary_data=False)
        return kserve.InferResponse(payload.id, self.name, [output])


class Predictor(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"predictions": [NaN]}')

    def log_message(self, *_):
        pass


async def transformed():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Predictor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    set_predictor_config(PredictorConfig(f"127.0.0.1:{server.server_port}", predictor_protocol="v1"))
    transformer = kserve.Model("net")
    transformer.ready = True
    try:
        print("transformer:", await transformer({"instances": [1]}))
    except Exception as error:
        print("transformer:", type(error).__name__)


async def asked(port):
    v2 = '{"id": "1", "inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [%s]}]}'
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
        for _ in range(100):
            try:
                await client.get("/v2/models/net/ready")
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.3)
        for label, path, body in (
            ("v1 reads", "/v1/models/net:predict", '{"instances": [NaN]}'),
            ("v1 answers", "/v1/models/net:predict", '{"instances": ["nan"]}'),
            ("v2 both", "/v2/models/net/infer", v2 % "NaN"),
            ("v2 both", "/v2/models/net/infer", v2 % "-Infinity"),
            ("v1 reads", "/v1/models/net:predict", '{"instances": [%d]}' % 2**70),
            ("v1 answers", "/v1/models/net:predict", '{"instances": ["big"]}'),
        ):
            reply = await client.post(path, content=body, headers={"Content-Type": "application/json"})
            known = reply.json()
            said = known.get("predictions") or known.get("outputs", [{}])[0].get("data") or ""
            print(f"{label}:", reply.status_code, *said)


def ask(port):
    asyncio.run(asked(port))
    asyncio.run(transformed())
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
v1 reads: 400
v1 answers: 200 None
v2 both: 200 None
v2 both: 200 None
v1 reads: 200 1.1805916207174113e+21
v1 answers: 500
transformer: JSONDecodeError
EXPECTED
