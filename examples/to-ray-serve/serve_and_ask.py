"""Serve shout-on-ray by Ray Serve, write its answer to a request, and end: serve_and_ask.py REQUEST ANSWER."""

import runpy
import sys
import urllib.request
from pathlib import Path

import ray
from ray import serve

asked, answered = map(Path, sys.argv[1:])
folder = Path("shout-on-ray").resolve()
app = runpy.run_path(f"{folder}/app.py")["app"]
# A cluster of its own, or the one that RAY_ADDRESS names; what replicas import is in the folder.
ray.init(runtime_env={"env_vars": {"PYTHONPATH": str(folder)}})
serve.start(http_options={"host": "127.0.0.1", "port": 8000})
serve.run(app, name="shout", route_prefix="/shout")
request = urllib.request.Request(
    "http://127.0.0.1:8000/shout/predictions/shout",
    data=asked.read_bytes(),
    headers={"Content-Type": "text/plain"},
)
with urllib.request.urlopen(request) as answer:
    answered.write_bytes(answer.read())
serve.delete("shout")
ray.shutdown()
