"""Properties texts with the manners of ``json``, and what each reader takes them for."""

from __future__ import annotations

import io
import pickle
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from marpack import properties
from marpack.config.text.java_hash import hash_map_order, properties_order, utf16_units
from marpack.config.text.other_readers import as_kserve_reads, as_launcher_reads, as_mlflow_reads
from marpack.config.text.properties import Blank, Comment, Entry, NotPortableError, PropertiesError
from marpack.errors import MarpackError

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "# a comment\n\nb=1\na : 2\\\n  3\n"


def test_loads_and_parse() -> None:
    assert properties.loads(TEXT) == {"b": "1", "a": "23"}
    assert list(properties.loads(TEXT)) == ["b", "a"]
    assert properties.parse(TEXT) == (
        Comment(raw="# a comment\n", lineno=1),
        Blank(raw="\n", lineno=2),
        Entry(key="b", value="1", raw="b=1\n", lineno=3),
        Entry(key="a", value="23", raw="a : 2\\\n  3\n", lineno=4),
    )
    assert properties.parse("") == ()
    assert properties.loads("") == {}


def test_load_and_dump_take_open_files(tmp_path: Path) -> None:
    path = tmp_path / "c.properties"
    path.write_bytes(b"a=\xe9\\u0041\n")
    with path.open("rb") as binary:
        assert properties.load(binary) == {"a": "éA"}
    with path.open(encoding="latin-1") as text:
        assert properties.load(text) == {"a": "éA"}
    with path.open("w", encoding="ascii") as text:
        properties.dump({"a": "1", "b": "2"}, text)
    assert path.read_bytes() == b"a=1\nb=2\n"
    with path.open("w", encoding="ascii") as text:
        properties.dump({"a": "é"}, text, style="java")
    assert path.read_bytes() == b"a=\\u00E9\n"


class Full(io.StringIO):
    def write(self, text: str, /) -> int:
        raise OSError(28, "No space left on device")


def test_nothing_is_written_when_something_cannot_be() -> None:
    file = io.StringIO()
    with pytest.raises(NotPortableError):
        properties.dump({"a": "1", "b": "2\n"}, file)
    assert file.getvalue() == ""
    with pytest.raises(OSError, match="No space"):
        properties.dump({"a": "1"}, Full())


def test_any_mapping_is_written() -> None:
    assert properties.dumps(MappingProxyType({"b": "1", "a": ""})) == "b=1\na=\n"
    assert properties.dumps({"b": "1", "a": ""}, sort_keys=True) == "a=\nb=1\n"
    assert properties.dumps({}) == ""
    assert properties.dumps({}, comments="one\ntwo\n") == "# one\n# two\n#\n"


@pytest.mark.parametrize(
    "wrong",
    [{"a": 1}, {"a": None}, {"a": True}, {"a": b"1"}, {1: "a"}, {None: "a"}, {"a": "1", b"b": "2"}],
    ids=str,
)
@pytest.mark.parametrize("style", ["portable", "java"])
def test_only_text_is_written(wrong: dict[Any, Any], style: properties.Style) -> None:
    with pytest.raises(TypeError, match=r"must be str, not (int|bytes|bool|NoneType)"):
        properties.dumps(wrong, style=style)


