"""Where the bytes of a source lie in an open file, if they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from marpack.archive.sources import FileSource, Source, StoredSource


@contextmanager
def opened_region(source: Source) -> Iterator[tuple[int, int] | None]:
    """Give the descriptor of the file and the offset of the first byte, None where they come from elsewhere.

    Raises ``SourceChangedError`` at the beginning, and at a good end, when a file is not as it was planned.
    """
    if isinstance(source, FileSource):
        with closing(source.open()) as reader:
            yield reader.fileno(), 0
            reader.require_unchanged()
    elif isinstance(source, StoredSource):
        yield source.region()
        source.require_unchanged()
    else:
        yield None
