"""Plans made of contents in memory, for the laws."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from marpack.archive.forms import ARCHIVE_FORMATS
from marpack.archive.names import member_name_problem, model_name_problem, parents

FIRST_DAY = 0
LAST_DAY = 4354819198  # 2107-12-31T23:59:58Z, the last moment a zip can hold

parts = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=12)
member_names = (
    st.lists(parts, min_size=1, max_size=4).map("/".join).filter(lambda name: member_name_problem(name) is None)
)
model_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,20}", fullmatch=True).filter(
    lambda name: model_name_problem(name, "default") is None
)
contents = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda piece, count: piece * count, st.binary(min_size=1, max_size=9), st.integers(1, 3000)),
)
timestamps = st.integers(FIRST_DAY, LAST_DAY)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


def _no_file_is_a_folder(files: dict[str, bytes]) -> bool:
    return not any(parent in files for name in files for parent in parents(name))


extra_files = st.dictionaries(member_names, contents, max_size=6).filter(_no_file_is_a_folder)


@st.composite
def plan_arguments(draw: st.DrawFn, archive_formats: tuple[str, ...] = ARCHIVE_FORMATS) -> dict[str, Any]:
    """Arguments of ``plan_archive`` that make a plan."""
    return {
        "model_name": draw(model_names),
        "version": draw(st.text(max_size=8)),
        "handler": draw(st.sampled_from(["base_handler", "image_classifier", ""])),
        "extra_files": draw(extra_files),
        "archive_format": draw(st.sampled_from(archive_formats)),
        "timestamp": draw(timestamps),
        "reproducible": draw(st.booleans()),
        "metadata": draw(st.none() | st.dictionaries(st.text(), json_values, max_size=3)),
    }
