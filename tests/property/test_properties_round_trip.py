from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from marpack import properties
from marpack.config.text.properties import Blank, Comment, Entry

if TYPE_CHECKING:
    from marpack.config.text.properties import Style

tokens = st.sampled_from(
    [
        *[
            "a",
            "b",
            "key",
            "\\",
            "\\\\",
            "\\\n",
            "\\\r",
            "\\\r\n",
            "\n",
            "\r",
            "\r\n",
            "=",
            ":",
            "#",
            "!",
            " ",
            "\t",
        ],
        *["\f", "\v", "\0", "\x1c", "\x85", "\xa0", "é", "\\t", "\\=", "\\:", "\\ ", "\\u0041", "\\ud83d\\ude00"],
        *[
            "key=value\n",
            "a=1\n",
            "b : 2\r\n",
            "c\r",
            "# comment\\\n",
            "! comment\r",
            " # indented",
            "\\u",
            "\\u12",
        ],
        *["a=1\\\n  2\n", "a\\\n=1\n", "\\\n# no comment\n"],
    ]
)
texts = st.lists(tokens | st.characters(), max_size=20).map("".join)


def malformed(text: str) -> properties.PropertiesError | None:
    """Return why a text cannot be read."""
    try:
        properties.loads(text)
    except properties.PropertiesError as error:
        return error
    return None


latin_texts = st.lists(tokens | st.characters(max_codepoint=0xFF), max_size=20).map("".join)
well_formed = texts.filter(lambda text: malformed(text) is None)
words = st.text(st.sampled_from("ab=:#!\\ \t\n\r\f\0\x7fé\xa0日🙂u0041") | st.characters(), max_size=8)
mappings = st.dictionaries(words, words, max_size=8)
plain = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)
plain_mappings = st.dictionaries(plain | st.text("abc", min_size=1), plain, max_size=4)
# Keys that the texts above hold, and others.
changes = st.dictionaries(
    st.sampled_from(["a", "b", "c", "key", "", "é", "A", "new", "# no comment"]) | words,
    st.none() | words,
    max_size=3,
)


@given(mapping=mappings, ensure_ascii=st.booleans(), sort_keys=st.booleans(), comments=st.none() | words)
def test_java_style_round_trips(
    mapping: dict[str, str], ensure_ascii: bool, sort_keys: bool, comments: str | None
) -> None:
    text = properties.dumps(
        mapping, style="java", ensure_ascii=ensure_ascii, sort_keys=sort_keys, comments=comments
    )
    assert properties.loads(text) == mapping
    if ensure_ascii:
        assert properties.loads(text.encode("latin-1")) == mapping


@given(mapping=plain_mappings, sort_keys=st.booleans(), comments=st.none() | plain)
def test_default_style_round_trips(mapping: dict[str, str], sort_keys: bool, comments: str | None) -> None:
    try:
        text = properties.dumps(mapping, sort_keys=sort_keys, comments=comments)
    except properties.NotPortableError:
        assume(False)
    assert text.isascii()
    assert properties.loads(text) == properties.loads(text.encode("ascii")) == mapping
    assert list(properties.loads(text)) == (sorted(mapping) if sort_keys else list(mapping))


@given(
    text=st.builds("{}{}{}".format, texts, st.sampled_from(["\\u", "\\u12", "\\uzzzz"]), texts).filter(malformed)
)
def test_an_error_names_its_place(text: str) -> None:
    error = malformed(text)
    assert error is not None
    assert text[error.pos : error.pos + 2] == "\\u"
    before = text[: error.pos].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert (error.lineno, error.colno) == (len(before), len(before[-1]) + 1)
    with pytest.raises(properties.PropertiesError):
        properties.parse(text)


@given(text=well_formed)
def test_parse_loses_nothing(text: str) -> None:
    elements = properties.parse(text)
    assert "".join(element.raw for element in elements) == text
    entries = {element.key: element.value for element in elements if isinstance(element, Entry)}
    assert properties.loads(text) == entries
    line = 1
    for element in elements:
        assert element.raw
        assert element.lineno == line
        line += len(element.raw.replace("\r\n", "\n").replace("\r", "\n").split("\n")) - 1
        if not isinstance(element, Entry):
            assert properties.loads(element.raw) == {}
            assert isinstance(element, Comment) == (element.raw.lstrip(" \t\f")[:1] in ("#", "!"))


