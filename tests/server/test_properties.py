"""java.util.Properties and marpack read the same files alike, and write the same."""

from __future__ import annotations

import io
import itertools
import json
import re
import subprocess
from collections import Counter
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marpack import properties
from tests.support.java import Java, JavaError, jdk, pairs, place, text, torchserve_python, units

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Java 18 sorts what it stores.
SORTING_JAVA = 18

# What a line reader of Java takes at once; a line end or an escape may lie across the edge.
BUFFER_SIZE = 8192

# Nothing is timed: a busy machine is no failure.
oracle = settings(derandomize=True, deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Java]:
    with jdk(tmp_path_factory) as running:
        yield running


# Reading.

tokens = st.sampled_from(
    [
        *["a", "b", "key", "0", "\\", "\\\\", "\\\n", "\\\r", "\\\r\n", "\n", "\r", "\r\n", "\n\n"],
        *["=", ":", "#", "!", " ", "\t", "\f", "\v", "\0", "\x1a", "\x1c", "\x85", "\xa0", "\xe9", "\xff"],
        *["\\t", "\\n", "\\r", "\\f", "\\=", "\\:", "\\#", "\\ ", "\\u0041", "\\u00e9", "\\uABCD", "\\u0000"],
        *["\\u000a", "\\u005c", "\\ud83d", "\\ude00", "\\ud83d\\ude00", "\\\\u0041", "\\U0041", "\\x41"],
        *["\\u", "\\u12", "\\uzzzz", "\\u00g9", "\\u\\", "\\u004\\\n1", "\\uuuuu", "\\u+041", "\\u 041"],
        *["key=value", "key = value\n", "# comment\\\n", "! comment\r", "\xef\xbb\xbf", "\xc3\xa9", "http://h:1"],
    ]
)
latin_texts = st.lists(tokens | st.characters(max_codepoint=0xFF), max_size=25).map("".join)
texts = st.lists(
    tokens | st.characters() | st.sampled_from(["é", "日本", "\ufeff", "\u2028", "\ud83d", "\ude00", "🙂"]),
    max_size=25,
).map(lambda pieces: text(units("".join(pieces))))  # two halves of a character that meet are that character
fillings = st.builds(
    lambda head, length, tail: head + "x" * length + tail,
    st.sampled_from(["", "#", "k=", "k=1\n# ", "k\\\n", " " * 9]),
    st.integers(BUFFER_SIZE - 12, BUFFER_SIZE + 3),
    latin_texts,
)


def read_by_java(java: Java, name: str, source: str | bytes) -> dict[str, str] | None:
    """Return what Java reads; None where it refuses."""
    try:
        return java.ask_mapping(name, source if isinstance(source, bytes) else units(source))
    except JavaError as error:
        if error.args == ("java.lang.IllegalArgumentException: Malformed \\uxxxx encoding.",):
            return None
        raise


def agree(java: Java, name: str, source: str | bytes) -> str:
    """Assert that both read the same, or both refuse; say which."""
    expected = read_by_java(java, name, source)
    if expected is None:
        with pytest.raises(properties.PropertiesError):
            properties.loads(source)
        return "refused"
    assert properties.loads(source) == expected
    return "read" if expected else "empty"


def test_bytes_are_read_as_by_java(java: Java) -> None:
    outcomes: Counter[str] = Counter()

    @settings(oracle, max_examples=600)
    @given(source=latin_texts)
    def check(source: str) -> None:
        outcomes[agree(java, "load-bytes", source.encode("latin-1"))] += 1

    check()
    assert outcomes["read"] > 150, outcomes
    assert outcomes["refused"] > 90, outcomes


def test_text_is_read_as_by_java(java: Java) -> None:
    outcomes: Counter[str] = Counter()

    @oracle
    @given(source=texts)
    def check(source: str) -> None:
        outcomes[agree(java, "load-text", source)] += 1

    check()
    assert outcomes["read"] > 40, outcomes
    assert outcomes["refused"] > 20, outcomes


@settings(oracle, max_examples=80)
@given(source=fillings)
def test_long_lines_are_read_as_by_java(java: Java, source: str) -> None:
    agree(java, "load-bytes", source.encode("latin-1"))
    agree(java, "load-text", source)


