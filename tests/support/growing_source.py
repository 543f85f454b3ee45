"""A source that grows while it is read."""

from __future__ import annotations

import io


class Growing:
    """A source that is not what it said it was."""

    name = "net.pt"
    size = 3

    def open(self) -> io.BytesIO:
        return io.BytesIO(b"more than three")
