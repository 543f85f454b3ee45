#!/usr/bin/env bash
# requests 2.34.2, urllib3 2.8.0
#
# One would guess: with stream=True nothing of an answer's body is read before it is asked for, and with
# allow_redirects=False a redirect is an answer as any other.
# What happens: the body of a redirect is read to its end before the answer is given out: requests
# prepares what it would send next (`Response.next`), for which it empties the connection. Of an answer 200 nothing is
# read.
#
# Seen (a body of 1 MiB): 200: 0 bytes read; 302: 1048576 bytes read
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check requests==2.34.2 urllib3==2.8.0
venv/bin/python - <<'PY'
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

SIZE = 1 << 20


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(SIZE))
        self.end_headers()
        try:
            self.wfile.write(bytes(SIZE))
        except OSError:  # whoever asked has gone
            pass

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
read = {}
for status in (200, 302):
    url = f"http://127.0.0.1:{server.server_port}/{status}"
    with requests.Session() as session:
        session.trust_env = False
        with session.get(url, allow_redirects=False, stream=True) as answer:
            assert answer.status_code == status
            read[status] = answer.raw.tell()
print("; ".join(f"{status}: {count} bytes read" for status, count in read.items()))
assert read == {200: 0, 302: SIZE}, read
PY