# All texts of up to four of these: comments, line ends and continuations in every order.
SMALLEST = ["\\", "\n", "\r", " ", "#", "="]


def test_every_short_text_is_read_as_by_java(java: Java) -> None:
    sources = ["".join(chosen) for size in range(5) for chosen in itertools.product(SMALLEST, repeat=size)]
    for source in sources:
        for around in (source, f"a{source}b", f"a=1\n{source}b=2\n"):
            agree(java, "load-bytes", around.encode("latin-1"))


# Writing.

# "Aa" and "BB" have the same hash: keys of as many of them, in any order, share a place in Java's table.
colliding = st.lists(st.sampled_from(["Aa", "BB"]), min_size=1, max_size=3).map("".join)
words = st.text(
    st.sampled_from("ab019._-/ =:#!\\\t\n\r\f'\"<>&\0\x01\x7f\x80\xa0é\xffĀ日\u2028\ufeff🙂\U0010ffff")
    | st.characters(),
    max_size=12,
)
keys = words | colliding | st.builds("{}{}".format, colliding, st.sampled_from("xyz")) | st.text("abc", max_size=3)


def is_crowded(mapping: dict[str, str]) -> bool:
    """Tell whether nine keys share a place, where Java leaves its usual ways."""
    return max(Counter(map(place, mapping)).values(), default=0) > 8


mappings = (
    st.lists(st.tuples(keys, words), max_size=60, unique_by=lambda pair: pair[0])
    .map(dict)
    .filter(lambda mapping: not is_crowded(mapping))
)
comment_lines = st.lists(
    words | st.sampled_from(["\n", "\r", "\r\n", "\n#", "\n!", "#", "!", "\n\n", "ÿ", "Ā", "🙂"]), max_size=6
).map("".join)


def is_sorting(java: Java) -> bool:
    return int(java.ask_text("version")) >= SORTING_JAVA


def stored(java: Java, ensure_ascii: bool, mapping: dict[str, str], comments: str | None) -> str:
    """Return what Java stores, less the time of day."""
    said = [] if comments is None else [units(comments)]
    [data] = java.ask("store-bytes" if ensure_ascii else "store-text", *said, *pairs(mapping))
    lines = (data.decode("latin-1") if ensure_ascii else text(data)).split("\n")
    # No key begins with either, unescaped.
    [*_, last] = itertools.takewhile(lambda number: lines[number][:1] in ("#", "!"), range(len(lines)))
    assert re.fullmatch(r"#\w{3} \w{3} \d\d \d\d:\d\d:\d\d \w+ \d{4}", lines.pop(last))
    return "\n".join(lines)


@pytest.mark.parametrize("ensure_ascii", [True, False], ids=["stream", "writer"])
@oracle
@given(mapping=mappings, comments=st.none() | comment_lines)
def test_java_style_is_what_java_stores(
    java: Java, ensure_ascii: bool, mapping: dict[str, str], comments: str | None
) -> None:
    written = properties.dumps(
        mapping, style="java", comments=comments, sort_keys=is_sorting(java), ensure_ascii=ensure_ascii
    )
    assert written == stored(java, ensure_ascii, mapping, comments)


