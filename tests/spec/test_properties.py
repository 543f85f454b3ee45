"""Properties are read, written and edited as the vectors say, and as Java does."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from marpack import properties
from tests.server.test_properties import is_sorting, read_as_kserve, read_as_launcher, read_as_mlflow, stored
from tests.support.java import Java, JavaError, jdk, units
from tests.support.settings_vectors import CASES, bytes_of, cases
from tests.support.vectors import Json, each_case

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Java]:
    with jdk(tmp_path_factory) as running:
        yield running


# ------------------------------------------------------------------------------------- reading properties


@each_case([(name, case) for name, case in CASES["properties/valid"] if {"text", "values"} <= set(case)])
def test_properties_are_read(case: Json) -> None:
    source = case["text"]
    assert properties.loads(source) == case["values"]
    assert list(properties.loads(source)) == list(case["values"])
    elements = properties.parse(source)
    assert "".join(element.raw for element in elements) == source
    assert [element.lineno for element in elements] == _first_lines(elements)
    if "elements" in case:
        assert [_described(element) for element in elements] == case["elements"]
    if is_latin(source):
        assert properties.loads(source.encode("latin-1")) == case["values"]
        assert properties.parse(source.encode("latin-1")) == elements


def is_latin(source: str) -> bool:
    return all(ord(character) <= 0xFF for character in source)


def _first_lines(elements: tuple[properties.Element, ...]) -> list[int]:
    counts = [len(re.findall(r"\r\n|\r|\n", element.raw)) for element in elements]
    return [1 + sum(counts[:number]) for number in range(len(counts))]


def _described(element: properties.Element) -> Json:
    kind = {properties.Entry: "entry", properties.Comment: "comment", properties.Blank: "blank"}[type(element)]
    described: Json = {kind: element.raw, "line": element.lineno}
    if isinstance(element, properties.Entry):
        described |= {"key": element.key, "value": element.value}
    return described


def java_reads(java: Java, source: str) -> dict[str, str]:
    read = java.ask_mapping("load-text", units(source))
    if is_latin(source):
        assert java.ask_mapping("load-bytes", source.encode("latin-1")) == read
    return read


@each_case([(name, case) for name, case in CASES["properties/valid"] if {"text", "values"} <= set(case)])
@pytest.mark.server
def test_java_reads_the_same(case: Json, java: Java) -> None:
    assert java_reads(java, case["text"]) == case["values"]


@cases("properties/invalid", "line")
def test_malformed_properties_are_refused(case: Json) -> None:
    place = (case["expected"]["line"], case["expected"]["column"])
    sources = [case["text"], *([bytes_of(case)] if is_latin(case["text"]) else [])]
    for source in sources:
        with pytest.raises(properties.PropertiesError) as caught:
            properties.edit(source, case["changes"]) if "changes" in case else properties.loads(source)
        assert (caught.value.lineno, caught.value.colno) == place
        assert caught.value.doc[caught.value.pos] == "\\"


@cases("properties/invalid", "line")
@pytest.mark.server
def test_java_refuses_the_same(case: Json, java: Java) -> None:
    with pytest.raises(JavaError, match="Malformed"):
        java_reads(java, case["text"])


# ------------------------------------------------------------------------------------- writing properties


def written(case: Json, **style: Any) -> str:
    arguments = {**case.get("arguments", {}), **style}
    if "comments" in case:
        arguments["comments"] = case["comments"]
    if "date" in case:
        arguments["date"] = datetime.fromisoformat(case["date"])
    return properties.dumps(case["values"], **arguments)


@cases("properties/valid", "values", "portable")
def test_the_portable_form_is_written(case: Json) -> None:
    assert written(case) == case["portable"]


@cases("properties/valid", "values", "portable")
@pytest.mark.server
def test_every_reader_takes_the_portable_form_alike(case: Json, java: Java) -> None:
    data, values = case["portable"].encode("ascii"), case["values"]
    assert java.ask_mapping("load-bytes", data) == values
    for read in (read_as_launcher, read_as_kserve):
        assert _meaning(read(data)) == _meaning(values)
    addresses = ("inference_address", "management_address")
    assert read_as_mlflow(data) == {key: values[key] for key in addresses if key in values}


def _meaning(values: dict[str, str]) -> dict[str, Any]:
    return {key: json.loads(value) if key == "model_snapshot" else value for key, value in values.items()}


@cases("properties/invalid", "reader")
def test_what_is_not_portable_is_refused(case: Json) -> None:
    with pytest.raises(properties.NotPortableError) as caught:
        properties.edit(case["text"], case["changes"]) if "changes" in case else written(case)
    assert {"key": caught.value.key, "reader": caught.value.reader} == case["expected"]


@each_case(
    [
        (name, case)
        for name, case in CASES["properties/invalid"]
        if "values" in case and "reader" in case["expected"] and case["source"] != "marpack"
    ]
)
@pytest.mark.server
def test_the_named_reader_takes_it_otherwise(case: Json, java: Java) -> None:
    """Written as it stands, what is refused means something else to the reader, or has no bytes at all."""
    [(key, value)] = case["values"].items()
    reader = {
        "server": lambda data: java.ask_mapping("load-bytes", data),
        "launcher": read_as_launcher,
        "kserve": lambda data: _meaning(read_as_kserve(data)),
        "mlflow": read_as_mlflow,
    }[case["expected"]["reader"]]
    # Beyond ASCII no encoding is right for the server and the launcher both.
    encodings = ["ascii"] if (key + value).isascii() else ["latin-1", "utf-8"]
    outcomes = []
    for encoding in encodings:
        try:
            outcomes.append(reader(f"{key}={value}\n".encode(encoding)) == {key: value})
        except (JavaError, ValueError):
            outcomes.append(False)
    assert not all(outcomes)


@cases("properties/valid", "java")
def test_the_java_form_is_written(case: Json) -> None:
    assert written(case, style="java") == case["java"]
    if "java-writer" in case:
        assert written(case, style="java", ensure_ascii=False) == case["java-writer"]


@each_case([(name, case) for name, case in CASES["properties/valid"] if "java" in case and "date" not in case])
@pytest.mark.server
def test_java_writes_the_same(case: Json, java: Java) -> None:
    for how in ("java", "java-writer"):
        if how not in case:
            continue
        made = stored(java, how == "java", case["values"], case.get("comments"))
        if is_sorting(java) == bool(case.get("arguments", {}).get("sort_keys")):
            assert made == case[how]
        else:  # a Java of another order
            assert sorted(made.split("\n")) == sorted(case[how].split("\n"))


@cases("properties/valid", "date")
@pytest.mark.server
def test_java_writes_the_same_date(case: Json, java: Java) -> None:
    milliseconds = int(datetime.fromisoformat(case["date"]).timestamp()) * 1000
    assert f"#{java.ask_text('date', units(str(milliseconds)))}\n" in case["java"]


def test_a_date_without_a_time_zone_is_refused() -> None:
    [case] = [case for _, case in CASES["properties/invalid"] if "error" in case["expected"]]
    with pytest.raises(ValueError, match="time zone"):
        written(case)


@cases("properties/valid", "edited")
def test_one_key_is_edited(case: Json) -> None:
    arguments = case.get("arguments", {})
    assert properties.edit(case["text"], case["changes"], **arguments) == case["edited"]
    made = properties.edit(case["text"].encode("latin-1"), case["changes"], **arguments)
    assert made == case["edited"].encode("latin-1")


@cases("properties/valid", "edited")
@pytest.mark.server
def test_java_reads_the_changes(case: Json, java: Java) -> None:
    changed = {**java_reads(java, case["text"]), **case["changes"]}
    assert java_reads(java, case["edited"]) == {key: value for key, value in changed.items() if value is not None}
