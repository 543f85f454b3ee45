"""What an export is planned to be, and what it says of what does not carry over."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]

import marpack
from marpack.config.settings.keys import KEYS
from marpack.errors import MarpackError
from marpack.export import plan_export
from marpack.export.targets import TARGETS
from marpack.export.told_settings import _ROWS
from tests.export.exports import GOLDEN, SECRET, SPEAKS, digits, entries, golden_plans, plan, speaks, store, texts
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


def test_a_snapshot_goes_before_what_an_archive_says(folder: Path) -> None:
    planned = plan(folder)
    [one, other] = yaml.safe_load(planned.files["config.yaml"])["applications"][0]["deployments"]
    assert [one["name"], other["name"]] == ["digits", "speaks"]
    assert one["user_config"] == other["user_config"] == {"batch_size": 8, "max_batch_delay": 50}
    assert one["num_replicas"] == other["num_replicas"] == 2
    assert yaml.safe_load(planned.files["config.yaml"])["http_options"] == {"host": "0.0.0.0", "port": 9090}
    [cpus] = entries(planned, "workers that share the CPUs")
    assert "4 in all" in cpus.becomes
    assert 'environment={"TS_DECODE_INPUT_REQUEST": "false"}' in planned.files["app.py"]
    assert planned.files["app.py"].count("batch_size=8") == 2


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


@pytest.mark.parametrize("target", ["ray", "kserve"])
def test_no_secret_and_no_path_is_written(target: str, folder: Path) -> None:
    planned = plan(folder, target)
    written = "\n".join([*planned.files.values(), *planned.about.values(), *map(repr, planned.entries)])
    assert SECRET not in written
    assert str(folder) not in written
    assert "token@" not in written
    # And all of these settings are told of.
    for key in ("keystore_pass", "keystore", "vmargs", "a key that is secret", "not_known", "model_store"):
        assert any(each.seen == f"config.properties: {key}" for each in planned.entries), key


def test_every_setting_has_a_fate() -> None:
    assert KEYS.keys() - _ROWS.keys() == {"inference_address"}
    assert not _ROWS.keys() - KEYS.keys()
    assert all(row.why for row in _ROWS.values() if row.fate != "carried")
    assert all(row.becomes for row in _ROWS.values() if row.fate != "lost")


def test_what_a_handler_uses_is_named_with_its_place(folder: Path) -> None:
    speaking = folder / "model-store" / "speaks.mar"
    line = 1 + SPEAKS.split("\n").index('    context.set_response_status(202, "Taken", idx=0)')
    for target in TARGETS:
        told = entries(plan(speaking, target), "set_response_status")
        assert told
        assert {(each.fate, each.seen) for each in told} == {("differs", f"speaks.py:{line}: set_response_status")}
    [headers] = entries(plan(speaking, "sagemaker-ray"), "set_response_header")
    assert headers.fate == "differs"
    assert "X-Amzn-SageMaker" in headers.what
    assert not entries(plan(folder / "digits.mar"), "set_response")
    assert 'header_names=("X-Mine",)' in plan(speaking).files["app.py"]


def test_a_source_that_is_no_python_is_searched_as_text(tmp_path: Path) -> None:
    path = packed(
        tmp_path, handler={"handler.py": b"def handle(:\n    context.set_response_header(0, 'a', 'b')\n"}
    )
    told = entries(plan(path), "set_response_header")
    assert {each.seen for each in told} == {"handler.py:2: set_response_header"}


def test_a_source_that_is_too_long_is_told_of(tmp_path: Path) -> None:
    path = packed(tmp_path, extra_files={"long.py": b"x = 1\n" * 200_000}, check="off")
    [told] = [each for each in plan(path).entries if each.seen == "long.py"]
    assert told.why.startswith("it has 1,200,000 bytes, and was not looked into")


def test_streams_are_told_of(tmp_path: Path) -> None:
    text = (
        b"from ts.handler_utils.utils import send_intermediate_predict_response\n"
        b"def handle(data, context):\n    return data\n"
    )
    path = packed(tmp_path, handler={"handler.py": text})
    for target in TARGETS:
        [told] = entries(plan(path, target), "send_intermediate_predict_response")
        assert told.fate == "differs"
        assert told.seen == "handler.py:1: send_intermediate_predict_response"


def test_what_no_worker_runs_is_refused(tmp_path: Path) -> None:
    workflow = marpack.plan_workflow(
        workflow_name="flow", spec_file={"spec.yaml": b"models: {}\ndag: {}\n"}, handler={"f.py": b""}
    )
    marpack.write_archive(workflow, tmp_path / "flow.war")
    with pytest.raises(MarpackError, match=r"flow\.war' is a workflow's archive.*export the models"):
        plan(tmp_path / "flow.war")
    lsp = packed(tmp_path, "lsp", runtime="LSP", handler="BaseHandler", check="off")
    with pytest.raises(MarpackError, match="runtime LSP"):
        plan(lsp)
    for key, value, said in (
        ("parallelType", "tp\ntorchrun: {nproc-per-node: 2}\nparallelLevel: 2", "torchrun"),
        ("continuousBatching", "true", "continuousBatching"),
    ):
        config = {"model-config.yaml": f"{key}: {value}\n".encode()}
        path = packed(tmp_path, key.lower(), config_file=config, check="off")
        with pytest.raises(MarpackError, match=said):
            plan(path)


def test_an_envelope_is_one_that_torchserve_brings(folder: Path, tmp_path: Path) -> None:
    """The old names are the new ones' to it; of another it would find no module."""
    place = tmp_path / "model-store"
    place.mkdir()
    digits(place)
    path = tmp_path / "config.properties"
    path.write_text("load_models=all\nservice_envelope=kfserving\n")
    planned = plan(path)
    [told] = entries(planned, "service_envelope=kfserving")
    assert (told.fate, told.becomes) == ("changed", "envelope kserve, of every model")
    assert 'envelope="kserve"' in planned.files["app.py"]
    path.write_text("load_models=all\nservice_envelope=ours\n")
    with pytest.raises(
        MarpackError, match=r"the envelope 'ours' is none that TorchServe 0\.12\.0 brings \(body, "
    ):
        plan(path)
    assert not plan(path, envelope="body").files["app.py"].count("ours")
    with pytest.raises(MarpackError, match="the envelope 'ours'"):
        plan(folder / "digits.mar", envelope="ours")