def test_eight_keys_of_one_hash_are_stored_in_the_same_order(java: Java) -> None:
    """However often the table grows, and wherever among the others they are put."""
    crowd = ["".join(chosen) for chosen in itertools.product(["Aa", "BB"], repeat=3)]
    others = [name for name in (f"key{number}" for number in range(60)) if place(name) != place(crowd[0])]
    for size in range(len(others) + 1):
        mapping = dict.fromkeys([*others[: size // 2], *crowd, *others[size // 2 : size]], "")
        written = properties.dumps(mapping, style="java", sort_keys=is_sorting(java))
        assert written == stored(java, ensure_ascii=True, mapping=mapping, comments=None)


@oracle
@given(moment=st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))
def test_dates_are_written_as_by_java(java: Java, moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    written = properties.dumps({}, style="java", date=moment)
    assert written == f"#{java.ask_text('date', units(str(int(moment.timestamp()) * 1000)))}\n"


def test_sorted_keys_are_in_java_order(java: Java) -> None:
    """Java compares UTF-16 units: characters beyond the first 65,536 come before the last ones of these."""
    mapping = {"\uffee": "", "🙂": "", "b": "", "a": ""}
    written = properties.dumps(mapping, style="java", sort_keys=True, ensure_ascii=False)
    assert written == "a=\nb=\n🙂=\n\uffee=\n"
    if is_sorting(java):
        assert written == stored(java, ensure_ascii=False, mapping=mapping, comments=None)


# The default style: every reader takes it alike. The rules of the readers in Python are told here once more.


class Reader(NamedTuple):
    """What the readers in Python find in a file."""

    launcher: dict[str, str]
    kserve: dict[str, str]
    mlflow: dict[str, str]


def opened(data: bytes) -> IO[str]:
    """Open as ``open(path)`` does."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")


def read_as_launcher(data: bytes) -> dict[str, str]:
    found = {}
    for line in opened(data):
        stripped = line.strip()
        if stripped[:1] != "#" and "=" in stripped:
            key, _, value = stripped.partition("=")
            found[key.strip()] = value.strip()
    return found


def read_as_kserve(data: bytes) -> dict[str, str]:
    found = {}
    for line in opened(data):
        if line[:1] != "#" and "=" in line:
            key, _, value = line.partition("=")
            found[key.strip()] = value.strip()
    return found


MLFLOW_KEYS = ("inference_address", "management_address")


def read_as_mlflow(data: bytes) -> dict[str, str]:
    found = {}
    for line in opened(data).readlines():
        parts = line.strip().split("=")
        if parts[0] in MLFLOW_KEYS:
            found[parts[0]] = parts[1]
    return found


settings_keys = st.sampled_from(
    [
        *MLFLOW_KEYS,
        "model_store",
        "load_models",
        "vmargs",
        "model_snapshot",
        "models",
        "NUM_WORKERS",
        "unknown.key",
    ]
)
plain = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\"), max_size=20)
names = st.text(st.sampled_from("aé日🙂ÿ\u2028\xa0 =:'#<"), min_size=1, max_size=5) | st.text(max_size=3)
json_texts = st.builds(
    json.dumps,
    st.fixed_dictionaries(
        {"name": names, "models": st.dictionaries(names, st.dictionaries(names, st.integers()))}
    ),
    ensure_ascii=st.sampled_from([False, False, True]),
    separators=st.sampled_from([(", ", ": "), (",", ":")]),
)
portable_pairs = st.one_of(
    st.tuples(settings_keys, plain.map(str.strip)),
    st.tuples(st.text("ab.-_", min_size=1, max_size=4) | plain, plain),
    st.tuples(st.sampled_from(MLFLOW_KEYS), st.text("http://h:8=", min_size=1, max_size=9)),
    st.tuples(st.just("model_snapshot"), json_texts),
    st.tuples(keys, words),
)
portable_mappings = st.lists(portable_pairs, max_size=4, unique_by=lambda pair: pair[0]).map(dict)


class Launcher:
    """The launcher's own function, in a process that imports the released package."""

    PROGRAM = """
import json, sys
from ts.model_server import load_properties
for line in sys.stdin:
    print(json.dumps(load_properties(json.loads(line))), flush=True)
"""

    def __init__(self, process: subprocess.Popen[str], file: Path) -> None:
        self._process = process
        self._file = file

    def read(self, data: bytes) -> dict[str, str]:
        self._file.write_bytes(data)
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(str(self._file)) + "\n")
        self._process.stdin.flush()
        found: dict[str, str] = json.loads(self._process.stdout.readline())
        return found


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Launcher]:
    python = torchserve_python(pytestconfig)
    with subprocess.Popen(
        [python, "-I", "-X", "utf8", "-c", Launcher.PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        yield Launcher(process, tmp_path_factory.mktemp("launcher") / "config.properties")


def as_values(mapping: dict[str, str]) -> dict[str, object]:
    """Return what the readers use: of the snapshot, what its JSON says."""
    return {key: json.loads(value) if key == "model_snapshot" else value for key, value in mapping.items()}


def has_json_snapshot(mapping: dict[str, str]) -> bool:
    try:
        as_values(mapping)
    except ValueError:
        return False
    return True


def test_default_style_is_read_alike_by_every_reader(java: Java, launcher: Launcher) -> None:
    outcomes: Counter[str] = Counter()

    @oracle
    @given(mapping=portable_mappings, comments=st.none() | comment_lines.filter(str.isascii))
    def check(mapping: dict[str, str], comments: str | None) -> None:
        try:
            data = properties.dumps(mapping, comments=comments).encode("ascii")
        except properties.NotPortableError as error:
            outcomes[error.reader] += 1
            return
        assert java.ask_mapping("load-bytes", data) == mapping
        assert list(properties.loads(data).items()) == list(mapping.items())
        mlflow = {key: mapping[key] for key in MLFLOW_KEYS if key in mapping}
        assert read_as_mlflow(data) == mlflow
        raw = read_as_launcher(data)
        assert launcher.read(data) == raw
        assert read_as_kserve(data) == raw
        if not has_json_snapshot(mapping):
            # The wrapper has no use for it; it is taken as it stands all the same.
            assert raw == mapping
            outcomes["no JSON"] += 1
        else:
            assert as_values(raw) == as_values(mapping)
            outcomes["read"] += 1
            outcomes["non-ASCII"] += not "".join(mapping.values()).isascii()

    check()
    assert outcomes["read"] > 60, outcomes
    for reader in ("server", "launcher", "mlflow"):
        assert outcomes[reader] > 2, outcomes


def test_default_style_has_any_name_in_a_snapshot(java: Java, launcher: Launcher) -> None:
    outcomes: Counter[str] = Counter()

    @oracle
    @given(snapshot=json_texts)
    def check(snapshot: str) -> None:
        try:
            data = properties.dumps({"model_snapshot": snapshot}).encode("ascii")
        except properties.NotPortableError:
            outcomes["refused"] += 1
            assert set(snapshot) & set("\\\x7f") or not snapshot.isprintable()
            return
        assert java.ask_mapping("load-bytes", data) == {"model_snapshot": snapshot}
        for found in (read_as_launcher(data), launcher.read(data), read_as_kserve(data)):
            assert as_values(found) == {"model_snapshot": json.loads(snapshot)}
        outcomes["ASCII" if snapshot.isascii() else "others"] += 1

    check()
    for outcome in ("refused", "ASCII", "others"):
        assert outcomes[outcome] > 8, outcomes


# Why each of these is refused, said by the reader that takes it otherwise.
NOT_PORTABLE = [
    ("server", "model_store", "C:\\models"),
    ("server", "model_store", "/store\\"),
    ("server", "load_models", " m.mar"),
    ("server", "#key", "1"),
    ("server", "!key", "1"),
    ("server", "a b", "1"),
    ("server", "a:b", "1"),
    ("launcher", "a=b", "1"),
    ("launcher", "load_models", "m.mar "),
    ("launcher", "load_models", "m.mar\t"),
    ("launcher", "load_models", "m.mar\x1f"),
    ("launcher", "load_models", "a\nb"),
    ("launcher", "load_models", "a\rb"),
    ("mlflow", "inference_address", "http://h:1?a=b"),
    ("kserve", "model_snapshot", "{'name': 'é'}"),
]


@pytest.mark.parametrize(("reader", "key", "value"), NOT_PORTABLE)
def test_what_is_refused_would_be_read_otherwise(java: Java, reader: str, key: str, value: str) -> None:
    with pytest.raises(properties.NotPortableError) as raised:
        properties.dumps({key: value})
    assert raised.value.reader == reader
    assert raised.value.key == key
    # No secret is shown.
    assert value not in str(raised.value) or value == "1"

    data = f"{key}={value}\n".encode()
    if reader == "server":
        assert java.ask_mapping("load-bytes", data) != {key: value}
    elif reader == "launcher":
        assert read_as_launcher(data) != {key: value}
    elif reader == "mlflow":
        assert read_as_mlflow(data) != {key: value}
    else:
        with pytest.raises(ValueError, match="Expecting property name"):
            as_values(read_as_kserve(data))
