"""The ``tgz`` form: one gzip member around a PAX tar (spec/archive.md, T clauses)."""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from marpack.archive.formats.checksums import crc32, crc32_combine
from marpack.archive.formats.deflate import deflate
from marpack.archive.plan.plan import ArchivePlan
from marpack.archive.write.member_contents import MemberContents, Stream

_LEVEL = 9
_HEADER = struct.Struct("<4BL2B")
_TRAILER = struct.Struct("<2L")
_DEFLATE, _HAS_NAME, _BEST, _FASTEST, _UNKNOWN_SYSTEM = 8, 8, 2, 4, 255
_MAX_32 = (1 << 32) - 1
# From here on the CRC of a member is worked into that of the whole, rather than taken twice: 0.25 ms a MiB.
_LARGE_SIZE = 1 << 20


@dataclass(kw_only=True, eq=False, repr=False)
class TarStream(Stream):
    """Yields the bytes of a tgz."""

    plan: ArchivePlan
    _size: int = field(default=0, init=False)
    _crc: int = field(default=0, init=False)

    def __iter__(self) -> Generator[bytes, None, None]:
        # T2: the header names the tar.
        mtime = min(max(self.plan.timestamp, 0), _MAX_32)
        effort = _FASTEST if self.plan.deflate == "fast" else _BEST
        fixed = _HEADER.pack(0x1F, 0x8B, _DEFLATE, _HAS_NAME, mtime, effort, _UNKNOWN_SYSTEM)
        yield fixed + f"{self.plan.model_name}.tar\0".encode()
        yield from deflate(self._tar(), method=self.plan.deflate, level=_LEVEL, threads=self.threads)
        yield _TRAILER.pack(self._crc, self._size & _MAX_32)

    def _tar(self) -> Iterator[bytes]:
        for member in self.plan.members:
            # T1: one folder above everything; the server drops it.
            header = tarfile.TarInfo(f"{self.plan.model_name}/{member.name}")
            header.size = member.size
            if member.mode is not None:  # T5: the manifest keeps the defaults: 0644, nobody's, of 1970
                owner = self.plan.owner
                header.mode = member.mode
                header.uid, header.gid, header.uname, header.gname = owner.uid, owner.gid, owner.user, owner.group
                header.mtime = member.mtime  # T4: that it is a float makes tarfile add the PAX record
            contents = MemberContents(member, digest=self.digest, progress=self.progress)
            yield self._counted(header.tobuf(tarfile.PAX_FORMAT))
            if member.size < _LARGE_SIZE:
                yield from map(self._counted, contents)
            else:
                yield from contents
                self._size += member.size
                self._crc = crc32_combine(self._crc, contents.crc, member.size)
            yield self._counted(bytes(-member.size % tarfile.BLOCKSIZE))
            self.written.append(contents.written())
        # T3: two empty blocks, then zeros up to a whole record.
        end = 2 * tarfile.BLOCKSIZE
        yield self._counted(bytes(end + -(self._size + end) % tarfile.RECORDSIZE))

    def _counted(self, piece: bytes) -> bytes:
        self._size += len(piece)
        self._crc = crc32(piece, self._crc)
        return piece
