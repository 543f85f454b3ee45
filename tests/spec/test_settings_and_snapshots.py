"""Settings and snapshots are read, written and judged as the vectors say, and as the server does."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import ModelSnapshot, ServerConfig, SnapshotEntry, properties
from marpack.config.settings.keys import KEYS
from tests.support.java import Java, JavaError, pairs, server_classes, units
from tests.support.settings_vectors import (
    CASES,
    SNAPSHOT_SCHEMA,
    assert_findings,
    build,
    bytes_of,
    cases,
    manifests_of,
)
from tests.support.vectors import Json, codes, each_case, finite, text_of, unique

if TYPE_CHECKING:
    from collections.abc import Iterator

# S10: with one of these a text is not read.
ENDING = {code for code, words in codes("S10").items() if "*" in words} - {"snapshot-mar-name"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Java]:
    with server_classes(tmp_path_factory, pytestconfig) as running:
        yield running


# ----------------------------------------------------------------------------------------------- settings


@each_case([(name, case) for name, case in CASES["properties/valid"] if "settings" in case])
def test_settings_are_read_and_written(case: Json) -> None:
    config = ServerConfig.loads(bytes_of(case))
    found = {key.name: getattr(config, key.attribute) for key in KEYS.values()}
    if found["model_snapshot"] is not None:
        found["model_snapshot"] = json.loads(found["model_snapshot"].to_json())
    assert {key: value for key, value in found.items() if value is not None} == case["settings"]
    for key, value in case["settings"].items():
        assert type(found[key]) is type(value)
    assert config.extra == case.get("extra", {})
    assert ServerConfig.loads(config.dumps()) == config
    if "portable" in case:
        assert config.dumps() == case["portable"]


@cases("properties/valid", "resolved")
def test_variables_are_resolved(case: Json) -> None:
    resolved = ServerConfig.loads(bytes_of(case)).resolve(case["environ"])
    assert resolved.properties() == case["resolved"]


@cases("properties/valid", "resolved")
@pytest.mark.server
def test_the_server_resolves_the_same(case: Json, server: Java) -> None:
    # Without a store it ends. Truth values are spelled as they were found there.
    made = server.ask_mapping("configure", b"model_store=/s\n" + bytes_of(case), *pairs(case["environ"]))
    assert {key: made.get(key, "").lower() for key in case["resolved"]} == {
        key: value.lower() for key, value in case["resolved"].items()
    }
    own = {"python", "version", "tsConfigFile", "number_of_gpu", "model_store", "workflow_store"}
    assert set(made) <= {*case["resolved"], *own}


@each_case([(name, case) for name, case in CASES["properties/invalid"] if "environ" in case])
@pytest.mark.server
def test_the_server_ends_at_the_variable(case: Json, server: Java) -> None:
    with pytest.raises(JavaError):
        server.ask("configure", bytes_of(case), *pairs(case["environ"]))


@cases("properties/valid", "findings")
def test_nothing_is_found_in_what_is_right(case: Json, tmp_path: Path) -> None:
    assert_findings(case, case["findings"], tmp_path)


@cases("properties/invalid", "findings")
def test_mistakes_in_settings_are_found(case: Json, tmp_path: Path) -> None:
    assert_findings(case, case["expected"]["findings"], tmp_path)


# ---------------------------------------------------------------------------------------------- snapshots


def snapshot_of(values: Json) -> ModelSnapshot:
    """Build the value that a case states: an absent key is None."""

    def entry(keys: Json) -> SnapshotEntry:
        known: Json = dict.fromkeys(["response_timeout", "startup_timeout", "runtime_type", "parallel_level"])
        extra = {}
        for key, value in keys.items():
            name = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", key)
            if name in SnapshotEntry.__dataclass_fields__ and not name.startswith("_"):
                known[name] = value
            else:
                extra[key] = value
        return SnapshotEntry(**known, extra=extra)

    models = {
        name: {version: entry(keys) for version, keys in versions.items()}
        for name, versions in values["models"].items()
    }
    own = {"name", "modelCount", "created", "models"}
    return ModelSnapshot(
        models=models,
        name=values["name"],
        created=values.get("created"),
        extra={key: value for key, value in values.items() if key not in own},
    )


@cases("snapshot/valid", "text")
def test_a_valid_snapshot_is_read_and_written(case: Json) -> None:
    source = text_of(case["text"])
    snapshot = ModelSnapshot.from_json(source)
    if "values" in case:
        values = case["values"]
        assert snapshot == snapshot_of(values)
        assert snapshot.model_count == values["modelCount"]
        # Python's json writes what S4 says; the order of the keys is part of it.
        assert snapshot.to_json() == json.dumps(values, ensure_ascii=False)
        assert snapshot.to_json("compact") == json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        assert snapshot.to_json(ensure_ascii=True) == json.dumps(values)
        assert snapshot.to_json("server") == text_of(case.get("server", snapshot.to_json("server")))
    else:
        assert snapshot.to_json("server") == source
    for style in ("spaced", "compact"):
        assert snapshot.to_json(style) == case.get(style, snapshot.to_json(style))
    assert snapshot.to_json(ensure_ascii=True) == case.get("ascii", snapshot.to_json(ensure_ascii=True))
    for made in (snapshot.to_json(), snapshot.to_json("compact"), snapshot.to_json("server")):
        assert ModelSnapshot.from_json(made).to_json("server") == snapshot.to_json("server")
        SNAPSHOT_SCHEMA.validate(json.loads(made))


@cases("snapshot/valid", "text")
@pytest.mark.server
def test_the_servers_parser_takes_it(case: Json, server: Java) -> None:
    assert json.loads(server.ask_text("read", units(text_of(case["text"]))))


@cases("snapshot/valid", "values", "server")
@pytest.mark.server
def test_the_server_writes_the_same(case: Json, server: Java) -> None:
    values = case["values"]
    items = [values["name"], str(values["created"])]
    for name, versions in values["models"].items():
        for version, keys in versions.items():
            stated = {"parallelLevel": 0, **keys}
            order = "defaultVersion marName minWorkers maxWorkers batchSize maxBatchDelay responseTimeout"
            order += " startupTimeout runtimeType parallelLevel"
            items += [
                name,
                version,
                *(
                    str(stated[key]).lower() if key == "defaultVersion" else str(stated[key])
                    for key in order.split()
                ),
            ]
    assert server.ask_text("snapshot", *map(units, items)) == text_of(case["server"])


@pytest.mark.server
def test_a_saved_text_is_written_again_as_it_was(server: Java) -> None:
    [case] = [case for _, case in CASES["snapshot/valid"] if "property" in case]
    saved = properties.loads("model_snapshot=" + case["property"])["model_snapshot"]
    assert saved == text_of(case["text"]) == server.ask_text("read", units(saved))
    again = properties.dumps({"model_snapshot": ModelSnapshot.from_json(saved).to_json("server")}, style="java")
    assert again == f"model_snapshot={case['property']}\n"


@each_case([(name, case) for name, case in CASES["snapshot/valid"] if "findings" in case])
def test_values_that_are_taken_for_others_are_found(case: Json, tmp_path: Path) -> None:
    assert_findings(case, case["findings"], tmp_path)


@cases("snapshot/valid", "archives")
def test_a_snapshot_is_built_from_archives(case: Json, tmp_path: Path) -> None:
    made = build(case, tmp_path)
    assert made == snapshot_of(case["values"])
    assert json.dumps(json.loads(made.to_json())) == json.dumps(case["values"])
    assert made == ModelSnapshot.from_manifests(manifests_of(case), **case.get("arguments", {}))
    assert [finding for finding in made.validate() if finding.severity == "error"] == []


@each_case([(name, case) for name, case in CASES["snapshot/invalid"] if "findings" not in case["expected"]])
def test_what_is_not_strict_json_is_refused(case: Json) -> None:
    with pytest.raises(marpack.SnapshotError) as caught:
        ModelSnapshot.from_json(case["text"])
    if case["expected"]:
        assert (caught.value.lineno, caught.value.colno) == (case["expected"]["line"], case["expected"]["column"])
    with contextlib.suppress(ValueError):  # Python's json refuses it too, or it is no object
        value = json.loads(case["text"], object_pairs_hook=unique, parse_constant=finite)
        assert not isinstance(value, dict)


@cases("snapshot/invalid", "findings")
def test_mistakes_in_a_snapshot_are_found(case: Json, tmp_path: Path) -> None:
    assert_findings(case, case["expected"]["findings"], tmp_path)


@each_case(
    [
        (name, case)
        for name, case in CASES["snapshot/invalid"]
        if {"text", "findings"} <= {*case, *case["expected"]}
    ]
)
def test_a_snapshot_with_an_ending_error_is_not_read(case: Json) -> None:
    found = {code for code, _ in case["expected"]["findings"]}
    # S10: the star of this code is for names that are no strings.
    names = re.findall(r'"marName": (.)', case["text"])
    must_end = bool(found & ENDING) or not set(names) <= {'"'}
    if must_end:
        with pytest.raises((marpack.SnapshotError, marpack.ConfigError)):
            ModelSnapshot.from_json(case["text"])
    else:
        ModelSnapshot.from_json(case["text"])


# What a schema can say; of the others, what counts depends on other values.
EXPRESSIBLE = {
    *("snapshot-models", "snapshot-missing", "snapshot-integer", "snapshot-default-type", "snapshot-mar-name"),
    *("snapshot-runtime", "snapshot-count-type", "snapshot-created", "snapshot-name", "snapshot-timeout"),
}


@each_case(
    [
        (name, case)
        for name, case in CASES["snapshot/invalid"]
        if "text" in case and {code for code, *_ in case["expected"].get("findings", [])} & EXPRESSIBLE
    ]
)
def test_the_schema_refuses_what_it_can_express(case: Json) -> None:
    assert not SNAPSHOT_SCHEMA.is_valid(json.loads(case["text"]))
