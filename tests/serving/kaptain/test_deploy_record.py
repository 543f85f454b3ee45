"""The record of a deploy as a stranger may have written it: read as it is meant, or refused, and soon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack.kaptain import ModelDeploymentException
from tests.support.deploys import ID, digits_model, record, tree

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("project")

RECORD = Path("store", ID, "deploy", "deployment.json")


def changed(change: Callable[[dict[str, Any]], object]) -> None:
    """Have a model deployed, and its record changed."""
    digits_model().deploy()
    document = record()
    change(document["deployed"])
    RECORD.write_text(json.dumps(document))


def refused(match: str) -> str:
    """Have a canary refused, with nothing changed, and return how."""
    before = tree(".")
    with pytest.raises(ModelDeploymentException, match=match) as caught:
        digits_model().deploy_canary(30)
    assert tree(".") == before
    return str(caught.value)


def test_another_models_service_is_not_written_over_that_models_manifest() -> None:
    digits_model(id="other").deploy()
    service = {"name": "other", "annotations": {"marpack/model-id": "other"}, "image": "a-strangers"}
    changed(lambda deployed: deployed["service"].update(service))
    refused("another model's")


@pytest.mark.parametrize("part", ["service", "deployed"])
def test_what_a_terminal_would_act_on_is_escaped(part: str) -> None:
    changed(lambda deployed: deployed.get(part, deployed).update({"\x1b[31m\n": 1}))
    assert refused(r"\\x1b\[31m\\n").isprintable()


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_folder_that_no_disk_has_is_refused(name: str) -> None:
    changed(lambda deployed: deployed.update(manifest=f"{name}/dev-mnist.yaml"))
    refused("is no path")


def test_an_amount_that_nobody_can_count_is_refused() -> None:
    changed(lambda deployed: deployed["service"].update(resources={"memory_limit": f"{'9' * 999_990}E"}))
    refused("is no quantity")


@pytest.mark.parametrize(
    "change",
    [
        {"secrets": [{"name": "another-models-secret"}]},
        {"metadata": {"name": "dev-mnist-service-account", "ownerReferences": []}},
        {"metadata": {"name": "dev-mnist-service-account", "annotations": {"a": {"b": 1}}}},
    ],
    ids=str,
)
def test_an_account_is_the_one_that_deploy_writes(change: dict[str, Any]) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "dev-mnist-service-account"}}

    def give(deployed: dict[str, Any]) -> None:
        deployed["service"]["service_account_name"] = "dev-mnist-service-account"
        deployed["service_account"] = {**account, **change}

    changed(give)
    refused("service_account|annotations")
