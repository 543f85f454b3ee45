"""What an export says of single things that it was told, and what its program makes of them."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

import marpack
from marpack.checks.python.torch_handlers import HANDLER_MODULES
from marpack.export import handler_text, plan_export
from marpack.export.targets import ENGINES, TARGETS
from marpack.running import ServedModel
from tests.export.exports import SPEAKS, entries, plan, store
from tests.support.archives import packed
from tests.support.torchserve import environment, install_folder


def test_kserve_asks_whether_a_model_is_ready(folder: Path) -> None:
    """Of several none is asked: the others would get no requests, either."""
    planned = plan(folder / "digits.mar", "kserve")
    [container] = yaml.safe_load(planned.files["inferenceservice.yaml"])["spec"]["predictor"]["containers"]
    assert container["readinessProbe"] == {"httpGet": {"path": "/v2/models/digits/ready", "port": 8080}}
    assert container["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]
    several = yaml.safe_load(plan(folder, "kserve").files["inferenceservice.yaml"])
    assert "readinessProbe" not in several["spec"]["predictor"]["containers"][0]


def test_torchserves_own_handlers_are_looked_into(tmp_path: Path) -> None:
    """Nothing of them is in an archive: one that is named streams, and one that is imported counts."""
    packed(tmp_path, "named", handler="vllm_handler", check="off")
    text = b"from ts.torch_handler.base_handler import BaseHandler\nclass Mine(BaseHandler):\n    pass\n"
    packed(tmp_path, "inherited", handler={"handler.py": text}, check="off")
    for target in TARGETS:
        [told] = entries(plan(tmp_path / "named.mar", target), "send_intermediate_predict_response")
        assert (told.fate, told.about) == ("differs", "named 1.0")
        assert told.seen == "ts.torch_handler.vllm_handler: send_intermediate_predict_response"
        [told] = entries(plan(tmp_path / "inherited.mar", target), "base_handler: metrics")
        assert (told.fate, told.about) == ("differs", "inherited 1.0")
        assert not entries(plan(tmp_path / "inherited.mar", target), "send_intermediate_predict_response")


@pytest.mark.server
def test_what_torchserves_own_handlers_call_is_what_their_sources_say(pytestconfig: pytest.Config) -> None:
    python = environment("0.12.0", install_folder(pytestconfig))
    [package] = python.parents[1].glob("lib/*/site-packages/ts/torch_handler")
    for module, handler in HANDLER_MODULES.items():
        tree = ast.parse(package.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8"))
        words = {word for word, _ in handler_text._words(tree)} | {"metrics"}  # BaseHandler's, of which most are
        # What they ask for TorchServe itself has put there, in small letters; their own error has a status of 404.
        assert all(name.islower() for name in handler_text._headers(tree))
        assert set(handler.calls) == words - {"get_request_header", "PredictionException", "add_time"}, module


@pytest.mark.parametrize(
    "asks",
    [
        'context.get_request_header(0, "X-Mine")',
        'context.get_request_header(0, key="X-Mine")',
        'context.get_request_header(idx=0, key="X-Mine")',
        'context.get_all_request_header(0)["X-Mine"]',
        'context.get_all_request_header(0).get("X-Mine", "")',
        'context.request_processor[0].get_request_property("X-Mine")',
        'context.request_processor[0].get_request_properties()["X-Mine"]',
    ],
)
def test_headers_are_given_in_the_handlers_spelling(asks: str, tmp_path: Path) -> None:
    text = f"def handle(data, context):\n    return {asks}\n"
    planned = plan(packed(tmp_path, handler={"handler.py": text.encode()}, check="off"))
    assert 'header_names=("X-Mine",)' in planned.files["app.py"]
    [told] = entries(planned, "X-Mine")
    assert (told.fate, told.seen) == ("carried", "handler.py:2")


@pytest.mark.parametrize("to", TARGETS)
def test_what_is_said_twice_is_the_same(to: str, tmp_path: Path) -> None:
    """Of metrics, once as settings and once as a handler's; and of workers that end."""
    config = {"model-config.yaml": b"maxRetryTimeoutInSec: 9\n"}
    path = packed(tmp_path, handler={"handler.py": SPEAKS.encode()}, config_file=config, check="off")
    planned = plan(path, to)
    [again] = entries(planned, "maxRetryTimeoutInSec")
    assert "at once" in again.why
    assert ("Ray Serve makes another" in again.why) == (to != "kserve")
    assert "{" not in again.why
    place = tmp_path / "config.properties"
    place.write_text(f"load_models={path.name}\nmetrics_mode=prometheus\n")
    told = plan(place, to).entries
    [setting] = [each for each in told if "metrics_mode" in each.seen]
    [handlers] = [each for each in told if "context.metrics" in each.what]
    assert "goes nowhere" in setting.why
    assert "goes nowhere" in handlers.what


