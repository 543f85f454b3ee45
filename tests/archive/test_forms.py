"""How a form compresses its members."""

from __future__ import annotations

import pytest

from marpack.archive.forms import Compression, compression_for


@pytest.mark.parametrize(
    ("name", "archive_format", "weights", "compression"),
    [
        ("w.pt", "default", True, Compression.DEFLATED),
        ("w.pt", "zip-store", True, Compression.STORED),
        ("h.py", "zip-store", False, Compression.STORED),
        ("w.pt", "auto", True, Compression.STORED),
        ("w", "auto", True, Compression.STORED),
        ("w", "auto", False, Compression.DEFLATED),
        ("d/w.PTH", "auto", False, Compression.STORED),
        ("d/a.png", "auto", False, Compression.STORED),
        ("MAR-INF/MANIFEST.json", "auto", False, Compression.DEFLATED),
    ],
)
def test_compression(name: str, archive_format: str, weights: bool, compression: Compression) -> None:
    assert compression_for(name, archive_format, weights=weights) is compression  # type: ignore[arg-type]
