"""What ``--watch`` waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from marpack.cli.watching import changed
from marpack.disk.file_states import states


@pytest.fixture
def at_each_look(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterator[None]], None]:
    """Have this happen between looks, one step before each, where else time passes."""

    def have(steps: Iterator[None]) -> None:
        monkeypatch.setattr("marpack.cli.watching.time.sleep", lambda _: next(steps, None))

    return have


def test_what_is_written_in_a_row_is_one_change(
    tmp_path: Path, at_each_look: Callable[[Iterator[None]], None]
) -> None:
    def build() -> Iterator[None]:
        yield
        for name in ("a.py", "b.py", ".hidden", "c.py"):
            (tmp_path / name).write_text(name)
            yield

    at_each_look(build())
    watched = [str(tmp_path)]
    assert changed(watched, states(watched)) == [str(tmp_path / name) for name in ("a.py", "b.py")]


def test_a_file_that_goes_and_comes_again_has_changed(
    tmp_path: Path, at_each_look: Callable[[Iterator[None]], None]
) -> None:
    path = tmp_path / "m.mar"
    path.write_text("old")

    def replace() -> Iterator[None]:
        path.unlink()
        yield
        path.write_text("newer")
        yield

    before = states([str(path)])
    at_each_look(replace())
    assert changed([str(path)], before) == [str(path)]
    assert path.read_text() == "newer"
