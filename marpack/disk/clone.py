"""Blocks that two files share: XFS, btrfs, NFS 4.2 and others can, and copy one when either file changes it."""

from __future__ import annotations

import errno
import struct
import sys

# What the blocks of most file systems are, and all that an offset in an archive is made a multiple of.
BLOCK_SIZE = 4096

# linux/fs.h: struct file_clone_range is the source, offset and length in it, offset in the target.
_RANGE = struct.Struct("=q3Q")
_FICLONERANGE = 0x4020940D


def clone_range(source: int, source_offset: int, target: int, target_offset: int, length: int) -> int:
    """Have a file share blocks of another one; return how many bytes are shared, 0 where that cannot be.

    Both are descriptors. What is left of ``length`` the caller copies: the last part of a block, unless both files
    end with it; and all of it where the file systems are two or share nothing, an offset is odd, or there is no
    room to note what is shared: copying then says what is wrong. The range is what the source is at this moment.

    512 MiB take less than 1 ms. What of them is not on the disk yet has to go there first: if that is all of it,
    0.3 s on XFS and 0.8 on btrfs (in memory), where copying takes 1.0 and 1.7, and twice the room.
    """
    if sys.platform != "linux" or source_offset % BLOCK_SIZE or target_offset % BLOCK_SIZE:
        return 0
    import fcntl  # Unix has it alone

    for shared in sorted({length, length - length % BLOCK_SIZE} - {0}, reverse=True):
        try:
            fcntl.ioctl(target, _FICLONERANGE, _RANGE.pack(source, source_offset, shared, target_offset))
        except OSError as error:
            if error.errno != errno.EINVAL:
                break
        else:
            return shared
    return 0
