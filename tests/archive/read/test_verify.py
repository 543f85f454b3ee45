"""What verifying an archive finds: damage, sums of the manifest, files that it names."""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import Limits
from tests.support.archive_bytes import zipped
from tests.support.archives import MANIFEST as NAME
from tests.support.archives import TEXT
from tests.support.every_form import FILES, packed

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def test_verify(tmp_path: Path) -> None:
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    path = packed(tmp_path, "auto", metadata={"sha256": sums})
    with marpack.open_archive(path) as archive:
        progress: list[int] = []
        assert archive.verify(progress=progress.append) == ()
        assert sum(progress) == sum(entry.size for entry in archive.members)
    sums["weights.pt"] = "0" * 64
    sums["gone"] = "1" * 64
    path = packed(tmp_path, "auto", metadata={"sha256": sums}, force=True)
    data = bytearray(path.read_bytes())
    data[data.index(b"weights.pt") + 100_000] ^= 1
    with marpack.open_archive(path) as archive:
        assert {(issue.argument, issue.code) for issue in archive.verify()} == {
            ("weights.pt", "digest"),
            ("gone", "missing-file"),
        }
    with marpack.open_archive(io.BytesIO(data)) as archive:
        assert {(issue.argument, issue.code) for issue in archive.verify()} == {
            ("weights.pt", "crc"),
            ("gone", "missing-file"),
        }


def test_verify_does_not_unpack_a_bomb(tmp_path: Path) -> None:
    def never(_: int) -> None:
        raise AssertionError("it is read")

    for form in ("default", "no-archive"):
        limits = Limits(size=2_000_000)
        with marpack.open_archive(packed(tmp_path, form), limits=limits) as archive:
            assert "too-large" in {issue.code for issue in archive.verify(progress=never, threads=1)}


@pytest.mark.parametrize(
    ("handler", "runtime", "reference"),
    [
        ("h.py", "python", "h.py"),
        ("h", "python3", "h.py"),
        ("h:f", "python", "h.py"),
        ("h.py:f", "python", "h.py"),
        ("p/h.py:f", "python", "p/h.py"),
        ("image_classifier", "python", None),
        ("image_classifier:f", "python", None),
        ("densenet_handler", "python", None),
        ("p.h", "python", None),
        ("libh.so", "LSP", None),
        ("", "python", None),
    ],
)
def test_the_handler_is_a_reference(handler: str, runtime: str, reference: str | None, tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    text = json.dumps({"runtime": runtime, "model": {"modelName": "m", "handler": handler}})
    path.write_bytes(zipped({NAME: text.encode()}))
    with marpack.open_archive(path) as archive:
        assert archive.references.get("handler") == reference
        assert [issue.argument for issue in archive.verify()] == ([reference] if reference else [])


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("place", [None, 0, 1 << 25, (1 << 25) + 1, 70 * MIB - 1])
def test_a_large_stored_member_is_verified_in_parts(place: int | None, threads: int, tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    noise = random.Random(0).randbytes(MIB)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(NAME, TEXT)
        archive.writestr("weights.bin", noise * 70)
        archive.writestr("more.bin", noise * 5)
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("weights.bin").header_offset + 30 + len("weights.bin")
    if place is not None:
        with path.open("r+b") as file:
            file.seek(start + place)
            byte = file.read(1)[0]
            file.seek(start + place)
            file.write(bytes([byte ^ 1]))
    counted: list[int] = []
    with marpack.open_archive(path) as opened:
        issues = opened.verify(threads=threads, progress=counted.append)
        assert sum(counted) == sum(entry.size for entry in opened.members) or (threads == 1 and place is not None)
    expected = [] if place is None else [("weights.bin", "crc")]
    assert [(issue.argument, issue.code) for issue in issues] == expected


@pytest.mark.parametrize("threads", [0, -1])
def test_less_than_one_thread_is_refused(threads: int, tmp_path: Path) -> None:
    with (
        marpack.open_archive(packed(tmp_path, "default")) as archive,
        pytest.raises(ValueError, match="threads must be a whole number from 1 on"),
    ):
        archive.verify(threads=threads)
