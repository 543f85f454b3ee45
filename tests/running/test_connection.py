"""A connection takes whole fields in time, from a worker that may end at any moment."""

from __future__ import annotations

import math
import socket
import struct
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from marpack.running.connection import Connection, DiedError
from tests.support.processes import WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# More than the connection reads at once, and no byte like the one before it.
LONG = bytes(range(251)) * 4_000


class Peer:
    """The worker's end, and ours to it."""

    def __init__(self, place: Path) -> None:
        self.runs: Callable[[], bool] = lambda: True
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(place / "s"))
            listener.listen()
            self.ours = Connection(str(place / "s"), lambda: self.runs())
            self.theirs, _ = listener.accept()
        self.theirs.settimeout(WAIT_SECONDS)

    def say(self, *fields: bytes) -> None:
        for field in fields:
            self.theirs.sendall(struct.pack(">i", len(field)) + field)

    def hear(self, size: int) -> bytes:
        with self.theirs.makefile("rb") as file:
            return file.read(size)


@pytest.fixture
def peer(temporary: Path) -> Iterator[Peer]:
    made = Peer(temporary)
    yield made
    made.ours.close()
    made.theirs.close()
    (temporary / "s").unlink()


def meanwhile(what: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=what)
    thread.start()
    return thread


@pytest.mark.parametrize("sizes", [(65_531, 4, 100), (65_532, 1), (3, 65_533, 7, len(LONG), 5), (len(LONG),) * 3])
def test_fields_are_whole_however_they_come(peer: Peer, sizes: tuple[int, ...]) -> None:
    sent = [LONG[size % 100 :][:size] for size in sizes]
    thread = meanwhile(lambda: peer.say(*sent))
    assert [peer.ours.field(math.inf, len(LONG)) for _ in sent] == sent
    thread.join()


def test_a_field_is_no_longer_than_it_may_be(peer: Peer) -> None:
    peer.say(b"abc", b"abcd")
    assert peer.ours.field(math.inf, 3) == b"abc"
    with pytest.raises(DiedError, match="has 4 bytes: at most 3 are read"):
        peer.ours.field(math.inf, 3)
    peer.theirs.sendall(struct.pack(">i", -1))
    with pytest.raises(DiedError, match="has -1 bytes"):
        peer.ours.rest_of_field(-1, math.inf, 3)


# Of more pieces than a system takes at once, and more bytes than a socket holds.
@pytest.mark.parametrize("number", [1, 3_000])
def test_pieces_arrive_in_their_order(peer: Peer, number: int) -> None:
    pieces = [piece for _ in range(number) for piece in (LONG[:20_000], b"short", b"", LONG[7:19_000])]
    whole = b"".join(pieces)
    heard: list[bytes] = []
    thread = meanwhile(lambda: heard.append(peer.hear(len(whole))))
    peer.ours.send(pieces, math.inf)
    thread.join()
    assert heard == [whole]


def test_what_is_long_is_sent_from_where_it_lies(peer: Peer) -> None:
    piece = LONG * 20
    room = bytearray(1 << 16)
    thread = meanwhile(lambda: all(iter(lambda: peer.theirs.recv_into(room), None)))
    tracemalloc.start()
    try:
        peer.ours.send([b"head", piece, b"tail"], math.inf)
        peer.ours.shutdown()
        thread.join()
        assert tracemalloc.get_traced_memory()[1] < len(piece) / 4
    finally:
        tracemalloc.stop()


def test_what_comes_too_late_is_no_answer(peer: Peer) -> None:
    """Also where something comes all the time."""
    peer.say(b"abc")
    with pytest.raises(DiedError, match="did not answer in time") as died:
        peer.ours.number(time.monotonic() - 1)
    assert died.value.late
    with pytest.raises(DiedError, match="did not answer in time"):
        peer.ours.send([LONG * 10], time.monotonic() - 1)


def test_last_words_are_heard(peer: Peer) -> None:
    """What a worker writes between a look at its socket and the one at its process."""

    def runs() -> bool:
        peer.say(b"last words")
        peer.theirs.shutdown(socket.SHUT_WR)
        return False

    peer.runs = runs
    assert peer.ours.field(math.inf, 100) == b"last words"
    with pytest.raises(DiedError, match="ended before it answered") as died:
        peer.ours.number(math.inf)
    assert died.value.ended


def test_whoever_holds_a_dead_workers_socket_is_not_waited_for(peer: Peer) -> None:
    peer.runs = lambda: False
    with pytest.raises(DiedError, match="ended before it answered") as died:
        peer.ours.number(time.monotonic() + WAIT_SECONDS)
    assert died.value.ended


def test_nobody_listens(temporary: Path) -> None:
    with pytest.raises(DiedError, match="cannot be reached: No such file"):
        Connection(str(temporary / "s"), lambda: True)
