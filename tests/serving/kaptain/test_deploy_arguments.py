"""What is wrong with a call to ``deploy`` or ``deploy_canary``: all of it at once, before anything is made."""

from __future__ import annotations

import os
import traceback
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack.kaptain import (
    Config,
    ModelDeploymentException,
    ModelPlanError,
    ModelValidationException,
    Resources,
    S3ConfigurationProvider,
)
from tests.support.deploys import ID, NAME, SERVING, digits_model, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("project")

SECRET = "hunter2"


@contextmanager
def nothing_made() -> Iterator[None]:
    before = tree(".")
    yield
    assert tree(".") == before


def wrong(model: Any, **arguments: Any) -> list[str]:
    """Return the arguments that are at fault."""
    with nothing_made(), pytest.raises(ModelPlanError) as caught:
        model.deploy(**arguments)
    assert len(set(caught.value.issues)) == len(caught.value.issues), "nothing is said twice"
    return [issue.argument for issue in caught.value.issues]


def test_everything_wrong_is_told_at_once() -> None:
    config = {**SERVING, "model_file": "gone.py", "serialized_file": "gone.pt", "modle_file": "x"}
    model = digits_model(serving_config={**config, "config_properties": "gone.properties"}, id="1/mnist")
    found = wrong(
        model,
        autoscale=0,
        cpu="many",
        memory="-1",
        gpus=0.5,
        resources=Resources(cpu_limit=1),
        replace="yes",
        transformer="image",
        namespace="Prod",
        outputs="x",
        protocol_version="v9",
        min_replicas=-1,
        scale_metric="queries",
        timeout="long",
        args="--one",
        env={"=": "x"},
        predictor_form="torch",
        archive_format="tgz",
        reproducible=1,
        check="strict",
        torch="new",
        torchserve_version="newest",
        with_credentials="yes",
    )
    assert set(found) >= {
        *("autoscale", "resources", "replace", "transformer", "namespace", "outputs", "protocol_version"),
        *("min_replicas", "scale_metric", "timeout", "args", "predictor_form", "archive_format", "reproducible"),
        *("check", "torch", "torchserve_version", "with_credentials", "id", "modle_file"),
        *("model_file", "serialized_file", "config_properties"),
    }
    assert len(found) == len(set(found)), "nothing is said twice"


def test_an_unknown_keyword_lists_the_known_ones() -> None:
    with nothing_made(), pytest.raises(ModelPlanError) as caught:
        digits_model().deploy(max_replica=3)  # type: ignore[call-arg]
    text = str(caught.value)
    assert (
        "max_replica: is not an argument of deploy: did you mean 'max_replicas'? there are model_uri, autoscale"
        in text
    )
    for known in ("namespace", "output", "torchserve_version", "with_credentials", "archive_format", "image"):
        assert known in text


@pytest.mark.parametrize(
    ("name", "meant"), [("cpus", "cpu"), ("auto_scale", "autoscale"), ("model_url", "model_uri")]
)
def test_a_misspelt_argument_of_the_sdk_is_recognized(name: str, meant: str) -> None:
    misspelt: dict[str, Any] = {name: 1}
    with nothing_made(), pytest.raises(ModelPlanError, match=f"{name}: .* did you mean '{meant}'"):
        digits_model().deploy(**misspelt)


def test_manifests_go_to_a_folder_and_not_to_a_file(tmp_path: Path) -> None:
    assert wrong(digits_model(), output="digits.yaml") == ["output"]
    assert wrong(digits_model(), output=tmp_path / "digits.yml") == ["output"]


@pytest.mark.parametrize("method", ["deploy", "deploy_canary"])
def test_the_arguments_of_the_sdk_are_among_the_known_ones(method: str) -> None:
    call = getattr(digits_model(), method)
    arguments = [name for name, each in signature(call).parameters.items() if each.kind is not each.VAR_KEYWORD]
    given, meant = ({"memmory": "4G"}, "memory") if method == "deploy" else ({"modeluri": "x"}, "model_uri")
    with nothing_made(), pytest.raises(ModelPlanError) as caught:
        call(**given, **({} if method == "deploy" else {"canary_traffic_percentage": 30}))
    (issue,) = [issue for issue in caught.value.issues if issue.code == "unknown-key"]
    assert f"did you mean {meant!r}? there are {', '.join(arguments)}, " in issue.message, "as in the signature"


