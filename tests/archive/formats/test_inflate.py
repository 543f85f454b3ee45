"""zlib-ng takes what zlib and the server's Java take, and refuses what they refuse."""

from __future__ import annotations

import importlib.util
import random
import sys
import zlib
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

import pytest

from marpack.archive.formats import inflate
from marpack.archive.formats.inflate import Inflater
from tests.conftest import require
from tests.support.deflate_streams import stream
from tests.support.java import Java, jdk, text

# Of 150,000 others, each read in three ways, and 40,000 read by Java too, none was taken otherwise.
SEEDS = range(400)
REFUSALS = {
    *("invalid block type", "invalid stored block lengths", "too many length or distance symbols"),
    *("invalid code lengths set", "invalid bit length repeat", "invalid code -- missing end-of-block"),
    *(
        "invalid literal/lengths set",
        "invalid distances set",
        "invalid literal/length code",
        "invalid distance code",
    ),
    "invalid distance too far back",
}


class Outcome(NamedTuple):
    data: bytes
    ended: bool
    left: bytes
    refusal: str


@pytest.fixture(scope="module")
def streams() -> list[bytes]:
    return [stream(seed) for seed in SEEDS]


def zlib_ng() -> ModuleType:
    require(importlib.util.find_spec("zlib_ng"), "zlib-ng, the extra fast")
    from zlib_ng import zlib_ng

    return zlib_ng


def inflated(library: ModuleType, data: bytes, *, piece: int = 1 << 17, size: int = 1 << 19) -> Outcome:
    """Inflate by a library, fed with pieces, of which at most ``size`` bytes are asked for at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inflate, "_library", lambda: library)
        pieces = (data[at : at + piece] for at in range(0, len(data), piece))
        reader = Inflater(lambda: next(pieces, b""))
    found, refusal = b"", ""
    try:
        while more := reader.read(size):
            assert len(more) <= size
            found += more
    except zlib.error as error:
        refusal = str(error).rpartition(": ")[2]
    return Outcome(found, reader.ended, b"" if refusal else reader.left + b"".join(pieces), refusal)


def test_zlib_ng_finds_what_zlib_finds(streams: list[bytes]) -> None:
    library, noise = zlib_ng(), random.Random(0)
    outcomes = []
    for data in streams:
        piece, size = (noise.choice([1, 64, 1 << 17]), noise.choice([300, 1 << 19]))
        outcomes.append(inflated(zlib, data, piece=piece, size=size))
        assert inflated(library, data, piece=piece, size=size) == outcomes[-1]
    assert {outcome.refusal for outcome in outcomes} == {"", *REFUSALS}
    assert sum(outcome.ended for outcome in outcomes) > len(streams) / 4
    assert sum(not outcome.ended and not outcome.refusal for outcome in outcomes) > len(streams) / 20


def test_zlib_inflates_where_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for hidden, library in ((False, zlib_ng()), (True, zlib)):
        if hidden:
            monkeypatch.setitem(sys.modules, "zlib_ng", None)
        assert inflate._library.__wrapped__() is library


def test_each_beginning_of_a_stream_is_one_that_breaks_off() -> None:
    """As far as it goes the contents come; nothing is taken for the end."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = random.Random(0).randbytes(300) + b"line\n" * 300
    packed = compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)
    packed += compressor.compress(data) + compressor.flush()
    for library in (zlib, zlib_ng()):
        for end in range(len(packed)):
            outcome = inflated(library, packed[:end])
            assert (outcome.ended, outcome.left, outcome.refusal) == (False, b"", "")
            assert (data * 2).startswith(outcome.data)
        assert inflated(library, packed + b"more") == (data * 2, True, b"more", "")


def test_isal_would_take_what_zlib_refuses(streams: list[bytes]) -> None:
    """And so its inflate, which is as fast, is not used; the streams above are of the kind that shows it."""
    isal_zlib = pytest.importorskip("isal.isal_zlib")
    taken = {
        outcome.refusal
        for data in streams
        if (outcome := inflated(zlib, data)).refusal and not inflated(isal_zlib, data).refusal
    }
    assert taken >= {"invalid literal/lengths set", "invalid distances set"}


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Java]:
    with jdk(tmp_path_factory) as java:
        yield java


@pytest.mark.server
def test_java_finds_what_zlib_finds(java: Java, streams: list[bytes]) -> None:
    answer = java.ask("inflate", *streams)
    for data, told, found in zip(streams, answer[::2], answer[1::2], strict=True):
        outcome = inflated(zlib, data)
        if outcome.refusal:
            assert text(told) == "refused"
        else:
            assert text(told) == (f"ended {len(outcome.left)}" if outcome.ended else "cut off")
            assert found == outcome.data
