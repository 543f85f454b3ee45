"""The server's own classes and marpack write the same text for the same state, and read each other's."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from marpack import ModelSnapshot, SnapshotEntry, properties
from marpack.display import SURROGATE
from tests.support.java import Java, place, server_classes, units

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nothing is timed: a busy machine is no failure.
oracle = settings(derandomize=True, deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Java]:
    with server_classes(tmp_path_factory, pytestconfig) as running:
        yield running


letters = st.sampled_from("ab01-_ ='<>&\"\\/\t\n\r\b\f\x00\x01\x1f\x7f\x80\xa0éü日\u2028\u2029\ufeff🙂")
names = st.text(letters | st.characters(), min_size=1, max_size=8)
# The server keeps the last part of a path or a URL; an archive in a store is a plain name.
mar_names = st.text(letters | st.characters(), min_size=1, max_size=8).map(
    lambda name: re.sub(r"[/\\\0:]", "_", name) + ".mar"
)
# "Aa" and "BB" have the same hash.
colliding = st.lists(st.sampled_from(["Aa", "BB"]), min_size=1, max_size=3).map("".join)
integers = st.integers(-(2**31), 2**31 - 1) | st.integers(0, 200)
entries = st.builds(
    SnapshotEntry,
    default_version=st.booleans(),
    mar_name=mar_names,
    min_workers=integers,
    max_workers=integers,
    batch_size=integers,
    max_batch_delay=integers,
    response_timeout=integers,
    startup_timeout=integers,
    runtime_type=st.sampled_from(["python", "python3", "LSP"]),
    parallel_level=st.none() | st.integers(1, 8),
)
versions = st.dictionaries(
    st.builds("{}.{}".format, st.integers(0, 30), st.integers(0, 9)) | names | colliding,
    entries,
    min_size=1,
    max_size=15,
)
snapshots = st.builds(
    ModelSnapshot,
    models=st.dictionaries(names | colliding, versions, max_size=3),
    name=st.from_regex(r"[0-9]{17}-(startup|snapshot|shutdown)\.cfg", fullmatch=True) | names,
    created=st.integers(0, 2**63 - 1),
)


def state(snapshot: ModelSnapshot) -> list[bytes]:
    """Return what ServerPeer.java is to put into the server's objects."""
    items: list[object] = [snapshot.name, snapshot.created]
    for model, version, entry in snapshot:
        items += [model, version, "true" if entry.default_version else "false", entry.mar_name]
        items += [entry.min_workers, entry.max_workers, entry.batch_size, entry.max_batch_delay]
        items += [entry.response_timeout, entry.startup_timeout, entry.runtime_type, entry.parallel_level or 0]
    return [units(str(item)) for item in items]


def assert_same(server: Java, snapshot: ModelSnapshot) -> None:
    written = server.ask_text("snapshot", *state(snapshot))
    assert snapshot.to_json(style="server") == written
    again = ModelSnapshot.from_json(written)
    assert again == snapshot
    assert again.to_json(style="server") == written


@oracle
@given(snapshot=snapshots)
def test_server_style_is_what_the_server_saves(server: Java, snapshot: ModelSnapshot) -> None:
    assert_same(server, snapshot)


# What JSON, Gson (with HTML in mind) and nobody escapes; of a path, the server keeps the last part only.
CHARACTERS = [*map(chr, range(0x20)), *"\"\\/<>&=' aé\x7f\x80\x9f\xa0\xad\u2027\u2028\u2029\u202a\ufeff\uffff🙂"]


def test_every_character_is_written_as_by_the_server(server: Java) -> None:
    for character in CHARACTERS:
        name = f"a{character}b"
        entry = SnapshotEntry(mar_name="ab.mar" if character in "\0/\\" else f"{name}.mar")
        assert_same(server, ModelSnapshot(models={name: {name: entry}}, name=name, created=0))


# Java's tables grow after 12, 24, 48 ... entries.
@settings(oracle, max_examples=15)
@given(names=st.permutations([f"model-{number}" for number in range(40)]), entry=entries, mirrored=st.booleans())
def test_the_order_is_the_servers_for_any_number_of_models(
    server: Java, names: list[str], entry: SnapshotEntry, mirrored: bool
) -> None:
    for count in (1, 2, 11, 12, 13, 14, 23, 24, 25, 26, 40):
        chosen = [name[::-1] if mirrored else name for name in names[:count]]
        few = {f"{number}.0": entry for number in range(count % 15 + 1)}
        models = {name: few if number == 3 else {"1.0": entry} for number, name in enumerate(chosen)}
        assert_same(server, ModelSnapshot(models=models, created=0))


def test_eight_models_of_one_hash_are_in_the_servers_order(server: Java) -> None:
    entry = SnapshotEntry(mar_name="m.mar")
    crowd = ["".join(chosen) for chosen in itertools.product(["Aa", "BB"], repeat=3)]
    others = [name for name in (f"model-{number}" for number in range(40)) if place(name) != place(crowd[0])]
    for size in range(len(others) + 1):
        models = [*others[: size // 2], *crowd, *others[size // 2 : size]]
        assert_same(server, ModelSnapshot(models={name: {"1.0": entry} for name in models}, created=0))


@settings(oracle, max_examples=50)
@given(snapshot=snapshots, style=st.sampled_from(["spaced", "compact", "server"]), ensure_ascii=st.booleans())
def test_every_style_is_read_by_the_server(
    server: Java, snapshot: ModelSnapshot, style: str, ensure_ascii: bool
) -> None:
    written = snapshot.to_json(style=style, ensure_ascii=ensure_ascii)  # type: ignore[arg-type]
    assert json.loads(server.ask_text("read", units(written))) == json.loads(written)


def test_a_whole_file_is_what_the_server_saves(server: Java) -> None:
    """The properties beside it, the comment, and the escapes around Gson's own."""
    outcomes: Counter[str] = Counter()

    @settings(oracle, max_examples=40)
    @given(snapshot=snapshots, key=names, value=st.text(letters, max_size=8))
    def check(snapshot: ModelSnapshot, key: str, value: str) -> None:
        named = ModelSnapshot(
            models=snapshot.models, name="20261122083256956-startup.cfg", created=snapshot.created
        )
        # Of half a character, which UTF-8 does not have, Java writes a question mark.
        assume(not SURROGATE.search(f"{key}{named.to_json(style='server')}"))
        [data] = server.ask("save", units(key), units(value), *state(named))
        first, date, rest = data.decode("utf-8").split("\n", 2)
        assert first == "#Saving snapshot"
        kept = {key: value, "model_snapshot": named.to_json(style="server")}
        assert properties.dumps(kept, style="java", ensure_ascii=False) == rest
        moment = datetime.strptime(date, "#%a %b %d %H:%M:%S UTC %Y").replace(tzinfo=UTC)
        whole = properties.dumps(kept, style="java", ensure_ascii=False, comments="Saving snapshot", date=moment)
        assert whole.encode() == data
        # The server writes UTF-8 and reads ISO-8859-1: what is beyond ASCII does not survive it.
        found = properties.loads(data)
        if data.isascii():
            assert ModelSnapshot.from_json(found["model_snapshot"]) == named
        outcomes["ASCII" if data.isascii() else "others"] += 1

    check()
    assert min(outcomes["ASCII"], outcomes["others"]) > 3, outcomes