def test_what_only_deploy_takes_is_said_to_a_canary() -> None:
    given: dict[str, Any] = {"cpu": "1", "min_replicas": 2}
    with nothing_made(), pytest.raises(ModelPlanError) as caught:
        digits_model().deploy_canary(30, **given)
    messages = {issue.argument: issue.message for issue in caught.value.issues}
    assert all("deploy(replace=True)" in messages[argument] for argument in given)


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "2", None])
def test_autoscale_is_a_number_from_one_on(value: Any) -> None:
    assert wrong(digits_model(), autoscale=value) == ["autoscale"]


@pytest.mark.parametrize("given", [{"cpu": "1"}, {"memory": "1G"}, {"gpus": 1}])
def test_resources_are_said_in_one_way(given: dict[str, Any]) -> None:
    assert wrong(digits_model(), resources=Resources(cpu_limit="1"), **given) == ["resources"]


@pytest.mark.parametrize(
    ("model_id", "argument"),
    [("1/mnist", "id"), ("///", "id"), ("a" * 46, "id"), ("../up", "id"), ("a/../../b", "id"), ("a//b", "id")],
)
def test_an_id_that_makes_no_name_or_no_place(model_id: str, argument: str) -> None:
    assert argument in ", ".join(wrong(digits_model(id=model_id)))


def test_an_id_with_blanks_makes_no_uri() -> None:
    assert wrong(digits_model("s3://bucket/models", id="my model")) == ["id"]


def test_without_a_store_it_says_what_to_give() -> None:
    with nothing_made(), pytest.raises(ModelValidationException, match=r"Config\(base_model_storage_uri=\)"):
        digits_model(None).deploy()
    model = digits_model(None, serving_config={**SERVING, "serialized_file": None, "handler": "gone.py"})
    assert wrong(model, autoscale=0) == ["base_model_storage_uri", "handler", "autoscale"]
    assert wrong(digits_model(None, framework="sklearn", serving_config=None)) == ["base_model_storage_uri"]


def test_without_an_export_it_says_what_it_looked_for() -> None:
    model = digits_model(serving_config={**SERVING, "serialized_file": None})
    with nothing_made(), pytest.raises(ModelValidationException) as caught:
        model.deploy(autoscale=0)
    text = str(caught.value)
    assert "autoscale" in text
    assert f"{os.path.join('store', *ID.split('/'))}/trained" in text
    assert "model_uri" in text


def test_of_several_files_it_asks_for_one() -> None:
    folder = Path("store", ID, "trained", "1" * 32)
    folder.mkdir(parents=True)
    for name in "ab":
        (folder / f"{name}.pt").write_bytes(b"weights")
    model = digits_model(serving_config={**SERVING, "serialized_file": None})
    with nothing_made(), pytest.raises(ModelValidationException, match=r"a\.pt.*b\.pt"):
        model.deploy()
    with nothing_made(), pytest.raises(ModelPlanError, match=r"a\.pt.*b\.pt"):
        model.deploy(model_uri=str(folder))


@pytest.mark.parametrize("uri", ["gone.pt", "file:///gone/net.pt", "", "  ", 5, ["a.pt"]])
def test_a_saved_model_that_is_not_there(uri: Any) -> None:
    assert wrong(digits_model(), model_uri=uri) == ["model_uri"]


@pytest.mark.parametrize(
    ("base", "says"),
    [
        ("https://bucket/models", "scheme"),
        ("az://container/models", "blob.core.windows.net"),
        (f"s3://key:{SECRET}@bucket/models", "holds credentials"),
    ],
)
def test_a_base_that_kserve_or_marpack_cannot_use(base: str, says: str) -> None:
    model = digits_model(base, serving_config=None)
    with nothing_made(), pytest.raises(ModelPlanError) as caught:
        model.deploy()
    text = "".join(traceback.format_exception(caught.value))
    assert says in text
    assert SECRET not in text
    assert [issue.argument for issue in caught.value.issues].count("base_model_storage_uri") == 1


