"""Whatever is taken for a document for KServe is read back from its YAML as it was given."""

from __future__ import annotations

from decimal import Decimal

import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from marpack.errors import PlanError
from marpack.serving import InferenceService, Resources, ServingManifest
from marpack.serving.kserve.quantities import amount

# A NUL is refused (spec/kserve.md, K324).
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
names = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
keys = st.from_regex(
    r"([a-z0-9]{1,20}(\.[a-z0-9]{1,20}){0,3}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,30}[A-Za-z0-9])?", fullmatch=True
)
variables = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True).filter(lambda name: name != "PYTHONPATH")
suffixes = st.sampled_from(["", *"numkMGTPE", *(f"{letter}i" for letter in "KMGTPE"), "e3", "E-2"])
numbers = st.decimals(0, 1 << 40, places=3).map(lambda number: f"{number:f}")


@given(
    names,
    st.dictionaries(keys, texts, max_size=5),
    st.dictionaries(keys, st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?)?", fullmatch=True)),
    st.dictionaries(variables, texts, max_size=5),
    st.lists(texts, max_size=5),
)
def test_a_service_is_read_back(
    name: str, annotations: dict[str, str], labels: dict[str, str], env: dict[str, str], args: list[str]
) -> None:
    service = InferenceService(
        name=name, storage_uri="s3://b/m", annotations=annotations, labels=labels, env=env, args=args
    )
    text = ServingManifest(inference_service=service).to_yaml()
    read = yaml.safe_load(text)
    assert text.isascii()
    assert read == service.document()
    model = read["spec"]["predictor"]["model"]
    assert {each["name"]: each["value"] for each in model.get("env", [])} == env
    assert model.get("args", []) == args
    assert read["metadata"].get("labels", {}) == labels
    assert read["metadata"].get("annotations", {}) == annotations


@given(numbers, suffixes, numbers, suffixes)
def test_a_request_is_never_above_its_limit(number: str, suffix: str, other: str, other_suffix: str) -> None:
    request, limit = f"{number}{suffix}", f"{other}{other_suffix}"
    assert amount(request) >= Decimal(0)
    try:
        made = Resources(cpu_request=request, cpu_limit=limit)
    except PlanError:
        assert amount(request) > amount(limit)
    else:
        assert amount(request) <= amount(limit)
        assert made.document() == {"requests": {"cpu": request}, "limits": {"cpu": limit}}


@given(st.one_of(texts, st.integers(), st.floats(), st.none(), st.booleans(), st.lists(texts)))
def test_anything_is_taken_or_refused(value: object) -> None:
    """Nothing else comes of it than a PlanError, whatever the field."""
    for field in InferenceService.__dataclass_fields__:
        try:
            service = InferenceService(**{"name": "m", "storage_uri": "s3://b/m", field: value})  # type: ignore[arg-type]
        except PlanError:
            continue
        assert yaml.safe_load(ServingManifest(inference_service=service).to_yaml()) == service.document()
        assert repr(service)
