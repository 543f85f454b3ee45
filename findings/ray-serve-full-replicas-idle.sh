#!/usr/bin/env bash
# ray[serve] 2.60.0
#
# One would guess: a replica that takes one request at a time, 20 ms each, answers about 50 a second as long as
# requests wait for it, whether they wait in the replica (max_ongoing_requests=100) or in the router before it
# (max_ongoing_requests=2).
# What happens: where they wait in the router, which tries again after pauses of 25 ms to 0.5 s while all replicas are
# full, the replica is idle most of the time: of 64 clients a fraction is answered.
#
# Seen (2 cores, 5 seconds each): 100: 46.4 answers/s; 2: 7.4 answers/s
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
import threading
import time

import ray
from ray import serve


@serve.deployment(ray_actor_options={"num_cpus": 0.1})
class OneAtATime:
    def __init__(self):
        self.turn = asyncio.Lock()

    async def __call__(self, request):
        async with self.turn:
            await asyncio.sleep(0.02)
        return "done"


ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
serve.start(http_options={"host": "127.0.0.1", "port": 18765})


def rate(most, clients=64, seconds=5):
    serve.run(OneAtATime.options(max_ongoing_requests=most).bind(), name="app", route_prefix="/")
    answers = []

    def ask(end):
        connection = http.client.HTTPConnection("127.0.0.1", 18765, timeout=120)
        while time.monotonic() < end:
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"done"
            answers.append(time.monotonic())

    begin = time.monotonic()
    threads = [threading.Thread(target=ask, args=(begin + seconds + 2,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The first two seconds are not counted, nor what comes when nobody asks any more.
    return sum(begin + 2 <= each <= begin + 2 + seconds for each in answers) / seconds


full, few = rate(100), rate(2)
print(f"100: {full:.1f} answers/s; 2: {few:.1f} answers/s")
assert few < full / 2, (few, full)
serve.shutdown()
ray.shutdown()
PY
