"""What ``Model.deploy`` and the calls that change a deployment do. These are their names; the rest is to come."""

from __future__ import annotations

import os
from typing import Any

from marpack.serving.kaptain.described_model import DescribedModel
from marpack.serving.kserve.quantities import Quantity
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.transformer import Transformer


def deploy(
    model: DescribedModel,
    model_uri: str | os.PathLike[str] | None = None,
    autoscale: int = 2,
    gpus: Quantity | None = None,
    cpu: Quantity | None = None,
    memory: Quantity | None = None,
    resources: Resources | None = None,
    replace: bool = False,
    transformer: Transformer | None = None,
    **keywords: Any,
) -> bool:
    """Deploy."""
    raise NotImplementedError


def deploy_canary(
    model: DescribedModel,
    canary_traffic_percentage: int,
    model_uri: str | os.PathLike[str] | None = None,
    **keywords: Any,
) -> None:
    """Deploy a canary."""
    raise NotImplementedError


def promote_canary(model: DescribedModel, *, output: str | os.PathLike[str] | None = None) -> None:
    """Promote a canary."""
    raise NotImplementedError


def rollback_canary(model: DescribedModel, *, output: str | os.PathLike[str] | None = None) -> None:
    """Roll a canary back."""
    raise NotImplementedError


def undeploy(model: DescribedModel) -> None:
    """Undeploy."""
    raise NotImplementedError
