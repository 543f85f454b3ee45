"""What is built of models that are declared, by the library and by ``marpack serve-build``."""

from __future__ import annotations

import json
import os
import time
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.archive.manifest import Manifest
from marpack.cli import main
from marpack.errors import PlanError
from marpack.serving import ServingArtifact, load_declaration, serve_build
from marpack.serving.deploy import model_build
from marpack.serving.deploy.deployment import Deployment
from tests.support.declarations import KSERVE, MODEL, T, assert_good, build, members, snapshot
from tests.support.folder_contents import listing

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
