#!/usr/bin/env bash
# distributed 2026.8.0 (dask 2026.8.0): the concurrent.futures.Executor that Client.get_executor() gives.
#
# Guess: shutdown(wait=False) does not wait, and what was submitted is done all the same, as by every executor of
# Python's; what is to be dropped is dropped by cancel_futures=True.
# Seen: shutdown(wait=False) cancels all that is not done; what runs ends, and its result is nobody's. There is no
# cancel_futures, which Executor has had since Python 3.9.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet distributed==2026.8.0 dask==2026.8.0
cat >program.py <<'PYTHON'
import os
import time
from concurrent.futures import Executor, ThreadPoolExecutor

from distributed import Client, LocalCluster


def work(name):
    open(f"{name}-begun", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.05)
    open(name, "w").close()


def wait_for(name, seconds):
    end = time.monotonic() + seconds
    while not os.path.exists(name) and time.monotonic() < end:
        time.sleep(0.05)


def show(kind, executor):
    assert isinstance(executor, Executor)
    if os.path.exists("go"):
        os.remove("go")
    futures = [executor.submit(work, f"{kind}-{number}") for number in range(4)]
    wait_for(f"{kind}-0-begun", 60)
    executor.shutdown(wait=False)
    open("go", "w").close()
    wait_for(f"{kind}-3", 5)
    done = sum(os.path.exists(f"{kind}-{number}") for number in range(4))
    cancelled = sum(future.cancelled() for future in futures)
    print(f"{kind}: {'all' if done == 4 else 'not all'} done, {cancelled} of 4 cancelled")


def drop(kind, executor):
    try:
        executor.shutdown(cancel_futures=True)
        print(f"{kind}: cancel_futures is taken")
    except TypeError as error:
        print(f"{kind}: {type(error).__name__}")


if __name__ == "__main__":
    show("threads", ThreadPoolExecutor(1))
    drop("threads", ThreadPoolExecutor(1))
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        show("dask", client.get_executor())
        drop("dask", client.get_executor())
PYTHON
venv/bin/python program.py 2>log | tee seen
diff - seen <<'EXPECTED'
threads: all done, 0 of 4 cancelled
threads: cancel_futures is taken
dask: not all done, 4 of 4 cancelled
dask: TypeError
EXPECTED
