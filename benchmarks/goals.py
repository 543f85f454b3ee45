"""What the benchmarks are to show, as numbers that a run either reaches or does not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from measurements import Results

__all__ = ["Goal", "goals"]

MARPACK = "marpack"
OFFICIAL = "official"
FAST = "marpack --deflate fast"
PARALLEL = "marpack --deflate parallel"
ONE_THREAD = "marpack --threads 1"
STORE = "marpack --archive-format zip-store"
# Growth counts as linear when ten times the work takes no more than this much more than ten times the time.
LINEAR = 1.25


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A number held against its limit, told in the row of a contender of marpack's."""

    suite: str
    group: str
    row: str
    what: str
    value: float
    at_least: float = -math.inf
    at_most: float = math.inf

    @property
    def measured(self) -> bool:
        """Whether there is a number."""
        return not math.isnan(self.value)

    @property
    def held(self) -> bool:
        """Whether the number keeps to its limit."""
        return self.at_least <= self.value <= self.at_most

    def __str__(self) -> str:
        limit = f"≥ {self.at_least:g}" if self.at_least > -math.inf else f"≤ {self.at_most:g}"
        if not self.measured:
            return f"{self.what} {limit}: not measured"
        return f"{self.what} {limit}: {self.value:.4g}, {'held' if self.held else '**missed**'}"


def goals(results: Results) -> Iterator[Goal]:
    """Give every goal; what was not measured is not a number, and neither is anything computed with it."""
    for suite in (
        *(_stored, _sharing, _deflated, _small_files, _start, _torch, _reading, _scan, _images, _running),
        *(_engines, _memory),
    ):
        yield from suite(results)


def _stored(results: Results) -> Iterator[Goal]:
    small, large = "512 MiB of weights", "4608 MiB of weights"
    for group in (small, large):
        seconds = partial(results.seconds, "stored", group)
        floor = seconds("cp") + seconds("python")
        for options in ("--archive-format zip-store", "--archive-format auto"):
            goal = partial(Goal, suite="stored", group=group, row=f"marpack {options}")
            ours, plain = seconds(f"marpack {options}"), seconds(f"without-isal {options}")
            yield goal(what="marpack / (cp + python)", value=ours / floor, at_most=1.1)
            yield goal(what="without isal / (cp + python)", value=plain / floor, at_most=1.6)
            yield goal(what="official / marpack", value=seconds(OFFICIAL) / ours, at_least=6)
    # How the disk itself grows slow is not marpack's: a machine's memory takes in the smaller file at once.
    ours, floor = (
        results.seconds("stored", large, contender) / results.seconds("stored", small, contender)
        for contender in (STORE, "cp")
    )
    what = f"growth from {small} / growth of cp"
    yield Goal(suite="stored", group=large, row=STORE, what=what, value=ours / floor, at_most=LINEAR)


def _sharing(results: Results) -> Iterator[Goal]:
    # Python's start is half of what 512 MiB take. Elsewhere nothing is shared: a copy is the measure.
    for disk in ("xfs", "btrfs"):
        for size, most in ((512, 0.9), (4608, 0.35)):
            packing = partial(_of_cp, results, f"pack {size} MiB, {disk}", most=most)
            yield from packing(f"{MARPACK} --archive-format auto")
            yield from packing(f"{MARPACK} --archive-format no-archive")
            yield from _of_cp(results, f"extract {size} MiB, {disk}", MARPACK, most=most)
        yield from _of_cp(results, f"repack 4608 MiB, {disk}", f"{MARPACK} --check off", most=0.05)
    own = results.machine["file_system"]
    yield from _of_cp(results, f"repack 4608 MiB, {own}", f"{MARPACK} --check off", most=1.1, shared=False)


def _of_cp(results: Results, group: str, row: str, *, most: float, shared: bool = True) -> Iterator[Goal]:
    goal = partial(Goal, suite="sharing", group=group, row=row)
    value = results.seconds("sharing", group, row) / results.seconds("sharing", group, "cp")
    yield goal(what="marpack / cp", value=value, at_most=most)
    if shared:
        yield goal(what="MiB of disk", value=results.taken("sharing", group, row) / (1 << 20), at_most=1)


def _deflated(results: Results) -> Iterator[Goal]:
    # The goals of `parallel` and `fast` are for files that take longer than Python's start: 64 MiB do not.
    cases = [
        ("64 MiB of weights, default", False, None),
        ("512 MiB of weights, default", True, 20),
        ("512 MiB of weights, tgz", True, 20),
        ("256 MiB of code, default", True, 8),
        ("64 MiB of code, tgz", True, 8),
    ]
    for group, long, times in cases:
        seconds = partial(results.seconds, "deflated", group)
        size = partial(results.size, "deflated", group)
        goal = partial(Goal, suite="deflated", group=group)
        official, ours = seconds(OFFICIAL), seconds(MARPACK)
        yield goal(row=MARPACK, what="official / marpack", value=official / ours, at_least=1)
        if long and results.machine["cores"] > 1:
            yield goal(row=PARALLEL, what="zlib / parallel", value=ours / seconds(PARALLEL), at_least=1.85)
        if times:
            yield goal(row=FAST, what="official / marpack", value=official / seconds(FAST), at_least=times)
        if "weights" in group:
            yield goal(row=FAST, what="size / official size", value=size(FAST) / size(OFFICIAL), at_most=1)
    group = "8 times 32 MiB of weights, default"
    seconds = partial(results.seconds, "deflated", group)
    goal = partial(Goal, suite="deflated", group=group, row=MARPACK)
    yield goal(what="official / marpack", value=seconds(OFFICIAL) / seconds(MARPACK), at_least=1)
    if results.machine["cores"] > 1:
        yield goal(what="one thread / marpack", value=seconds(ONE_THREAD) / seconds(MARPACK), at_least=1.5)


