"""A member's bytes where they lie: in the pages of the file that the system has in memory, for all who map it."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

from marpack.archive.forms import Compression
from marpack.errors import ArchiveError, NotMappableError

if TYPE_CHECKING:
    from marpack.archive.member import ArchiveMember
    from marpack.archive.read.container import Container

_READ = "read() or extract() it"


def mapped(container: Container, member: ArchiveMember) -> memoryview:
    """Return a member's contents without reading them; raise ``NotMappableError`` for what does not lie in a file.

    The buffer holds its file open by itself, whatever becomes of the container.
    """
    with container.region(member) as region:
        if member.compression not in (None, Compression.STORED):
            reason = f"is deflated: {_READ}, or pack it stored ('zip-store'; 'auto' stores weights)"
        elif container.form == "tgz":
            reason = f"lies in a gzip'd tar: {_READ}, or repack that as 'auto' or 'zip-store'"
        elif region is None:
            reason = f"lies in no file of this machine: {_READ}, or open the archive by the path of a file"
        else:
            return _view(container.path, member, region.file.descriptor, region.offset)
    raise NotMappableError(container.path, member.name, reason)


def _view(path: str, member: ArchiveMember, descriptor: int, offset: int) -> memoryview:
    if not member.size:
        return memoryview(b"")
    # The system maps whole pages: the buffer begins somewhere in the first.
    before = offset % mmap.ALLOCATIONGRANULARITY
    # What lies beyond the end of the file could be mapped, and whoever reads it would be killed by SIGBUS.
    if (size := os.fstat(descriptor).st_size) < offset + member.size:
        message = f"ends at byte {offset + member.size:,} of a file of {size:,} bytes"
        raise ArchiveError(path, message, code="size-lies", member=member.name)
    whole = mmap.mmap(descriptor, before + member.size, access=mmap.ACCESS_READ, offset=offset - before)
    return memoryview(whole)[before:]
