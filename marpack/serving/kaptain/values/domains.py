"""Domains of hyperparameters: the SDK's names for what a search would try (K109). marpack does not search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class Domain:
    """What a hyperparameter may be."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Double(Domain):
    """A number from ``min`` to ``max``."""

    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Integer(Domain):
    """A whole number from ``min`` to ``max``."""

    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Discrete(Domain):
    """One of some numbers; Kaptain's tutorials write them as texts."""

    values: Sequence[float | str]


@dataclass(frozen=True, slots=True)
class Categorical(Domain):
    """One of some texts."""

    values: Sequence[str]
