"""The specification of settings and snapshots, its vectors, and the code say the same."""

from __future__ import annotations

import ast
import base64
import contextlib
import json
import re
import zipfile
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import marpack
from marpack import ModelSnapshot, ServerConfig, SnapshotEntry, properties
from marpack.config.settings.keys import KEYS
from tests.server.test_properties import is_sorting, read_as_kserve, read_as_launcher, read_as_mlflow, stored
from tests.support import vectors
from tests.support.checks_page import PAGE, WITHOUT_A_RULE
from tests.support.java import Java, JavaError, jdk, pairs, server_classes, units
from tests.support.official import write_file
from tests.support.vectors import MANIFEST, SPEC, Json, codes, each_case, finite, section, text_of, unique

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = sorted((Path(marpack.__file__).parent / "config").rglob("*.py"))
CASES = {
    folder: [case for vector in vectors.load(folder) for case in vector.cases()]
    for folder in vectors.FOLDERS
    if folder not in vectors.DUMPED
}
SCHEMAS = {
    name: json.loads((SPEC / f"{name}.schema.json").read_text("ascii")) for name in ("snapshot", "settings")
}
SNAPSHOT_SCHEMA = jsonschema.Draft202012Validator(SCHEMAS["snapshot"])
SETTINGS = json.loads((SPEC / "settings.json").read_text("ascii"))

SEVERITIES = {
    code: set(re.findall("error|warning|note", words)) for code, words in (codes("P22") | codes("S10")).items()
}
# S10: with one of these a text is not read.
ENDING = {code for code, words in codes("S10").items() if "*" in words} - {"snapshot-mar-name"}

CASE_KEYS = {
    "properties/valid": "text values elements portable java java-writer arguments comments date changes edited "
    "settings extra findings environ resolved",
    "properties/invalid": "text base64 values changes arguments date settings environ target torchserve_version "
    "protocol_version service_name archives expected",
    "snapshot/valid": "text property values spaced compact ascii server findings archives arguments",
    "snapshot/invalid": "text archives arguments expected",
}


def cases(folder: str, *keys: str) -> pytest.MarkDecorator:
    """Run a test once for each case of a folder that has, or expects, all of ``keys``."""
    chosen = [(name, case) for name, case in CASES[folder] if set(keys) <= {*case, *case.get("expected", {})}]
    assert len(chosen) > 1
    return each_case(chosen)


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Java]:
    with jdk(tmp_path_factory) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Java]:
    with server_classes(tmp_path_factory, pytestconfig) as running:
        yield running


# ------------------------------------------------------------------------------------ clauses and vectors


@pytest.mark.parametrize("name", ["properties", "snapshot"])
def test_what_must_fail_is_shown_twice_as_often(name: str) -> None:
    valid, invalid = CASES[f"{name}/valid"], CASES[f"{name}/invalid"]
    assert len(valid) > 50
    assert len(invalid) >= 2 * len(valid)


@pytest.mark.parametrize("folder", CASES)
def test_a_case_is_well_formed(folder: str) -> None:
    names = [name for name, _ in CASES[folder]]
    assert len(set(names)) == len(names)
    for name, case in CASES[folder]:
        assert set(case) <= {"title", "clauses", "source", "oracle", *CASE_KEYS[folder].split()}, name
        assert ("expected" in case) == folder.endswith("invalid"), name


def test_finding_codes_are_those_of_the_code() -> None:
    found = {code for path in CONFIG for code in _codes(ast.parse(path.read_text("utf-8")))}
    assert {code for code in found if not code.startswith("model-config-")} == set(SEVERITIES)
    assert set(codes("P22")).isdisjoint(codes("S10"))


def test_the_page_lists_every_code() -> None:
    """Of rules and of findings that no rule makes: the docstring of ``Finding`` says that the page has them."""
    modules = [ast.parse(path.read_text("utf-8")) for path in Path(marpack.__file__).parent.rglob("*.py")]
    made = {code for tree in modules for code in _codes(tree, "Finding")}
    listed = set(re.findall(r"^## (.+)$", PAGE.read_text("utf-8"), re.MULTILINE))
    assert made - listed == set(WITHOUT_A_RULE)
    assert all(f"\n| `{code}` |" in PAGE.read_text("utf-8") for code in WITHOUT_A_RULE)


