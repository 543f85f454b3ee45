#!/usr/bin/env bash
# ray[serve] 2.60.0, local testing mode
#
# One would guess: serve.run(app, _local_testing_mode=True), which is there to test a deployment without a cluster, runs
# a method under @serve.batch as it runs the others.
# What happens: the other methods answer; the batched one raises that the replica's context may only be had within a
# deployment. What a deployment does with batches cannot be tested without a cluster.
#
# Seen: alone: 4
#   batched: RayServeException: `serve.get_replica_context()` may only be called from within a Ray Serve deployment.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export HOME=$work RAY_USAGE_STATS_ENABLED=0
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'ray[serve]==2.60.0'
venv/bin/python - 2>log <<'PY'
from ray import serve


@serve.deployment
class Doubler:
    @serve.batch(max_batch_size=4, batch_wait_timeout_s=0)
    async def batched(self, numbers):
        return [2 * number for number in numbers]

    async def alone(self, number):
        return 2 * number


handle = serve.run(Doubler.bind(), _local_testing_mode=True)
alone = handle.alone.remote(2).result(timeout_s=60)
try:
    batched = handle.batched.remote(2).result(timeout_s=60)
except Exception as error:
    batched = f"{type(error).__name__}: {error}"
print(f"alone: {alone}")
print(f"batched: {batched}")
assert alone == 4
assert batched.startswith("RayServeException: `serve.get_replica_context()` may only be called"), batched
PY
