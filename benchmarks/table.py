"""Make tables and a plot of a run: ``python benchmarks/table.py result.json``.

Of several files, as a whole run and a part of it that was measured again, a later measurement takes the place of
an earlier one. Whether they are all of one commit is told in the file that is kept.

Print the tables, put them into benchmarks/README.md, keep the run in benchmarks/results, and draw
benchmarks/time-against-size.svg. A kept run can be given as well, to make them again.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from engine_tables import tables_of_engines
from goals import goals
from measurements import Results

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from goals import Goal
    from measurements import Measurement

FOLDER = Path(__file__).parent
SUITES = [
    "stored",
    "sharing",
    "deflated",
    "small files",
    "streaming",
    "copying",
    "torch",
    "reading",
    "scan",
    "images",
    "start",
    "running",
    "engines",
    "memory",
]
COLUMNS = [
    "marpack",
    "without-isal",
    "official",
    "zipfile",
    "unzip",
    "isal-crc",
    "zlib-crc",
    "torchserve",
    "handler",
    "copy_file_range",
    "sendfile",
    "cp",
    "python",
    "sha256",
    "marpack / cp",
    "marpack, MiB of disk",
    "marpack / (cp + python)",
    "marpack / (cp + sha256)",
    "official / marpack",
    "one-of-two",
    "bare",
    "unread",
    "marpack / torchserve",
    "marpack / bare",
    "marpack / unread",
    "one-of-two / marpack",
    "marpack - handler",
    "marpack, MiB",
    "official, MiB",
    "marpack, MiB more memory",
    "official, MiB more memory",
    "rounds",
    "goals",
]
MIB = 1 << 20


def main() -> None:
    """Do it for the file that is named."""
    # Needed here alone: whoever only measures can do without matplotlib.
    import plot

    paths = [Path(argument) for argument in sys.argv[1:]]
    path = paths[-1]
    results = Results.merged(map(Results.read, paths))
    told = list(goals(results))
    text = "\n\n".join([_machine(results), _summary(told), *_tables(results, told)])
    print(text)
    readme = FOLDER / "README.md"
    marks = re.compile(r"(<!-- table -->\n).*(<!-- /table -->)", re.DOTALL)
    readme.write_text(marks.sub(lambda match: f"{match[1]}{text}\n{match[2]}", readme.read_text()))
    kept = FOLDER / "results"
    if path.resolve().parent != kept:
        kept.mkdir(exist_ok=True)
        results.write(kept / f"{results.date}.json")
    plot.draw(results, FOLDER / "time-against-size.svg")


def _machine(results: Results) -> str:
    machine = results.machine
    gibibytes = machine["memory"] >> 30
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{results.date}, {machine['processor']}, {machine['cores']} cores, {gibibytes} GiB of memory, "
        f"{machine['system']} {machine['kernel']}, {machine['file_system']}, Python {machine['python']}, "
        f"zlib {machine['zlib']}, {packages}"
    )


def _summary(told: list[Goal]) -> str:
    held, measured = sum(goal.held for goal in told), sum(goal.measured for goal in told)
    text = f"{held} of {measured} goals are held"
    return f"{text}, {len(told) - measured} were not measured." if measured < len(told) else f"{text}."


def _tables(results: Results, goals_of_run: Iterable[Goal]) -> Iterator[str]:
    """Give a table for each suite: a row for each of marpack's contenders, beside the others of its group."""
    suites: dict[str, dict[str, list[Measurement]]] = defaultdict(lambda: defaultdict(list))
    for measurement in results.measurements:
        suites[measurement.suite][measurement.group].append(measurement)
    told = defaultdict(list)
    for goal in goals_of_run:
        told[goal.suite, goal.group, goal.row].append(str(goal))
    for suite, groups in sorted(suites.items(), key=lambda item: SUITES.index(item[0])):
        cells = _peaks if suite == "memory" else _times
        rows = [
            {suite: _title(row), **cells(_beside(found, row)), "goals": "<br>".join(told[row.key])}
            for found in groups.values()
            for row in found
            if row.program == "marpack"
        ]
        unit = "MiB of memory above the interpreter's own" if suite == "memory" else "Seconds"
        if suite == "engines":
            unit = "Seconds that half of the answers take at most, on Ray Serve"
        if rows:
            yield f"### {suite.capitalize()}\n\n{unit}:\n\n{_markdown(rows)}"
        if suite == "engines":
            yield from tables_of_engines(groups)