@given(text=latin_texts.filter(lambda text: malformed(text) is None))
def test_bytes_are_their_text(text: str) -> None:
    assert properties.parse(text.encode("latin-1")) == properties.parse(text)


def applied(found: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in {**found, **changes}.items() if value is not None}


@pytest.mark.parametrize("style", ["java", "portable"])
@given(text=well_formed, changes=changes)
def test_edit_changes_what_is_asked_for(style: Style, text: str, changes: dict[str, str | None]) -> None:
    try:
        edited = properties.edit(text, changes, style=style)
    except properties.NotPortableError:
        assert style == "portable"
        assume(False)
    assert properties.loads(edited) == applied(properties.loads(text), changes)

    # What concerns no changed key is there, in the same order, to the letter.
    def untouched(source: str) -> list[str]:
        return [
            element.raw
            for element in properties.parse(source)
            if not isinstance(element, Entry) or element.key not in changes
        ]

    *_, last = properties.parse(text) or [None]
    # A lone backslash goes on with whatever comes to stand behind it, and with it the comments between them.
    assume(not (isinstance(last, Blank) and "\\" in last.raw))
    kept, now = untouched(text), untouched(edited)
    if any(value is not None for value in changes.values()) and now[-1:] != kept[-1:]:
        # A last line without an end gets one before a new key.
        ended = kept.pop()
        assert ended[-1:] not in ("\r", "\n")
        assert now.pop() in (ended + "\n", ended + "\r", ended + "\r\n")
    assert now == kept


@given(text=well_formed)
def test_edit_without_changes_changes_nothing(text: str) -> None:
    assert properties.edit(text, {}) == text
    found = properties.loads(text)
    absent = {key: None for key in ("absent", "ä") if key not in found}
    assert properties.edit(text, absent) == text


@given(text=latin_texts.filter(lambda text: malformed(text) is None), changes=changes)
def test_bytes_are_edited_as_their_text(text: str, changes: dict[str, str | None]) -> None:
    edited = properties.edit(text.encode("latin-1"), changes, style="java")
    assert edited.decode("latin-1") == properties.edit(text, changes, style="java")


HOSTILE = [
    *[
        "",
        "\n",
        "\r",
        "\r\n",
        "a=1",
        "a=1\n",
        "a=1\r",
        "a=1\r\n",
        "\\",
        "a\\",
        "a=1\\",
        "a=1\\\n",
        "a=1\\\r\n",
        "a=1\\\\",
    ],
    *[
        "# last",
        "# last\\",
        "! last\r\n",
        " ",
        "\t\n ",
        "a=1\na=2",
        "a=1\na=2\n",
        "b=1\ra=2\r",
        "a=1\\\n  2\nb=3",
        "a=1\n\\",
    ],
    *[
        "a=1\n\\\n",
        "a=1\n\\\n\\",
        "a=1\n\\\n# x",
        "a=1\n  \\\n",
        "\\\na=1",
        "b=2\\\n\n",
        "b=2\\\n#a=1",
        "a",
        "=",
        "\\ =1",
    ],
    *["a=1\n#\r\nb=2\n", "a=1\n# x\\\nb=2\\", "\\\r\n", "\\\r", "b\\\r\n", "\\\n\\\n\\"],
]


@pytest.mark.parametrize("source", HOSTILE)
@pytest.mark.parametrize(
    "changes",
    [{"a": "9"}, {"a": None}, {"new": "9"}, {"new": "9", "a": None}, {"b": "9", "new": "8", "a": "7"}, {"": "9"}],
    ids=str,
)
def test_hostile_texts_are_edited(source: str, changes: dict[str, str | None]) -> None:
    edited = properties.edit(source, changes, style="java")
    assert properties.loads(edited) == applied(properties.loads(source), changes)
    assert properties.loads(properties.edit(edited, changes, style="java")) == properties.loads(edited)
    for element in properties.parse(source):
        if isinstance(element, (Comment, Blank)) and element.raw.endswith(("\r", "\n")):
            assert element.raw in edited