def test_kserves_envelope_is_asked_for(folder: Path) -> None:
    """A model that KServe had TorchServe serve was given what was inside of ``instances``."""
    [told] = entries(plan(folder / "digits.mar", "kserve"), "TS_SERVICE_ENVELOPE")
    assert told.fate == "changed"
    assert "--envelope kserve" in told.why
    assert not entries(plan(folder / "digits.mar", "kserve", envelope="kserve"), "TS_SERVICE_ENVELOPE")
    assert not entries(plan(folder / "digits.mar", "ray"), "TS_SERVICE_ENVELOPE")


def test_sequences_are_told_of(tmp_path: Path) -> None:
    config = {"model-config.yaml": b"sequenceBatching: true\nsequenceMaxIdleMSec: 1000\nuseVenv: true\n"}
    planned = plan(packed(tmp_path, config_file=config, check="off"))
    for key in ("sequenceBatching", "sequenceMaxIdleMSec", "useVenv"):
        [told] = entries(planned, f"model-config.yaml: {key}")
        assert told.fate == "lost"
        assert told.why


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


def test_requirements_are_merged(tmp_path: Path) -> None:
    lines = {
        "a": ["numpy>=1.26", "requests", "-r other.txt", "./here.whl", "pkg @ https://u:p@example.invalid/p.whl"],
        "b": ["numpy==1.26.4", "requests", "${TOKEN}", "x==1 --hash=sha256:00", "torch==2.10"],
    }
    for name, required in lines.items():
        packed(tmp_path, name, requirements_file=required, check="off")
    planned = plan_export(tmp_path / "a.mar", tmp_path / "b.mar", to="ray", with_marpack=False)
    text = planned.files["requirements.txt"]
    wanted = ["numpy==1.26.4", "numpy>=1.26", "requests", "torch==2.10", "x==1"]
    assert [line for line in text.split("\n") if line][-5:] == wanted
    assert "torchserve==0.12.0" in text
    assert text.count("numpy") == 2
    assert "u:p" not in text + planned.about["EXPORT.md"]
    [conflict] = entries(planned, "numpy, of which each model had its own")
    assert conflict.seen == "numpy>=1.26 (a 1.0); numpy==1.26.4 (b 1.0)"
    assert [each.seen for each in planned.entries if each.fate == "lost" and "requirements.txt:" in each.seen] == [
        "requirements.txt:3",
        "requirements.txt:4",
        "requirements.txt:5",
        "requirements.txt:3",
    ]


