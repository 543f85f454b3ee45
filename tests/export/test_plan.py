"""What an export is planned to be, and what it says of what does not carry over."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]

import marpack
from marpack.errors import MarpackError
from marpack.export import plan_export
from marpack.export.targets import TARGETS
from tests.export.exports import GOLDEN, entries, golden_plans, plan, speaks, texts
from tests.support.archives import check_json, packed
from tests.support.kserve_models import Judge

ENTRIES = ("carried", "changed", "lost", "differs")


def test_golden(tmp_path: Path) -> None:
    """Every text of an export, of one model and of a store: ``python -m tests.export.exports dump``."""
    golden = json.loads(GOLDEN.read_text("ascii"))
    found = {name: texts(planned) for name, planned in golden_plans(tmp_path)}
    assert found.keys() == golden.keys()
    for name, written in found.items():
        assert written == golden[name], name


@pytest.mark.parametrize("target", TARGETS)
def test_the_twin_has_its_schema_and_says_what_the_page_says(target: str, folder: Path) -> None:
    planned = plan(folder / "digits.mar", target)
    twin = check_json(planned.about["export.json"], "export")
    assert twin["target"] == target
    assert [(model["name"], model["version"]) for model in twin["models"]] == [("digits", "1.0")]
    assert {each["fate"] for each in twin["entries"]} <= set(ENTRIES)
    page = planned.about["EXPORT.md"].replace("\\", "")
    for each in twin["entries"]:
        assert each["what"] in page
        assert each["why"] in page


@pytest.mark.parametrize("target", ["ray", "kserve"])
def test_programs_are_python_and_documents_are_yaml(target: str, folder: Path) -> None:
    planned = plan(folder / "config" / "config.properties", target)
    for name, text in planned.files.items():
        if name.endswith(".py"):
            ast.parse(text)
        if name.endswith(".yaml"):
            assert isinstance(yaml.safe_load(text), dict)


def test_ray_is_told_what_the_server_was(folder: Path) -> None:
    planned = plan(folder / "model-store" / "speaks.mar")
    config = yaml.safe_load(planned.files["config.yaml"])
    assert config["http_options"] == {"host": "127.0.0.1", "port": 8080}
    [application] = config["applications"]
    assert (application["import_path"], application["route_prefix"]) == ("app:app", "/")
    [deployment] = application["deployments"]
    assert deployment["name"] == "speaks"
    assert deployment["user_config"] == {"batch_size": 4, "max_batch_delay": 20}
    assert deployment["autoscaling_config"]["min_replicas"] == 1
    assert deployment["autoscaling_config"]["max_replicas"] == 3
    assert "num_replicas" not in deployment
    assert deployment["ray_actor_options"] == {"num_cpus": 1, "num_gpus": 1}


def test_sagemaker_is_given_no_address(folder: Path) -> None:
    planned = plan(folder / "digits.mar", "sagemaker-ray")
    config = yaml.safe_load(planned.files["config.yaml"])
    assert "http_options" not in config
    assert config["applications"][0]["import_path"] == "deployment:app"
    assert config["applications"][0]["route_prefix"] == "/"
    assert {"config.yaml", "deployment.py", "code/requirements.txt"} == set(planned.files)
    with pytest.raises(MarpackError, match=r"export one of digits 1.0, speaks 2.0 alone"):
        plan(folder, "sagemaker-ray")


@pytest.mark.server
def test_the_service_is_one_to_kserve(folder: Path, kserve_judge: Judge) -> None:
    for source in (folder, folder / "model-store" / "speaks.mar"):
        assert kserve_judge.faults_of_text(plan(source, "kserve").files["inferenceservice.yaml"]) == []


def test_the_service_is_told_of_replicas_and_gpus(folder: Path) -> None:
    planned = plan(folder / "model-store" / "speaks.mar", "kserve", service_name="talk", image="here/speaks:2")
    service = yaml.safe_load(planned.files["inferenceservice.yaml"])
    assert service["metadata"] == {"name": "talk"}
    predictor = service["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (1, 3)
    [container] = predictor["containers"]
    assert (container["name"], container["image"]) == ("kserve-container", "here/speaks:2")
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    none = yaml.safe_load(plan(folder / "digits.mar", "kserve").files["inferenceservice.yaml"])
    assert "resources" not in none["spec"]["predictor"]["containers"][0]


def test_a_bad_name_of_a_service_is_told(folder: Path) -> None:
    with pytest.raises(marpack.PlanError, match="name"):
        plan(folder / "digits.mar", "kserve", service_name="Not A Name")
    with pytest.raises(MarpackError, match="image is for KServe"):
        plan(folder / "digits.mar", "ray", image="x")


def test_a_target_is_one_of_three(folder: Path) -> None:
    with pytest.raises(ValueError, match="'heroku' is not a target: choose from ray, sagemaker-ray, kserve"):
        plan(folder / "digits.mar", "heroku")


def test_versions_of_one_model(tmp_path: Path) -> None:
    speaks(tmp_path, version="1.9", file_name="old.mar")
    speaks(tmp_path, version="1.10", file_name="new.mar")
    planned = plan_export(tmp_path / "old.mar", tmp_path / "new.mar", to="ray", with_marpack=False)
    assert [(each.settings.version, each.is_default) for each in planned.models] == [
        ("1.10", True),
        ("1.9", False),
    ]
    config = yaml.safe_load(planned.files["config.yaml"])["applications"][0]
    assert [each["name"] for each in config["deployments"]] == ["speaks:1.10", "speaks:1.9"]
    kserve = plan_export(tmp_path / "old.mar", tmp_path / "new.mar", to="kserve", with_marpack=False)
    assert '"speaks-1.9",' in kserve.files["app.py"]
    [told] = entries(kserve, "a version that is not the default")
    assert told.becomes == "the model speaks-1.9"
    speaks(tmp_path, version="1.10", file_name="again.mar")
    with pytest.raises(MarpackError, match=r"are the same version of one model, 'speaks 1.10'"):
        plan_export(tmp_path / "again.mar", tmp_path / "new.mar", to="ray")


@pytest.mark.parametrize("name", ["../../up", "..", "a/b", ".hid", 'q"uote\\', "é\x1b[2J", "x" * 300, "# `|`"])
def test_a_hostile_name_leads_nowhere(name: str, tmp_path: Path) -> None:
    from tests.support.archives import zipped

    manifest = json.dumps({"model": {"modelName": name, "modelVersion": name, "handler": "h.py"}})
    path = zipped(tmp_path / "m.mar", [("h.py", b"def handle(data, context): return data\n")], manifest=manifest)
    for target in TARGETS:
        if "/" in name if target == "kserve" else "#" in name or not name.isascii() or len(name) > 200:
            continue  # which the engine cannot have, and is told so
        planned = plan(path, target)
        [model] = planned.models
        parts = model.folder.split("/")
        assert parts[0] == "models"
        assert len(parts) == 3
        assert all(part.isascii() and part[0] != "." and len(part) <= 105 for part in parts)
        module = ast.parse(next(text for file, text in planned.files.items() if file.endswith(".py")))
        texts_of = [node.value for node in ast.walk(module) if isinstance(node, ast.Constant)]
        assert (name in texts_of) == (target == "kserve")
        assert "\x1b" not in planned.about["EXPORT.md"]
        jsonschema.validate(json.loads(planned.about["export.json"]), {"type": "object"})


def test_gpus_are_asked_for(folder: Path) -> None:
    assert plan(folder / "digits.mar", gpu=True).models[0].needs_gpu
    without = plan(folder / "model-store" / "speaks.mar", gpu=False)
    assert not without.models[0].needs_gpu
    assert "num_gpus" not in without.files["config.yaml"]
    [told] = entries(plan(folder / "digits.mar", gpu=True), "the export: --gpu")
    assert (told.fate, told.what) == ("carried", "a GPU for each worker")
    [told] = entries(plan(folder / "model-store" / "speaks.mar"), "deviceType gpu")
    assert told.seen == "model-config.yaml: deviceType"
    for name in ("digits.mar", "model-store/speaks.mar"):
        [told] = entries(plan(folder / name, gpu=False), "a GPU, where")
        assert (told.fate, told.becomes) == ("changed", "no GPU")
        assert "--no-gpu" in told.why


@pytest.mark.parametrize("target", TARGETS)
def test_the_page_is_for_who_never_saw_marpack(target: str, folder: Path) -> None:
    """It names every file of the folder, no page of another place, and no file that is not there."""
    planned = plan_export(folder / "digits.mar", to=target)
    page = planned.about["EXPORT.md"]
    below = f"{planned.inner}/" if planned.inner else ""
    for name in [*(f"{below}{name}" for name in planned.files), *planned.about]:
        assert name == "EXPORT.md" or f"| `{name}` |" in page, name
    for name in {each.name.split("/")[0] for each in planned.packages}:
        assert f"`{below}{name}/`" in page, name
    assert f"`{below}models/`" in page
    assert "docs/" not in page
    assert "spec/" not in page
    assert "sample.json" not in page
    without = plan(folder / "digits.mar", target).about["EXPORT.md"]
    assert "`marpack/`" not in without
    assert "marpack, which your index has to have" in without


def test_what_holds_of_several_models_is_one_row(tmp_path: Path) -> None:
    for name in ("a", "b"):
        packed(tmp_path, name)
    planned = plan_export(tmp_path / "a.mar", tmp_path / "b.mar", to="ray", with_marpack=False)
    assert len(entries(planned, "a GPU, where the machine has one")) == 2
    [row] = [line for line in planned.about["EXPORT.md"].split("\n") if "a GPU, where the machine" in line]
    assert row.startswith("| a 1.0, b 1.0 | a GPU")


def test_sagemaker_has_a_torch_of_its_own(folder: Path) -> None:
    [told] = entries(plan(folder / "digits.mar", "sagemaker-ray"), "the torch of the server's image")
    assert told.becomes.startswith("the container's own")
    assert "code/requirements.txt" in told.becomes
