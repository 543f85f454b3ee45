"""The records of marpack next to what ``zipfile`` writes for the same members."""

from __future__ import annotations

import io
import sys
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import marpack
from marpack.archive.formats import zip_records
from marpack.archive.formats.zip_records import ZipMember, central_header, end_records, local_header
from marpack.archive.forms import Compression
from tests.property.strategies import plan_arguments

T = 1_600_000_000
GIB = 1 << 30
FIRST_SECOND = 315532800  # of 1980


def by_zipfile(plan: marpack.ArchivePlan) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for entry in plan.members:
            seconds = max(entry.mtime_ns // 10**9, FIRST_SECOND)
            when = datetime.fromtimestamp(seconds, UTC)
            info = zipfile.ZipInfo(entry.name, when.timetuple()[:6])
            info.compress_type = entry.compression
            info.external_attr = (0o600 if entry.mode is None else entry.mode | 0o100000) << 16
            archive.writestr(info, b"".join(entry.chunks()))
    return buffer.getvalue()


@given(arguments=plan_arguments(("default", "zip-store", "auto")))
def test_archives(arguments: dict[str, Any]) -> None:
    plan = marpack.plan_archive(**arguments)
    assert b"".join(marpack.iter_archive(plan)) == by_zipfile(plan)


@pytest.mark.slow
@pytest.mark.parametrize("count", [65534, 65535])
def test_more_members_than_16_bits_count(count: int) -> None:
    """The manifest is one more."""
    plan = marpack.plan_archive(
        model_name="m",
        handler="base_handler",
        extra_files={f"{number:x}": b"" for number in range(count)},
        archive_format="zip-store",
        timestamp=T,
    )
    made = b"".join(marpack.iter_archive(plan))
    assert made == by_zipfile(plan)
    assert (b"PK\6\6" in made) is (count == 65535)


sizes = st.sampled_from(
    [0, 1, (1 << 31) - 2, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 9 * GIB, 2_045_222_520, 2_045_222_521]
)


class Holes(io.RawIOBase):
    """A file of any size that holds only what was written last, so that large offsets cost nothing."""

    def __init__(self) -> None:
        self.position = 0
        self.written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = 0, /) -> int:
        assert whence == 0
        self.position = offset
        return offset

    def write(self, data: Any, /) -> int:
        self.written.append(bytes(data))
        self.position += len(data)
        return len(data)


@given(
    size=sizes,
    compressed=sizes,
    offset=sizes,
    crc=st.integers(0, (1 << 32) - 1),
    mtime=st.integers(FIRST_SECOND, 4354819198),
    name=st.sampled_from(["w.pt", "é.pt", "d/w.pt"]),
    compression=st.sampled_from(Compression),
)
def test_directories_of_large_members(
    size: int, compressed: int, offset: int, crc: int, mtime: int, name: str, compression: Compression
) -> None:
    compressed = min(size, compressed)  # deflate adds too little to matter here
    member = ZipMember(
        name=name,
        compression=compression,
        attributes=0o100644,
        mtime=mtime,
        size=size,
        compressed_size=compressed,
        crc=crc,
        offset=offset,
    )
    info = zipfile.ZipInfo(name, datetime.fromtimestamp(mtime, UTC).timetuple()[:6])
    info.compress_type = compression
    info.external_attr = 0o100644 << 16
    info.file_size, info.compress_size, info.CRC, info.header_offset = size, compressed, crc, offset
    # Z6: in this range older ones write 32-bit sizes beside the room for 64 bits, and other versions.
    assume(sys.version_info >= (3, 11, 4) or not zip_records.ZIP64_FROM <= size <= zip_records.ZIP64_LIMIT)
    assert local_header(member) == info.FileHeader(zip64=size * 1.05 > zipfile.ZIP64_LIMIT)

    file = Holes()
    with zipfile.ZipFile(file, "w") as archive:
        archive.filelist.append(info)
        archive.start_dir = offset
        archive._didModify = True  # type: ignore[attr-defined]  # the one way to have a directory of members this large
    directory = central_header(member)
    assert b"".join(file.written) == directory + end_records(count=1, size=len(directory), offset=offset)


@pytest.mark.parametrize(
    ("mtime", "clamped"),
    [
        (-(1 << 60), (1980, 1, 1, 0, 0, 0)),
        (0, (1980, 1, 1, 0, 0, 0)),
        (315532799, (1980, 1, 1, 0, 0, 0)),
        (315532801, (1980, 1, 1, 0, 0, 0)),
        (315532803, (1980, 1, 1, 0, 0, 2)),
        (4354819199, (2107, 12, 31, 23, 59, 58)),
        (4354819200, (2107, 12, 31, 23, 59, 58)),
        (1 << 60, (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_times_outside_of_what_zip_holds(mtime: int, clamped: tuple[int, ...]) -> None:
    member = ZipMember(name="x", compression=Compression.STORED, attributes=0, mtime=mtime, size=0)
    directory = central_header(member)
    made = local_header(member) + directory + end_records(count=1, size=len(directory), offset=31)
    [info] = zipfile.ZipFile(io.BytesIO(made)).infolist()
    assert info.date_time == clamped


def test_zip64_room_begins_where_zipfile_has_it() -> None:
    assert (zip_records.ZIP64_FROM - 1) * 1.05 <= zipfile.ZIP64_LIMIT < zip_records.ZIP64_FROM * 1.05