def test_the_engines_that_are_asked_for_are_those_of_the_extras() -> None:
    """A release that nobody has seen is not asked for: MarModel knows KServe's server from inside."""
    stated = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    extras = {
        name: text.replace(" ", "")
        for name, text in re.findall(r'^(ray|kserve) = \["(.*)"\]$', stated, re.MULTILINE)
    }
    assert {"ray": extras["ray"], "sagemaker-ray": extras["ray"], "kserve": extras["kserve"]} == ENGINES
    assert all("<" in each for each in ENGINES.values())


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (['torch==1.13; python_version < "3.9"'], False),
        (['torch==2.4; python_version < "3.12"'], False),
        (['torch==2.4; python_version < "3.12"', 'torch==2.6; python_version >= "3.12"'], True),
        (["torch"], True),
    ],
)
def test_what_is_named_for_other_pythons_alone_is_not_named(lines: list[str], named: bool, tmp_path: Path) -> None:
    planned = plan(packed(tmp_path, requirements_file=lines, check="off"))
    own, _, of_models = planned.files["requirements.txt"].partition("# What the archives ask for.")
    assert ("torch" in own.split("\n")) == (not named)
    assert set(lines) <= set(of_models.split("\n"))
    assert bool(entries(planned, "the torch of the server's image")) == (not named)


@pytest.mark.parametrize(("to", "way_out"), [("ray", "num_gpus of 0.25"), ("kserve", "time slices")])
def test_workers_that_shared_a_gpu_are_told_of(folder: Path, to: str, way_out: str) -> None:
    """Of one it is not said."""
    found = plan_export(folder / "model-store" / "speaks.mar", folder / "digits.mar", to=to, gpu=True)
    [entry] = [each for each in found.entries if each.becomes == "a whole GPU for each replica"]
    assert (entry.about, entry.what.split()[0]) == ("speaks 2.0", "3")
    assert way_out in entry.why


def served(planned: Any) -> list[ServedModel]:
    """Return what the program of an export serves, by its own words."""
    [text] = [text for name, text in planned.files.items() if name.endswith(".py")]
    archives = {model.folder: model.archive.path for model in planned.models}
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Name(id="ServedModel"), keywords=[ast.keyword(value=place), *told]):
                pass
            case ast.Call(func=ast.Name(id="MarModel"), args=[_, place], keywords=told):
                pass
            case _:
                continue
        folder = ast.unparse(place).removeprefix("HERE / ").replace("'", "").replace(" ", "")
        options = {str(each.arg): ast.literal_eval(each.value) for each in told}
        found.append(ServedModel(archive=archives[folder], **options))
    return found


@pytest.mark.parametrize("gpu", [None, True, False])
@pytest.mark.parametrize("to", ["ray", "kserve"])
def test_the_program_serves_what_is_told(folder: Path, to: str, gpu: bool | None) -> None:
    """Whatever the archives say: what is told of the export goes before it."""
    for source in (folder / "config" / "config.properties", folder / "model-store" / "speaks.mar"):
        planned = plan(source, to, gpu=gpu)
        for model, found in zip(planned.models, served(planned), strict=True):
            told = found.settings()
            # It is that of the archive, and what it comes to is ``gpu``.
            assert replace(told, device_type="") == replace(model.settings, device_type="")
            assert (told.gpu is not None) == model.needs_gpu


