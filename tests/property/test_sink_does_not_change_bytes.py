from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import marpack
from marpack.archive import entry, zip_writer
from tests.property.strategies import plan_arguments

STREAMS = ("default", "zip-store", "auto", "tgz")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arguments=plan_arguments(STREAMS),
    held=st.sampled_from([0, 50, zip_writer.HELD_SIZE]),
    chunk=st.sampled_from([7, 1000, entry.CHUNK_SIZE]),
)
def test_sink_does_not_change_bytes(tmp_path: Path, arguments: dict[str, Any], held: int, chunk: int) -> None:
    """A file that is patched, one that is hashed, and a stream that cannot seek get the same bytes."""
    plan = marpack.plan_archive(**arguments)
    expected = b"".join(marpack.iter_archive(plan))
    with patch.object(zip_writer, "HELD_SIZE", held), patch.object(entry, "CHUNK_SIZE", chunk):
        assert b"".join(marpack.iter_archive(plan)) == expected
        plain = marpack.write_archive(plan, tmp_path / "plain", force=True)
        hashed = marpack.write_archive(plan, tmp_path / "hashed", force=True, digest=True)
    for result in (plain, hashed):
        assert Path(result.path).read_bytes() == expected
        assert result.size == len(expected)
    assert plain.sha256 is None
    assert hashed.sha256 == hashlib.sha256(expected).hexdigest()
    contents = {**arguments["extra_files"], "MAR-INF/MANIFEST.json": plan.manifest_text.encode()}
    assert {(written.name, written.size, written.crc32, written.sha256) for written in hashed.entries} == {
        (name, len(data), zlib.crc32(data), hashlib.sha256(data).hexdigest()) for name, data in contents.items()
    }
