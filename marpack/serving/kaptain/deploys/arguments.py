"""What ``deploy`` and ``deploy_canary`` take: every argument of the SDK's, and marpack's own (K140 to K146)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, cast

from marpack.archive.forms import ARCHIVE_FORMATS, SUFFIXES, ArchiveFormat
from marpack.config.settings.kserve_names import ProtocolVersion
from marpack.config.settings.releases import ENVELOPES_RENAMED, release
from marpack.display import brief_repr, hidden_url
from marpack.errors import ConfigError, PlanError, TargetError
from marpack.findings import Issue
from marpack.packing import CHECK_MODES, CheckMode
from marpack.serving.deploy.paths import require_local_folder
from marpack.serving.deploy.tables import unknown_name
from marpack.serving.kserve.inference_service import InferenceService, PredictorForm, ScaleMetric
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.transformer import Transformer

if TYPE_CHECKING:
    from marpack.signing import RequiredSignature

T = TypeVar("T")


class CanaryOptions(TypedDict, total=False):
    """What ``deploy_canary`` takes beside the SDK's arguments: where manifests go, and how the archive is made."""

    output: str | os.PathLike[str] | None
    archive_format: ArchiveFormat
    reproducible: bool
    timestamp: datetime | float | None
    check: CheckMode
    torch: str | None
    signature: RequiredSignature | None


class DeployOptions(CanaryOptions, total=False):
    """What ``deploy`` takes beside the SDK's arguments (K146).

    A canary has the server, the name and the rest of the deploy that it stands beside (K332).
    """

    torchserve_version: str | None
    namespace: str | None
    protocol_version: ProtocolVersion | str | None
    min_replicas: int | None
    max_replicas: int | None
    scale_metric: ScaleMetric | str | None
    container_concurrency: int | None
    timeout: int | None
    service_account_name: str | None
    args: Sequence[str]
    env: Mapping[str, str]
    env_from: Mapping[str, str] | None
    runtime: str | None
    runtime_version: str | None
    image: str | None
    predictor_form: PredictorForm | str | None
    with_credentials: bool


# All arguments, the SDK's first (K140 to K145, K160).
_DEPLOY = (
    *("model_uri", "autoscale", "gpus", "cpu", "memory", "resources", "replace", "transformer"),
    *DeployOptions.__annotations__,
)
_DEPLOY_CANARY = ("canary_traffic_percentage", "model_uri", *CanaryOptions.__annotations__)

# Those that a service has under the same name.
_SERVICE = tuple(each.name for each in fields(InferenceService) if each.name in DeployOptions.__annotations__)

# What an InferenceService or its resources call otherwise than the SDK does.
_OUR_NAMES = {
    "name": "id",
    "form": "predictor_form",
    "scale_target": "autoscale",
    "canary_traffic_percent": "canary_traffic_percentage",
}
# KServe's wrapper finds no other.
_MAR_FORMS = tuple(form for form in ARCHIVE_FORMATS if SUFFIXES[form] == ".mar")


@dataclass(frozen=True, kw_only=True, slots=True)
class Packing:
    """How the archive is made: the keywords that ``TorchServingArtifactBuilder`` and ``marpack.pack`` have."""

    torchserve_version: str | None = None
    archive_format: ArchiveFormat = "default"
    reproducible: bool = False
    timestamp: datetime | float | None = None
    check: CheckMode = "warn"
    torch: str | None = None
    signature: RequiredSignature | None = None

    @property
    def is_for_current_kserve(self) -> bool:
        """Whether KServe's own settings are for this server; Kaptain's are for those up to 0.5.2 (K333)."""
        return self.torchserve_version is not None and release(self.torchserve_version) >= ENVELOPES_RENAMED


# Of the archive and of its server, and of no use where nothing is packed.
PACKING = tuple(each.name for each in fields(Packing))


def unknown_options(given: Mapping[str, Any], method: Literal["deploy", "deploy_canary"]) -> Iterator[Issue]:
    """Yield what is no argument of a method, with those that are (K146)."""
    known = _DEPLOY if method == "deploy" else _DEPLOY_CANARY
    for name in given:
        if name in known:
            continue
        issue = unknown_name(name, known, f"an argument of {method}")
        if name in _DEPLOY:
            message = f"is not an argument of {method}: say it with deploy(replace=True), for the canary too"
            issue = replace(issue, message=message)
        yield issue


def packing_of(given: Mapping[str, Any], issues: list[Issue]) -> Packing:
    """Return how to pack, and note what is wrong with it."""
    found = {name: given[name] for name in PACKING if given.get(name) is not None}
    wrong = [
        *not_bools({"reproducible": found.get("reproducible", False)}),
        *_no_signature(found.get("signature")),
        *(Issue(code="bad-value", argument=name, message=text) for name, text in _packing_problems(found)),
    ]
    issues += wrong
    for issue in wrong:
        del found[issue.argument]
    return Packing(**found)


def _no_signature(value: object) -> Iterator[Issue]:
    if value is None:
        return
    from marpack.signing import RequiredSignature

    if not isinstance(value, RequiredSignature):
        message = f"must be a marpack.signing.RequiredSignature, not {type(value).__name__}"
        yield Issue(code="bad-type", argument="signature", message=message)


