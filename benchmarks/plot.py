"""The plot of a run: time against the size of the weights, and against the number of members."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

# The checks run without it as well, then with no word about its types.
import matplotlib as mpl  # type: ignore[import-not-found, unused-ignore]
from matplotlib.figure import Figure  # type: ignore[import-not-found, unused-ignore]

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes  # type: ignore[import-not-found, unused-ignore]
    from measurements import Results

__all__ = ["draw"]

# Middle tones: the page behind the plot may be white or nearly black.
INK = "#767676"
BLUE = "#2187d0"
ORANGE = "#db5c2b"

SIZES = {"64 MiB": 64, "512 MiB": 512, "4.5 GiB": 4608}
COUNTS = {"50": 50, "500": 500, "5,000": 5000, "50,000": 50000}
SECONDS = {"10 ms": 0.01, "0.1 s": 0.1, "1 s": 1.0, "10 s": 10.0, "100 s": 100.0}

STYLE: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "font.size": 9,
    "grid.alpha": 0.25,
    "grid.color": INK,
    # Letters as shapes look the same everywhere; the salt makes equal numbers an equal file.
    "svg.fonttype": "path",
    "svg.hashsalt": "marpack",
    "xtick.color": INK,
    "ytick.color": INK,
}

# Suite, group with a place for the size, contender; colour and stroke; name.
Line: TypeAlias = tuple[str, str, str, str, str, str]
# Place and time of a line's last point, its name and colour.
End: TypeAlias = tuple[int, float, str, str]
WEIGHTS: list[Line] = [
    ("deflated", "{} MiB of weights, default", "official", ORANGE, "--", "official, deflated"),
    ("stored", "{} MiB of weights", "official", ORANGE, "-", "official, stored"),
    ("deflated", "{} MiB of weights, default", "marpack --deflate fast", BLUE, "--", "marpack, deflated (fast)"),
    ("stored", "{} MiB of weights", "marpack --archive-format zip-store", BLUE, "-", "marpack, stored"),
    ("stored", "{} MiB of weights", "cp", INK, ":", "cp"),
]
MEMBERS: list[Line] = [
    ("small files", "{:,} small files", "official", ORANGE, "-", "official"),
    ("small files", "{:,} small files", "cp", INK, ":", "cp -r"),
    ("small files", "{:,} small files", "marpack", BLUE, "-", "marpack"),
]
# Names of lines are kept this far apart, in parts of the plot's height.
GAP = 0.05


def draw(results: Results, path: Path) -> None:
    """Draw as much of it as was measured."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 4), layout="constrained")
        weights, members = figure.subplots(1, 2, sharey=True, width_ratios=(4, 3))
        ends = [
            _panel(results, weights, WEIGHTS, SIZES, room=0.8),
            _panel(results, members, MEMBERS, COUNTS, room=0.35),
        ]
        weights.set_title("Time to pack a file of weights", loc="left")
        members.set_title("Time to pack many small files", loc="left")
        members.tick_params(labelleft=True)
        # The scale that both share is known now.
        for axes, places, names in zip((weights, members), (SIZES, COUNTS), ends, strict=True):
            _name(axes, names, max(places.values()))
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})


def _panel(
    results: Results, axes: Axes, lines: list[Line], places: Mapping[str, int], *, room: float
) -> list[End]:
    """Draw lines and give their ends, beside which room is left for their names, in parts of the lines' width."""
    ends = []
    for suite, group, contender, colour, stroke, name in lines:
        medians = {place: results.seconds(suite, group.format(place), contender) for place in places.values()}
        points = [(place, seconds) for place, seconds in medians.items() if not math.isnan(seconds)]
        if points:
            axes.plot(*zip(*points, strict=True), stroke, color=colour, marker="o", markersize=4)
            ends.append((*points[-1], name, colour))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(list(places.values()), list(places))
    axes.set_yticks(list(SECONDS.values()), list(SECONDS))
    axes.minorticks_off()
    axes.grid()
    first, *_, last = places.values()
    axes.set_xlim(first / 1.3, last * (last / first) ** room)
    return ends


def _name(axes: Axes, ends: list[End], last: int) -> None:
    """Write the names of lines beside their ends, or above those that end early."""
    low, high = (math.log(limit) for limit in axes.get_ylim())
    free = math.inf
    for place, seconds, name, colour in sorted(ends, key=lambda end: -end[1]):
        if place < last:
            axes.annotate(name, (place, seconds), (0, 8), textcoords="offset points", color=colour, ha="center")
            continue
        height = min((math.log(seconds) - low) / (high - low), free)
        free = height - GAP
        axes.annotate(
            name,
            (place, seconds),
            (place * 1.25, math.exp(low + height * (high - low))),
            color=colour,
            va="center",
        )
