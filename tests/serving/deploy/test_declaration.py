"""Models declared in one file, by the library and by ``marpack serve-build``."""

from __future__ import annotations

import json
import os
import random
import time
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import properties
from marpack.archive.manifest import Manifest
from marpack.cli import main
from marpack.errors import (
    ArchiveExistsError,
    ConfigError,
    DownloadError,
    MarpackError,
    PlanError,
    SourceChangedError,
    TargetError,
    UploadError,
)
from marpack.serving import ServingArtifact, load_declaration, serve_build
from marpack.serving.deploy import model_build
from marpack.serving.deploy.deployment import Deployment
from tests.conftest import full_disk
from tests.support.folder_contents import listing, unchanged
from tests.support.growing_source import Growing
from tests.support.secret_urls import SECRET, SECRET_URLS, shown

T = 1_600_000_000
MODEL: dict[str, Any] = {"model_name": "digits", "handler": "handler.py", "serialized_file": "net.pt"}

# As KServe's documentation has it.
KSERVE: list[dict[str, Any]] = [
    {
        "model-name": "mnist",
        "version": "1.0",
        "model-file": "model.py",
        "serialized-file": "net.pt",
        "extra-files": "a.json,b.json",
        "handler": "handler.py",
        "min-workers": 1,
        "max-workers": 3,
        "batch-size": 1,
        "max-batch-delay": 100,
        "response-timeout": 120,
        "requirements": "requirements.txt",
    },
    {
        "model-name": "squeezenet",
        "version": "2.0",
        "model-file": "",
        "serialized-file": "other.pt",
        "extra-files": "",
        "handler": "image_classifier",
        "min-workers": 2,
        "max-workers": 3,
        "batch-size": 4,
        "max-batch-delay": 50,
        "response-timeout": 60,
        "requirements": "",
    },
]

