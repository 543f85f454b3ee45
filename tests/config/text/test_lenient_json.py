"""Texts of Gson's lenient JSON: where each ends, and how long that takes."""

from __future__ import annotations

import json
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marpack.config.text import lenient_json
from marpack.strict_json import StrictJSONError

# One pattern for a text, which is right and takes 190 bytes for each of its characters.
TEXT = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)


@given(st.text(alphabet="\"'\\nab{:\n", max_size=20))
def test_a_text_ends_where_a_pattern_finds_its_end(text: str) -> None:
    whole = TEXT.fullmatch(text)
    try:
        found = lenient_json.loads_as_texts(f"[{text}]")
    except StrictJSONError:
        assert whole is None or re.search(r"\\[^tbnrf\n'\"\\/]", text)
        return
    if whole is not None:
        assert len(found) == 1
        assert json.dumps(found[0])


@pytest.mark.parametrize("text", ["y" * 1_000_000, "\n" * 500_000])
def test_a_long_text_takes_a_few_times_its_size(text: str) -> None:
    written = json.dumps({"x": text})
    tracemalloc.start()
    try:
        assert lenient_json.loads_as_texts(written) == {"x": text}
        assert tracemalloc.get_traced_memory()[1] < 30 * len(written)
    finally:
        tracemalloc.stop()