def _small_files(results: Results) -> Iterator[Goal]:
    many, most = "5,000 small files", "50,000 small files"
    for group in (many, most):
        seconds = partial(results.seconds, "small files", group)
        value = seconds(OFFICIAL) / seconds(MARPACK)
        what = "official / marpack"
        yield Goal(suite="small files", group=group, row=MARPACK, what=what, value=value, at_least=4)
    value = results.seconds("small files", most, MARPACK) / results.seconds("small files", many, MARPACK) / 10
    what = f"time / 10 times that of {many}"
    yield Goal(suite="small files", group=most, row=MARPACK, what=what, value=value, at_most=LINEAR)


def _start(results: Results) -> Iterator[Goal]:
    more = results.seconds("start", "import", MARPACK) - results.seconds("start", "import", "python")
    what = "milliseconds more than python"
    yield Goal(suite="start", group="import", row=MARPACK, what=what, value=1000 * more, at_most=25)
    group = "a model of one handler"
    for row, most in ((MARPACK, 55), (f"{MARPACK} --check warn", 120)):
        value = 1000 * results.seconds("start", group, row)
        yield Goal(suite="start", group=group, row=row, what="milliseconds", value=value, at_most=most)


def _reading(results: Results) -> Iterator[Goal]:
    for form in ("zip-store", "default"):
        group = f"extract 512 MiB of weights, {form}"
        seconds = partial(results.seconds, "reading", group)
        goal = partial(Goal, suite="reading", group=group, row=MARPACK)
        yield goal(what="unzip / marpack", value=seconds("unzip") / seconds(MARPACK), at_least=1)
        yield goal(what="unzip / without isal", value=seconds("unzip") / seconds("without-isal"), at_least=1)
    kinds = [f"{what} of {kind}" for what in ("512 MiB", "8 times 64 MiB") for kind in ("weights", "code")]
    for group in (f"{verb} {what}, deflated" for verb in ("extract", "verify") for what in kinds):
        value = results.seconds("reading", group, "unzip") / results.seconds("reading", group, MARPACK)
        yield Goal(suite="reading", group=group, row=MARPACK, what="unzip / marpack", value=value, at_least=2.2)
    group = "verify 4096 MiB of weights, zip-store"
    seconds = partial(results.seconds, "reading", group)
    goal = partial(Goal, suite="reading", group=group, row=MARPACK)
    yield goal(what="marpack / CRC by isal", value=seconds(MARPACK) / seconds("isal-crc"), at_most=1.25)
    yield goal(
        what="without isal / CRC by zlib", value=seconds("without-isal") / seconds("zlib-crc"), at_most=1.25
    )


def _scan(results: Results) -> Iterator[Goal]:
    group, row = "1,000 small models", f"{MARPACK} --processes 1"
    goal = partial(Goal, suite="scan", group=group)
    # Seconds of a thousand are milliseconds of one.
    one, all_cores = (results.seconds("scan", group, each) for each in (row, MARPACK))
    yield goal(row=row, what="milliseconds an archive", value=one, at_most=5)
    if results.machine["cores"] > 1:
        yield goal(row=MARPACK, what="one process / marpack", value=one / all_cores, at_least=1.8)


def _torch(results: Results) -> Iterator[Goal]:
    group, row = "512 MiB of a torch module, zip-store", "marpack from memory"
    value = results.seconds("torch", group, "marpack saved first") / results.seconds("torch", group, row)
    yield Goal(suite="torch", group=group, row=row, what="saved first / from memory", value=value, at_least=1)


def _images(results: Results) -> Iterator[Goal]:
    for size in (512, 4608):
        group = f"{size} MiB of weights"
        seconds = partial(results.seconds, "images", group)
        # Two processes in place of one: the second start is not what is compared.
        floor = seconds("cp") + seconds("sha256")
        for row in (MARPACK, f"{MARPACK} --tar"):
            goal = partial(Goal, suite="images", group=group, row=row)
            yield goal(what="marpack / (cp + sha256)", value=seconds(row) / floor, at_most=1.15)


def _running(results: Results) -> Iterator[Goal]:
    for group in (
        "from a command to the first answer",
        "one request to a loaded model",
        "8 requests at once, a batch",
    ):
        value = results.seconds("running", group, MARPACK) / results.seconds("running", group, "torchserve")
        yield Goal(
            suite="running", group=group, row=MARPACK, what="marpack / torchserve", value=value, at_most=0.5
        )


def _engines(results: Results) -> Iterator[Goal]:
    group = "a constant, 1 client"
    value = results.seconds("engines", group, MARPACK) / results.seconds("engines", group, "bare")
    yield Goal(suite="engines", group=group, row=MARPACK, what="marpack / bare", value=value, at_most=1.25)


def _memory(results: Results) -> Iterator[Goal]:
    small, large = "image of 512 MiB of weights", "image of 6144 MiB of weights"
    for row in (MARPACK, f"{MARPACK} --tar"):
        value = results.peak(large, row) / results.peak(small, row)
        what = "peak / that of 512 MiB"
        yield Goal(suite="memory", group=large, row=row, what=what, value=value, at_most=1.1)
