#!/usr/bin/env bash
# torchserve 0.12.0's worker (ts/model_service_worker.py) with torch 2.13.0, NumPy 2.4.6, PyYAML 6.0.3. Needs no Java.
#
# Guess: a worker ends when its server does. It has one connection, from the server, and nothing to do without it.
# Seen: an ordinary worker that has loaded a model ends as soon as its socket is closed. One of a model with
# asyncCommunication (--async) goes on for ever: of its connection's end only a thread is told, and the other threads
# keep the process. A server that is killed, as for want of memory, leaves such workers with all that they hold of a
# GPU, and the next server starts others beside them. Without a model they do end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 torchserve==0.12.0 numpy==2.4.6 PyYAML==6.0.3
mkdir -p net
cat >net/handler.py <<'PYTHON'
class Handler:
    def initialize(self, context):
        pass

    async def handle(self, rows, context):
        return rows
PYTHON
cat >end.py <<'PYTHON'
import os
import socket
import struct
import subprocess
import sys

import ts

home = os.path.dirname(ts.__file__)


def field(text):
    return struct.pack(">i", len(text)) + text.encode()


def number(connection):
    return struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))[0]


def ends(option, loads, name):
    command = [sys.executable, f"{home}/model_service_worker.py", "--sock-type", "unix", "--sock-name", name]
    command += ["--metrics-config", f"{home}/configs/metrics.yaml", *option]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert any("Torch worker started" in line for line in worker.stdout), "it has ended before it listened"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(name)
            if loads:
                folder = os.path.abspath("net")
                message = b"L" + field("net") + field(folder) + struct.pack(">i", 1) + field("handler.py")
                connection.sendall(message + struct.pack(">i", -1) + field("") + b"\1")
                assert number(connection) == 200
            connection.shutdown(socket.SHUT_RDWR)
        try:
            worker.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            return "runs on"
        return "has ended"
    finally:
        worker.kill()
        worker.communicate()


for loads in (False, True):
    for option in ([], ["--async"]):
        told = f"{'async' if option else 'ordinary'}, {'a model' if loads else 'no model'}"
        print(f"{told}:", ends(option, loads, f"worker.{1 + 2 * loads + len(option)}"))
PYTHON
PYTHONPATH=net venv/bin/python end.py | tee seen
diff - seen <<'EXPECTED'
ordinary, no model: has ended
async, no model: has ended
ordinary, a model: has ended
async, a model: runs on
EXPECTED