def test_keys_are_written_only_where_there_is_a_secret_for_them() -> None:
    assert wrong(digits_model(), with_credentials=True) == ["with_credentials"]
    model = digits_model("s3://bucket/models")
    assert wrong(model, with_credentials=True, service_account_name="reader") == ["with_credentials"]
    assert wrong(model, with_credentials=True) == ["aws_access_key_id"]


def test_keys_that_end_with_a_session_are_not_written_into_a_secret() -> None:
    """KServe hands no token on; the way out is in the words of the SDK's provider, which knows no role."""
    provider = S3ConfigurationProvider("AKIA", SECRET, "token", s3_endpoint="http://127.0.0.1:9")
    model = digits_model("s3://bucket/models")
    model.config.storage_config_provider = provider
    with nothing_made(), pytest.raises(ModelPlanError, match="service_account_name=") as caught:
        model.deploy(with_credentials=True)
    assert [issue.argument for issue in caught.value.issues] == ["aws_session_token"]
    assert SECRET not in str(caught.value)


def test_a_key_that_is_none_is_not_shown() -> None:
    provider = S3ConfigurationProvider("AKIA", f"{SECRET}\n", s3_endpoint="http://127.0.0.1:9")
    model = digits_model(config=Config(storage_config_provider=provider))
    with nothing_made(), pytest.raises(ModelPlanError) as caught:
        model.deploy()
    assert [issue.argument for issue in caught.value.issues] == ["aws_secret_access_key"]
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_of_another_framework_nothing_is_said_about_packing() -> None:
    model = digits_model(framework="sklearn", serving_config=None)
    found = wrong(model, model_uri="s3://b/m", torchserve_version="0.9.0", check="off", predictor_form="pytorch")
    assert found == ["torchserve_version", "check", "predictor_form"]


def test_settings_that_do_not_serve_the_archive_are_refused() -> None:
    Path("own.properties").write_text('model_snapshot={"name": "x", "modelCount": 1, "models": {}}\n')
    model = digits_model(serving_config={**SERVING, "config_properties": "own.properties"})
    assert wrong(model, autoscale=0)[0] == "autoscale"


@pytest.mark.parametrize("value", [-1, 101, True, 30.0, "30", None])
def test_the_share_of_a_canary_is_a_percentage(value: Any) -> None:
    model = digits_model()
    model.deploy()
    with nothing_made(), pytest.raises(ModelPlanError) as caught:
        model.deploy_canary(value)
    assert [issue.argument for issue in caught.value.issues] == ["canary_traffic_percentage"]


def test_what_is_wrong_with_a_canary_is_told_at_once() -> None:
    model = digits_model()
    model.deploy()
    Path("model.py").unlink()
    with nothing_made(), pytest.raises(ModelPlanError) as caught:
        model.deploy_canary(101, namespace="prod", checks="off", archive_format="tgz", output="s3://b")  # type: ignore[call-arg]
    assert [issue.argument for issue in caught.value.issues] == [
        *("namespace", "checks", "canary_traffic_percentage", "archive_format", "output", "model_file")
    ]
    assert "deploy(replace=True)" in str(caught.value)


def test_a_file_that_is_somebody_elses_is_not_replaced() -> None:
    Path(f"{NAME}.yaml").write_text("apiVersion: v1\n")
    with nothing_made(), pytest.raises(ModelDeploymentException, match="is not what marpack wrote for this model"):
        digits_model().deploy()


def test_two_models_whose_services_would_have_one_name() -> None:
    digits_model().deploy()
    with nothing_made(), pytest.raises(ModelDeploymentException, match="is not what marpack wrote for this model"):
        digits_model(id="dev-mnist").deploy()


@pytest.mark.parametrize("output", ["model.py", "model.py/below"])
def test_a_place_that_takes_no_manifest(output: str) -> None:
    with nothing_made(), pytest.raises(ModelDeploymentException, match=r"model\.py"):
        digits_model().deploy(output=output)
