from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marpack.archive.forms import ARCHIVE_FORMATS
from marpack.archive.names import model_name_problem
from marpack.serving import sanitize_string

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1123, as Kubernetes has it


@given(st.text() | st.text("abzABZ019-_./ \N{KELVIN SIGN}\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", max_size=70))
@example("dev/mnist")
@example("-a-")
@example("a" * 63)
@example("a" * 64)
@example("\n")
def test_a_name_that_everybody_takes(text: str) -> None:
    try:
        name = sanitize_string(text)
    except ValueError:
        found = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
        assert not found or len(text.lower()) > 63
        return
    assert re.fullmatch(LABEL, name, re.ASCII)
    assert sanitize_string(name) == name
    for archive_format in ARCHIVE_FORMATS:
        assert model_name_problem(name, archive_format) is None
    assert re.findall("[a-z0-9]", name) == re.findall("[a-z0-9]", text.lower())


@given(st.from_regex(LABEL, fullmatch=True))
def test_a_label_is_its_own_name(label: str) -> None:
    assert sanitize_string(label) == label


@given(st.text(st.characters(exclude_characters="abcdefghijklmnopqrstuvwxyz0123456789", codec="utf-8")))
def test_nothing_to_make_a_name_of(text: str) -> None:
    if re.search("[a-z0-9]", text.lower()):
        return
    with pytest.raises(ValueError, match="choose another"):
        sanitize_string(text)
