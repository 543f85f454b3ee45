"""What a file in a folder may be made of: an archive's plan, a source, or bytes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TypeAlias

from marpack.archive.plan.plan import Plan
from marpack.archive.result import Progress, WriteResult
from marpack.archive.sources import CHUNK_SIZE, BytesSource, Source
from marpack.archive.write.sinks import Writable
from marpack.archive.write.write import suffix_warning, write_archive
from marpack.errors import SourceChangedError

Contents: TypeAlias = "Plan | Source | bytes"


def contents_size(contents: Contents) -> int:
    """Return how many bytes there are, of an archive before they are packed."""
    return len(contents) if isinstance(contents, bytes) else contents.size


def write_contents(
    contents: Contents, name: str, target: Writable, *, progress: Progress | None, threads: int | None
) -> WriteResult | None:
    """Write all bytes to what takes them; an archive's result has no path yet.

    Raises ``SourceChangedError`` for a source that gives more or fewer bytes than it says.
    """
    if isinstance(contents, Plan):
        return write_archive(contents, target, progress=progress, threads=threads)
    source = BytesSource(data=contents) if isinstance(contents, bytes) else contents
    expected, done = source.size, 0
    with closing(source.open()) as reader:
        while chunk := reader.read(CHUNK_SIZE):
            done += len(chunk)
            if done > expected:
                break
            target.write(chunk)
            if progress is not None:
                progress(len(chunk))
    if done != expected:
        raise SourceChangedError(repr(name), f"does not have the {expected:,} bytes that it said it had")
    return None


def at_path(result: WriteResult | None, contents: Contents, path: str) -> WriteResult | None:
    """Return an archive's result with the path where it can be seen, and what the server makes of that."""
    if result is None or not isinstance(contents, Plan):
        return None
    return replace(result, path=path, warnings=(*contents.warnings, *suffix_warning(contents, path)))
