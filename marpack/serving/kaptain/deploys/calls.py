"""``deploy`` of the Kaptain SDK, and the calls that change a deploy: built, uploaded and written, never applied.

marpack reaches no cluster. What the SDK does there is written as manifests for ``kubectl``, and what the SDK asks
there, whether a model is deployed, a record beside what was uploaded says (K250, K251).
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from marpack.errors import ConfigError, MarpackError, PlanError, SourceChangedError
from marpack.findings import Issue
from marpack.remote.storage import StorageFolder
from marpack.serving.kaptain.deploys.arguments import (
    PACKING,
    CanaryOptions,
    DeployOptions,
    Packing,
    model_uri_issue,
    not_bools,
    output_folder,
    packing_of,
    percentage_issue,
    unknown_options,
)
from marpack.serving.kaptain.deploys.manifest_files import ManifestFiles
from marpack.serving.kaptain.deploys.record import Canary, Deployed, DeploymentRecord
from marpack.serving.kaptain.deploys.report import report_removal
from marpack.serving.kaptain.deploys.revision import (
    STAND_IN,
    Revision,
    base_dir_of,
    home_of,
    packed_revision,
    served_revision,
)
from marpack.serving.kaptain.deploys.service_access import service_uri
from marpack.serving.kaptain.deploys.service_plan import framework_of, name_of, planned_manifest
from marpack.serving.kaptain.deploys.step import Step
from marpack.serving.kaptain.values.described_model import DescribedModel
from marpack.serving.kaptain.values.exceptions import ModelDeploymentException, ModelPlanError
from marpack.serving.kaptain.values.frameworks import ModelFramework
from marpack.serving.kaptain.values.told import tell
from marpack.serving.kserve.quantities import Quantity
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.transformer import Transformer

if TYPE_CHECKING:
    from typing import Unpack

P = ParamSpec("P")
T = TypeVar("T")


def _with_the_sdks_errors(call: Callable[P, T]) -> Callable[P, T]:
    """Raise what goes wrong as the SDK's exceptions, which scripts expect (K216, K217, K222)."""

    @functools.wraps(call)
    def calling(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except ModelPlanError:
            raise
        except PlanError as error:
            raise ModelPlanError(error.issues) from error
        except ConfigError as error:
            raise ModelPlanError([finding.issue for finding in error.findings]) from error
        except (OSError, SourceChangedError) as error:  # of a store too
            raise ModelDeploymentException(str(error)) from error

    return calling


@_with_the_sdks_errors
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
    **options: Unpack[DeployOptions],
) -> bool:
    """Do ``Model.deploy``, which says how."""
    issues = list(unknown_options(options, "deploy"))
    given = {
        **options,
        "autoscale": autoscale,
        "gpus": gpus,
        "cpu": cpu,
        "memory": memory,
        "resources": resources,
        "transformer": transformer,
    }
    issues += not_bools({"replace": replace, "with_credentials": options.get("with_credentials", False)})
    framework = framework_of(model)
    name = name_of(model, issues)
    packing = packing_of(given, issues)
    files = ManifestFiles.in_folder(output_folder(given, base_dir_of(model), issues), name)
    home = home_of(model, issues)
    if framework is not ModelFramework.PYTORCH:
        issues += _needless(options, framework)
        given["predictor_form"] = None
    revision = _revision(model, home, model_uri, packing, issues)
    place = (home or STAND_IN) if revision is None else revision.place
    manifest = planned_manifest(model, name, place, given, packing, issues)
    if issues or home is None or revision is None or manifest is None:
        raise ModelPlanError(list(dict.fromkeys(issues)))

    record = DeploymentRecord.read(home, model.id)
    if record.deployed is not None and not replace:
        uri = record.deployed.service.storage_uri
        tell(f"{model.id!r} is deployed already, from {uri}: deploy(replace=True) replaces it", "error")
        return False
    deployed = Deployed(
        service=manifest.inference_service,
        service_account=manifest.service_account,
        manifest=files.for_record(base_dir_of(model)),
        weights=revision.weights,
        torchserve_version=packing.torchserve_version,
    )
    Step(
        model=model,
        revision=revision,
        manifest=manifest,
        files=files,
        record=record,
        deployed=deployed,
        packing=packing,
        with_credentials=given.get("with_credentials") is True,
    ).take()
    return True


