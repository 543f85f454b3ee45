"""Serve shout-on-ray by Ray Serve, print the answer to a request, and end."""

import runpy
import sys
import urllib.request
from pathlib import Path

import ray
from ray import serve

app = runpy.run_path("shout-on-ray/app.py")["app"]
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": 8000})
serve.run(app)
request = urllib.request.Request(
    "http://127.0.0.1:8000/predictions/shout",
    data=Path(sys.argv[1]).read_bytes(),
    headers={"Content-Type": "text/plain"},
)
with urllib.request.urlopen(request) as answer:
    sys.stdout.write(answer.read().decode())
serve.shutdown()
ray.shutdown()
