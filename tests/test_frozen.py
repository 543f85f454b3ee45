"""What is frozen behaves as a frozen dataclass with slots, of which it is one."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import pytest

from marpack.frozen import frozen, frozen_in_order


@frozen
class Point:
    """A value whose fields are told by name."""

    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list, compare=False)
    secret: str = field(default="", repr=False)


@frozen
class Named(Point):
    """One that inherits."""

    name: str

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("no name")


@frozen_in_order
class Pair:
    """A value whose fields are told in order."""

    one: Any
    other: Any = None


@frozen
class Nothing:
    """A value without fields."""


@frozen
class Worked:
    """A value that works something out once."""

    number: int
    calls: list[int] = field(default_factory=list)

    @cached_property
    def square(self) -> int:
        self.calls.append(self.number)
        return self.number**2


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What dataclass itself makes."""

    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list, compare=False)
    secret: str = field(default="", repr=False)


def test_values_are_compared_shown_and_hashed_by_their_fields() -> None:
    assert Point(x=1) == Point(x=1, tags=["a"]) != Point(x=1, y=2)
    assert Point(x=1) != Named(x=1, name="n")
    assert len({Point(x=1), Point(x=1, tags=["b"]), Point(x=2)}) == 2
    assert repr(Point(x=1, secret="s")) == repr(Reference(x=1, secret="s")).replace("Reference", "Point")
    assert repr(Named(x=1, name="n")) == "Named(x=1, y=0, tags=[], name='n')"
    assert Nothing() == Nothing()
    assert (repr(Nothing()), hash(Nothing())) == ("Nothing()", hash(Nothing()))
    assert Pair(1) == Pair(one=1, other=None)
    held: list[Any] = []
    held.append(Pair(held))
    assert "..." in repr(held[0])


def test_hashes_leave_out_what_they_are_told_to() -> None:
    @frozen
    class Unhashed:
        x: int
        y: list[int] = field(hash=False)

    assert hash(Unhashed(x=1, y=[2])) == hash(Unhashed(x=1, y=[3]))
    assert Unhashed(x=1, y=[2]) != Unhashed(x=1, y=[3])


def test_one_field_is_compared_as_several_are() -> None:
    @frozen
    class One:
        x: float

    @frozen
    class Own:
        x: int

        def __eq__(self, other: object) -> bool:
            return True

    number = float("nan")
    assert One(x=number) == One(x=number)
    assert hash(Own(x=1)) == hash(Own(x=1))
    assert str(inspect.signature(Point)) == str(inspect.signature(Reference))
    with pytest.raises(TypeError, match="init=False"):

        @frozen
        class Left:
            x: int = field(default=1, init=False)


def test_nothing_changes_them() -> None:
    one = Point(x=1)
    for name in ("x", "new"):
        with pytest.raises(FrozenInstanceError):
            setattr(one, name, 2)
    with pytest.raises(FrozenInstanceError):
        del one.x
    assert not hasattr(one, "__dict__")
    assert Point(x=1).tags is not Point(x=1).tags


def test_what_they_are_made_with() -> None:
    with pytest.raises(TypeError):
        Point(1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="required keyword-only argument: 'x'"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="no name"):
        Named(x=1, name="")
    signatures = [inspect.signature(made) for made in (Point, Reference)]
    assert [*signatures[0].parameters] == [*signatures[1].parameters]
    assert signatures[0].parameters["x"].annotation == signatures[1].parameters["x"].annotation


def test_they_are_dataclasses() -> None:
    assert all(map(dataclasses.is_dataclass, (Point, Named, Pair, Nothing)))
    assert [each.name for each in fields(Named)] == ["x", "y", "tags", "secret", "name"]
    assert replace(Named(x=1, name="n"), y=5) == Named(x=1, y=5, name="n")
    assert asdict(Pair(Point(x=1))) == {"one": {"x": 1, "y": 0, "tags": [], "secret": ""}, "other": None}
    match Pair(1, 2):
        case Pair(one, other):
            assert (one, other) == (1, 2)


@pytest.mark.parametrize(
    "value", [Named(x=1, tags=["a"], name="n"), Pair(Point(x=1)), Nothing(), Worked(number=3)]
)
def test_they_travel(value: Any) -> None:
    for other in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert other == value
        assert [getattr(other, each.name) for each in fields(value)] == [
            getattr(value, each.name) for each in fields(value)
        ]


def test_what_is_worked_out_is_kept() -> None:
    worked = Worked(number=3)
    assert [worked.square, worked.square] == [9, 9]
    assert worked.calls == [3]
    with pytest.raises(FrozenInstanceError):
        worked.number = 4  # type: ignore[misc]
