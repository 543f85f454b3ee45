"""Look at many archives."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from marpack.archive.read.limits import Limits
from marpack.checks.examine import built_in_rules, settings_for
from marpack.checks.frame.subject import CheckTarget
from marpack.errors import MarpackError
from marpack.findings import Issue
from marpack.remote.urls import Connections
from marpack.rule import chosen_rules
from marpack.scanning.look import Look, answers, look_at
from marpack.scanning.places import Place, find_places
from marpack.scanning.scanned import ScannedArchive, shown_path

if TYPE_CHECKING:
    from marpack.scanning.executors import ExecutorSource

# A task is so many archives that an engine's own time, some milliseconds a task over a network, is little beside
# theirs; the first are smaller, so that a few archives go round. Hashing may take long: a task ends after so many
# bytes of it.
_MOST_OF_A_TASK = 8
_MOST_HASHED = 64 << 20


def scan(
    locations: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    executor: ExecutorSource | None = None,
    in_flight: int = 64,
    digest: bool = False,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] = (),
    target: CheckTarget = "torchserve",
    python: str | None = None,
    torch: str | None = None,
    torchserve_version: str | None = None,
    limits: Limits | None = None,
    storage_options: Mapping[str, Any] | None = None,
    download: bool = False,
) -> Iterator[ScannedArchive]:
    """Look at every archive in folders and below prefixes, and yield what is found of each, in order.

    - ``locations``: folders, prefixes of stores (``s3://bucket/models/``), or archives themselves. In a folder,
      archives are files that end in ``.mar``, ``.war``, ``.tar.gz`` or ``.tgz``, and, on the disk, folders that
      hold a manifest; names that begin with a dot are left out, and links are followed. They come in the order of
      the locations, and below each in that of their names.
    - ``executor``: a ``concurrent.futures.Executor`` to look at them, in threads, processes, or an engine's
      workers on any machine that has this marpack and sees the same locations; or a function that makes one, as
      ``ProcessPoolExecutor`` itself, which is then shut down at the end. By default the caller's thread looks.
    - ``in_flight``: how many tasks the executor is given at once, each of up to 8 archives; results are kept back
      until those before them have come. For many workers give at least twice their number.
    - ``digest``: take the SHA-256 of each archive, which reads all of it.
    - ``select``, ``ignore``, ``target``, ``python``, ``torch``, ``torchserve_version``: those of ``check``.
    - ``limits``: how much each archive may make its reader do.
    - ``storage_options``, ``download``: as in ``open_archive``, for URLs; they are sent with the tasks.

    An archive that is broken, or a folder that cannot be listed, is a ``ScannedArchive`` with an ``error``. So is
    one that ends the process which looks at it, if ``executor`` is a function, or an engine that goes on after
    it; a ``ProcessPoolExecutor`` that was given breaks, which is raised as its ``BrokenExecutor``. Of an executor
    that says nothing of some archives, a ``MarpackError`` names them. Raises at once ``MarpackError`` for a code
    that no rule has, and ``ValueError`` for an unknown target or version.
    """
    if in_flight < 1:
        raise ValueError(f"in_flight must be a whole number from 1 on, not {in_flight!r}")
    chosen_rules(built_in_rules(), select=select, ignore=ignore)
    look = Look(
        settings=settings_for(target=target, python=python, torch=torch, torchserve_version=torchserve_version),
        select=None if select is None else _codes(select),
        ignore=_codes(ignore),
        digest=digest,
        limits=limits or Limits(),
        storage_options=dict(storage_options or {}),
        download=download,
    )
    places = find_places(locations, look.storage_options)
    if executor is None:
        connections: Connections = {}
        return (archive for place in places for archive in look_at(look, [place], connections))
    from marpack.scanning.executors import Spread  # slow to import

    spread = Spread(partial(look_at, look), executor=executor, answers=answers, lost=_lost, judged=_judged)
    return spread.results(_tasks(places, digest=digest), in_flight=in_flight)


def _codes(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _tasks(places: Iterable[Place], *, digest: bool) -> Iterator[list[Place]]:
    """Yield the places as tasks, that grow to their full size one by one."""
    task: list[Place] = []
    longest, hashed = 1, 0
    for place in places:
        task.append(place)
        hashed += place.size if digest else 0
        if len(task) >= longest or hashed >= _MOST_HASHED:
            yield task
            task, hashed = [], 0
            longest = min(longest + 1, _MOST_OF_A_TASK)
    if task:
        yield task


def _judged(task: Sequence[Place], found: object) -> list[ScannedArchive]:
    """Return what came back for a task, if it is of each archive, in their order."""
    results = found if isinstance(found, list) else []
    paths = [each.path if isinstance(each, ScannedArchive) else None for each in results]
    if paths == [place.path for place in task]:
        return results
    missing = ", ".join(repr(shown_path(place.path)) for place in task if place.path not in paths)
    problem = f"says nothing of {missing}" if missing else "says more than it was asked, or in another order"
    raise MarpackError(f"the executor {problem}: its submit() must give a Future of what the function returns")


def _lost(place: Place, error: Exception) -> ScannedArchive:
    message = f"ended what looked at it, twice ({type(error).__name__}: {error}): look at it by itself"
    return ScannedArchive(path=place.path, error=Issue(code="worker-lost", argument="", message=message))
