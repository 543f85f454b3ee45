#!/usr/bin/env bash
# kserve-storage 0.21.0, the storage initializer of KServe, on a bucket of moto 5.2.5.
#
# Guess: of s3://bucket/models/abc it downloads what is below models/abc/, all of it.
# Seen: it lists by the prefix models/abc, and takes what begins so: models/abc.json lands in the model's folder as
# .json, and models/abcd/weights as d/weights. Objects without contents are left out: an empty __init__.py is not there.
# With a slash at the end of the URI the neighbours stay where they are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet kserve-storage==0.21.0 'moto[s3,server]==5.2.5'
AWS_ACCESS_KEY_ID=some AWS_SECRET_ACCESS_KEY=some AWS_DEFAULT_REGION=us-east-1 NO_PROXY=127.0.0.1 \
    venv/bin/python - 2>log <<'PYTHON' | tee seen
import os
import tempfile

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
os.environ["AWS_ENDPOINT_URL"] = "http://%s:%s" % server.get_host_and_port()
from kserve_storage import Storage

bucket = boto3.resource("s3").create_bucket(Bucket="bucket")
for name in ("abc/model.bst", "abc/__init__.py", "abc.json", "abcd/weights"):
    bucket.put_object(Key=f"models/{name}", Body=b"" if name.endswith(".py") else b"x")
for uri in ("s3://bucket/models/abc", "s3://bucket/models/abc/"):
    target = tempfile.mkdtemp(dir=".")
    Storage.download(uri, target)
    found = [os.path.relpath(os.path.join(at, file), target) for at, _, files in os.walk(target) for file in files]
    print(uri, *sorted(found))
server.stop()
PYTHON
diff - seen <<'EXPECTED'
s3://bucket/models/abc .json d/weights model.bst
s3://bucket/models/abc/ model.bst
EXPECTED
