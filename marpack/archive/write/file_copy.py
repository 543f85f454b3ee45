"""The contents of a file on their way into an archive or a folder: shared with it, or copied by threads."""

from __future__ import annotations

import os
from contextlib import closing
from functools import partial
from typing import BinaryIO

from marpack.archive.formats.checksums import crc32, crc32_combine
from marpack.archive.sources import StoredSource, region_of
from marpack.archive.write.file_hasher import FileHasher
from marpack.archive.write.member_contents import MemberContents
from marpack.disk.paced_write import PacedWriter
from marpack.disk.range_copy import CAN_COPY, LARGE_SIZE, FileEndedError, RangeCopy
from marpack.disk.threads import ordered_map
from marpack.errors import SourceChangedError

# More do not help: the kernel lets one thread at a time write to a file.
MAX_THREADS = 4


def copy_contents(contents: MemberContents, file: BinaryIO, *, offset: int = 0, threads: int = 1) -> bool:
    """Copy contents that lie in a file to ``offset`` in ``file``; False if they come from elsewhere.

    Whole blocks are shared with the source where both files can. ``contents`` then has its CRC, how much is
    shared, and with ``digest`` a hasher that may still be at work, which the caller ends by ``abandon``. The
    position of ``file`` neither matters nor moves; ``file`` has a name. Raises ``SourceChangedError`` when the
    source is not what was planned, and ``OSError``.
    """
    member = contents.member
    if not CAN_COPY:
        return False
    stored = member.source if isinstance(member.source, StoredSource) else None
    known_crc = stored.crc32 if stored and not stored.is_summed else None
    with region_of(member.source) as region:
        if region is None:
            return False
        source, target = region.file.descriptor, file.fileno()
        contents.ctime_ns = os.fstat(source).st_ctime_ns
        checksum = crc32 if known_crc is None else None
        copy = RangeCopy(
            source, region.offset, target, offset, member.size, checksum=checksum, writer=PacedWriter()
        )
        contents.shared = copy.shared
        if contents.digest:
            contents.hasher = FileHasher(file.name, start=offset)
            if copy.shared:
                contents.hasher.borrow(offset, copy.shared, member.source, contents.ctime_ns)
        contents.crc = known_crc or 0
        threads = 1 if copy.is_by_kernel or member.size < LARGE_SIZE else min(threads, MAX_THREADS)
        take = partial(_part, copy, source, target)
        try:
            with closing(ordered_map(take, copy.parts(), threads=threads, ahead=threads)) as parts:
                for start, end, crc in parts:
                    if checksum:
                        contents.crc = crc32_combine(contents.crc, crc, end - start)
                    if contents.hasher:
                        contents.hasher.advance(offset + end)
                    if contents.progress:
                        contents.progress(end - start)
        except FileEndedError as error:
            reason = f"ended {member.size - error.done} bytes before the planned {member.size}"
            raise SourceChangedError(member.origin, reason) from None
        if copy.shared and checksum and os.fstat(source).st_ctime_ns != contents.ctime_ns:
            # Somebody touched the source before it was summed: wrote to it and put its mtime back, as tools that
            # keep times do, or gave it another name, which is no reason to end. What is shared is what it was.
            contents.crc = copy.sum_of_copy(target)
        if stored and stored.is_summed:
            stored.require_crc(contents.crc)
    return True


def _part(copy: RangeCopy, source: int, target: int, bounds: tuple[int, int]) -> tuple[int, int, int]:
    """Copy a part; return where it begins and ends, and its CRC-32."""
    return *bounds, copy.part(source, target, *bounds)