def test_each_model_of_a_pod_has_its_own_gpu(folder: Path) -> None:
    planned = plan(folder, "kserve", gpu=True)
    assert [each.settings().gpu for each in served(planned)] == [0, 1]
    [container] = yaml.safe_load(planned.files["inferenceservice.yaml"])["spec"]["predictor"]["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "2"}
    told = [each.becomes for each in planned.entries if each.fate == "carried" and "GPU" in each.what.upper()]
    assert [each[-8:] for each in told] == ["number 0", "number 1"]
    # Ray shows a replica its own alone.
    assert [each.settings().gpu for each in served(plan(folder, gpu=True))] == [0, 0]


def test_more_replicas_under_load_are_not_the_same(folder: Path) -> None:
    for to in TARGETS:
        [most] = entries(plan(folder / "model-store" / "speaks.mar", to), "maxWorkers 3")
        assert most.fate == "changed"
        assert "when requests wait" in most.why
        [least] = entries(plan(folder / "model-store" / "speaks.mar", to), "minWorkers 1")
        assert least.fate == "carried"


def test_a_model_that_was_scaled_down(folder: Path, tmp_path: Path) -> None:
    """None of its workers is told of, and not that nobody has said how many there are."""
    path = store(tmp_path)
    text = path.read_text("ascii")
    for key, number in (("minWorkers", "2"), ("maxWorkers", "2")):
        text = text.replace(f'"{key}": {number}', f'"{key}": 0')
    path.write_text(text, "ascii")
    planned = plan(path)
    assert {(each.settings.min_workers, each.settings.max_workers) for each in planned.models} == {(1, 1)}
    for key in ("minWorkers 0", "maxWorkers 0"):
        told = entries(planned, key)
        assert {each.about for each in told} == {"digits 1.0", "speaks 2.0"}
        assert {(each.fate, each.seen) for each in told} == {("changed", f"model_snapshot: {key.split()[0]}")}
    assert not entries(planned, "default_workers_per_model")


@pytest.mark.parametrize(
    ("config", "settings", "workers", "told"),
    [
        # What the server heeds as a pair alone.
        ("minWorkers: 4\n", "", (1, 1), {"minWorkers": "lost"}),
        ("minWorkers: 4\nmaxWorkers: 2\n", "", (1, 1), {"minWorkers": "lost", "maxWorkers": "lost"}),
        ("minWorkers: 4\n", "default_workers_per_model=3\n", (3, 3), {"minWorkers": "lost"}),
        ("minWorkers: 2\nmaxWorkers: 2\n", "default_workers_per_model=3\n", (2, 2), {}),
        # A number in quotes is none to it.
        ('batchSize: "8"\n', "", (1, 1), {"batchSize": "lost"}),
        # Nothing is asked for.
        ("useJobTicket: false\nsequenceBatching: false\nasyncCommunication: false\n", "", (1, 1), {}),
        ("", "default_workers_per_model=0\n", (1, 1), {"default_workers_per_model=0": "changed"}),
    ],
)
def test_what_the_server_does_not_heed_is_not_carried(
    config: str, settings: str, workers: tuple[int, int], told: dict[str, str], tmp_path: Path
) -> None:
    more: dict[str, Any] = {"config_file": {"model-config.yaml": config.encode()}} if config else {}
    packed(tmp_path, "m", check="off", **more)
    (tmp_path / "config.properties").write_text(f"model_store={tmp_path}\nload_models=all\n{settings}")
    planned = plan(tmp_path / "config.properties")
    [model] = planned.models
    assert (model.settings.min_workers, model.settings.max_workers) == workers
    lost = {each.seen.rpartition(": ")[2]: each.fate for each in planned.entries if each.fate != "carried"}
    names = {"minWorkers", "maxWorkers", "batchSize", "useJobTicket", "sequenceBatching", "asyncCommunication"}
    assert {seen: fate for seen, fate in lost.items() if seen in names or "per_model=" in seen} == told


@pytest.mark.parametrize("to", ["ray", "kserve"])
def test_a_largest_request_of_no_bytes(to: str, tmp_path: Path) -> None:
    """A server answers those without a body then, and so does a worker; with no such answer none of its starts."""
    packed(tmp_path, "m", check="off")
    path = tmp_path / "config.properties"
    path.write_text(f"model_store={tmp_path}\nload_models=all\nmax_request_size=0\n")
    planned = plan(path, to)
    [told] = entries(planned, "max_request_size=0")
    assert (told.fate, told.becomes) == ("carried", "max_request_size, of every model")
    assert [each.max_request_size for each in served(planned)] == [0]
    path.write_text(f"model_store={tmp_path}\nload_models=all\nmax_response_size=0\n")
    with pytest.raises(marpack.ConfigError, match="no worker starts"):
        plan(path, to)


def test_an_envelope_in_place_of_the_settings_own_is_told_of(tmp_path: Path) -> None:
    packed(tmp_path, "m", check="off")
    (tmp_path / "config.properties").write_text(
        f"model_store={tmp_path}\nload_models=all\nservice_envelope=kserve\n"
    )
    planned = plan(tmp_path / "config.properties", envelope="body")
    found = {each.seen.rpartition(": ")[2]: (each.fate, each.becomes) for each in planned.entries}
    assert found["service_envelope=kserve"] == ("changed", "envelope body, of every model")
    assert found["--envelope"][0] == "carried"
    assert 'envelope="body"' in planned.files["app.py"]
