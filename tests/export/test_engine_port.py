"""The port at which an export is started is nobody else's while its engine begins."""

from __future__ import annotations

import socket
import sys

import pytest

from marpack.export.engine import own_port


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a port cannot be held for another")
def test_nobody_else_is_given_the_port_and_the_engine_opens_it() -> None:
    with own_port() as port:
        with socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
            other.bind(("127.0.0.1", port))
        with socket.create_server(("127.0.0.1", port)) as engine, socket.create_connection(("127.0.0.1", port)):
            engine.accept()[0].close()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # of what is over something may linger
        other.bind(("127.0.0.1", port))
