"""The SDK's exceptions: which is which, so that ``except`` lines for the SDK and for marpack both work (K222)."""

from __future__ import annotations

import pickle

import pytest

from marpack import Issue, MarpackError, PlanError
from marpack.kaptain import (
    InvalidModelProperty,
    ModelPlanError,
    ModelValidationException,
    UndefinedModelProperty,
    UnsupportedModelFrameworkException,
)
from marpack.serving.kaptain.values.exceptions import property_error

ISSUE = Issue(code="bad-value", argument="framework", message="is no framework")


@pytest.mark.parametrize(
    ("undefined", "unsupported", "kinds"),
    [
        (False, False, set()),
        (True, False, {UndefinedModelProperty}),
        (False, True, {UnsupportedModelFrameworkException}),
        (True, True, {UndefinedModelProperty, UnsupportedModelFrameworkException}),
    ],
)
def test_an_error_is_of_every_kind_that_is_in_it(
    undefined: bool, unsupported: bool, kinds: set[type[Exception]]
) -> None:
    error = property_error(undefined=undefined, unsupported=unsupported)([ISSUE])
    special = (UndefinedModelProperty, UnsupportedModelFrameworkException)
    assert {kind for kind in special if isinstance(error, kind)} == kinds
    for kind in (
        InvalidModelProperty,
        ModelPlanError,
        ModelValidationException,
        PlanError,
        MarpackError,
        ValueError,
    ):
        assert isinstance(error, kind)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.issues, str(again)) == (type(error), (ISSUE,), str(error))
