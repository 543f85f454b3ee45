"""The contents of a regular file on their way into another: copied and summed by several threads at once.

At the odd offsets of a zip's members the kernel's own copy takes twice as long as this loop, since each page falls
into two then (benchmarks/README.md). Whole files it may share instead of copying them (a reflink, or a server that
copies by itself): there it is tried first.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from typing import TYPE_CHECKING

from marpack.archive.formats.checksums import crc32, crc32_combine
from marpack.archive.sources import FileSource
from marpack.archive.write.file_hasher import FileHasher
from marpack.disk.paced import PacedWriter
from marpack.disk.space import reserve
from marpack.errors import SourceChangedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from marpack.archive.member import Member
    from marpack.archive.write.member_contents import Content

__all__ = ["copy_content"]

_CAN_COPY = hasattr(os, "preadv") and hasattr(os, "pwrite")  # not on Windows

# Blocks end where those of the target do, so that the kernel fills whole pages (large ones, where it has them).
BLOCK_SIZE = 1 << 20
# What the kernel copies at once: few calls, so that a shared file does not become many pieces.
KERNEL_BLOCK_SIZE = 1 << 24

# More do not help: the kernel lets one thread at a time write to a file. Each has a buffer of one block.
MAX_THREADS = 4
# Below, helpers and reserving cost more than they save.
LARGE_SIZE = 1 << 24

# How long those who wait are left without news.
_REPORT_SECONDS = 0.02

# What the kernel says where it cannot copy between these two files; nothing is copied then.
_NOT_SUPPORTED = {errno.EBADF, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EXDEV}


def copy_content(
    content: Content, file: BinaryIO, *, offset: int = 0, by_kernel: bool = False, threads: int = 1
) -> bool:
    """Copy contents that lie in a regular file to ``offset`` in ``file``; False if they come from elsewhere.

    ``content`` then has its CRC, and with ``digest`` a hasher that may still be at work, which the caller ends by
    ``abandon``. The position of ``file`` neither matters nor moves; ``file`` has a name. ``by_kernel`` lets the
    kernel copy where it can; the bytes are the same. Raises ``SourceChangedError`` when the source is not what
    was planned, and ``OSError``.
    """
    source = content.member.source
    if not (_CAN_COPY and isinstance(source, FileSource)):
        return False
    hasher = content.hasher = FileHasher(file.name, start=offset) if content.digest else None

    def done(count: int, settled: int) -> None:
        if hasher:
            hasher.advance(settled)
        if content.progress:
            content.progress(count)

    with contextlib.closing(source.open()) as reader:
        work = _Copy(reader.fileno(), file.fileno(), content.member, offset, by_kernel, done)
        content.crc = work.run(threads)
        reader.check()
    return True


class _Copy:
    """Blocks that are copied by whoever is free."""

    def __init__(
        self,
        source: int,
        target: int,
        member: Member,
        offset: int,
        by_kernel: bool,
        done: Callable[[int, int], object],
    ) -> None:
        self._source, self._target = source, target
        self._writer = PacedWriter(target)
        self._size, self._origin, self._offset = member.size, member.origin, offset
        self._by_kernel = by_kernel and hasattr(os, "copy_file_range")
        self._done = done
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._blocks = self._cut()
        self._under_way: set[int] = set()
        self._next = 0
        self._unreported = 0
        self._sums: dict[int, tuple[int, int]] = {}
        self._failure: BaseException | None = None

    def run(self, threads: int) -> int:
        if self._size < LARGE_SIZE:
            threads = 1
        elif not self._by_kernel:  # a reflink takes no room
            reserve(self._target, self._offset, self._size)
        workers: list[threading.Thread] = []
        try:
            self._start(workers, min(threads, MAX_THREADS) if threads > 1 else 0)
            while workers and not self._ended.wait(_REPORT_SECONDS):
                self._report()
        except BaseException as error:
            self._failure = error
            raise
        finally:
            _join(workers)
        if self._failure:
            raise self._failure
        self._report()
        crc = 0
        for _, (length, part) in sorted(self._sums.items()):
            crc = crc32_combine(crc, part, length)
        return crc

    def _start(self, workers: list[threading.Thread], count: int) -> None:
        """Start fewer threads where the system gives no more, and do the work here where it gives none."""
        for _ in range(count):
            worker = threading.Thread(target=self._work_for_another_thread)
            workers.append(worker)  # before it starts: who is interrupted has it to wait for
            try:
                worker.start()
            except RuntimeError:
                workers.remove(worker)
                break
        if not workers:
            self._work(self._report)

    def _cut(self) -> Iterator[tuple[int, int]]:
        block_size = KERNEL_BLOCK_SIZE if self._by_kernel else BLOCK_SIZE
        while self._next < self._size:
            length = min(block_size - (self._offset + self._next) % block_size, self._size - self._next)
            self._next += length
            yield self._next - length, length

    def _work_for_another_thread(self) -> None:
        try:
            self._work(lambda: None)
        except BaseException as error:
            self._failure = error
            self._ended.set()

    def _work(self, report: Callable[[], None]) -> None:
        buffer = memoryview(bytearray(BLOCK_SIZE))
        while block := self._take():
            position, length = block
            crc = self._move_by_kernel(position, length, buffer) if self._by_kernel else None
            if crc is None:
                crc = self._move(position, length, buffer)
            with self._lock:
                self._sums[position] = length, crc
                self._under_way.remove(position)
                self._unreported += length
                if self._next == self._size and not self._under_way:
                    self._ended.set()
            report()

    def _take(self) -> tuple[int, int] | None:
        with self._lock:
            block = None if self._failure else next(self._blocks, None)
            if block:
                self._under_way.add(block[0])
            return block

    def _move(self, position: int, length: int, buffer: memoryview) -> int:
        crc = 0
        for start in range(position, position + length, BLOCK_SIZE):
            piece = buffer[: min(BLOCK_SIZE, position + length - start)]
            self._read(self._source, piece, start)
            crc = crc32(piece, crc)
            self._writer.write(piece, self._offset + start)
        return crc

    def _move_by_kernel(self, position: int, length: int, buffer: memoryview) -> int | None:
        """Return None if the kernel cannot."""
        moved = 0
        while moved < length:
            start = position + moved
            try:
                count = os.copy_file_range(self._source, self._target, length - moved, start, self._offset + start)
            except OSError as error:
                if error.errno not in _NOT_SUPPORTED:
                    raise
                self._by_kernel = False
                return None
            if count == 0:  # at an early end, and on some systems without a reason
                return None
            moved += count
        crc = 0
        for start in range(position, position + length, BLOCK_SIZE):
            piece = buffer[: min(BLOCK_SIZE, position + length - start)]
            # What has been written, whatever may have become of the source meanwhile.
            self._read(self._target, piece, self._offset + start)
            crc = crc32(piece, crc)
        return crc

    def _read(self, file: int, piece: memoryview, start: int) -> None:
        filled = 0
        while filled < len(piece):
            count = os.preadv(file, [piece[filled:]], start + filled)
            if count == 0 and file == self._target:
                raise OSError(errno.EIO, "what has just been written cannot be read")
            if count == 0:
                raise self._too_short(start + filled)
            filled += count

    def _too_short(self, end: int) -> SourceChangedError:
        return SourceChangedError(self._origin, f"ended {self._size - end} bytes before the planned {self._size}")

    def _report(self) -> None:
        with self._lock:
            count, self._unreported = self._unreported, 0
            settled = min(self._under_way, default=self._next)
        self._done(count, self._offset + settled)


def _join(threads: list[threading.Thread]) -> None:
    """Wait for all, also when interrupted: they use descriptors that the caller closes next."""
    interruption: BaseException | None = None
    for thread in threads:
        while thread.is_alive():
            try:
                thread.join()
            except BaseException as error:
                interruption = error
    if interruption:
        raise interruption
