"""What a declaration is refused for: everything at once, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from marpack.cli import main
from marpack.errors import ConfigError, DownloadError, PlanError
from marpack.serving import load_declaration, serve_build
from tests.support.declarations import MODEL, assert_good, complaints, declare
from tests.support.folder_contents import unchanged


def test_a_tgz_is_refused_where_kserve_would_not_find_it(capsys: pytest.CaptureFixture[str]) -> None:
    [line] = complaints(capsys, [{**MODEL, "archive_format": "tgz"}])
    assert "KServe" in line
    assert "models.json" in line


def test_a_bad_time_of_packing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    [line] = complaints(capsys, [MODEL])
    assert "SOURCE_DATE_EPOCH='yesterday'" in line


def test_every_problem_of_every_model_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    declaration = {
        "models": [
            {"model-name": "a", "handlr": "handler.py", "colour": "red"},
            {"id": "///", "handler": "handler.py", "model_file": "gone.py", "extra_files": "gone.json"},
            {"model_name": "c", "handler": "image_clasifier", "min_workers": "two"},
            {"handler": "handler.py", "requirements": "requirements.txt", "requirements_file": "requirements.txt"},
        ],
        "presett": "kserve",
        "preset": "local",
        "settings": {"job_queue_size": "ten", "job_que_size": 1},
        "torchserve_version": "newest",
    }
    lines = complaints(capsys, declaration)
    assert all("models.json" in line for line in lines)
    text = "\n".join(lines)
    for expected in [
        "a: handlr: is not a key of a model: did you mean 'handler'?",
        "a: colour: is not a key of a model",
        "a: handler: is missing",
        "'///'",
        "gone.py",
        "gone.json",
        "did you mean 'image_classifier'",
        "minWorkers",
        "models[3]: model_name: is missing",
        "given twice",
        "presett: is not a key of a declaration: did you mean 'preset'?",
        "'local' is not known",
        "job_queue_size",
        "job_que_size",
        "'newest'",
    ]:
        assert expected in text, expected


WRONG_TYPES: dict[str, list[Any]] = {
    "model_name": [5, ["digits"]],
    "id": [5],
    "version": [1, 1.0, ["1.0"], {}],
    "default_version": [5, "true"],
    "model_file": [5, True, {"a": "b"}, "a\0b"],
    "handler": [5, True, {"a": "b"}, "a\0b"],
    "serialized_file": [5, True, "a\0b"],
    "extra_files": [5, True, [5], {"a": "b"}, "a\0b"],
    "requirements": [5, True, [5], {"a": "b"}],
    "requirements_file": [5, True, [5]],
    "config_file": [5, True, "a\0b"],
    "runtime": [5],
    "archive_format": [5],
    "min_workers": ["1", 1.5, True, [1]],
    "batch_size": ["1", 1.5, True, [1]],
    "response_timeout": ["1", 1.5, True, [1]],
    "runtime_type": [5],
    "parallel_level": ["x"],
    "mar_name": [5],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, each) for key in WRONG_TYPES for each in WRONG_TYPES[key]], ids=str
)
def test_wrong_types_in_a_model(key: str, value: object, capsys: pytest.CaptureFixture[str]) -> None:
    model = {**MODEL, key: value}
    if key == "id":
        del model["model_name"]
    lines = complaints(capsys, [model])
    head, *tail = key.split("_")
    in_json = head + "".join(map(str.title, tail))  # what a snapshot calls it
    assert any(word in line for word in (key, in_json) for line in lines)
    assert all(line.startswith("models.json: ") for line in lines)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("models", 5),
        ("models", {}),
        ("models", []),
        ("models", [5]),
        ("models", [MODEL, "x"]),
        ("preset", 5),
        ("preset", ["kserve"]),
        ("torchserve_version", "newest"),
        ("torchserve_version", 0.12),
        ("torchserve_version", ["0.12.0"]),
        ("settings", 5),
        ("settings", ["a"]),
        ("settings", "a=b"),
        ("config_properties", 5),
        ("config_properties", "gone.properties"),
        ("config_properties", "."),
        ("config_properties", "a\0b"),
        ("reproducible", "false"),
        ("reproducible", 5),
    ],
    ids=str,
)
def test_wrong_values_of_the_whole(key: str, value: object, capsys: pytest.CaptureFixture[str]) -> None:
    [line] = complaints(capsys, {"models": [MODEL], key: value})
    assert line.startswith("models.json: ")
    assert key in line


@pytest.mark.parametrize(
    "settings",
    [
        {"job_queue_size": "ten"},
        {"job_queue_size": 0},
        {"job_que_size": 1},
        {"inference-address": "http://0.0.0.0:8085"},
        {"metrics_address": "http://0.0.0.0:8085"},
        {"vmargs": 5},
        {"load_models": ["a,b"]},
        {"model_snapshot": "{}"},
        {"some key": "x"},
        {"some_key": "\u00fc"},
        {"some_key": {"a": 1}},
        {"some_key": None},
    ],
    ids=str,
)
def test_settings_that_do_not_work(settings: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    lines = complaints(capsys, {"models": [MODEL], "settings": settings})
    assert all("models.json" in line for line in lines)
    assert all(next(iter(settings)) in line for line in lines)


@pytest.mark.parametrize("path", ["models.toml", Path("models.json")])
def test_a_path_is_no_declaration_and_how_it_is_read_is_said(path: Any) -> None:
    with pytest.raises(PlanError, match=r"must be a table, not .*: read it with load_declaration"):
        serve_build(path, "deploy")


@pytest.mark.parametrize(
    "declaration", [5, "models", None, True, [], [5], [[]], {}, {"models": []}, {"handler": "handler.py"}], ids=str
)
def test_what_is_no_declaration(declaration: object, capsys: pytest.CaptureFixture[str]) -> None:
    for line in complaints(capsys, json.dumps(declaration)):
        assert line.startswith("models.json: ")
    with pytest.raises(PlanError):
        serve_build(declaration, "deploy")


@pytest.mark.parametrize(
    ("file", "data", "says"),
    [
        ("models.json", b"", "line 1 column 1"),
        ("models.json", b'{"a":\n }', "line 2 column 2"),
        ("models.json", b'{"a": "\xff"}', "UTF-8"),
        ("models.json", b"[" * 10**5, "deep"),
        ("models.toml", b"a = 1\nb = \n", "line 2, column 5"),
        ("models.toml", b"a = '\xff'\n", "UTF-8"),
        ("models.toml", b"a = " + b"[" * 10**4, "deep"),
        ("models.toml", b'{"models": []}', "line 1, column 1"),
        ("models.yaml", b"models:\n- handler: x\n", "TOML"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_text_that_cannot_be_read(
    file: str, data: bytes, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / file).write_bytes(data)
    with unchanged(folder):
        assert main(["serve-build", file]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"marpack: error: {file}: ")
    assert says.lower() in err.lower()
    with pytest.raises(ConfigError, match=file):
        load_declaration(file)


def test_the_same_version_twice_is_not_one_of_them_lost(capsys: pytest.CaptureFixture[str]) -> None:
    [line] = complaints(capsys, [MODEL, {**MODEL, "serialized_file": "other.pt"}])
    assert "digits" in line
    assert "1.0" in line


def test_two_defaults_of_one_model(capsys: pytest.CaptureFixture[str]) -> None:
    versions = [{**MODEL, "version": version, "default_version": True} for version in ("1.0", "2.0")]
    [line] = complaints(capsys, versions)
    assert "default" in line


def test_two_ids_that_make_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    models = [{"id": name, "handler": "handler.py"} for name in ("dev/digits", "dev-digits")]
    assert "dev-digits" in "".join(complaints(capsys, models))


@pytest.mark.parametrize("version", ["1/0", "..", ".", "a b", "\u00fc", "1\n0"])
def test_versions_that_no_request_reaches(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    models = [{**MODEL, "version": version}, {**MODEL, "version": "2.0"}]
    if main(["serve-build", declare(models)]) == 0:
        assert_good()
    else:
        assert not Path("deploy").exists()
    assert "Traceback" not in capsys.readouterr().err


def test_a_missing_url_is_said_and_nothing_is_asked_when_something_else_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [line] = complaints(capsys, [{**MODEL, "serialized_file": "file:///gone/net.pt"}])
    assert "gone/net.pt" in line
    with pytest.raises((DownloadError, PlanError)):
        serve_build([{**MODEL, "serialized_file": "file:///gone/net.pt"}], "deploy")
    lines = complaints(capsys, [{**MODEL, "serialized_file": "file:///gone/net.pt", "handlr": "x"}])
    assert any("handlr" in line for line in lines)


@pytest.mark.parametrize("other", [{"preset": "kserve"}, {"settings": {"job_queue_size": 5}}])
def test_a_file_of_ones_own_leaves_nothing_to_set(
    other: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    declaration = {"models": [MODEL], "config_properties": "own.properties", **other}
    assert min(other) in "\n".join(complaints(capsys, declaration))
