from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import marpack
from marpack.archive.formats import deflate
from marpack.archive.forms import DEFLATES
from marpack.archive.sources import CHUNK_SIZE
from marpack.archive.write import zip_stream
from tests.property.strategies import plan_arguments

STREAMS = ("default", "zip-store", "auto", "tgz")


class Sink:
    """Takes no more than it likes at once, as a raw file does."""

    name = "sink"

    def __init__(self) -> None:
        self.taken = bytearray()

    def write(self, data: bytes) -> int:
        self.taken += data[:50]
        return min(len(data), 50)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    arguments=plan_arguments(STREAMS),
    method=st.sampled_from(DEFLATES),
    block=st.sampled_from([300, deflate.BLOCK_SIZE]),
    threads=st.sampled_from([1, 2, 5]),
    held=st.sampled_from([0, 50, zip_stream.HELD_SIZE]),
    chunk=st.sampled_from([7, 1000, CHUNK_SIZE]),
)
def test_sink_does_not_change_bytes(
    tmp_path: Path,
    arguments: dict[str, Any],
    method: marpack.typing.Deflate,
    block: int,
    threads: int,
    held: int,
    chunk: int,
) -> None:
    """A file that is patched, one that is hashed, and a stream that cannot seek get the same from any threads."""
    plan = marpack.plan_archive(deflate=method, **arguments)
    sink = Sink()
    with patch.object(deflate, "BLOCK_SIZE", block):
        expected = b"".join(marpack.iter_archive(plan, threads=1))
        with patch.object(zip_stream, "HELD_SIZE", held), patch("marpack.archive.member.CHUNK_SIZE", chunk):
            assert b"".join(marpack.iter_archive(plan, threads=threads)) == expected
            plain = marpack.write_archive(plan, tmp_path / "plain", force=True, threads=threads)
            hashed = marpack.write_archive(plan, tmp_path / "hashed", force=True, digest=True, threads=threads)
            passed = marpack.write_archive(plan, sink, digest=True, threads=threads)
    for result in (plain, hashed):
        assert Path(result.path).read_bytes() == expected
        assert result.size == len(expected)
    assert plain.sha256 is None
    assert hashed.sha256 == hashlib.sha256(expected).hexdigest()
    assert bytes(sink.taken) == expected
    assert (passed.path, passed.size, passed.members) == ("sink", hashed.size, hashed.members)
    assert passed.sha256 == hashed.sha256
    contents = {**arguments["extra_files"], "MAR-INF/MANIFEST.json": plan.manifest_text.encode()}
    assert {(written.name, written.size, written.crc32, written.sha256) for written in hashed.members} == {
        (name, len(data), zlib.crc32(data), hashlib.sha256(data).hexdigest()) for name, data in contents.items()
    }
