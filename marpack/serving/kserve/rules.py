"""What KServe's webhook says of fields together (pkg/apis/serving/v1beta1 of kserve/kserve)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from marpack.config.settings.kserve_names import LONGEST_WITH_TRANSFORMER
from marpack.findings import Issue

DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
_CLASS = "serving.kserve.io/autoscalerClass"
_KNATIVE_CLASS = "autoscaling.knative.dev/class"
_HPA = "hpa.autoscaling.knative.dev"
# Each mode has had two names.
_WITHOUT_KNATIVE = {"Standard", "RawDeployment"}
_KNATIVE = {"Knative", "Serverless"}

SCALED_BY_PODS = {"cpu", "memory"}
_OF_REQUESTS = {"concurrency", "rps"}
# pkg/constants/constants.go, AutoscalerAllowedClassList.
_CLASSES = {"hpa", "external", "keda", "none"}


def across_issues(service: Mapping[str, Any]) -> Iterator[Issue]:
    """Yield what is wrong with fields together; those that are wrong by themselves are not among them."""
    for rule in (_name, _replicas, _older_form, _gpu_image, _scaling, _canary):
        yield from rule(service)


def _name(service: Mapping[str, Any]) -> Iterator[Issue]:
    """K321: of a service with a transformer KServe makes a longer name."""
    name = service.get("name", "")
    if service.get("transformer") is not None and len(name) > LONGEST_WITH_TRANSFORMER:
        what = f"{name!r} has {len(name)} characters: choose {LONGEST_WITH_TRANSFORMER} at most"
        yield _issue("name", f"{what}, for KServe makes '<name>-transformer-default' of it")


def _replicas(service: Mapping[str, Any]) -> Iterator[Issue]:
    """K310: component.go, validateReplicas."""
    low, high = service.get("min_replicas"), service.get("max_replicas")
    # Without a least number there is one replica; a largest of 0 is none.
    if high and (1 if low is None else low) > high:
        message = f"{low!r} is above max_replicas, {high!r}: raise that, or leave it out"
        yield _issue("min_replicas", message)


def _older_form(service: Mapping[str, Any]) -> Iterator[Issue]:
    """K308: the older form has no words for what KServe before 0.8 did not know."""
    if service.get("form") != "pytorch":
        return
    if service.get("model_format", "pytorch") != "pytorch":
        message = f"is {service['model_format']!r}, and the form is 'pytorch': write form='model'"
        yield _issue("model_format", message)
    for name in ("model_format_version", "runtime"):
        if service.get(name) is not None:
            yield _issue(name, "has no place in the form 'pytorch': leave it out, or write form='model'")
    if (protocol := service.get("protocol_version")) not in (None, "v1"):
        message = f"{protocol!r} is refused in the form 'pytorch' by KServe before 0.8: write v1, or form='model'"
        yield _issue("protocol_version", message)
    if (metric := service.get("scale_metric")) in SCALED_BY_PODS:
        message = f"{metric!r} has no place in the form 'pytorch': choose concurrency or rps, or form='model'"
        yield _issue("scale_metric", message)


def _gpu_image(service: Mapping[str, Any]) -> Iterator[Issue]:
    """K320: predictor_torchserve.go, validateGPU; the webhook says so of the older form alone."""
    version = service.get("runtime_version")
    if service.get("form") != "pytorch" or version is None or "resources" not in service:
        return
    resources = service["resources"]
    has_gpus = resources is not None and resources.has_gpus
    if has_gpus and "-gpu" not in version:
        yield _issue("runtime_version", f"{version!r} is for no GPU, and GPUs are asked for: name one with '-gpu'")
    elif not has_gpus and "-gpu" in version:
        message = f"{version!r} is for GPUs, and none is asked for: ask for one, or name a version without '-gpu'"
        yield _issue("runtime_version", message)


def _scaling(service: Mapping[str, Any]) -> Iterator[Issue]:
    """K311: inference_service_validation.go, validateScaling{KPA,HPA}CompExtension."""
    metric, target = service.get("scale_metric"), service.get("scale_target")
    annotations = service.get("annotations") or {}
    by = scaled_by(annotations)
    if (named := annotations.get(_CLASS)) is not None and named not in _CLASSES:
        message = f"name the autoscaler {named!r} in {_CLASS!r}: choose from {', '.join(sorted(_CLASSES))}"
        yield _issue("annotations", message)
    if by == "requests" and metric in SCALED_BY_PODS:
        message = f"{metric!r} is nothing that Knative scales by: choose concurrency or rps"
        yield _issue("scale_metric", f"{message}, or annotate {_KNATIVE_CLASS!r} with {_HPA!r}")
    if by == "pods" and metric in _OF_REQUESTS:
        message = f"{metric!r} is nothing that the autoscaler of the annotations scales by: choose cpu or memory"
        yield _issue("scale_metric", message)
    if target is not None and target > 100 and (metric in SCALED_BY_PODS or by == "pods"):
        yield _issue("scale_target", f"{target!r} is no percentage of {metric or 'cpu'}: choose from 1 to 100")


def scaled_by(annotations: Mapping[str, str]) -> Literal["pods", "requests"] | None:
    """Return what the webhook takes a service to be scaled by; None where the cluster says what mode it is in."""
    mode = annotations.get(DEPLOYMENT_MODE)
    if mode in _WITHOUT_KNATIVE:
        return "pods" if annotations.get(_CLASS) == "hpa" else None
    if annotations.get(_KNATIVE_CLASS) == _HPA:
        return "pods"
    return "requests" if mode in _KNATIVE else None


def _canary(service: Mapping[str, Any]) -> Iterator[Issue]:
    """K332: without Knative there are no revisions, and the share is ignored."""
    mode = (service.get("annotations") or {}).get(DEPLOYMENT_MODE)
    if service.get("canary_traffic_percent") is not None and mode in _WITHOUT_KNATIVE:
        message = f"needs Knative, and the annotation {DEPLOYMENT_MODE!r} says {mode!r}: leave one of them out"
        yield _issue("canary_traffic_percent", message)


def _issue(argument: str, message: str) -> Issue:
    return Issue(code="bad-value", argument=argument, message=message)
