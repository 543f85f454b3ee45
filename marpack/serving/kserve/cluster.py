"""What a cluster as KServe installs it makes of an InferenceService, beyond what is refused everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from marpack.findings import Finding
from marpack.serving.kserve.inference_service import InferenceService
from marpack.serving.kserve.quantities import amount
from marpack.serving.kserve.rules import DEPLOYMENT_MODE, SCALED_BY_PODS, scaled_by

# config/runtimes/kserve-torchserve.yaml of kserve/kserve, since 0.8: both sides of its container, and the only
# version of the format that it has.
_RUNTIME = "kserve-torchserve"
_SIDES = {"cpu": "1", "memory": "2Gi"}
_FORMAT_VERSION = "1"

# What a template is likely meant to be: fields of the service's metadata, which is what it is given.
_FIELD = re.compile(r"\{\{-?\s*\.(Name|Namespace|UID|(Labels|Annotations)\.\w+)\s*-?\}\}")


def cluster_findings(service: InferenceService) -> Iterator[Finding]:
    """Yield what keeps a service from getting ready where the cluster has KServe's own runtime and configuration.

    They are warnings: a cluster may have others.
    """
    yield from _templates(service)
    yield from _scaling(service)
    if service.model_format == "pytorch" and service.runtime in (None, _RUNTIME):
        yield from _resources(service)
        yield from _format_version(service)


def _templates(service: InferenceService) -> Iterator[Finding]:
    """Yield what is a template: KServe takes the predictor's container, as JSON, for one of Go's.

    What is no template, or names what the metadata has not, is an error of every reconciliation, since 0.8
    (pkg/controller/v1beta1/inferenceservice/utils/utils.go, ReplacePlaceholders).
    """
    texts = {f"env[{name!r}]": text for name, text in service.env.items()}
    texts |= {f"args[{number}]": text for number, text in enumerate(service.args)}
    for key, text in texts.items():
        if "{{" in _FIELD.sub("", text):
            yield Finding(
                code="kserve-template",
                severity="warning",
                key=key,
                message="has '{{', which KServe takes for a template: where it is none, no pod is made",
                fix="write {{`{{`}} for it",
            )


def _scaling(service: InferenceService) -> Iterator[Finding]:
    """Yield what the webhook refuses where the cluster's mode is Knative (K311)."""
    if service.scale_metric not in SCALED_BY_PODS or DEPLOYMENT_MODE in service.annotations:
        return
    if scaled_by(service.annotations) is None:
        yield Finding(
            code="kserve-scale-metric",
            severity="warning",
            key="scaleMetric",
            message=f"{service.scale_metric!r} is refused where the cluster's mode is Knative, the default",
            fix=f"annotate {DEPLOYMENT_MODE} with Standard, or choose concurrency or rps",
        )


def _resources(service: InferenceService) -> Iterator[Finding]:
    """Yield a side that does not fit the runtime's own other side, which stays where the service has none."""
    if service.resources is None:
        return
    for name, own in _SIDES.items():
        request = getattr(service.resources, f"{name}_request")
        limit = getattr(service.resources, f"{name}_limit")
        if request is not None and limit is None and amount(request) > amount(own):
            said, other = f"requests {request}", f"limit of {own}"
        elif limit is not None and request is None and amount(limit) < amount(own):
            said, other = f"has a limit of {limit}", f"request of {own}"
        else:
            continue
        yield Finding(
            code="kserve-resources",
            severity="warning",
            key=f"resources.{name}",
            message=f"{said}, which KServe's runtime puts its own {other} beside: no pod is made",
            fix=f"give both {name}_request and {name}_limit",
        )


def _format_version(service: InferenceService) -> Iterator[Finding]:
    """K303: predictor_model.go, RuntimeSupportsModel."""
    version = service.model_format_version
    if version not in (None, _FORMAT_VERSION):
        yield Finding(
            code="kserve-format-version",
            severity="warning",
            key="modelFormat.version",
            message=f"{version!r} finds no runtime: KServe's own for pytorch has {_FORMAT_VERSION!r} alone",
            fix="leave it out: it is no version of torch",
        )
