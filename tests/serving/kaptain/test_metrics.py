"""Metrics: numbers that trainers write in every form, kept as JSON that every reader takes (K134, K254)."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marpack import PlanError
from marpack.kaptain import ModelPlanError, ModelValidationException
from marpack.remote.storage import StorageFolder
from marpack.serving.kaptain.exports import metrics

numbers = st.floats() | st.integers(-(10**9), 10**9).map(float)


@pytest.mark.parametrize("value", [0.5, "0.5000", " 0.5 ", Decimal("0.5"), Fraction(1, 2)])
def test_a_number_is_one_however_it_is_written(value: Any) -> None:
    assert metrics.recorded({}, {"accuracy": value}) == {"accuracy": {"latest": 0.5, "min": 0.5, "max": 0.5}}


@pytest.mark.parametrize("value", [None, True, "high", "", b"0.5", [0.5], {"a": 1}, 1j])
def test_what_is_no_number_is_named(value: Any) -> None:
    with pytest.raises(ModelPlanError) as caught:
        metrics.recorded({}, {"accuracy": value, "loss": 0.5, "other": value})
    assert [issue.argument for issue in caught.value.issues] == ["accuracy", "other"]


@pytest.mark.parametrize("values", [[("a", 1)], None, {5: 1.0}, {" ": 1.0}])
def test_what_is_no_table_of_names_is_refused(values: Any) -> None:
    with pytest.raises(PlanError, match="metrics"):
        metrics.recorded({}, values)


def test_the_latest_the_least_and_the_greatest_are_kept() -> None:
    known: metrics.Metrics = {}
    for loss in ("nan", 0.9, "inf", 0.2, "nan", 0.4):
        known = metrics.recorded(known, {"loss": loss})
    known = metrics.recorded(known, {"accuracy": 1})
    assert known == {
        "loss": {"latest": 0.4, "min": 0.2, "max": 0.9},
        "accuracy": {"latest": 1.0, "min": 1.0, "max": 1.0},
    }


@given(values=st.dictionaries(st.text(min_size=1).filter(str.strip), numbers, max_size=4), more=numbers)
def test_json_gives_back_every_number(values: dict[str, float], more: float) -> None:
    known = metrics.recorded(metrics.recorded({}, values), dict.fromkeys(values, more))
    text = metrics.dumps(known)
    assert "NaN" not in str(json.loads(text, parse_constant=lambda _: "constant").values()) or b'"NaN"' in text
    again = metrics.loads(json.loads(text, parse_constant=pytest.fail))
    assert repr(again) == repr(known)


def test_a_number_that_is_not_finite_is_text_in_json() -> None:
    text = metrics.dumps(metrics.recorded({}, {"loss": math.nan, "other": -math.inf}))
    found = json.loads(text, parse_constant=pytest.fail)
    assert (found["loss"]["latest"], found["other"]["min"]) == ("NaN", "-Infinity")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b'{"loss": 5}',
        b'{"loss": {"latest": "low"}}',
        b'{"a": {}, "a": {}}',
        b"\xff",
        b"[" * 9999,
    ],
)
def test_a_broken_file_is_named(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "metrics-run.json").write_bytes(text)
    with pytest.raises(ModelValidationException, match=r"metrics-run\.json' holds no metrics"):
        metrics.read(StorageFolder.of(tmp_path), "run")


def test_no_file_is_no_metrics(tmp_path: Path) -> None:
    assert metrics.read(StorageFolder.of(tmp_path), "run") is None
