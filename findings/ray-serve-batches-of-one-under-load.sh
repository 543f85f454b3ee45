#!/usr/bin/env bash
# ray[serve] 2.60.0
#
# One would guess: with @serve.batch, requests that come while a batch is being answered are the next batch, so that
# batches are the larger the more is asked; so do TorchServe and Triton.
# What happens: a batch is closed when batch_wait_timeout_s is over, and not when its turn comes. Of a method that takes
# longer than that each request that comes alone stays alone, and they queue: 16 clients, a batch of 8, 10 ms of
# patience and 0.3 s of work, and batches stay small.
#
# Seen (2 cores, 8 seconds): batches of [1, 1, 1, 2, 1, 1, 1, 1, 1, 1] last
set -euo pipefail
work=$(mktemp -d /tmp/rf.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
export HOME=$work RAY_USAGE_STATS_ENABLED=0 RAY_AUTH_MODE=disabled RAY_TMPDIR=$work
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'ray[serve]==2.60.0'
venv/bin/python - 2>log <<'PY'
import asyncio
import http.client
import json
import threading
import time

import ray
from ray import serve


@serve.deployment(ray_actor_options={"num_cpus": 0.1}, max_ongoing_requests=100)
class Batched:
    def __init__(self):
        self.sizes = []

    @serve.batch(max_batch_size=8, batch_wait_timeout_s=0.01)
    async def batched(self, requests):
        self.sizes.append(len(requests))
        await asyncio.sleep(0.3)
        return [len(requests)] * len(requests)

    async def __call__(self, request):
        return self.sizes if request.url.path == "/sizes" else await self.batched(request)


ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
serve.start(http_options={"host": "127.0.0.1", "port": 18766})
serve.run(Batched.bind(), name="app", route_prefix="/")
end = time.monotonic() + 8


def ask(path):
    connection = http.client.HTTPConnection("127.0.0.1", 18766, timeout=120)
    connection.request("GET", path)
    return json.loads(connection.getresponse().read())


def ask_on(number):
    time.sleep(number * 0.02)
    while time.monotonic() < end:
        ask("/")


threads = [threading.Thread(target=ask_on, args=(number,)) for number in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
last = ask("/sizes")[-10:]
print(f"batches of {last} last")
assert sum(last) / len(last) < 4, last
serve.shutdown()
ray.shutdown()
PY
