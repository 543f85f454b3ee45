"""A model of KServe's is asked by a program, by gRPC's values, and by another model, and is subclassed."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.server.kserve_archives import REFUSES, write_archives
from tests.server.test_running_requests import NEWEST
from tests.support import model_server
from tests.support.torchserve import install_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.server

PROGRAM = """
import asyncio, json, pickle, sys
import httpx, kserve, numpy
from kserve.protocol.grpc import grpc_predict_v2_pb2 as grpc
from kserve import InferInput, InferRequest
from marpack.errors import MarpackError, NotServedError
from marpack.running.kserve import MarModel
from marpack.running.kserve_app import AnsweredError

store, python = sys.argv[1:]
said = {}

moody = MarModel("m", store + "/moody.mar", python=python)
try:
    moody.load()
except NotServedError as error:
    said["refused"] = [str(error), moody.ready, error.traceback]
moody.start()
said["started"] = moody.ready
said["healthy"] = asyncio.run(moody.healthy())


async def main():
    one = MarModel("1", store + "/asks.mar", python=python, header_names=("Do",))
    two = MarModel("2", store + "/asks.mar", python=python, envelope="kservev2", header_names=("Do",))
    assert one.load() and two.load() and one.load()
    said["dict"] = (await one({"a": 1}, headers={"x-a": "b", "content-length": "7"}))[0]
    said["bytes"] = (await one(b"ab", headers={"content-type": "image/png"}))[0]["given"]
    said["returned"] = repr((await one({}, headers={"do": '["returns", "bytes"]'}))[0])
    try:
        await one({}, headers={"do": '["fails", "PredictionException", "no", 404]'})
    except AnsweredError as error:
        said["fails"] = [error.response.status, str(error)]
    try:
        pickle.dumps(one)
    except MarpackError as error:
        said["pickled"] = str(error)
    tensors = InferInput("i", [2], "INT64")
    tensors.set_data_from_numpy(numpy.array([1, 2]), binary_data=True)
    answer, _ = await two(InferRequest("2", [tensors], request_id="7"))
    said["v2"] = answer.to_dict()
    named = {"name": "i", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"ab"]}}
    number = {"name": "i", "datatype": "INT64", "shape": [2]}
    raw = numpy.array([1, 2]).tobytes()
    for message in (
        grpc.ModelInferRequest(model_name="2", inputs=[named]),
        grpc.ModelInferRequest(model_name="2", inputs=[number], raw_input_contents=[raw]),
    ):
        answer, _ = await two(InferRequest.from_grpc(message), headers={"user-agent": "x", "bad name": "\u20ac"})
        said.setdefault("given", []).append(str(answer.outputs[0].data))
        answer, _ = await two(InferRequest.from_grpc(message), headers={"do": '["returns", "str"]'})
        said.setdefault("grpc", []).append(answer.to_grpc().outputs[0].contents.bytes_contents[0].decode())
    try:
        await one(InferRequest("1", [tensors]))
    except Exception as error:
        said["v2 of another"] = repr(error)
    task = asyncio.ensure_future(one({}, headers={"do": '["dies", "sleep"]'}))
    await asyncio.sleep(0.5)
    one.stop()
    said["stopped"] = [repr(await asyncio.gather(task, return_exceptions=True)), one.ready]
    try:
        await one({})
    except Exception as error:
        said["after"] = repr(error)
    assert one.load()
    said["again"] = (await one([1]))[0]["given"]
    two.stop()


class Doubles(MarModel):
    async def preprocess(self, payload, headers=None):
        return {"body": payload["body"] * 2}

    async def postprocess(self, result, headers=None, response_headers=None):
        return [result]


class Front(kserve.Model):
    def __init__(self, behind):
        super().__init__("front")
        self.behind, self.ready = behind, True

    async def predict(self, payload, headers=None):
        return {"front": (await self.behind({"body": [1]}))[0][0]["given"]}


async def over_http():
    model = Doubles("doubles", store + "/asks.mar", python=python)
    model.load()
    server = kserve.ModelServer(enable_grpc=False)
    server.register_model(model)
    server.register_model(Front(model))
    kserve.protocol.rest.server.RESTServer(
        "kserve.model_server:app", server.dataplane, server.model_repository_extension, 0
    ).create_application()
    transport = httpx.ASGITransport(app=kserve.model_server.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answer = await client.post("/v1/models/doubles:predict", json={"body": [1]})
        said["doubled"] = answer.json()["given"]
        answer = await client.post("/v1/models/front:predict", json={"body": []})
        said["in front"] = answer.json()["front"]
    returned, _ = await model({"body": [1]})
    said["doubled again"] = [each["given"] for each in returned]
    server.stop(15)

asyncio.run(main())
asyncio.run(over_http())
print(json.dumps(said))
"""


def test_a_program_may_ask_a_model_itself(
    pytestconfig: pytest.Config, run_python: Callable[[str], Path], tmp_path: Path
) -> None:
    write_archives(tmp_path)
    (tmp_path / REFUSES).touch()
    python = model_server.python(install_folder(pytestconfig))
    command = [str(python), "-c", PROGRAM, str(tmp_path), str(run_python(NEWEST))]
    done = subprocess.run(
        command, env=model_server.variables(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    message, ready, traceback = said["refused"]
    assert "is not served: Failed to start workers for model moody version: 1.0" in message
    assert "ValueError: not today" in traceback
    assert [ready, said["started"], said["healthy"]] == [False, False, False]
    assert said["dict"]["given"] == [["body", "dict", "{'a': 1}"]]
    assert ["x-a", "b"] in said["dict"]["headers"]
    assert said["bytes"] == [["body", "bytearray", "bytearray(b'ab')"]]
    assert said["returned"] == r"b'\x00\xff'"
    assert said["fails"][0] == 404
    assert "'1' is served by one process" in said["pickled"]
    assert said["v2"]["id"] == "7"
    assert said["v2"]["outputs"][0]["name"] == "i"
    assert ["'ab'" in said["given"][0], "[1, 2]" in said["given"][1]] == [True, True]
    assert said["grpc"] == ["ü", "ü"]
    assert "envelope" in said["v2 of another"]
    assert "ModelNotReady" in said["stopped"][0]
    assert said["stopped"][1] is False
    assert "ModelNotReady" in said["after"]
    assert said["again"] == [["body", "list", "[1]"]]
    assert said["doubled"] == [["body", "dict", "{'body': [1, 1]}"]]
    assert said["doubled again"] == [said["doubled"]]
    assert said["in front"] == said["doubled"]
