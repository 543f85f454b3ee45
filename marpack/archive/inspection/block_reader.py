"""A member that is read here and there, though it may be readable from its beginning only."""

from __future__ import annotations

from marpack.archive.forms import Compression, ContainerForm
from marpack.archive.inspection.kinds import SeekableReader
from marpack.archive.inspection.pickles import Budget
from marpack.archive.member import ArchiveMember
from marpack.archive.read.random_access import read_whole
from marpack.archive.result import Progress

BLOCK_SIZE = 1 << 18
# Blocks that are kept of each end: as much as is read at once of a directory in a zip.
_BLOCKS_KEPT = 64


def can_jump(form: ContainerForm, member: ArchiveMember) -> bool:
    """Return whether a member's reader moves without reading what lies between."""
    return form == "folder" or member.compression is Compression.STORED


class BlockReader:
    """A file of ``size`` bytes, read in blocks, of which those of both ends are kept.

    At the ends formats have their directories: where to go back means to begin anew (unless it ``jumps``), the
    file is still read about once. ``counted`` are the bytes that ``progress`` was given. Raises what ``file``
    raises.
    """

    def __init__(self, file: SeekableReader, size: int, *, jumps: bool, progress: Progress | None = None) -> None:
        self.counted = 0
        self._file = file
        self._size = size
        self._jumps = jumps
        self._progress = progress
        self._position = 0
        # By their number, the latest last; and the one that the file gives next.
        self._blocks: dict[int, bytes] = {}
        self._next = 0

    def seek(self, offset: int, /) -> int:
        """Go to a place, counted from the beginning."""
        self._position = offset
        return offset

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none only at the end."""
        if size <= 0 or self._position >= self._size:
            return b""
        number, inside = divmod(self._position, BLOCK_SIZE)
        data = self._block(number)[inside : inside + size]
        self._position += len(data)
        return data

    def read_on(self) -> bytes:
        """Return the next block of the file, none at its end; the first call gives the first.

        It is kept: for ever if it is of the beginning, else while it is of the latest.
        """
        block = read_whole(self._file.read, BLOCK_SIZE)
        if self._progress and (new := min(self._next * BLOCK_SIZE + len(block), self._size) - self.counted) > 0:
            self._progress(new)
            self.counted += new
        self._blocks[self._next] = block
        if len(self._blocks) > 2 * _BLOCKS_KEPT:
            del self._blocks[next(number for number in self._blocks if number >= _BLOCKS_KEPT)]
        self._next += 1
        return block

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            return self._blocks[number]
        if number != self._next and (self._jumps or number < self._next):
            self._next = number if self._jumps else 0
            self._file.seek(self._next * BLOCK_SIZE)
        block = self.read_on()
        while self._next <= number:
            block = self.read_on()
        return block


# No more is read at once: of a zip's directory, and of the header of safetensors (which may have 100 MB).
MAX_READ = 16 << 20


class Window:
    """Any file, as zipfile needs it, of which no more is read than is asked for, and a bounded piece at once."""

    def __init__(self, file: SeekableReader, size: int, budget: Budget) -> None:
        self.budget = budget
        self.size = size
        self._file = file
        self._pos = 0

    def at(self, pos: int, size: int) -> bytes:
        """Return the bytes from a place on, fewer only at the end; ``ValueError`` for one before the beginning."""
        if pos < 0:
            raise ValueError("before the beginning")
        if pos >= self.size:
            return b""
        self._file.seek(pos)
        return read_whole(self._file.read, min(size, self.size - pos))

    def seekable(self) -> bool:
        """Tell ``zipfile`` that it can move."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._pos

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, and return the new position."""
        pos = offset + (0, self._pos, self.size)[whence]
        if pos < 0:
            raise ValueError("before the beginning")
        self._pos = pos
        return pos

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes."""
        left = max(self.size - self._pos, 0)
        size = left if size < 0 else min(size, left)
        if size > MAX_READ:
            raise ValueError(f"more than {MAX_READ:,} bytes at once")
        data = self.at(self._pos, size)
        self._pos += len(data)
        return data
