"""Parts of one file behind a URL: each is what was asked for, and all are of one state of the file."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from marpack.display import hidden_url
from marpack.errors import DownloadError, MarpackError, SourceChangedError
from marpack.frozen import frozen
from marpack.remote.urls import ask, breaks_off, status_of

# What was asked for: a start and an end, or how many of the last bytes.
_Wanted: TypeAlias = "tuple[int, int] | int"

WAY_OUT = "download all of it first (--download, download=True)"
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_UNSATISFIABLE = 416
_NOT_UNDERSTOOD = (400, _UNSATISFIABLE, 501)
# Azure's store does not know ranges that count from the end, and its emulator fails over them.
_FROM_THE_END = "bytes=-"
_FAILED = 500
# In the hours that a large archive takes a connection breaks, or a server is busy: seconds before once more.
_PAUSES = (0.1, 0.5)


class Parts(ABC):
    """Gives bytes of the file at ``url``, on any thread. Every failure is a ``DownloadError``."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def tail(self, length: int) -> tuple[bytes, int]:
        """Return the last bytes, and how many there are in all; this is asked first."""

    @abstractmethod
    def part(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` up to ``end``; ``SourceChangedError`` if they are of another file."""

    def finish(self) -> None:  # noqa: B027
        """Raise ``SourceChangedError`` if the file changed, where the parts could not say so."""

    def close(self) -> None:  # noqa: B027
        """Close what was opened to read parts; nothing is asked any more."""

    def refused(self, reason: str) -> DownloadError:
        """Return the error that says why the file cannot be read."""
        return DownloadError(hidden_url(self.url), reason)

    def changed(self) -> SourceChangedError:
        """Return the error for a file that is another one by now."""
        return changed(self.url)


def changed(url: str) -> SourceChangedError:
    """Return the error for a file that is another one by now."""
    what_to_do = "do it again when nothing writes to it"
    return SourceChangedError(repr(hidden_url(url)), "has changed while it was read", what_to_do)


@frozen
class Head:
    """What an answer says before its bytes; ``state`` is its mark of the file's contents, an ETag or a time."""

    content_range: str | None
    length: int | None
    encoding: str | None
    state: str | None


class _OtherAnswerError(MarpackError):
    """No part came: the file as a whole, or a refusal with an HTTP status."""

    def __init__(self, status: int | None = None) -> None:
        super().__init__()
        self.status = status


class RangedParts(Parts):
    """Parts that are asked for by HTTP's ranges (RFC 9110, 14), each by one request.

    The first request counts from the end, and so tells the size too. Each answer has to say which bytes it brings,
    of how many, and of which state of the file. Servers lie, and files are replaced.
    """

    # How the server says that it may answer later; the libraries of stores ask once more by themselves.
    busy: tuple[int, ...] = ()
    _known: tuple[int, str | None] | None = None

    @abstractmethod
    def _send(self, spelled: str, judge: Callable[[Head], int]) -> bytes:
        """Ask for a range, as it is spelt; return of the body so many bytes as ``judge`` says of its head."""

    def tail(self, length: int) -> tuple[bytes, int]:
        """Return the last bytes, and how many there are in all."""
        try:
            data = self._ask(f"{_FROM_THE_END}{length}", length)
        except _OtherAnswerError:
            size = self._size()
            data = self.part(max(0, size - length), size) if size else b""
        return data, self._size()

    def _size(self) -> int:
        """Return the size, which the answer to the first part says."""
        if self._known is None:
            try:
                self._ask("bytes=0-0", (0, 1))
            except _OtherAnswerError as answer:
                if answer.status != _UNSATISFIABLE:
                    raise self._without_ranges(answer) from None
                self._known = (0, None)  # RFC 9110, 14.1.2: only of nothing the first byte cannot be given
        assert self._known is not None
        return self._known[0]

    @property
    def has_mark(self) -> bool:
        """Whether the answers say of which state of the file they are."""
        return self._known is not None and self._known[1] is not None

    def part(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` up to ``end``."""
        try:
            return self._ask(f"bytes={start}-{end - 1}", (start, end))
        except _OtherAnswerError as answer:
            is_shorter = answer.status == _UNSATISFIABLE and self._known is not None
            raise self.changed() if is_shorter else self._without_ranges(answer) from None

    def _without_ranges(self, answer: _OtherAnswerError) -> DownloadError:
        if answer.status is not None:
            return self.refused(
                f"cannot be read in parts, for which its server says HTTP {answer.status}: {WAY_OUT}"
            )
        return self.refused(f"cannot be read in parts, for its server gives the whole file or nothing: {WAY_OUT}")

    def _ask(self, spelled: str, wanted: _Wanted) -> bytes:
        expected = 0

        def judge(head: Head) -> int:
            nonlocal expected
            expected = self._judge(head, wanted)
            return expected

        data = ask(self.url, lambda: self._patiently(spelled, judge), DownloadError)
        if len(data) != expected:
            raise self.refused(f"cannot be read: of {expected:,} bytes {len(data):,} came")
        return data

    def _patiently(self, spelled: str, judge: Callable[[Head], int]) -> bytes:
        """Ask, and once more where that may help."""
        for pause in _PAUSES:
            try:
                return self._once(spelled, judge)
            except MarpackError:
                raise
            except Exception as failure:
                if not breaks_off(failure) and status_of(failure) not in self.busy:
                    raise
            time.sleep(pause)
        return self._once(spelled, judge)

    def _once(self, spelled: str, judge: Callable[[Head], int]) -> bytes:
        try:
            return self._send(spelled, judge)
        except Exception as failure:
            status = status_of(failure)
            fails_over_it = status == _FAILED and spelled.startswith(_FROM_THE_END)
            if status not in _NOT_UNDERSTOOD and not fails_over_it:
                raise
        raise _OtherAnswerError(status)

    def _judge(self, head: Head, wanted: _Wanted) -> int:
        """Return how many bytes come, if they are those that were asked for."""
        if head.encoding not in (None, "", "identity"):
            raise self.refused(f"is sent compressed, of which no part can be taken: {WAY_OUT}")
        if head.content_range is None:
            # A server that knows no ranges; of a file as short as that it is what was wanted.
            if not isinstance(wanted, int) or head.length is None or head.length > wanted:
                raise _OtherAnswerError
            start, end, size = 0, head.length, head.length
        elif said := _CONTENT_RANGE.fullmatch(head.content_range):
            start, end, size = int(said[1]), int(said[2]) + 1, int(said[3])
        else:
            raise self.refused("cannot be read: its server does not say which part it sends")
        if self._known not in (None, (size, head.state)):
            raise self.changed()
        right = (max(0, size - wanted), size) if isinstance(wanted, int) else wanted
        if (start, end) != right or head.length not in (None, end - start):
            raise self.refused("cannot be read: its server sends another part than it is asked for")
        self._known = (size, head.state)
        return end - start
