"""What a cluster with KServe's own runtime and configuration makes of a service, which nothing refuses (K350)."""

from __future__ import annotations

from typing import Any

import pytest

from marpack.serving import Resources, inference_service

DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"


def codes(**arguments: Any) -> list[tuple[str, str]]:
    found = inference_service(name="mnist", storage_uri="s3://models/mnist", **arguments).findings
    assert {each.severity for each in found} <= {"warning"}
    return [(each.code, each.key) for each in found]


@pytest.mark.parametrize(
    ("side", "found"),
    [
        ({"cpu_request": 4}, "cpu"),
        ({"cpu_request": "1001m"}, "cpu"),
        ({"cpu_request": 1}, None),
        ({"cpu_limit": 0.5}, "cpu"),
        ({"cpu_limit": 8}, None),
        ({"cpu_request": 4, "cpu_limit": 4}, None),
        ({"memory_request": "3G"}, "memory"),
        ({"memory_request": "2G"}, None),
        ({"memory_limit": "2G"}, "memory"),
        ({"memory_limit": "2Gi"}, None),
        ({"gpu_limit": 1}, None),
    ],
)
def test_a_side_alone_is_told_where_the_runtimes_own_other_one_does_not_fit(side: Any, found: str | None) -> None:
    expected = [] if found is None else [("kserve-resources", f"resources.{found}")]
    assert codes(resources=Resources(**side)) == expected
    assert codes(resources=Resources(**side), runtime="kserve-torchserve") == expected
    # What another runtime has is not known.
    assert codes(resources=Resources(**side), runtime="ours") == []
    assert codes(resources=Resources(**side), model_format="sklearn") == []


@pytest.mark.parametrize("text", ["{{ user }}", "{{.foo", "Hello {{.Name}} and {{name}}", "{{.Labels}}"])
def test_what_kserve_takes_for_a_template_is_told(text: str) -> None:
    assert codes(env={"PROMPT": text}) == [("kserve-template", "env['PROMPT']")]
    assert codes(args=["--x", text], model_format="sklearn") == [("kserve-template", "args[1]")]
    assert codes(env={"PROMPT": text}, form="pytorch") == [("kserve-template", "env['PROMPT']")]


@pytest.mark.parametrize("text", ["{{.Name}}", "{{ .Namespace }}-x", "{{- .Labels.team -}}", "{ {a} }", "}}", "{"])
def test_the_services_own_name_in_a_template_is_meant(text: str) -> None:
    assert codes(env={"PROMPT": text}, args=[text]) == []


def test_a_value_is_not_shown_where_it_is_taken_for_a_template() -> None:
    [found] = inference_service(name="m", storage_uri="s3://b/m", env={"A": "{{ geheim }}"}).findings
    assert "geheim" not in repr(found)


def test_what_knative_does_not_scale_by_is_told_unless_annotations_say_the_mode() -> None:
    for metric in ("cpu", "memory"):
        assert codes(scale_metric=metric) == [("kserve-scale-metric", "scaleMetric")]
        assert codes(scale_metric=metric, annotations={DEPLOYMENT_MODE: "Standard"}) == []
        class_of_pods = {"autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev"}
        assert codes(scale_metric=metric, annotations=class_of_pods) == []
    assert codes(scale_metric="rps", scale_target=10) == []


def test_a_version_of_torch_is_no_version_of_the_format() -> None:
    assert codes(model_format_version="1.11.0") == [("kserve-format-version", "modelFormat.version")]
    assert codes(model_format_version="1") == []
    assert codes(model_format_version="2", runtime="ours") == []
    assert codes(model_format_version="2", model_format="sklearn") == []
