"""Files of weights that are damaged, huge, or changed at random."""

from __future__ import annotations

import io
import pickle
import re
import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marpack.archive.inspection.weights import describe_weights
from tests.support.torch_files import NET, PART, SAVED_STATE, STATE, in_zip, keys_of, saved
from tests.support.weights_files import ELF, ENTRY, GRAPH, OPSET, bad_sum, described, message, safetensors, zipped

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

JIT: Any = torch.jit  # has no types


def with_sum(data: bytes, name: str, crc32: int, *, header: bool = True, directory: bool = True) -> bytes:
    """The same with another sum of a record, in its header, what follows its data, and the directory."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = next(each for each in archive.infolist() if each.filename.endswith(name)).CRC
    places = [match.start() for match in re.finditer(re.escape(found.to_bytes(4, "little")), data)]
    assert len(places) >= 2
    new = bytearray(data)
    for place in places:
        if directory if place == places[-1] else header:
            new[place : place + 4] = crc32.to_bytes(4, "little")
    return bytes(new)


@pytest.mark.parametrize("crc32", [0, 0x01020304])
@pytest.mark.parametrize("name", ["data.pkl", "/version"])
def test_a_wrong_sum_is_told_and_does_not_matter_to_torch(name: str, crc32: int) -> None:
    data = with_sum(saved(STATE), name, crc32)
    assert bad_sum(data)
    assert torch.load(io.BytesIO(data)).keys() == STATE.keys()
    assert described(data) == replace(described(saved(STATE)), sums="wrong")
    # The directory's is the one that readers compare.
    assert described(with_sum(saved(STATE), name, crc32, header=False)).sums == "wrong"
    assert described(with_sum(saved(STATE), name, crc32, directory=False)).sums is None


def test_a_wrong_sum_in_torchscript(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    JIT.script(NET).save(str(path))
    for name in (".py", "data.pkl"):
        changed = with_sum(path.read_bytes(), name, 1)
        JIT.load(io.BytesIO(changed))
        assert described(changed) == replace(described(path.read_bytes()), sums="wrong")


class Huge(io.RawIOBase):
    """A file of many GiB of zeros after its beginning, which notes how much is read of it."""

    def __init__(self, begin: bytes, end: bytes = b"", size: int = 1 << 40) -> None:
        self.begin, self.end, self.size = begin, end, size
        self.pos = self.taken = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.pos = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        assert size >= 0
        size = min(size, self.size - self.pos, 999_999)  # no more than it likes to
        self.taken += size
        start, tail = self.pos, self.size - len(self.end)
        self.pos += size
        data = bytearray(size)
        if start < len(self.begin):
            piece = self.begin[start : start + size]
            data[: len(piece)] = piece
        if self.pos > tail:
            piece = self.end[max(start - tail, 0) : self.pos - tail]
            data[max(tail - start, 0) :] = piece
        return bytes(data)


@pytest.mark.parametrize(
    ("begin", "kind", "most"),
    [
        (b"", "unknown", 65 << 20),
        (safetensors(b"{}")[:-2] + b"{}", "safetensors", 1 << 10),
        (struct.pack("<Q", 99_000_000) + b"{", "safetensors", 1 << 10),
        (struct.pack("<Q", 101_000_000) + b"{", "unknown", 65 << 20),
        (saved(STATE, _use_new_zipfile_serialization=False), "state_dict", 2 << 20),
        (b"\x80\x04\x8e" + b"\xff" * 7 + b"\0", "pickle", 160 << 20),
        (ELF + b"\x03\0", "aot-library", 1 << 10),
        (b"\x93NUMPY", "numpy", 1 << 10),
        (b"\x08\x08\x3a" + b"\xff" * 4 + b"\x7f" + b"\x08\x01" * 200_000, "unknown", 3 << 20),
        (b"PK\x03\x04", "zip", 1 << 20),
    ],
)
def test_of_a_huge_file_little_is_read(begin: bytes, kind: str, most: int) -> None:
    file = Huge(begin)
    assert describe_weights(file, file.size).kind == kind
    assert file.taken < most


def test_a_huge_zip_is_read_at_its_end() -> None:
    data = saved(STATE)
    start = data.index(b"PK\x01\x02")
    assert data[-22:-18] == b"PK\x05\x06"
    # Its members lie at the beginning: zipfile takes what comes before the directory for something prepended.
    found = describe_weights(file := Huge(data[:start], data[start:], len(data)), len(data))
    assert found.keys == keys_of(STATE)
    assert file.taken < 200_000


def test_a_directory_that_is_too_long_is_not_read() -> None:
    size = 17 << 20
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 9, 9, size, 4, 0)
    file = Huge(b"PK\x03\x04", end, size + 4 + len(end))
    found = describe_weights(file, file.size)
    assert (found.kind, found.detail) == ("zip", "a zip that cannot be read (more than 16,777,216 bytes at once)")
    assert file.taken < 1 << 20


def test_a_data_pkl_that_is_too_long_is_read_in_part() -> None:
    data = b"\x80\x02X" + struct.pack("<I", 70 << 20) + bytes(70 << 20) + b"."
    found = described(zipped({**SAVED_STATE, "archive/data.pkl": data}, zipfile.ZIP_DEFLATED))
    assert (found.kind, found.weights_only_refuses, found.globals_complete) == ("pickle", None, False)
    assert "longer than 67,108,864 bytes" in found.detail


WHOLE = [
    saved(STATE),
    saved(NET),
    saved(STATE, _use_new_zipfile_serialization=False),
    safetensors({"a": ENTRY}, 24),
]
WHOLE += [message((1, 8), (2, b"x"), (7, GRAPH), (8, OPSET)), in_zip(b"\x80\x02}U\x01a" + PART + b"s.")]


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_whatever_the_bytes_nothing_is_raised(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from(WHOLE)))
    for _ in range(data.draw(st.integers(0, 4))):
        # Near the beginning, near the end (where a zip has its directory), or anywhere.
        place = data.draw(
            st.integers(0, len(whole)) | st.integers(0, 30) | st.integers(len(whole) - 200, len(whole))
        )
        place = min(max(place, 0), len(whole))
        whole[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    whole = whole[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))]
    found = described(bytes(whole))
    assert found.detail
    # A size that is wrong: the file shrank or grew.
    assert describe_weights(io.BytesIO(whole), len(whole) + 10).detail
    assert describe_weights(io.BytesIO(whole), len(whole) // 2).detail


def test_a_failing_disk_is_told() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "broken disk")

    with pytest.raises(OSError, match="broken disk"):
        describe_weights(Failing(saved(STATE)), 1000)


def test_a_directory_that_leads_before_the_beginning_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps({}, 2))
        archive.writestr("m/version", b"3")
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\5\6") + 16
    data[place : place + 4] = (int.from_bytes(data[place : place + 4], "little") + 40).to_bytes(4, "little")
    path.write_bytes(data)
    with path.open("rb", buffering=0) as file:
        assert describe_weights(file, len(data)).detail == "a zip that cannot be read (before the beginning)"
