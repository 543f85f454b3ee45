"""What a worker has written is read, and no more, however much it goes on to write."""

from __future__ import annotations

import os

from marpack.running.kept_log import KeptLog
from marpack.running.log import Stream
from marpack.running.output import Output


class Flooded(KeptLog):
    """One whose worker has written again as much by the time that something is read."""

    def __init__(self, writer: int) -> None:
        super().__init__()
        self.writer = writer
        self.size = 0

    def add(self, stream: Stream, data: bytes) -> list[str]:
        self.size += len(data)
        os.write(self.writer, data)
        return super().add(stream, data)


def test_what_is_written_meanwhile_is_not_waited_for() -> None:
    reader, writer = os.pipe()
    others, other = os.pipe()
    log = Flooded(writer)
    output = Output(os.fdopen(reader, "rb", 0), os.fdopen(others, "rb", 0), log)
    os.write(writer, b"x\n" * 10_000)
    output.drain()
    assert log.size == 20_000
    output.drain()
    assert log.count == 20_000
    os.close(writer)
    os.close(other)
    log.writer = os.open(os.devnull, os.O_WRONLY)
    output.close()
    os.close(log.writer)
    assert log.count == 30_000
