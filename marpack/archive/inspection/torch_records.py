"""The records of a zip, read as torch's reader does: it looks into the directory, and compares no sums."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from marpack.archive.formats.inflate import Inflater
from marpack.archive.forms import Compression
from marpack.archive.inspection.block_reader import Window
from marpack.archive.inspection.kinds import Sums

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterable, Mapping

_LOCAL_HEADER: Final = struct.Struct("<4s22sHH")
_ENCRYPTED: Final = 1
_PIECE: Final = 1 << 16


class Records:
    """The records of a zip by their names: the last of a name counts."""

    def __init__(self, window: Window, members: Iterable[zipfile.ZipInfo]) -> None:
        self._window = window
        self._members = {member.filename: member for member in members}
        self._untrue = False

    def named(self, top: str) -> Mapping[str, zipfile.ZipInfo]:
        """Return the records by their names without the folder that they lie in."""
        return {name.removeprefix(top): member for name, member in self._members.items()}

    @property
    def sums(self) -> Sums | None:
        """What is wrong with the sums, as far as ``read`` has seen it, which is of what it read whole."""
        if not self._untrue:
            return None
        return "wrong" if any(member.CRC for member in self._members.values()) else "none"

    def read(self, member: zipfile.ZipInfo, most: int) -> bytes:
        """Return the first bytes of a record, as many as are asked for, or all.

        Raises ``ValueError`` for what torch does not read either, and ``zlib.error``.
        """
        if member.flag_bits & _ENCRYPTED:
            raise ValueError("it is encrypted")
        head = self._window.at(member.header_offset, _LOCAL_HEADER.size)
        if len(head) < _LOCAL_HEADER.size or not head.startswith(b"PK\3\4"):
            raise ValueError("a record is not where the directory says")
        _, _, name, extra = _LOCAL_HEADER.unpack(head)
        size = min(most, member.file_size)
        start = member.header_offset + len(head) + name + extra
        if member.compress_type == Compression.STORED:
            data = self._window.at(start, size)
        else:
            data = self._inflated(start, member.compress_size, size)
        if len(data) < size:
            raise ValueError("a record is cut off")
        if size == member.file_size and zlib.crc32(data) != member.CRC:
            self._untrue = True
        return data

    def _inflated(self, start: int, packed: int, size: int) -> bytes:
        pieces: Iterator[int] = iter(range(start, start + packed, _PIECE))
        end = start + packed

        def take() -> bytes:
            at = next(pieces, None)
            return b"" if at is None else self._window.at(at, min(_PIECE, end - at))

        inflater = Inflater(take)
        found = bytearray()
        while len(found) < size and (data := inflater.read(size - len(found))):
            found += data
        return bytes(found)