def _codes(tree: ast.AST, *makers: str) -> Iterator[str]:
    """Yield the codes that are written down: of rules, and as ``code=``, to any of the makers or to any at all."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        maker = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        is_maker = not makers or maker in makers
        given = [keyword.value for keyword in node.keywords if is_maker and keyword.arg == "code"]
        given += node.args[:1] if maker == "rule" else []
        for code in given:
            if isinstance(code, ast.Constant):
                yield str(code.value)
            else:
                # One that is passed on.
                assert isinstance(code, (ast.Name, ast.Attribute)), "a code that cannot be read from the source"


def test_every_finding_code_and_severity_has_a_vector(tmp_path: Path) -> None:
    shown: dict[str, set[str]] = defaultdict(set)
    for number, (name, case) in enumerate([case for folder in CASES.values() for case in folder]):
        if "findings" in {*case, *case.get("expected", {})}:
            for finding in find(case, tmp_path / str(number)):
                shown[finding.code].add(finding.severity)
                assert finding.message, name
                assert finding.fix, name
    assert shown == SEVERITIES


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_some(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def test_the_settings_are_those_of_the_code() -> None:
    jsonschema.Draft202012Validator(SCHEMAS["settings"]).validate(SETTINGS)
    listed = {setting["key"]: setting for setting in SETTINGS}
    assert len(listed) == len(SETTINGS)
    assert set(listed) == set(KEYS)
    for key in KEYS.values():
        stated = {
            "key": key.name,
            "type": key.kind,
            "default": key.default,
            "unit": key.unit,
            "environment": key.variable,
            "reader": key.reader,
            "choices": list(key.choices) or None,
        }
        assert {name: listed[key.name].get(name) for name in stated} == stated


def test_the_limits_are_those_of_the_code() -> None:
    stated = {
        key: (low, high)
        for low, high, keys in re.findall(r"^\| ([0-9]+) \| ([0-9]*) ?\| (.*) \|", section("P16"), re.MULTILINE)
        for key in re.findall(r"`(\w+)`", keys)
    }
    limited = {key.name: (key.minimum, key.maximum) for key in KEYS.values() if key.minimum is not None}
    assert {key: (int(low), int(high) if high else None) for key, (low, high) in stated.items()} == limited
    assert {key.name for key in KEYS.values() if key.maximum is not None} <= set(limited)


# ------------------------------------------------------------------------------------- acting a case out


def bytes_of(case: Json) -> bytes:
    return base64.b64decode(case["base64"]) if "base64" in case else text_of(case["text"]).encode("latin-1")


def settings_of(case: Json) -> Json:
    return {KEYS[key].attribute: value for key, value in case["settings"].items()}


def build_store(archives: Json, store: Path) -> list[Path]:
    """Make the archives of a case: each from what its manifest says of the model, or of nothing at all."""
    paths = [store / name for name in archives]
    for path, model in zip(paths, archives.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        if model is None:
            path.write_bytes(b"not an archive")
        elif not path.suffix:
            write_file(path / MANIFEST, json.dumps({"model": model}).encode())
        else:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(MANIFEST, json.dumps({"model": model}))
    return paths


def manifests_of(case: Json) -> dict[str, marpack.Manifest]:
    return {
        name: marpack.Manifest.from_json(json.dumps({"model": model})) for name, model in case["archives"].items()
    }


def find(case: Json, folder: Path) -> tuple[marpack.Finding, ...]:
    """Return the findings of a case."""
    told = ("torchserve_version", "target", "environ", "protocol_version", "service_name")
    known: Json = {key: case[key] for key in told if key in case}
    folder.mkdir(exist_ok=True)
    try:
        if "settings" in case:
            ServerConfig(**settings_of(case))
            return ()
        if case["clauses"][0].startswith("S"):
            if "text" not in case:
                build(case, folder)
                return ()
            archives = manifests_of(case) if "archives" in case else None
            return marpack.lint_snapshot(text_of(case["text"]), archives)
        if "archives" in case:
            build_store(case["archives"], folder)
            known["model_store"] = folder
        return marpack.lint_config(bytes_of(case), **known)
    except marpack.ConfigError as error:
        return error.findings


def build(case: Json, folder: Path) -> ModelSnapshot:
    """Build a snapshot from archives."""
    return ModelSnapshot.from_archives(build_store(case["archives"], folder), **case.get("arguments", {}))


def assert_findings(case: Json, expected: list[list[Any]], folder: Path) -> None:
    width = max([len(each) for each in expected], default=3)
    found = [[finding.code, finding.key, finding.line, finding.severity][:width] for finding in find(case, folder)]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


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
