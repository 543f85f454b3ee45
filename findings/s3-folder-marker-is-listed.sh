#!/usr/bin/env bash
# s3fs 2026.9.0 (aiobotocore 3.10.0, boto3 1.43.117), obstore 0.12.1 (its adapter for fsspec) and pyarrow 26.0.1 (by
# fsspec 2026.9.0), on a bucket of moto 5.2.5 with objects as a store's console makes them for folders: empty, their
# names ending with a slash.
#
# Guess: for all of fsspec, find() of a folder gives the files in it: none for a new folder that a console made.
# Seen: s3fs gives the marker too, with its slash; and a path that is a folder to isdir() is none where find() came first,
# by what it has cached. obstore gives the folder itself as a file, without
# a slash, and get() of a folder with a marker fails for want of that file. pyarrow gives what was guessed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet fsspec==2026.9.0 s3fs==2026.9.0 aiobotocore==3.10.0 boto3==1.43.117 \
    obstore==0.12.1 pyarrow==26.0.1 'moto[s3,server]==5.2.5'
AWS_ACCESS_KEY_ID=some AWS_SECRET_ACCESS_KEY=some AWS_DEFAULT_REGION=us-east-1 NO_PROXY=127.0.0.1 \
    venv/bin/python - 2>log <<'PYTHON' | tee seen
import os

import boto3
import fsspec
from fsspec.implementations.arrow import ArrowFSWrapper
from moto.server import ThreadedMotoServer
from obstore.fsspec import FsspecStore
from pyarrow.fs import S3FileSystem

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
address = "%s:%s" % server.get_host_and_port()
bucket = boto3.resource("s3", endpoint_url=f"http://{address}").create_bucket(Bucket="bucket")
for name in ("new/", "full/", "full/weights"):
    bucket.put_object(Key=name, Body=b"" if name.endswith("/") else b"x")
at = {"endpoint": f"http://{address}", "access_key_id": "some", "secret_access_key": "some", "region": "us-east-1"}
arrow = S3FileSystem(endpoint_override=address, scheme="http", access_key="some", secret_key="some")
for name, connect in (
    ("s3fs", lambda: fsspec.filesystem("s3", endpoint_url=f"http://{address}", skip_instance_cache=True)),
    ("obstore", lambda: FsspecStore("s3", config=at, client_options={"allow_http": True}, skip_instance_cache=True)),
    ("pyarrow", lambda: ArrowFSWrapper(arrow, skip_instance_cache=True)),
):
    before = connect().isdir("bucket/new")
    filesystem = connect()
    found = filesystem.find("bucket/new")
    after = filesystem.isdir("bucket/new")
    try:
        filesystem.get("bucket/full", name, recursive=True)
        got = os.listdir(name)
    except FileNotFoundError as error:
        got = [type(error).__name__]
    print(f"{name}: folder {before}, found {found}, folder {after}; got", *got)
server.stop()
PYTHON
diff - seen <<'EXPECTED'
s3fs: folder True, found ['bucket/new/'], folder False; got weights
obstore: folder True, found ['bucket/new'], folder True; got FileNotFoundError
pyarrow: folder True, found [], folder True; got weights
EXPECTED
