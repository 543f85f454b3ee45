"""The tables of engines side by side: what clients measured of each, and which of them is best at what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from measurements import Measurement

__all__ = ["tables_of_engines"]

_NAMES = {"torchserve": "TorchServe", "ray": "Ray Serve", "kserve": "KServe"}
# By how much one must be better than all others to be the best: what differs less may differ otherwise next time.
_MARGIN = 1.05
# What is told, in which unit, and whether more of it is better.
_KINDS: dict[str, tuple[Callable[[Measurement], float], bool]] = {
    "answers a second": (lambda one: one.rate or 0, True),
    "p50, ms": (lambda one: 1000 * one.seconds, False),
    "p99, ms": (lambda one: 1000 * (one.p99 or 0), False),
}


def tables_of_engines(groups: Mapping[str, Sequence[Measurement]]) -> Iterator[str]:
    """Give a table of what was measured, and one of who is best; groups in which is no engine are left out."""
    beside = {
        group: {one.contender: one for one in found if one.contender in _NAMES} for group, found in groups.items()
    }
    beside = {group: found for group, found in beside.items() if found}
    if not beside:
        return
    names = [f"{kind}: {_NAMES[engine]}" for kind in _KINDS for engine in _NAMES]
    rows = [
        [group, *(_cell(found.get(engine), kind) for kind in _KINDS for engine in _NAMES), _rounds(found)]
        for group, found in beside.items()
    ]
    yield "Each engine by itself, one request in a batch and one worker unless it is said otherwise:"
    yield _table(["engines", *names, "rounds"], rows)
    yield f"Who is better than each other by {_MARGIN - 1:.0%} at least, and by how many times than the next:"
    told = [[group, *(_best(found, kind) for kind in _KINDS)] for group, found in beside.items()]
    yield _table(["best", *_KINDS], told, numbers=False)


def _cell(one: Measurement | None, kind: str) -> str:
    if one is None:
        return ""
    number = _KINDS[kind][0](one)
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def _best(found: Mapping[str, Measurement], kind: str) -> str:
    """Return the name of the best, and how many times the next it is; "none" where none is by enough."""
    value, more_is_better = _KINDS[kind]
    first, *others = sorted(found, key=lambda engine: value(found[engine]), reverse=more_is_better)
    if not others:
        return ""
    best, following = value(found[first]), value(found[others[0]])
    times = best / following if more_is_better else following / best
    return f"{_NAMES[first]}, {times:.2f}" if times >= _MARGIN else "none"


def _rounds(found: Mapping[str, Measurement]) -> str:
    return " to ".join(map(str, sorted({one.rounds for one in found.values()})))


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = True) -> str:
    lines = [names, ["---", *["---:" if numbers else "---"] * (len(names) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