def test_an_unknown_style() -> None:
    for call in (
        lambda: properties.dumps({"a": "1"}, style="xml"),  # type: ignore[arg-type]
        lambda: properties.dumps({}, style="xml"),  # type: ignore[arg-type]
        lambda: properties.edit("", {"a": "1"}, style="xml"),  # type: ignore[call-overload]
    ):
        with pytest.raises(ValueError, match="'xml' is not one of portable, java"):
            call()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a=\\u", (1, 3)),
        ("\\u12=1", (1, 1)),
        ("a=1\r\nb=2\rc=\\ux\n", (3, 3)),
        ("a=1\\\n  2\\\n \\uDZ00", (3, 2)),
        ("é日🙂=\\u00g0", (1, 5)),
        ("\n# \\u\n\n  a \\u", (4, 5)),
    ],
)
def test_an_error_has_its_place(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(PropertiesError) as caught:
        properties.loads(text)
    error = caught.value
    assert (error.lineno, error.colno) == place
    assert isinstance(error, (MarpackError, ValueError))
    assert error.doc[error.pos] == "\\"
    assert str(error) == (
        "properties: \\u must be followed by four hexadecimal digits (write \\\\ for a backslash) "
        f"(line {place[0]}, column {place[1]})"
    )
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    with pytest.raises(PropertiesError):
        properties.edit(text, {"x": "1"})
    if text.isascii():
        with pytest.raises(PropertiesError) as caught:
            properties.loads(text.encode("ascii"))
        assert (caught.value.lineno, caught.value.colno) == place


@pytest.mark.parametrize(
    ("mapping", "key", "reader"),
    [
        ({"a": "1", "": "2"}, "", "server"),
        ({"é": "1"}, "é", "launcher"),
        ({"#a": "1"}, "#a", "server"),
        ({"a=b": "1"}, "a=b", "launcher"),
        ({"a b": "1"}, "a b", "server"),
        ({"a": "b\\"}, "a", "server"),
        ({"a": "1\n"}, "a", "launcher"),
        ({"a": " 1"}, "a", "server"),
        ({"a": "1\xa0"}, "a", "launcher"),
        ({"a": "é"}, "a", "launcher"),
        ({"a": "\0"}, "a", "launcher"),
        ({"inference_address": "http://h?a=b"}, "inference_address", "mlflow"),
        ({"model_snapshot": "{é}"}, "model_snapshot", "kserve"),
        ({"model_snapshot": '{"a": "\\""}'}, "model_snapshot", "server"),
    ],
    ids=str,
)
def test_what_is_not_portable(mapping: dict[str, str], key: str, reader: str) -> None:
    with pytest.raises(NotPortableError) as caught:
        properties.dumps(mapping)
    assert (caught.value.key, caught.value.reader) == (key, reader)
    assert str(caught.value) == f"{key!r} cannot be written for every reader: {caught.value.why}"
    if key in ("a", "model_snapshot"):
        assert properties.loads(properties.dumps(mapping, style="java")) == mapping


@pytest.mark.parametrize(
    "value", ["", "a=b", "a:b", "#a", "!", "a#b", "a\tb", '"a"', "$$A$$", "a,b", "http://h:1", "~"]
)
def test_what_looks_hard_and_is_portable(value: str) -> None:
    text = properties.dumps({"key": value})
    assert text == f"key={value}\n"
    for read in (properties.loads, as_launcher_reads, as_kserve_reads):
        assert dict(read(text)) == {"key": value}


def test_snapshots_beyond_ascii() -> None:
    text = properties.dumps({"model_snapshot": '{"日": "🙂"}'})
    assert text == 'model_snapshot={"\\u65e5": "\\ud83d\\ude42"}\n'
    assert properties.loads(text) == {"model_snapshot": '{"日": "🙂"}'}
    with pytest.raises(NotPortableError) as caught:
        properties.dumps({"model_snapshot": "[" * 100_000 + "é"})
    assert caught.value.reader == "kserve"


def test_java_style() -> None:
    mapping = {"b c": " x y", "a": "1=2:3#4!5\\", "é": "日\t"}
    assert properties.dumps(mapping, style="java", sort_keys=True) == (
        "a=1\\=2\\:3\\#4\\!5\\\\\nb\\ c=\\ x y\n\\u00E9=\\u65E5\\t\n"
    )
    text = properties.dumps(mapping, style="java", sort_keys=True, ensure_ascii=False, comments="é\n!b\nc")
    assert text == "#é\n!b\n#c\na=1\\=2\\:3\\#4\\!5\\\\\nb\\ c=\\ x y\né=日\\t\n"


def test_dates() -> None:
    zone = timezone(timedelta(hours=1), "CET")
    date = datetime(2026, 2, 3, 4, 5, 6, tzinfo=zone)
    assert properties.dumps({}, style="java", comments="c", date=date) == "#c\n#Tue Feb 03 04:05:06 CET 2026\n"
    with pytest.raises(ValueError, match="has no time zone"):
        properties.dumps({}, style="java", date=datetime(2026, 2, 3))


def test_edit() -> None:
    source = "# head\r\na=1\r\n\r\nb : 2\\\r\n 3\r\na=4"
    assert properties.edit(source, {}) == source
    assert properties.edit(source, {"a": "5"}) == "# head\r\na=1\r\n\r\nb : 2\\\r\n 3\r\na=5\r\n"
    assert properties.edit(source, {"b": "5", "c": "6"}) == "# head\r\na=1\r\n\r\nb=5\r\na=4\r\nc=6\r\n"
    assert properties.edit(source, {"a": None}) == "# head\r\n\r\nb : 2\\\r\n 3\r\n"
    assert properties.edit(source.encode(), {"b": None}) == b"# head\r\na=1\r\n\r\na=4"
    assert properties.edit("", {"a": "1", "b": None}) == "a=1\n"
    assert properties.edit(b"\xe9=1", {"a": "1"}) == b"\xe9=1\na=1\n"


def test_edit_changes_nothing_when_a_value_cannot_be_written() -> None:
    with pytest.raises(NotPortableError):
        properties.edit("a=1", {"a": "2", "b": "\\"})
    assert properties.edit("a=1\n", {"b": "\\"}, style="java") == "a=1\nb=\\\\\n"


def test_other_readers() -> None:
    text = "a = 1\r\n #b=2\rc=3=4\n\nd\n!e=5\n#f=6\na=7\n"
    assert as_launcher_reads(text) == {"a": "7", "c": "3=4", "!e": "5"}
    assert as_kserve_reads(text) == {"a": "7", "#b": "2", "c": "3=4", "!e": "5"}
    assert as_mlflow_reads(text) == {"a ": " 1", "#b": "2", "c": "3", "!e": "5", "#f": "6", "a": "7"}


def test_orders() -> None:
    # "Aa" and "BB" have one hash.
    assert hash_map_order(["a", "BB", "Aa"]) == ["BB", "Aa", "a"]
    assert properties_order(["a", "BB", "Aa"]) == ["BB", "Aa", "a"]
    assert hash_map_order([]) == properties_order([]) == []
    many = [f"key{number}" for number in range(100)]
    assert sorted(hash_map_order(many)) == sorted(properties_order(many)) == sorted(many)
    assert utf16_units("a🙂\ud800") == (0x61, 0xD83D, 0xDE42, 0xD800)


def test_halves_of_a_pair() -> None:
    assert properties.loads("a=\\ud83d\\ude42") == {"a": "🙂"}
    assert properties.loads("a=\\ud83d") == {"a": "\ud83d"}
    assert properties.loads("a=\\ud83d-\\ude42") == {"a": "\ud83d-\ude42"}
    text = properties.dumps({"a": "\ud83d"}, style="java")
    assert text == "a=\\uD83D\n"
    assert properties.loads(text) == {"a": "\ud83d"}
