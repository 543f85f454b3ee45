"""Values of a line in a form's head: where each ends, and what that takes."""

from __future__ import annotations

import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marpack.running import multipart_head

# One pattern for a value, which is right and remembers each of its characters.
VALUE = re.compile(r'(?:[^";]|"(?:[^"\\]|\\.)*(?:"|\\?\Z))*', re.DOTALL)


def ends(value: str) -> list[str]:
    found, at = [], 0
    while at <= len(value):
        match = VALUE.match(value, at)
        assert match
        found.append(match[0].strip(multipart_head.NEITHER_END))
        at = match.end() + 1
    return found


@given(st.lists(st.sampled_from(["a", ";", '"', "\\", "\n", '""', "\\a" * 1500, '"b"' * 1500, '"'])))
def test_a_value_ends_where_a_pattern_finds_its_end(pieces: list[str]) -> None:
    value = "".join(["x;", *pieces, "y"])
    assert multipart_head.split_line(f"N: {value}") == ["N", *ends(value)]


@pytest.mark.parametrize("inside", ["a" * 1_000_000, "\\a" * 500_000, '""' * 500_000])
def test_a_long_value_takes_a_few_times_its_size(inside: str) -> None:
    line = f'N: x; y="{inside}"; z'
    tracemalloc.start()
    try:
        assert multipart_head.split_line(line) == ["N", "x", f'y="{inside}"', "z"]
        assert tracemalloc.get_traced_memory()[1] < 30 * len(line)
    finally:
        tracemalloc.stop()
