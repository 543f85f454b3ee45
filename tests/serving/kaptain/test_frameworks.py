"""Frameworks, as members, as texts, and as older scripts compare them (K101, K112, K113, K116)."""

from __future__ import annotations

import pickle

import pytest

from marpack.kaptain import ModelFramework, UnsupportedModelFrameworkException


@pytest.mark.parametrize("framework", ModelFramework)
def test_a_member_is_its_text(framework: ModelFramework) -> None:
    assert str(framework) == f"{framework}" == framework.value == framework
    assert ModelFramework.of(framework.name) is ModelFramework.of(framework.value.upper()) is framework
    assert pickle.loads(pickle.dumps(framework)) is framework


def test_other_names_of_frameworks() -> None:
    assert ModelFramework.of("tf") is ModelFramework.TENSORFLOW
    assert ModelFramework.of("scikit-learn") is ModelFramework.SKLEARN
    assert ModelFramework.of(None) is None


@pytest.mark.parametrize("text", ["caffe", "", "py torch"])
def test_an_unknown_one_is_answered_with_those_that_are_known(text: str) -> None:
    with pytest.raises(UnsupportedModelFrameworkException, match=r"pytorch, tensorflow, sklearn"):
        ModelFramework.of(text)
