"""What the memory that a block of code takes is held against."""

from __future__ import annotations

import tracemalloc


class bounded:  # noqa: N801 - used as a function
    """Fail when a block of code takes more memory than this at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, *error: object) -> None:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < self.limit