def _packing_problems(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    problems = []
    for name, choices in (("archive_format", _MAR_FORMS), ("check", CHECK_MODES)):
        if found.get(name, choices[0]) not in choices:
            problems.append((name, f"is one of {', '.join(choices)}, not {brief_repr(found[name])}"))
    try:
        release(found.get("torchserve_version", "0.12.0"))
    except ConfigError as error:
        problems += [(each.key, f"{each.message}: {each.fix}") for each in error.findings]
    if "torch" in found:
        from marpack.checks.frame.servers_torch import servers_torch

        try:
            servers_torch(found["torch"], torchserve_version=None, target="kserve")
        except (TypeError, ValueError) as error:
            problems.append(("torch", f"{error}: leave it out, or name a release"))
    return problems


def output_folder(given: Mapping[str, Any], base_dir: str, issues: list[Issue]) -> str:
    """Return the folder that the manifests go to: ``output``, else the model's own (K250)."""
    output = given.get("output")
    if output is None:
        return base_dir
    try:
        folder = require_local_folder(output)
        if not folder.lower().endswith((".yaml", ".yml")) or os.path.isdir(folder):
            return folder
        message = f"{folder!r} is a file's name, and it is the folder of the manifests: name that"
    except TargetError as error:
        message = f"{error.path!r} is a URL, and kubectl reads a file: give a local folder"
    except TypeError:
        message = f"must be a path, not {type(output).__name__}"
    issues.append(Issue(code="bad-value", argument="output", message=message))
    return base_dir


def service_of(
    name: str, storage_uri: str, given: Mapping[str, Any], issues: list[Issue], *, setting: str, **more: Any
) -> InferenceService | None:
    """Return the service that the arguments of ``deploy`` describe, None where they do not make one.

    ``setting`` is what the storage URI comes from; ``more`` are fields that follow from the model.
    """
    found = {key: given[key] for key in _SERVICE if given.get(key) is not None}
    found["resources"] = _resources(given, issues)
    found["transformer"] = _transformer(given.get("transformer"), issues)
    if (form := given.get("predictor_form")) is not None:
        found["form"] = form
    found["scale_target"] = _autoscale(given.get("autoscale"), issues)
    # KServe's own word for its default (K141, K311).
    found.setdefault("scale_metric", "concurrency")
    names = {**_OUR_NAMES, "storage_uri": setting}
    return _made(lambda: InferenceService(name=name, storage_uri=storage_uri, **{**more, **found}), issues, names)


def _resources(given: Mapping[str, Any], issues: list[Issue]) -> Resources | None:
    resources = given.get("resources")
    single = {name: given[name] for name in ("cpu", "memory", "gpus") if given.get(name) is not None}
    if resources is not None and single:
        message = f"is given together with {', '.join(single)}: say all of it in Resources(...), or none of it"
        issues.append(Issue(code="bad-value", argument="resources", message=message))
    if isinstance(resources, Resources) or (resources is None and not single):
        return resources
    if resources is not None:
        message = f"must be Resources(cpu_request=..., ...), not {type(resources).__name__}"
        issues.append(Issue(code="bad-type", argument="resources", message=message))
        return None
    return _made(lambda: Resources.equal(**single), issues)


def _transformer(value: Any, issues: list[Issue]) -> Transformer | None:
    if value is None or isinstance(value, Transformer):
        return value
    message = f"must be Transformer(image_name=..., ...), not {type(value).__name__}"
    issues.append(Issue(code="bad-type", argument="transformer", message=message))
    return None


def _autoscale(value: Any, issues: list[Issue]) -> int:
    """Return the target; KServe's autoscaler takes none below 1 (K141, K311)."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    message = (
        f"{brief_repr(value)} is no number of requests: give an int from 1 on, which each replica answers at once"
    )
    issues.append(Issue(code="bad-value", argument="autoscale", message=message))
    return 1


def _made(make: Callable[[], T], issues: list[Issue], names: Mapping[str, str] = _OUR_NAMES) -> T | None:
    """Return what is made, None with its issues noted under the names that the SDK has for its fields."""
    try:
        return make()
    except PlanError as error:
        issues += [replace(each, argument=names.get(each.argument, each.argument)) for each in error.issues]
        return None


def percentage_issue(value: object) -> Issue | None:
    """Return what is wrong with a canary's share; KServe itself would take 900 (K160, K345)."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100:
        return None
    message = f"{brief_repr(value)} is no share of the requests: give an int from 0 to 100"
    return Issue(code="bad-value", argument="canary_traffic_percentage", message=message)


def not_bools(given: Mapping[str, Any]) -> Iterator[Issue]:
    """Yield what should be true or false and is not."""
    for name, value in given.items():
        if not isinstance(value, bool):
            message = f"must be True or False, not {type(value).__name__}"
            yield Issue(code="bad-type", argument=name, message=message)


def model_uri_issue(value: object) -> Issue | None:
    """Return what is wrong with the place of a saved model."""
    if value is None or (isinstance(value, (str, os.PathLike)) and os.fspath(cast("str", value)).strip()):
        return None
    message = (
        f"{hidden_url(brief_repr(value))} is no place of a saved model: give its URL or path, or leave it out"
    )
    return Issue(code="bad-value", argument="model_uri", message=message)
