"""What is kept of a run: one median for each contender of a group, and where it was measured."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Measurement", "Results"]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One contender in one group: medians of all its rounds."""

    suite: str
    group: str
    contender: str
    seconds: float
    rounds: int
    bytes: int | None = None
    peak: int | None = None
    # Of the disk, in bytes.
    taken: int | None = None
    # Of clients: seconds of the answer than which one in a hundred takes longer, and answers in a second.
    p99: float | None = None
    rate: float | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What names the measurement in its run."""
        return self.suite, self.group, self.contender

    @property
    def program(self) -> str:
        """The first word of the contender."""
        return self.contender.partition(" ")[0]

    @property
    def options(self) -> str:
        """What the contender does otherwise than its program alone."""
        return self.contender.partition(" ")[2]


@dataclass(frozen=True, kw_only=True)
class Results:
    """One run on one machine."""

    date: str
    machine: dict[str, Any]
    measurements: list[Measurement]

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read pytest-benchmark's JSON, or what :meth:`write` wrote."""
        document = json.loads(path.read_text())
        if "measurements" in document:
            kept = [Measurement(**values) for values in document["measurements"]]
            return cls(date=document["date"], machine=document["machine"], measurements=kept)
        return cls(date=document["datetime"][:10], machine=_machine(document), measurements=_merged(document))

    @classmethod
    def merged(cls, runs: Iterable[Results]) -> Results:
        """Put runs together, the later over the earlier; date and machine are the last one's."""
        found: dict[tuple[str, str, str], Measurement] = {}
        for run in runs:
            found |= {one.key: one for one in run.measurements}
            date, machine = run.date, run.machine
        return cls(date=date, machine=machine, measurements=list(found.values()))

    def write(self, path: Path) -> None:
        """Keep the run, a line for each measurement."""
        lines = [
            json.dumps({name: value for name, value in asdict(measurement).items() if value is not None})
            for measurement in self.measurements
        ]
        head = json.dumps({"date": self.date, "machine": self.machine}, indent=1)
        path.write_text(head.removesuffix("\n}") + ',\n "measurements": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n")

    def find(self, suite: str, group: str, contender: str) -> Measurement | None:
        """Return a measurement, unless it was left out of the run."""
        return next((one for one in self.measurements if one.key == (suite, group, contender)), None)

    def seconds(self, suite: str, group: str, contender: str) -> float:
        """Return a median, or not a number."""
        found = self.find(suite, group, contender)
        return found.seconds if found else math.nan

    def size(self, suite: str, group: str, contender: str) -> float:
        """Return the bytes of an archive, or not a number."""
        found = self.find(suite, group, contender)
        return found.bytes if found and found.bytes else math.nan

    def peak(self, group: str, contender: str) -> float:
        """Return bytes of memory, or not a number."""
        found = self.find("memory", group, contender)
        return math.nan if found is None or found.peak is None else found.peak

    def taken(self, suite: str, group: str, contender: str) -> float:
        """Return how many bytes of the disk went, or not a number."""
        found = self.find(suite, group, contender)
        return math.nan if found is None or found.taken is None else found.taken


def _merged(document: dict[str, Any]) -> list[Measurement]:
    """Merge the turns of a contender, each of which is a benchmark of one round."""
    turns: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for benchmark in document["benchmarks"]:
        suite = benchmark["fullname"].partition(".py")[0].rpartition("test_")[2].replace("_", " ")
        turns[suite, benchmark["group"], benchmark["params"]["contender"]].append(benchmark)
    return [
        Measurement(
            suite=suite,
            group=group,
            contender=contender,
            seconds=round(statistics.median([_seconds(turn) for turn in found]), 5),
            rounds=len(found),
            bytes=_whole(_median(found, "bytes")),
            peak=_whole(_median(found, "peak")),
            taken=_whole(_median(found, "taken")) if suite == "sharing" else None,
            p99=_median(found, "p99"),
            rate=_median(found, "rate"),
        )
        for (suite, group, contender), found in turns.items()
    ]


def _seconds(turn: dict[str, Any]) -> float:
    """Return the median of a turn: as clients have told it, or else of the rounds."""
    found: float = turn["extra_info"].get("p50", turn["stats"]["median"])
    return found


def _median(found: list[dict[str, Any]], what: str) -> float | None:
    values = [turn["extra_info"][what] for turn in found if what in turn["extra_info"]]
    return round(statistics.median(values), 5) if values else None


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _machine(document: dict[str, Any]) -> dict[str, Any]:
    """Return what times depend on, and nothing that tells whose machine it was."""
    machine, commit = document["machine_info"], document["commit_info"]
    return {
        "processor": machine["cpu"].get("brand_raw"),
        "cores": machine["cpu"]["count"],
        "memory": machine["memory"],
        "system": machine["system"],
        "kernel": machine["release"].partition("-")[0],
        "file_system": machine["file_system"],
        "python": machine["python_version"],
        "zlib": machine["zlib"],
        "packages": machine["packages"],
        "commit": commit.get("id"),
        "changed_since": commit.get("dirty"),
    }