@_with_the_sdks_errors
def deploy_canary(
    model: DescribedModel,
    canary_traffic_percentage: int,
    model_uri: str | os.PathLike[str] | None = None,
    **options: Unpack[CanaryOptions],
) -> None:
    """Do ``Model.deploy_canary``, which says how."""
    issues = list(unknown_options(options, "deploy_canary"))
    if issue := percentage_issue(canary_traffic_percentage):
        issues.append(issue)
    packing = packing_of({**options, "torchserve_version": None}, issues)
    output_folder(options, "", issues)
    home = home_of(model, issues)
    if home is None:
        raise ModelPlanError(issues)
    try:
        record = DeploymentRecord.read(home, model.id)
    except (MarpackError, OSError):
        if issues:
            raise ModelPlanError(issues) from None
        raise
    deployed, canary, revision = record.deployed, None, None
    if deployed is not None:
        canary = deployed.canary
        packing = dataclasses.replace(packing, torchserve_version=deployed.torchserve_version)
        if canary is None or model_uri is not None:
            revision = _revision(model, home, model_uri, packing, issues)
    if issues:
        raise ModelPlanError(list(dict.fromkeys(issues)))
    deployed = _required(deployed, model, "deploy_canary")
    if revision is not None:
        if revision.weights == deployed.weights and not model.serving_config.get("serialized_file"):
            same = f"the canary is of the same saved model as the deploy, {revision.weights!r}"
            text = f"{same}: export another, or name one by model_uri="
            revision = dataclasses.replace(revision, warnings=(*revision.warnings, text))
        uri = service_uri(revision.place)
        canary = Canary(storage_uri=uri, percentage=canary_traffic_percentage, weights=revision.weights)
    elif canary is not None:
        canary = dataclasses.replace(canary, percentage=canary_traffic_percentage)
    _change(
        model,
        record,
        dataclasses.replace(deployed, canary=canary),
        output=options.get("output"),
        revision=revision,
        packing=packing,
    )


@_with_the_sdks_errors
def promote_canary(model: DescribedModel, *, output: str | os.PathLike[str] | None = None) -> None:
    """Do ``Model.promote_canary``, which says how."""
    record, deployed, canary = _canary(model, output, "promote_canary")
    news = f"the canary takes all requests: {canary.storage_uri}"
    _change(model, record, deployed.promoted(canary), output=output, news=news)


@_with_the_sdks_errors
def rollback_canary(model: DescribedModel, *, output: str | os.PathLike[str] | None = None) -> None:
    """Do ``Model.rollback_canary``, which says how."""
    record, deployed, _ = _canary(model, output, "rollback_canary")
    news = f"the canary takes none, and all requests go to {deployed.service.storage_uri}"
    _change(model, record, dataclasses.replace(deployed, canary=None), output=output, news=news)


@_with_the_sdks_errors
def undeploy(model: DescribedModel) -> None:
    """Do ``Model.undeploy``, which says how."""
    record = _record(model, [])
    deployed = _required(record.deployed, model, "undeploy")
    record.write(None)
    model.renew_revision()
    model.deployment = report_removal(model.id, deployed, _files(model, deployed, None))


def _revision(
    model: DescribedModel,
    home: StorageFolder | None,
    model_uri: str | os.PathLike[str] | None,
    packing: Packing,
    issues: list[Issue],
) -> Revision | None:
    if issue := model_uri_issue(model_uri):
        issues.append(issue)
        model_uri = None
    if framework_of(model) is ModelFramework.PYTORCH:
        return packed_revision(model, home or STAND_IN, model_uri, packing, issues)
    return served_revision(model, model_uri, issues)


def _needless(keywords: Mapping[str, Any], framework: ModelFramework) -> Iterator[Issue]:
    """Yield the arguments that say how PyTorch's models are packed and served."""
    for name in (*PACKING, "predictor_form"):
        if keywords.get(name) is not None:
            message = f"is for PyTorch, and of {framework} nothing is packed: leave it out"
            yield Issue(code="bad-value", argument=name, message=message)


def _record(model: DescribedModel, issues: list[Issue]) -> DeploymentRecord:
    home = home_of(model, issues)
    if issues or home is None:
        raise ModelPlanError(issues)
    return DeploymentRecord.read(home, model.id)


def _required(deployed: Deployed | None, model: DescribedModel, method: str) -> Deployed:
    if deployed is None:
        message = f"{model.id!r} is not deployed, and {method}() needs a deploy before it: call deploy() first"
        raise ModelDeploymentException(message)
    return deployed


def _canary(
    model: DescribedModel, output: str | os.PathLike[str] | None, method: str
) -> tuple[DeploymentRecord, Deployed, Canary]:
    issues: list[Issue] = []
    output_folder({"output": output}, "", issues)
    record = _record(model, issues)
    deployed = _required(record.deployed, model, method)
    if deployed.canary is None:
        message = f"{model.id!r} has no canary, which {method}() needs: call deploy_canary() first"
        raise ModelDeploymentException(message)
    return record, deployed, deployed.canary


def _change(
    model: DescribedModel,
    record: DeploymentRecord,
    deployed: Deployed,
    *,
    output: str | os.PathLike[str] | None = None,
    revision: Revision | None = None,
    packing: Packing = Packing(),  # noqa: B008  # a frozen value
    news: str | None = None,
) -> None:
    """Write the manifest of a model that is deployed anew; its Secret stays as it is (K332)."""
    files = _files(model, deployed, output)
    Step(
        model=model,
        revision=revision,
        manifest=deployed.serving_manifest(),
        files=files,
        record=record,
        deployed=dataclasses.replace(deployed, manifest=files.for_record(base_dir_of(model))),
        packing=packing,
        news=news,
    ).take()


def _files(model: DescribedModel, deployed: Deployed, output: str | os.PathLike[str] | None) -> ManifestFiles:
    if output is not None:
        return ManifestFiles.in_folder(os.fsdecode(output), deployed.service.name)
    return ManifestFiles.recorded(deployed.manifest, base_dir_of(model), deployed.service.name)
