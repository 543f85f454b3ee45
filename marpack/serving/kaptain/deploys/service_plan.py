"""The documents of a model's deploy, from its description and the arguments of ``deploy`` (K140 to K151, K187)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from marpack.errors import PlanError
from marpack.findings import Issue
from marpack.remote.storage import StorageFolder
from marpack.serving.deploy.names import sanitize_string
from marpack.serving.kaptain.deploys.arguments import Packing, service_of
from marpack.serving.kaptain.deploys.findings import find_plain_secrets, find_requirements, find_unreachable
from marpack.serving.kaptain.deploys.manifest_files import MODEL_ID
from marpack.serving.kaptain.deploys.service_access import access_for, credentials_issue, service_uri
from marpack.serving.kaptain.values.described_model import DescribedModel
from marpack.serving.kaptain.values.exceptions import UnsupportedModelDeploymentException
from marpack.serving.kaptain.values.frameworks import ModelFramework
from marpack.serving.kserve.manifest import ServingManifest

# K303, and the runtimes that KServe brings along (config/runtimes). KServe has none for MXNet.
_FORMATS = {
    ModelFramework.PYTORCH: "pytorch",
    ModelFramework.TENSORFLOW: "tensorflow",
    ModelFramework.SKLEARN: "sklearn",
    ModelFramework.XGBOOST: "xgboost",
    ModelFramework.LIGHTGBM: "lightgbm",
    ModelFramework.ONNX: "onnx",
}
# Triton, which serves ONNX, speaks no v1; for the others that is KServe's own default.
_PROTOCOLS = {ModelFramework.ONNX: "v2"}


def framework_of(model: DescribedModel) -> ModelFramework:
    """Return the framework; what names none is PyTorch's, the only one that marpack packs for.

    Raises ``UnsupportedModelDeploymentException`` for one that KServe has no server for (K187).
    """
    framework = model.framework or ModelFramework.PYTORCH
    if framework not in _FORMATS:
        packs = "marpack packs PyTorch, and writes the manifests of " + ", ".join(map(str, list(_FORMATS)[1:]))
        raise UnsupportedModelDeploymentException(
            f"KServe has no server for {framework}, so it cannot be deployed: {packs}"
        )
    return framework


def name_of(model: DescribedModel, issues: list[Issue]) -> str:
    """Return what everything of the model is called (K170); any name, with the issue, where that fails."""
    try:
        return sanitize_string(model.id)
    except ValueError as error:
        issues.append(Issue(code="bad-model-name", argument="id", message=str(error)))
        return "model"


def planned_manifest(
    model: DescribedModel,
    name: str,
    place: StorageFolder | str,
    given: Mapping[str, Any],
    packing: Packing,
    issues: list[Issue],
) -> ServingManifest | None:
    """Return the documents for a model at a folder or URL, None where the arguments do not make them."""
    framework = framework_of(model)
    setting = "base_model_storage_uri" if framework is ModelFramework.PYTORCH else "model_uri"
    if re.search(r"\s", model.id):  # which is a part of the URI, and the reason if there is one
        setting = "id"
    uri = service_uri(place)
    account, with_credentials = given.get("service_account_name"), given.get("with_credentials") is True
    if with_credentials and (issue := credentials_issue(uri, account)):
        issues.append(issue)
    about = {"labels": _labels(name), "annotations": _annotations(model)}
    service = service_of(
        name,
        uri,
        given,
        issues,
        setting=setting,
        model_format=_FORMATS[framework],
        protocol_version="v1" if packing.is_for_current_kserve else _PROTOCOLS.get(framework),
        **about,
    )
    if service is None:
        return None
    try:
        access = access_for(
            uri,
            name,
            account=account,
            config=model.config,
            with_credentials=with_credentials,
            about={"namespace": service.namespace, **about},
        )
    except PlanError as error:  # of what the provider says
        issues += error.issues
        return None
    return ServingManifest(
        inference_service=replace(service, service_account_name=access.service_account_name),
        service_account=access.service_account,
        secret=access.secret,
        findings=(
            *find_unreachable(uri, setting),
            *access.findings,
            *find_plain_secrets(service.env),
            *(find_requirements(model) if framework is not ModelFramework.PYTORCH else ()),
        ),
    )


def _labels(name: str) -> dict[str, str]:
    # K151, in the words of https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/.
    return {"app.kubernetes.io/managed-by": "marpack", "app.kubernetes.io/name": name}


def _annotations(model: DescribedModel) -> dict[str, str]:
    # An id, and what a user calls labels, may hold what Kubernetes' labels may not.
    labels = {"marpack/labels": json.dumps(list(model.labels))} if model.labels else {}
    return {MODEL_ID: model.id, **labels}
