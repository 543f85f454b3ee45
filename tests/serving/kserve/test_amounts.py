"""Amounts of processors, memory and GPUs, and the numbers and texts that JSON, and so a vector, cannot say."""

from __future__ import annotations

from typing import Any

import pytest

from marpack.errors import PlanError
from marpack.serving import InferenceService, Resources, Transformer
from marpack.serving.kserve.quantities import amount


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("1500m", "1.5"),
        ("2u", "0.000002"),
        ("3n", "0.000000003"),
        ("4k", "4000"),
        ("4M", "4000000"),
        ("4G", "4000000000"),
        ("4T", "4e12"),
        ("4P", "4e15"),
        ("4E", "4e18"),
        ("1Ki", "1024"),
        ("1Mi", "1048576"),
        ("1Gi", "1073741824"),
        ("1Ti", "1099511627776"),
        ("1Pi", "1125899906842624"),
        ("1Ei", "1152921504606846976"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("1.5e+1", "15"),
        (".5Ki", "512"),
        (1e-7, "0.0000001"),
        (1e18, "1e18"),
    ],
)
def test_a_quantity_is_what_kubernetes_takes_it_for(text: Any, value: str) -> None:
    """As the documentation of Kubernetes has it: pkg/api/resource/quantity.go, and "Resource units"."""
    assert amount(text) == amount(value)
    assert f"{amount(text).normalize():f}" == f"{amount(value).normalize():f}"


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), -float("inf"), 1e300, 10**5000, -(10**5000)], ids=lambda _: "number"
)
def test_numbers_beyond_every_machine_are_refused(number: float) -> None:
    for field in ("cpu_limit", "memory_limit", "gpu_limit"):
        with pytest.raises(PlanError) as caught:
            Resources(**{field: number})
        assert [issue.argument for issue in caught.value.issues] == [field]
    with pytest.raises(PlanError):
        InferenceService(name="m", storage_uri="s3://b/m", min_replicas=number)  # type: ignore[arg-type]


def test_alike_on_both_sides() -> None:
    made = Resources.equal(cpu="500m", memory=4_000_000_000, gpus=1)
    amounts = {"cpu": "500m", "memory": "4000000000", "nvidia.com/gpu": "1"}
    assert made.document() == {"requests": amounts, "limits": amounts}
    assert made.has_gpus
    assert Resources.equal().document() == Resources.equal(gpus=0).document() == {}
    assert not Resources.equal(gpus="0").has_gpus


def test_annotations_are_limited_in_all() -> None:
    def service(size: int) -> InferenceService:
        return InferenceService(name="m", storage_uri="s3://b/m", annotations={"a": "x" * (size - 1)})

    assert service(1 << 18).annotations
    with pytest.raises(PlanError, match="262145 bytes") as caught:
        service((1 << 18) + 1)
    assert len(str(caught.value)) < 200


def test_a_message_stays_short_whatever_was_given() -> None:
    with pytest.raises(PlanError) as caught:
        InferenceService(
            name="N" * 100_000,
            storage_uri="gcs://" + "x" * 100_000,
            namespace="N" * 100_000,
            labels={"k" * 100_000: "v" * 100_000},
            args=5 * [object()],  # type: ignore[arg-type]
        )
    assert all(len(str(issue)) < 400 for issue in caught.value.issues)


@pytest.mark.parametrize("unit", ["", "E", "Ei"])
def test_more_digits_than_anybody_counts_are_refused(unit: str) -> None:
    with pytest.raises(PlanError, match=r"memory_limit: '9999.* is no quantity"):
        Resources(memory_limit=f"{'9' * 999_999}{unit}")


@pytest.mark.parametrize("form", ["pytorch", "nonsense"])
def test_a_number_that_python_does_not_write_is_refused_in_every_form(form: str) -> None:
    with pytest.raises(PlanError, match="scale_target: a huge number is out of range"):
        InferenceService(name="m", storage_uri="s3://b/m", form=form, scale_target=10**5000)


def test_many_volumes_of_one_name_are_named_apart() -> None:
    """Thousands of them, as a record of a stranger's may have: with a look at all the others for each, hours."""
    volumes = [{"name": "v", "type": "Secret", "path": f"/{number}"} for number in range(9_000)]
    made = Transformer(image_name="i", volumes=volumes).document()["volumes"]
    assert [made[number]["name"] for number in (0, 1, 8_999)] == ["v", "v-2", "v-9000"]
    assert len({volume["name"] for volume in made}) == 9_000
