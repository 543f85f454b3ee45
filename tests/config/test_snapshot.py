"""Model snapshots: read, built of entries, changed, written, copied."""

from __future__ import annotations

import copy
import json
import pickle
import re
from dataclasses import FrozenInstanceError
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import ArchiveError, ConfigError, ModelSnapshot, SnapshotEntry, SnapshotError, lint_snapshot
from tests.support.snapshots import ENTRY, manifest, of, snapshot

KAPTAIN = (
    '{"name": "startup.cfg", "modelCount": 1, "models": {"mnist": {"1.0": {"defaultVersion": true, '
    '"marName": "mnist.mar", "minWorkers": 1, "maxWorkers": 5, "batchSize": 1, "maxBatchDelay": 5000, '
    '"responseTimeout": 120}}}}'
)


# -------------------------------------------------------------------------------------------------- reading


def test_both_ways() -> None:
    read = ModelSnapshot.from_json(KAPTAIN)
    assert read == ModelSnapshot(
        models={
            "mnist": {
                "1.0": SnapshotEntry(
                    mar_name="mnist.mar",
                    max_workers=5,
                    max_batch_delay=5000,
                    startup_timeout=None,
                    runtime_type=None,
                )
            }
        }
    )
    assert read.to_json() == KAPTAIN
    assert read.to_json("compact") == KAPTAIN.replace(": ", ":").replace(", ", ",")
    assert json.loads(read.to_json("server")) == json.loads(KAPTAIN)
    assert read.model_count == 1
    assert [(name, version) for name, version, _ in read] == [("mnist", "1.0")]


def test_a_new_entry_has_what_every_reader_needs() -> None:
    assert json.loads(ModelSnapshot(models={"m": {"1.0": SnapshotEntry(mar_name="m.mar")}}).to_json()) == {
        "name": "startup.cfg",
        "modelCount": 1,
        "models": {
            "m": {
                "1.0": {
                    "defaultVersion": True,
                    "marName": "m.mar",
                    "minWorkers": 1,
                    "maxWorkers": 1,
                    "batchSize": 1,
                    "maxBatchDelay": 100,
                    "responseTimeout": 120,
                    "startupTimeout": 120,
                    "runtimeType": "python",
                }
            }
        },
    }


def test_unknown_keys_survive_wherever_they_are() -> None:
    entry = {**ENTRY, "x": {"y": [1, None]}, "é": 1.5}
    document = {"z": 1, "name": "a", "modelCount": 1, "created": 5, "models": {"m": {"1.0": entry}}, "a": [{}]}
    read = ModelSnapshot.from_json(json.dumps(document))
    assert read.extra == {"z": 1, "a": [{}]}
    assert read.models["m"]["1.0"].extra == {"x": {"y": [1, None]}, "é": 1.5}
    again = json.loads(read.to_json())
    assert again == document
    assert list(again) == ["name", "modelCount", "created", "models", "z", "a"]
    assert list(again["models"]["m"]["1.0"]) == list(entry)
    changed = read.updated("m", batch_size=9)
    assert changed.extra == read.extra
    assert changed.models["m"]["1.0"].extra == read.models["m"]["1.0"].extra


def test_what_the_server_takes_otherwise_is_written_as_it_takes_it() -> None:
    text = of(
        {
            "m": {
                "1.0": {**ENTRY, "minWorkers": "1", "maxWorkers": 2.9, "batchSize": [4], "defaultVersion": "True"}
            }
        },
        "1",
    )
    [(_, _, entry)] = ModelSnapshot.from_json(text)
    assert (entry.min_workers, entry.max_workers, entry.batch_size, entry.default_version) == (1, 2, 4, True)
    assert json.loads(ModelSnapshot.from_json(text).to_json())["modelCount"] == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", (1, 1)),
        ("{\n  'a': 1}", (2, 3)),
        ('{"models": {}, "x": NaN}', (1, 1)),
        ("[]", (1, 1)),
        ("{}{}", (1, 3)),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(SnapshotError) as caught:
        ModelSnapshot.from_json(text)
    assert (caught.value.lineno, caught.value.colno) == place
    assert str(caught.value).startswith("model_snapshot: ")


# What the server's Gson was seen to do with the snapshot's own name: {} and [] end it, others are text.
@pytest.mark.parametrize(
    ("name", "taken"), [(None, "startup.cfg"), (5, "5"), (1.5, "1.5"), (True, "true"), (False, "false"), ("", "")]
)
def test_the_name(name: object, taken: str) -> None:
    assert ModelSnapshot.from_json(of({}, name=name)).name == taken


# -------------------------------------------------------------------------------------------------- values