def _title(row: Measurement) -> str:
    options = row.options.replace("--archive-format ", "")
    return f"{row.group}, {options}" if options else row.group


def _beside(found: Iterable[Measurement], row: Measurement) -> dict[str, Measurement]:
    """Choose who stands in a row: those with its options, or of a program that has one way only."""
    rivals = {one.program: one for one in found if one.program not in ("marpack", "without-isal")}
    return {**rivals, **{one.program: one for one in found if one.options == row.options}}


def _times(beside: dict[str, Measurement]) -> dict[str, str]:
    marpack, official = beside["marpack"], beside.get("official")
    # A request takes a millisecond.
    digits = 5 if marpack.suite in ("running", "engines") and marpack.seconds < 0.1 else 3
    cells = {name: f"{one.seconds:.{digits}f}" for name, one in beside.items()}
    if marpack.suite in ("stored", "streaming") and {"cp", "python"} <= beside.keys():
        floor = beside["cp"].seconds + beside["python"].seconds
        cells["marpack / (cp + python)"] = f"{marpack.seconds / floor:.2f}"
    if marpack.suite == "images" and "sha256" in beside:
        needed = beside["cp"].seconds + beside["sha256"].seconds
        cells["marpack / (cp + sha256)"] = f"{marpack.seconds / needed:.2f}"
    if marpack.suite == "sharing":
        cells["marpack / cp"] = f"{marpack.seconds / beside['cp'].seconds:.3f}"
        cells["marpack, MiB of disk"] = f"{(marpack.taken or 0) / MIB:.1f}"
    if marpack.suite == "running":
        cells["marpack / torchserve"] = f"{marpack.seconds / beside['torchserve'].seconds:.2f}"
        if "handler" in beside:
            cells["marpack - handler"] = f"{marpack.seconds - beside['handler'].seconds:.5f}"
    if marpack.suite == "engines":
        for name in ("bare", "unread"):
            cells[f"marpack / {name}"] = f"{marpack.seconds / beside[name].seconds:.2f}"
        if two := beside.get("one-of-two"):
            cells["one-of-two / marpack"] = f"{two.seconds / marpack.seconds:.2f}"
    if official:
        cells["official / marpack"] = f"{official.seconds / marpack.seconds:.1f}"
    for name, one in beside.items():
        if name in ("marpack", "official"):
            if one.bytes and one.suite == "deflated":
                cells[f"{name}, MiB"] = f"{one.bytes / MIB:.2f}"
            if one.peak:
                cells[f"{name}, MiB more memory"] = f"{one.peak / MIB:.0f}"
    return {**cells, "rounds": _rounds(beside)}


def _peaks(beside: dict[str, Measurement]) -> dict[str, str]:
    if "python" not in beside:
        return {}
    interpreter = beside["python"].peak or 0
    above = {name: (one.peak or 0) - interpreter for name, one in beside.items() if name != "python"}
    return {**{name: f"{peak / MIB:.1f}" for name, peak in above.items()}, "rounds": _rounds(beside)}


def _rounds(beside: dict[str, Measurement]) -> str:
    counts = sorted({one.rounds for one in beside.values()})
    return " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))


def _markdown(rows: list[dict[str, str]]) -> str:
    """Lay out rows whose cells are named by column; a column that is empty in all of them is left out."""
    first = next(iter(rows[0]))
    names = [first, *(name for name in COLUMNS if any(row.get(name) for row in rows))]
    lines = [
        "| " + " | ".join([name.replace("-", " ") for name in names]) + " |",
        "| " + " | ".join("---" if name in (first, "goals") else "---:" for name in names) + " |",
        *("| " + " | ".join(row.get(name, "") for name in names) + " |" for row in rows),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
