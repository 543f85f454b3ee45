"""What ``Model.deploy`` and the calls that change a deployment do. These are their names; the rest is to come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marpack.serving.kaptain.described_model import DescribedModel
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.transformer import Transformer


def deploy(
    model: DescribedModel,
    *,
    model_uri: str | None,
    autoscale: int,
    gpus: int | None,
    cpu: str | float | None,
    memory: str | None,
    resources: Resources | None,
    replace: bool,
    transformer: Transformer | None,
    options: Mapping[str, Any],
) -> bool:
    """Deploy."""
    raise NotImplementedError


def deploy_canary(
    model: DescribedModel, *, canary_traffic_percentage: int, model_uri: str | None, options: Mapping[str, Any]
) -> None:
    """Deploy a canary."""
    raise NotImplementedError


def promote_canary(model: DescribedModel) -> None:
    """Promote a canary."""
    raise NotImplementedError


def rollback_canary(model: DescribedModel) -> None:
    """Roll a canary back."""
    raise NotImplementedError


def undeploy(model: DescribedModel) -> None:
    """Undeploy."""
    raise NotImplementedError
