#!/usr/bin/env bash
# s3fs 2026.9.0 (fsspec 2026.9.0, aiobotocore 3.10.0, boto3 1.43.117), obstore 0.12.1 (its adapter for fsspec) and
# pyarrow 26.0.1 (by fsspec), on a bucket of moto 5.2.5 that holds one object, folder/weights.
#
# Guess: to open bucket/folder, which is no object, for reading is an error, as it is where nothing begins so, and as
# cat_file of it is.
# Seen: s3fs and obstore's adapter open it, and it is empty, with and without a slash: whoever names the folder instead of
# the file reads an empty file. pyarrow raises.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet fsspec==2026.9.0 s3fs==2026.9.0 aiobotocore==3.10.0 boto3==1.43.117 \
    obstore==0.12.1 pyarrow==26.0.1 'moto[s3,server]==5.2.5'
AWS_ACCESS_KEY_ID=some AWS_SECRET_ACCESS_KEY=some AWS_DEFAULT_REGION=us-east-1 NO_PROXY=127.0.0.1 \
    venv/bin/python - 2>log <<'PYTHON' | tee seen
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
bucket.put_object(Key="folder/weights", Body=b"x")
at = {"endpoint": f"http://{address}", "access_key_id": "some", "secret_access_key": "some", "region": "us-east-1"}
arrow = S3FileSystem(endpoint_override=address, scheme="http", access_key="some", secret_key="some")


def outcome(ask):
    try:
        return ask()
    except Exception as error:
        return "FileNotFoundError" if isinstance(error, FileNotFoundError) else "error"


def read(filesystem, path):
    with filesystem.open(path, "rb") as file:
        return file.read()


for name, filesystem in (
    ("s3fs", fsspec.filesystem("s3", endpoint_url=f"http://{address}")),
    ("obstore", FsspecStore("s3", config=at, client_options={"allow_http": True})),
    ("pyarrow", ArrowFSWrapper(arrow)),
):
    paths = ("bucket/folder", "bucket/folder/", "bucket/fold", "bucket/folder/weights")
    seen = [outcome(lambda path=path: read(filesystem, path)) for path in paths]
    print(f"{name}:", *seen, "cat_file:", outcome(lambda: filesystem.cat_file("bucket/folder")))
server.stop()
PYTHON
diff - seen <<'EXPECTED'
s3fs: b'' b'' FileNotFoundError b'x' cat_file: FileNotFoundError
obstore: b'' b'' FileNotFoundError b'x' cat_file: FileNotFoundError
pyarrow: FileNotFoundError error FileNotFoundError b'x' cat_file: FileNotFoundError
EXPECTED
