#!/usr/bin/env bash
# kserve-storage 0.21.0, the storage initializer of KServe, on files that a web server of this script hands out.
#
# Guess: what is downloaded is told by the name in the URL, or else by Content-Type; a .mar that comes as
# application/zip, which it is, is unpacked.
# Seen: the name alone decides what is done, and the Content-Type must then fit it, or the download fails. A .mar must
# come as application/octet-stream: application/zip is refused, as is binary/octet-stream, which S3 says of objects
# that were stored without a type. A .zip or a .tar.gz must come as its own type: application/octet-stream, which is
# right for the .mar beside it, is refused. They are unpacked; a .mar never is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet kserve-storage==0.21.0
venv/bin/python - 2>log <<'PYTHON' | tee seen
import http.server
import os
import shutil
import tarfile
import tempfile
import threading
import zipfile

from kserve_storage import Storage

os.mkdir("files")
with zipfile.ZipFile("files/net.mar", "w") as archive:
    archive.writestr("MAR-INF/MANIFEST.json", "{}")
shutil.copy("files/net.mar", "files/net.zip")
with tarfile.open("files/net.tar.gz", "w:gz") as archive:
    archive.add("files/net.mar", "net.mar")


class Handler(http.server.SimpleHTTPRequestHandler):
    kind = ""

    def __init__(self, *arguments):
        super().__init__(*arguments, directory="files")

    def guess_type(self, path):
        return self.kind

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for name in ("net.mar", "net.zip", "net.tar.gz"):
    for kind in ("octet-stream", "zip", "gzip", "binary/octet-stream"):
        Handler.kind = kind if "/" in kind else f"application/{kind}"
        target = tempfile.mkdtemp(dir=".")
        try:
            Storage.download(f"http://127.0.0.1:{server.server_port}/{name}", target)
            found = [file for _, _, files in os.walk(target) for file in files]
        except RuntimeError as error:
            found = ["refused" if "did not respond with" in str(error) else "?"]
        print(name, Handler.kind, *found)
PYTHON
diff - seen <<'EXPECTED'
net.mar application/octet-stream net.mar
net.mar application/zip refused
net.mar application/gzip refused
net.mar binary/octet-stream refused
net.zip application/octet-stream refused
net.zip application/zip MANIFEST.json
net.zip application/gzip refused
net.zip binary/octet-stream refused
net.tar.gz application/octet-stream refused
net.tar.gz application/zip refused
net.tar.gz application/gzip net.mar
net.tar.gz binary/octet-stream refused
EXPECTED
