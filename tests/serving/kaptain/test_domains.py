"""Domains of hyperparameters, as scripts write them before they call ``tune`` (K109)."""

from __future__ import annotations

import pytest

from marpack.kaptain import (
    Algorithm,
    Categorical,
    Discrete,
    Domain,
    Double,
    Integer,
    UnsupportedAlgorithmException,
)


def test_domains_are_written_as_in_the_tutorials() -> None:
    domains: list[Domain] = [Double(0.2, 0.8), Integer(1, 5), Discrete(["5", "10"]), Categorical(["sgd", "adam"])]
    assert domains == [
        Double(min=0.2, max=0.8),
        Integer(min=1, max=5),
        Discrete(values=["5", "10"]),
        Categorical(values=["sgd", "adam"]),
    ]
    assert domains[0] != domains[1]
    assert repr(domains[0]) == "Double(min=0.2, max=0.8)"


def test_an_algorithm_is_known_by_its_name() -> None:
    assert Algorithm.of("Random") is Algorithm.RANDOM
    for name in ("grid", "", None):
        with pytest.raises(UnsupportedAlgorithmException, match="there is random"):
            Algorithm.of(name)  # type: ignore[arg-type]