def test_what_torchserves_own_handlers_import_is_required(tmp_path: Path) -> None:
    text = b"import ts.torch_handler.text_handler\nfrom ts.torch_handler import vision_handler, base_handler\n"
    packed(tmp_path, "a", handler={"handler.py": text}, requirements_file=["captum==0.8"], check="off")
    packed(tmp_path, "b", handler="image_classifier", check="off")
    packed(tmp_path, "c", handler="dali_image_classifier", check="off")
    lines = plan(tmp_path / "a.mar").files["requirements.txt"].split("\n")
    assert "captum==0.8" in lines
    assert "captum" not in lines
    planned = plan(tmp_path / "b.mar")
    lines = planned.files["requirements.txt"].split("\n")
    assert {"torch", "torchvision", "captum"} <= set(lines)
    assert [each.fate for each in entries(planned, "imported by ts.torch_handler.image_classifier")] == [
        "changed",
        "changed",
    ]
    [dali] = entries(plan(tmp_path / "c.mar"), "nvidia.dali")
    assert dali.fate == "lost"
    assert "dali" not in plan(tmp_path / "c.mar").files["requirements.txt"]


def test_settings_that_load_models(tmp_path: Path) -> None:
    place = tmp_path / "model-store"
    place.mkdir()
    digits(place)
    speaks(place)
    path = tmp_path / "config.properties"
    numbers = {"minWorkers": 2, "maxWorkers": 2, "batchSize": 6, "maxBatchDelay": 70, "responseTimeout": 9}
    models = json.dumps({"digits": {"1.0": numbers}, "speaks": {"2.0": numbers}})
    path.write_text(f"load_models=all\nmodels={models}\ndefault_response_timeout=44\n")
    planned = plan(path)
    one, other = (model.settings for model in planned.models)
    assert (one.batch_size, one.min_workers, one.response_timeout) == (6, 2, 9)
    # Its own configuration goes before.
    assert (other.batch_size, other.min_workers, other.response_timeout) == (4, 1, 30)
    path.write_text("load_models=digits.mar\ndefault_workers_per_model=3\ndefault_response_timeout=44\n")
    [alone] = plan(path).models
    assert (alone.settings.min_workers, alone.settings.response_timeout) == (3, 44)
    assert not entries(plan(path), "neither load_models nor")
    path.write_text("job_queue_size=10\n")
    assert [each.about for each in entries(plan(path), "neither load_models nor model_snapshot")] == [""]
    [workers] = entries(plan(path), "default_workers_per_model")
    assert (workers.about, workers.fate) == ("digits 1.0", "changed")
    path.write_text("load_models=other=digits.mar\n")
    with pytest.raises(
        MarpackError, match=r"'digits.mar' is 'other' to load_models, and 'digits' by its manifest"
    ):
        plan(path)
    path.write_text("load_models=gone.mar\n")
    with pytest.raises(MarpackError, match=r"'gone.mar' is not in the model store"):
        plan(path)
    path.write_text("load_models=$$MODELS$$\n")
    with pytest.raises(MarpackError, match="takes 'MODELS' from the environment"):
        plan(path)
    path.write_text("models=[]\n")
    with pytest.raises(MarpackError, match=r"config\.properties: error: models: must be an object"):
        plan(path)


def test_a_snapshot_that_knows_a_model_otherwise(tmp_path: Path) -> None:
    path = store(tmp_path)
    text = path.read_text("ascii")
    path.write_text(text.replace('"digits": {"1.0"', '"digits": {"7.0"'))
    with pytest.raises(MarpackError, match=r"'digits.mar' is 'digits 7.0' to model_snapshot, and 'digits 1.0'"):
        plan(path)


def test_sources_that_do_not_go_together(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MarpackError, match="nothing is named"):
        plan_export(to="ray")
    with pytest.raises(MarpackError, match="settings are of one server"):
        plan_export(folder / "config" / "config.properties", folder / "digits.mar", to="ray")
    with pytest.raises(MarpackError, match=r"a model store goes with a config.properties"):
        plan(folder / "digits.mar", model_store=folder)
    with pytest.raises(MarpackError, match="python is where with_ts takes"):
        plan(folder / "digits.mar", python="python3")
    with pytest.raises(FileNotFoundError):
        plan(tmp_path / "none.mar")


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
