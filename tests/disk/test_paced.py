"""Pieces grow smaller where writing is slow, and whatever their size, the file is the same."""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from marpack.disk import paced

LARGE, SMALL = 1 << 20, 1 << 15


@pytest.mark.parametrize("slowly", [True, False])
def test_pieces(slowly: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    write = os.pwrite

    def pwrite(file: int, data: memoryview, offset: int) -> int:
        sizes.append(len(data))
        return write(file, data[:700_001], offset)

    monkeypatch.setattr(paced, "_SLOW_SECONDS_PER_BYTE", 0 if slowly else 1e9)
    monkeypatch.setattr(os, "pwrite", pwrite)
    data = random.Random(0).randbytes(6 * LARGE + 5)
    with open(tmp_path / "file", "w+b") as file:
        writer = paced.PacedWriter(file.fileno())
        for start in range(0, len(data), LARGE):
            writer.write(memoryview(data)[start : start + LARGE], 39 + start)
        file.seek(39)
        assert file.read() == data
    at_once = [LARGE, LARGE - 700_001]
    assert sizes == (at_once * 4 + [SMALL] * 64 if slowly else at_once * 6) + [5]


@pytest.mark.parametrize(("every", "at_once"), [(6, LARGE), (3, SMALL)])
def test_single_ones_that_are_slow_do_not_count(every: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    ticks = itertools.count()  # of no time, but for one in so many writes
    monkeypatch.setattr(paced, "time", SimpleNamespace(perf_counter=lambda: next(ticks) % (2 * every) == 1))
    monkeypatch.setattr(os, "pwrite", lambda _, data, __: len(data))
    writer = paced.PacedWriter(0)
    for _ in range(100):
        writer.write(memoryview(bytes(LARGE)), 0)

    def pwrite(_: int, data: memoryview, __: int) -> int:
        sizes.append(len(data))
        return len(data)

    monkeypatch.setattr(os, "pwrite", pwrite)
    writer.write(memoryview(bytes(LARGE)), 0)
    assert set(sizes) == {at_once}


def test_what_is_small_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def pwrite(_: int, data: memoryview, __: int) -> int:
        sizes.append(len(data))
        return len(data)

    monkeypatch.setattr(paced, "_SLOW_SECONDS_PER_BYTE", 0)
    monkeypatch.setattr(os, "pwrite", pwrite)
    writer = paced.PacedWriter(0)
    for size in [*[SMALL] * 10, LARGE]:
        writer.write(memoryview(bytes(size)), 0)
    assert sizes == [*[SMALL] * 10, LARGE]