TOML = """\
preset = "kserve"
torchserve_version = "0.12.0"
reproducible = true

[settings]
job_queue_size = 20
load_models = []
prefer_direct_buffer = true

[[models]]
id = "Dev/Digits"
version = "1.0"
handler = "handler.py"
serialized_file = "net.pt"
extra_files = ["a.json", "b.json"]
requirements = ["six"]
min_workers = 2
max_batch_delay = 50
startup_timeout = 9

[[models]]
model_name = "dev-digits"
version = "1.1"
handler = "handler.py"
serialized_file = "other.pt"
archive_format = "zip-store"
default_version = true

[models.config_file]
batchSize = 2
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(T))
    (tmp_path / "model.py").write_text("class Net: pass\n")
    (tmp_path / "handler.py").write_text("def handle(data, context): return data\n")
    (tmp_path / "net.pt").write_bytes(b"weights")
    (tmp_path / "other.pt").write_bytes(b"other")
    (tmp_path / "requirements.txt").write_text("six\n")
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(name)
    return tmp_path


def declare(value: Any, file: str = "models.json") -> str:
    Path(file).write_text(value if isinstance(value, str) else json.dumps(value))
    return file


def build(capsys: pytest.CaptureFixture[str], value: Any, *words: str, file: str = "models.json") -> str:
    # Most of what is built here is no model: test_checking.py is about what the server would refuse.
    assert main(["serve-build", declare(value, file), "--check", "off", *words]) == 0
    out, err = capsys.readouterr()
    # KServe's own list asks for batches, which KServe's own envelope does not answer.
    assert [line for line in err.splitlines() if not line.endswith("[envelope-batch]")] == []
    return out


def complaints(
    capsys: pytest.CaptureFixture[str], value: Any, *words: str, file: str = "models.json"
) -> list[str]:
    """Return the lines that the command fails with; it writes nothing."""
    declare(value, file)
    with unchanged(Path()):
        assert main(["serve-build", file, *words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    lines: list[str] = err.splitlines()
    assert all(line.startswith("marpack: error: ") for line in lines)
    return [line.removeprefix("marpack: error: ") for line in lines]


def snapshot() -> dict[str, Any]:
    text = properties.loads(Path("deploy/config/config.properties").read_bytes())["model_snapshot"]
    document: dict[str, Any] = json.loads(text)
    return document


def members(file: str) -> set[str]:
    with zipfile.ZipFile(f"deploy/model-store/{file}") as archive:
        return set(archive.namelist()) - {"MAR-INF/MANIFEST.json"}


def assert_good(*codes: str) -> None:
    data = Path("deploy/config/config.properties").read_bytes()
    findings = marpack.lint_config(data, torchserve_version="0.12.0", model_store="deploy/model-store")
    assert [finding.code for finding in findings if finding.severity != "note"] == [*codes]


# -------------------------------------------------------------------------------------------- what is declared


def test_kserves_list_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    out = build(capsys, KSERVE, file="properties.json")
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "deploy/model-store/mnist.mar",
        "deploy/model-store/squeezenet.mar",
        "deploy/config/config.properties",
    ]
    assert members("mnist.mar") == {"model.py", "net.pt", "a.json", "b.json", "handler.py", "requirements.txt"}
    assert members("squeezenet.mar") == {"other.pt"}
    numbers = {"minWorkers": 2, "maxWorkers": 3, "batchSize": 4, "maxBatchDelay": 50, "responseTimeout": 60}
    entry = snapshot()["models"]["squeezenet"]["2.0"]
    assert {key: entry[key] for key in numbers} == numbers
    assert_good("envelope-batch")


def test_serving_config_of_kaptain_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    declaration = {
        "id": "dev/mnist",
        "model_file": "model.py",
        "handler": "image_classifier",
        "serialized_file": "net.pt",
        "extra_files": "a.json,b.json,",
        "requirements_file": "requirements.txt",
    }
    build(capsys, declaration)
    assert members("dev-mnist.mar") == {"model.py", "net.pt", "a.json", "b.json", "requirements.txt"}
    assert snapshot()["models"]["dev-mnist"]["1.0"]["marName"] == "dev-mnist.mar"
    own = Path("deploy/config/config.properties").read_bytes() + b"# ours\n"
    Path("own.properties").write_bytes(own)
    build(capsys, {**declaration, "config_properties": "own.properties"}, "--force")
    assert Path("deploy/config/config.properties").read_bytes() == own


def test_toml_with_everything(capsys: pytest.CaptureFixture[str]) -> None:
    build(capsys, TOML, file="models.toml")
    [first, second] = sorted(os.listdir("deploy/model-store"))
    assert members(first) == {"handler.py", "net.pt", "a.json", "b.json", "requirements.txt"}
    assert members(second) == {"handler.py", "other.pt", "model-config.yaml"}
    versions = snapshot()["models"]["dev-digits"]
    assert {version: entry["defaultVersion"] for version, entry in versions.items()} == {"1.0": False, "1.1": True}
    assert {version: entry["marName"] for version, entry in versions.items()} == {"1.0": first, "1.1": second}
    entry = versions["1.0"]
    assert (entry["minWorkers"], entry["maxWorkers"], entry["maxBatchDelay"], entry["startupTimeout"]) == (
        2,
        2,
        50,
        9,
    )
    config = marpack.ServerConfig.load("deploy/config/config.properties")
    assert (config.job_queue_size, config.prefer_direct_buffer, config.load_models) == (20, True, "")
    assert_good()


def test_json_says_the_same_as_toml(capsys: pytest.CaptureFixture[str]) -> None:
    build(capsys, TOML, file="models.toml")
    before = listing(Path("deploy"))
    build(capsys, tomllib.loads(TOML), "--force")
    assert listing(Path("deploy")) == before


def test_the_library_says_the_same_as_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    build(capsys, KSERVE)
    result = serve_build(load_declaration("models.json"), Path("other"), timestamp=T)
    assert listing(Path("other")) == listing(Path("deploy"))
    assert [archive.path for archive in result.archives] == [
        "other/model-store/mnist.mar",
        "other/model-store/squeezenet.mar",
    ]
    assert (result.folder, result.config_path) == ("other", "other/config/config.properties")
    assert result.snapshot == marpack.ModelSnapshot.from_model_store("other/model-store").updated(
        "mnist", max_workers=3
    ).updated("squeezenet", min_workers=2, max_workers=3, batch_size=4, max_batch_delay=50, response_timeout=60)


def test_paths_begin_at_the_declarations_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "elsewhere").mkdir()
    os.chdir("elsewhere")
    Path("../models.json").write_text(json.dumps([{**MODEL, "extra_files": "*.json"}]))
    assert main(["serve-build", "../models.json", "-o", "deploy"]) == 0
    assert {"a.json", "b.json", "net.pt"} < members("digits.mar")
    assert not (folder / "deploy").exists()


def test_weights_may_be_an_url(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(capsys, [{**MODEL, "serialized_file": (folder / "net.pt").as_uri()}])
    assert members("digits.mar") == {"handler.py", "net.pt"}


@pytest.mark.parametrize("preset", ["torchserve", "kaptain", "kserve", "sagemaker"])
def test_presets(preset: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(capsys, {"models": [MODEL], "preset": preset, "torchserve_version": "0.12.0"})
    config = marpack.ServerConfig.load("deploy/config/config.properties")
    expected = marpack.ServerConfig.preset(preset).model_store  # type: ignore[arg-type]  # of the parameters
    assert config.model_store == (str(folder / "deploy" / "model-store") if preset == "torchserve" else expected)
    assert_good()


def test_the_highest_version_is_the_default_unless_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    versions = [{**MODEL, "version": version} for version in ("1.9", "1.10", "1.2")]
    build(capsys, versions)
    entries = snapshot()["models"]["digits"]
    assert [version for version, entry in entries.items() if entry["defaultVersion"]] == ["1.10"]
    assert len(set(os.listdir("deploy/model-store"))) == 3
    versions[2]["default_version"] = True
    build(capsys, versions, "--force")
    entries = snapshot()["models"]["digits"]
    assert [version for version, entry in entries.items() if entry["defaultVersion"]] == ["1.2"]
    assert_good()


def test_fifty_models(capsys: pytest.CaptureFixture[str]) -> None:
    build(capsys, [{**MODEL, "model_name": f"m{number}"} for number in range(50)])
    assert snapshot()["modelCount"] == len(os.listdir("deploy/model-store")) == 50


@pytest.mark.parametrize("form", ["default", "zip-store", "tgz", "no-archive", "auto"])
def test_every_form(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    build(capsys, {"models": [{**MODEL, "archive_format": form}], "preset": "torchserve"})
    [name] = os.listdir("deploy/model-store")
    assert snapshot()["models"]["digits"]["1.0"]["marName"] == name
    assert_good()


def test_a_tgz_is_refused_where_kserve_would_not_find_it(capsys: pytest.CaptureFixture[str]) -> None:
    [line] = complaints(capsys, [{**MODEL, "archive_format": "tgz"}])
    assert "KServe" in line
    assert "models.json" in line


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(build(capsys, KSERVE, "--json"))
    assert set(document) == {"directory", "archives", "config", "snapshot", "warnings", "findings"}
    assert (document["directory"], document["config"]) == ("deploy", "deploy/config/config.properties")
    for archive in document["archives"]:
        assert set(archive) == {"path", "size"}
        assert os.stat(archive["path"]).st_size == archive["size"]
    assert document["snapshot"] == snapshot()
    Path("own.properties").write_text("model_store=x\nload_models=all\n")
    document = json.loads(
        build(capsys, {"models": KSERVE, "config_properties": "own.properties"}, "--json", "--force")
    )
    assert document["snapshot"] is None


def test_reproducible(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    declaration = {"models": [MODEL], "reproducible": True}
    build(capsys, declaration)
    before = listing(Path("deploy"))
    os.utime("net.pt", (5, 5))
    build(capsys, declaration, "--force")
    assert listing(Path("deploy")) == before


def test_a_bad_time_of_packing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    [line] = complaints(capsys, [MODEL])
    assert "SOURCE_DATE_EPOCH='yesterday'" in line


# ---------------------------------------------------------------------------------------------- what is refused


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


def test_existing_archives_stay_unless_it_is_forced(capsys: pytest.CaptureFixture[str]) -> None:
    build(capsys, KSERVE[1:])
    Path("other.pt").write_bytes(b"changed")
    [line] = complaints(capsys, KSERVE)
    assert "squeezenet.mar' already exists" in line
    assert "--force" in line
    build(capsys, KSERVE, "-f")
    with zipfile.ZipFile("deploy/model-store/squeezenet.mar") as archive:
        assert archive.read("other.pt") == b"changed"
    with pytest.raises(ArchiveExistsError):
        serve_build(KSERVE, "deploy")


@pytest.mark.parametrize("target", ["net.pt", "net.pt/deploy", "blocked"])
def test_a_target_that_cannot_be_a_folder(target: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "blocked").mkdir()
    (folder / "blocked" / "config").write_text("x")
    [line] = complaints(capsys, [MODEL], "-o", target)
    assert target.partition("/")[0] in line


def test_a_missing_url_is_said_and_nothing_is_asked_when_something_else_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [line] = complaints(capsys, [{**MODEL, "serialized_file": "file:///gone/net.pt"}])
    assert "gone/net.pt" in line
    with pytest.raises((DownloadError, PlanError)):
        serve_build([{**MODEL, "serialized_file": "file:///gone/net.pt"}], "deploy")
    lines = complaints(capsys, [{**MODEL, "serialized_file": "file:///gone/net.pt", "handlr": "x"}])
    assert any("handlr" in line for line in lines)


# ------------------------------------------------------------------------------------------- whole or not at all


def test_nothing_half_written_when_a_source_changes() -> None:
    before: dict[str, bytes | None] = {}
    for model in ({**MODEL}, {**MODEL, "serialized_file": Growing()}):
        models = [{**MODEL, "model_name": "another"}, model]
        if model["serialized_file"] == "net.pt":
            serve_build(models, "deploy", timestamp=T)
            before = listing(Path("deploy"))
        else:
            with pytest.raises(SourceChangedError):
                serve_build(models, "deploy", force=True, timestamp=T)
    assert listing(Path("deploy")) == before


def test_nothing_half_written_when_the_disk_is_full(capsys: pytest.CaptureFixture[str]) -> None:
    build(capsys, [MODEL])
    before = listing(Path("deploy"))
    Path("net.pt").write_bytes(random.Random(0).randbytes(1 << 19))
    with full_disk(1 << 18):
        assert main(["serve-build", "models.json", "--force"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("marpack: error: ")
    assert err.count("\n") == 1
    assert "digits.mar" in err
    assert listing(Path("deploy")) == before


# ------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize("url", SECRET_URLS)
@pytest.mark.parametrize("key", ["model_file", "handler", "extra_files", "requirements", "config_file"])
def test_no_secret_of_an_url_in_a_model(key: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("aiohttp")
    assert SECRET not in "\n".join(complaints(capsys, [{**MODEL, key: url}]))
    with pytest.raises(MarpackError) as caught:
        serve_build([{**MODEL, key: url}], "deploy")
    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize("url", SECRET_URLS)
def test_no_secret_of_an_url_of_the_whole(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole: list[dict[str, Any]] = [
        {"config_properties": url},
        {"preset": url},
        {"torchserve_version": url},
        {"settings": {"load_models": [f"{url},x"]}},
        {"settings": {"load_models": f"{url}, {url}"}},
        {"settings": {"inference_address": url}},
        {"settings": {"model_store": url + "\u00fc"}},
    ]
    for top in whole:
        assert SECRET not in "\n".join(complaints(capsys, {"models": [MODEL], **top})), top


def test_no_secret_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"keystore_pass": SECRET, "my_secret": SECRET}
    assert SECRET not in build(capsys, {"models": [MODEL], "settings": settings}, "--json")
    for wrong in ({"keystore_pass": [SECRET]}, {"keystore_pass": f"{SECRET}\u00fc"}, {"my_secret": f"{SECRET}\\"}):
        assert SECRET not in "\n".join(complaints(capsys, {"models": [MODEL], "settings": wrong}, "-f"))


@pytest.mark.parametrize("other", [{"preset": "kserve"}, {"settings": {"job_queue_size": 5}}])
def test_a_file_of_ones_own_leaves_nothing_to_set(
    other: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    declaration = {"models": [MODEL], "config_properties": "own.properties", **other}
    assert min(other) in "\n".join(complaints(capsys, declaration))


def test_settings_that_are_there_are_not_lost(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "deploy" / "config").mkdir(parents=True)
    own = folder / "deploy" / "config" / "config.properties"
    own.write_text("# ours\n")
    assert "already exists" in "\n".join(complaints(capsys, {"models": [MODEL]}))
    assert own.read_text() == "# ours\n"
    assert not (folder / "deploy" / "model-store").exists()


def test_a_handler_is_built_in_where_its_runtime_has_it() -> None:
    model = {**MODEL, "handler": "TorchScriptHandler", "runtime": "LSP"}
    artifact = serve_build([model], "d")
    with zipfile.ZipFile(artifact.archive.path) as archive:
        assert json.loads(archive.read("MAR-INF/MANIFEST.json"))["model"]["handler"] == "TorchScriptHandler"
    with pytest.raises(PlanError, match="base_handler"):  # of Python's, not of LSP's
        serve_build([{**MODEL, "handler": "base_handler", "runtime": "LSP"}], "e")


def test_what_was_checked_is_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[dict[str, marpack.ArchivePlan]] = []
    planned: list[str] = []
    written: list[dict[str, marpack.ArchivePlan]] = []
    require, write = Deployment.require_writable, Deployment.write
    plan, parse = marpack.plan_archive, Manifest.from_json

    def noted_require(self: Deployment, plans: Any, directory: str, *, force: bool) -> None:
        checked.append(dict(plans))
        require(self, plans, directory, force=force)

    def noted_write(self: Deployment, plans: Any, directory: str, *, force: bool) -> ServingArtifact:
        written.append(dict(plans))
        return write(self, plans, directory, force=force)

    def noted_plan(**arguments: Any) -> marpack.ArchivePlan:
        planned.append(arguments["model_name"])
        return plan(**arguments)

    def noted_parse(text: str) -> Manifest:
        parsed.append(text)
        return parse(text)

    parsed: list[str] = []
    monkeypatch.setattr(Deployment, "require_writable", noted_require)
    monkeypatch.setattr(Deployment, "write", noted_write)
    monkeypatch.setattr(model_build, "plan_archive", noted_plan)
    monkeypatch.setattr(Manifest, "from_json", staticmethod(noted_parse))
    clock = iter(range(T, T + 100))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    serve_build([MODEL, {**MODEL, "model_name": "letters"}], "d")
    assert written == checked
    assert planned == ["digits", "letters"]
    assert len(parsed) <= 2


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("https://host.invalid/x", "cannot be written by its scheme"),
        ("simplecache::s3://bucket/x", "chains file systems"),
        ("file://host/x", "is on another machine"),
        ("s3://", "names no folder"),
        (Path("s3://bucket/x"), "has lost a slash: give it as text"),
        ("s3:/bucket/x", "has lost a slash"),
    ],
)
def test_a_url_that_names_no_folder_to_build_into(target: Any, says: str, folder: Path) -> None:
    with unchanged(folder), pytest.raises((TargetError, UploadError), match=says):
        serve_build([MODEL], target)


def test_no_secret_of_a_url_that_is_no_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("models.json").write_text(json.dumps([MODEL]))
    with unchanged(folder):
        for url in (f"https://key:{SECRET}@host.invalid/x", f"smb://key:{SECRET}@host.invalid/x"):
            assert main(["serve-build", "models.json", "-o", url]) == 1
    assert SECRET not in (error := capsys.readouterr().err)
    assert "cannot be written" in error