def test_an_entry_reports_all_its_mistakes() -> None:
    with pytest.raises(ConfigError) as caught:
        SnapshotEntry(mar_name=None, min_workers="1", batch_size=2.0, runtime_type="ruby", default_version=1)  # type: ignore[arg-type]
    assert [finding.key for finding in caught.value.findings] == [
        "marName",
        "minWorkers",
        "batchSize",
        "defaultVersion",
        "runtimeType",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_workers": True},
        {"max_workers": None},
        {"batch_size": 1 << 31},
        {"response_timeout": "1"},
        {"default_version": None},
    ],
    ids=str,
)
def test_an_entry_refuses_values_of_another_type(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        SnapshotEntry(**{"mar_name": "m.mar", **wrong})


def test_a_path_is_called_by_its_name() -> None:
    with pytest.raises(ConfigError, match="must be a string") as caught:
        SnapshotEntry(mar_name=Path("m.mar"))  # type: ignore[arg-type]
    assert "a number" not in str(caught.value)


class Word(str, Enum):
    MAR = "m.mar"


def test_an_enum_of_texts_is_its_text() -> None:
    made = ModelSnapshot(models={"m": {"1.0": SnapshotEntry(mar_name=Word.MAR)}})
    assert json.loads(made.to_json())["models"]["m"]["1.0"]["marName"] == "m.mar"


def test_a_field_has_no_second_place() -> None:
    with pytest.raises(ValueError, match="'marName' has a field of its own"):
        SnapshotEntry(mar_name="m.mar", extra={"marName": "n.mar"})
    with pytest.raises(ValueError, match="'modelCount' has a field of its own"):
        ModelSnapshot(models={}, extra={"modelCount": 3})


@pytest.mark.parametrize(
    "wrong",
    [
        {"models": {"m": {"1.0": "m.mar"}}},
        {"models": {"m": SnapshotEntry(mar_name="m.mar")}},
        {"models": {"m": None}},
        {"models": []},
        {"models": {1: {"1.0": SnapshotEntry(mar_name="m.mar")}}},
        {"models": {"m": {1.0: SnapshotEntry(mar_name="m.mar")}}},
        {"models": {}, "name": 5},
        {"models": {}, "created": "now"},
        {"models": {}, "created": True},
        {"models": {}, "extra": None},
        {"models": {}, "extra": {"x": float("nan")}},
        {"models": {}, "extra": {"x": object()}},
    ],
    ids=lambda wrong: re.sub(" at 0x.*?>", ">", str(wrong))[:60],
)
def test_a_snapshot_refuses_what_it_cannot_write_and_read(wrong: dict[str, Any]) -> None:
    """What was built can be written, and what was written can be read."""
    with pytest.raises((TypeError, ValueError)):
        ModelSnapshot(**wrong)


@pytest.mark.parametrize("style", ["spaced", "compact", "server"])
def test_what_is_written_is_strict_json(style: marpack.typing.SnapshotStyle) -> None:
    with pytest.raises(SnapshotError):
        ModelSnapshot.from_json('{"models": {}, "x": 1e999}')
    with pytest.raises(ValueError):  # noqa: PT011 - whenever it is found
        ModelSnapshot(models={}, extra={"x": float("inf")}).to_json(style)


def test_an_unknown_style() -> None:
    with pytest.raises(ValueError, match="'pretty' is not one of spaced, compact, server"):
        ModelSnapshot(models={}).to_json("pretty")  # type: ignore[arg-type]


def test_nobody_changes_a_snapshot() -> None:
    models = {"m": {"1.0": SnapshotEntry(mar_name="m.mar")}}
    made = ModelSnapshot(models=models)
    models["m"]["2.0"] = SnapshotEntry(mar_name="n.mar")
    models["n"] = {}
    assert made.model_count == 1
    with pytest.raises(FrozenInstanceError):
        made.name = "x"  # type: ignore[misc]


def test_updated() -> None:
    made = ModelSnapshot.from_manifests(
        {"a.mar": manifest("m", "1"), "b.mar": manifest("m", "2"), "c.mar": manifest("n")}
    )
    assert {entry.batch_size for _, _, entry in made.updated("m", batch_size=8)} == {8, 1}
    changed = made.updated("m", "1", min_workers=0, parallel_level=None)
    assert changed.models["m"]["1"].min_workers == 0
    assert changed.models["m"]["2"] == made.models["m"]["2"]
    assert changed.models["n"] == made.models["n"]
    assert made.models["m"]["1"].min_workers == 1
    with pytest.raises(KeyError, match="'3'"):
        made.updated("m", "3", batch_size=1)
    with pytest.raises(KeyError, match="'x'"):
        made.updated("x", batch_size=1)
    with pytest.raises(ConfigError):
        made.updated("m", batch_size="8")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="colour"):
        made.updated("m", colour=1)  # type: ignore[call-arg]


def all_values() -> list[Any]:
    entry = SnapshotEntry(mar_name="m.mar", extra={"x": [1]})
    made = ModelSnapshot(models={"m": {"1.0": entry}}, created=1, extra={"y": None})
    findings = lint_snapshot("[]") + lint_snapshot(snapshot(batchSize=0))
    config = marpack.ServerConfig(
        model_snapshot=made, models={"m": {}}, load_models=["a"], debug=True, extra={"z": ""}
    )
    return [entry, made, config, *findings, marpack.properties.parse("a=1\n# b\n\n"), *marpack.KEYS.values()]


@pytest.mark.parametrize("value", all_values(), ids=lambda value: type(value).__name__)
def test_values_are_copied(value: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(value, protocol)) == value
    assert copy.deepcopy(value) == value
    assert copy.copy(value) == value
    assert repr(copy.deepcopy(value)) == repr(value)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError(lint_snapshot("[]")),
        ConfigError(lint_snapshot("[]") * 2),
        SnapshotError("no", "a\nb", 2),
        SnapshotError("no", "a\nb", 2, "c.properties"),
        marpack.PropertiesError("no", "a\rb", 2, "c.properties"),
        marpack.NotPortableError("vmargs", "launcher", "why"),
        ArchiveError("m.mar", "is none"),
        marpack.ManifestError("no", "{}"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_are_copied(error: marpack.MarpackError) -> None:
    for again in (
        *(pickle.loads(pickle.dumps(error, number)) for number in range(6)),
        copy.deepcopy(error),
        copy.copy(error),
    ):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)
