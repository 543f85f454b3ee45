"""What the front end says of a request that it does not give to a worker. Pure."""

from __future__ import annotations


class FrontEndError(Exception):
    """The front end answers by itself: ``kind`` is the name of its exception, whose message may be none."""

    def __init__(self, status: int, kind: str, message: str | None) -> None:
        self.status = status
        self.kind = kind
        self.message = message
        super().__init__(message)
