"""Workers that are loaded once, and kept for all who ask for the same."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from marpack.archive.plan.plan import Plan
from marpack.archive.read.open import ArchiveSource
from marpack.disk.file_states import states
from marpack.errors import NotServedError
from marpack.frozen import frozen
from marpack.remote.urls import is_url
from marpack.running.handlers_log import handlers_lines, lines_after
from marpack.running.log import LogLine
from marpack.running.traceback import without_tracebacks
from marpack.running.worker import Worker


@frozen
class _Wanted:
    """What somebody asks for: ``state`` of the files of an archive on the disk."""

    archive: Any
    state: Any
    options: dict[str, Any]

    def is_met_by(self, other: _Wanted) -> bool:
        """Tell whether somebody else has asked for the same."""
        same = (
            self.archive == other.archive
            if isinstance(self.archive, (str, Plan))
            else self.archive is other.archive
        )
        return same and self.state == other.state and self.options == other.options


class KeptWorkers:
    """Workers by what they were asked for; ``python`` is for those that name none."""

    def __init__(self, *, python: str | None) -> None:
        self._python = python
        self._kept: list[tuple[_Wanted, Worker | NotServedError]] = []
        self._seen: dict[int, Sequence[LogLine]] = {}
        self._refused: list[NotServedError] = []

    def worker(self, archive: Plan | ArchiveSource, **options: Any) -> Worker:
        """Return a worker that has loaded the archive, begun unless there is one.

        ``options`` are those of ``Worker``. Raises what starting one raises; ``NotServedError`` without trying
        it again.
        """
        wanted = _wanted(archive, options)
        kept = next((kept for other, kept in self._kept if wanted.is_met_by(other)), None)
        if kept is None:
            kept = self._begun(archive, {"python": self._python, **options})
            self._kept.append((wanted, kept))
        if isinstance(kept, NotServedError):
            self._refused.append(kept)
            raise kept.with_traceback(None)
        kept.start()  # one that somebody has closed is loaded again
        return kept

    def _begun(self, archive: Plan | ArchiveSource, options: dict[str, Any]) -> Worker | NotServedError:
        worker = Worker(archive, **options)
        try:
            worker.start()
        except NotServedError as error:
            return error
        return worker

    def written(self) -> Iterator[str]:
        """Yield what handlers wrote since this was asked last, and the last traceback of each."""
        for error in self._refused:
            yield from (*handlers_lines(error.log), *error.traceback.splitlines())
        self._refused.clear()
        for number, (_, worker) in enumerate(self._kept):
            if isinstance(worker, Worker):
                log = worker.log
                told = [line.text for line in lines_after(log, self._seen.get(number, ()))]
                self._seen[number] = log
                yield from handlers_lines(told)
                if without_tracebacks(told) != told:
                    yield from worker.traceback.splitlines()

    def close(self) -> None:
        """End them all."""
        for _, worker in self._kept:
            if isinstance(worker, Worker):
                worker.close()
        self._kept.clear()


def _wanted(archive: Plan | ArchiveSource, options: dict[str, Any]) -> _Wanted:
    if not isinstance(archive, (str, os.PathLike)):
        return _Wanted(archive=archive, state=None, options=options)
    path = os.fspath(archive)
    if is_url(path):
        return _Wanted(archive=path, state=None, options=options)
    path = os.path.abspath(path)
    return _Wanted(archive=path, state=states([path]), options=options)
