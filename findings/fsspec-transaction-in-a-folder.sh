#!/usr/bin/env bash
# fsspec 2026.9.0 and s3fs 2026.9.0 (aiobotocore 3.10.0, boto3 1.43.117), on a bucket of moto 5.2.5.
#
# Guess: what is written within `with filesystem.transaction:` appears when the block ends, or not at all if it raises:
# for a DirFileSystem, which passes everything on to the file system that it stands for, and for pipe_file too.
# Seen: through a DirFileSystem nothing waits, whatever it stands for: its transaction is its own, and files are opened
# by the other file system, which is in none. Nothing says so; what was written stays. Of s3fs itself, a transaction
# holds back what is written by open, and not what is written by pipe_file, which it holds back on a disk.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet fsspec==2026.9.0 s3fs==2026.9.0 aiobotocore==3.10.0 boto3==1.43.117 \
    'moto[s3,server]==5.2.5'
AWS_ACCESS_KEY_ID=some AWS_SECRET_ACCESS_KEY=some AWS_DEFAULT_REGION=us-east-1 NO_PROXY=127.0.0.1 \
    venv/bin/python - 2>log <<'PYTHON' | tee seen
import os

import fsspec
from fsspec.implementations.dirfs import DirFileSystem
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
s3 = fsspec.filesystem("s3", endpoint_url="http://%s:%s" % server.get_host_and_port())
disk = fsspec.filesystem("file")
s3.mkdir("bucket")
os.mkdir("bucket")
root = os.path.abspath("bucket")


def left(filesystem, below):
    try:
        with filesystem.transaction:
            with filesystem.open(f"{below}opened", "wb") as file:
                file.write(b"x")
            filesystem.pipe_file(f"{below}piped", b"x")
            raise KeyError
    except KeyError:
        pass
    filesystem.invalidate_cache()
    return [name for name in ("opened", "piped") if filesystem.exists(f"{below}{name}")]


print("disk:", *left(disk, f"{root}/a"))
print("s3:", *left(s3, "bucket/a"))
print("folder on disk:", *left(DirFileSystem(root, disk), "b"))
print("folder in s3:", *left(DirFileSystem("bucket", s3), "b"))
server.stop()
PYTHON
diff - seen <<'EXPECTED'
disk:
s3: piped
folder on disk: opened piped
folder in s3: opened piped
EXPECTED
