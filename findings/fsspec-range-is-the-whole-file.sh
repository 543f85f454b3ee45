#!/usr/bin/env bash
# fsspec 2026.9.0 (aiohttp 3.14.5) and obstore 0.12.1, on Python's http.server, which gives no parts of files.
#
# Guess: cat_file(url, start=10, end=20) gives ten bytes, cut out of the answer if need be, or raises, as read_block
# of the same bytes does.
# Seen: it gives the whole file, as do cat_ranges and a start counted from the end: that the server answered 200 and not
# 206 is not looked at. obstore raises.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet fsspec==2026.9.0 aiohttp==3.14.5 obstore==0.12.1
NO_PROXY=127.0.0.1 venv/bin/python - 2>log <<'PYTHON' | tee seen
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import obstore
from obstore.store import HTTPStore

with open("weights", "wb") as file:
    file.write(bytes(range(250)) * 10_000)
server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
root = f"http://127.0.0.1:{server.server_port}"
url = f"{root}/weights"
web = fsspec.filesystem("http")
store = HTTPStore.from_url(root, client_options={"allow_http": True})
for name, ask in {
    "cat_file": lambda: web.cat_file(url, start=10, end=20),
    "cat_file, the last ten": lambda: web.cat_file(url, start=-10),
    "cat_ranges": lambda: web.cat_ranges([url], [10], [20])[0],
    "read_block": lambda: web.read_block(url, 10, 10),
    "obstore.get_range": lambda: obstore.get_range(store, "weights", start=10, end=20),
}.items():
    try:
        print(f"{name}: {len(bytes(ask())):,} bytes")
    except Exception as error:
        print(f"{name}: {type(error).__name__}")
PYTHON
diff - seen <<'EXPECTED'
cat_file: 2,500,000 bytes
cat_file, the last ten: 2,500,000 bytes
cat_ranges: 2,500,000 bytes
read_block: ValueError
obstore.get_range: NotSupportedError
EXPECTED
