#!/usr/bin/env bash
# s3fs 2026.9.0 (fsspec 2026.9.0, aiobotocore 3.10.0, boto3 1.43.117), smart_open 9.0.2, obstore 0.12.1, pyarrow 26.0.1
# and cloudpathlib 0.26.0, on a bucket of moto 5.2.5.
#
# Guess: all are alike where the body of `with open(url, "wb")` raises, as an open file on a disk is: what has been
# written is kept, cut.
# Seen: smart_open and obstore's own writer give up the upload, and nothing appears; with s3fs, pyarrow, cloudpathlib and
# obstore's adapter for fsspec, what was written so far becomes the object, under its final name, as if it were whole.
# So the same library, obstore, does the one or the other by the door that one comes in by.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet fsspec==2026.9.0 s3fs==2026.9.0 aiobotocore==3.10.0 boto3==1.43.117 smart_open==9.0.2 \
    obstore==0.12.1 pyarrow==26.0.1 cloudpathlib==0.26.0 'moto[s3,server]==5.2.5'
AWS_ACCESS_KEY_ID=some AWS_SECRET_ACCESS_KEY=some AWS_DEFAULT_REGION=us-east-1 NO_PROXY=127.0.0.1 \
    venv/bin/python - 2>log <<'PYTHON' | tee seen
import boto3
import cloudpathlib
import fsspec
import obstore
import smart_open
from moto.server import ThreadedMotoServer
from obstore.fsspec import FsspecStore
from obstore.store import S3Store
from pyarrow.fs import S3FileSystem

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
address = "%s:%s" % server.get_host_and_port()
url = f"http://{address}"
client = boto3.client("s3", endpoint_url=url)
client.create_bucket(Bucket="bucket")
at = {"endpoint": url, "access_key_id": "some", "secret_access_key": "some", "region": "us-east-1"}
plain = {"allow_http": True}
s3 = fsspec.filesystem("s3", endpoint_url=url)
adapter = FsspecStore("s3", config=at, client_options=plain)
store = S3Store("bucket", config=at, client_options=plain)
arrow = S3FileSystem(endpoint_override=address, scheme="http", access_key="some", secret_key="some")
paths = cloudpathlib.S3Client(endpoint_url=url)
writers = {
    "s3fs": lambda key: s3.open(f"bucket/{key}", "wb"),
    "pyarrow": lambda key: arrow.open_output_stream(f"bucket/{key}"),
    "cloudpathlib": lambda key: paths.CloudPath(f"s3://bucket/{key}").open("wb"),
    "obstore by fsspec": lambda key: adapter.open(f"bucket/{key}", "wb"),
    "obstore": lambda key: obstore.open_writer(store, key),
    "smart_open": lambda key: smart_open.open(f"s3://bucket/{key}", "wb", transport_params={"client": client}),
}
for name, opened in writers.items():
    sizes = []
    for part in (b"cut", b"x" * (12 << 20)):
        key = f"{name}-{len(part)}"
        try:
            with opened(key) as file:
                file.write(part)
                raise KeyError
        except KeyError:
            pass
        found = client.list_objects_v2(Bucket="bucket", Prefix=key).get("Contents", [])
        sizes.append(f"{len(part)} -> {found[0]['Size'] if found else 'nothing'}")
    print(f"{name}:", *sizes, sep="  ")
server.stop()
PYTHON
diff - seen <<'EXPECTED'
s3fs:  3 -> 3  12582912 -> 12582912
pyarrow:  3 -> 3  12582912 -> 12582912
cloudpathlib:  3 -> 3  12582912 -> 12582912
obstore by fsspec:  3 -> 3  12582912 -> 12582912
obstore:  3 -> nothing  12582912 -> nothing
smart_open:  3 -> nothing  12582912 -> nothing
EXPECTED
