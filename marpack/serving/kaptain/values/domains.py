"""The SDK's names for what a search would try, and how (K109). marpack does not search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from marpack.serving.kaptain.values.exceptions import UnsupportedAlgorithmException


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


class Algorithm(Enum):
    """How a search would go on; the SDK's documentation names this one."""

    RANDOM = "random"

    @classmethod
    def of(cls, algorithm: str) -> Algorithm:
        """Return the algorithm of a name; ``UnsupportedAlgorithmException`` for one that is not known."""
        try:
            return cls(algorithm.lower())
        except (AttributeError, ValueError):
            known = ", ".join(each.value for each in cls)
            raise UnsupportedAlgorithmException(f"{algorithm!r} is not known: there is {known}") from None
