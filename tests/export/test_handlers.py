"""What an export says of what a handler uses, needs and is told, and of models that no worker runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import marpack
from marpack.errors import MarpackError
from marpack.export import plan_export
from marpack.export.targets import TARGETS
from tests.export.exports import SPEAKS, digits, entries, plan
from tests.support.archives import packed


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
