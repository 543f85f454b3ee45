"""What marpack restates of Java and Netty in tables is what they say themselves (J5, J12, J22)."""

from __future__ import annotations

import codecs
import random
from typing import TYPE_CHECKING

import pytest

from marpack.running.charsets import _codecs
from marpack.running.hash_map import in_order
from marpack.running.statuses import reason
from tests.support.java import Java, server_classes, text, units

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Java]:
    with server_classes(tmp_path_factory, pytestconfig) as running:
        yield running


def test_reasons(java: Java) -> None:
    statuses = [*range(1_100), 99_999]
    found = java.ask("reasons", *(units(str(each)) for each in statuses))
    assert [text(each) for each in found] == [reason(each) for each in statuses]


@pytest.mark.parametrize("number", [0, 1, 12, 13, 24, 25, 100, 400])
def test_order(number: int, java: Java) -> None:
    """Of names as headers have, and of what no ASCII is; some are given again."""
    chosen = random.Random(number)
    names = ["".join(chosen.choices("abcXYZ-_09ü\U0001f600", k=chosen.randint(0, 9))) for _ in range(number)]
    names += names[: number // 3]
    found = java.ask("hash-map", *map(units, names))
    assert [text(each) for each in found] == [name for name, _ in in_order((each, "") for each in names)]


def test_charsets(java: Java) -> None:
    """All that Python decodes, by all names; of the others none."""
    known = dict(_codecs())
    absent = []
    for each in java.ask("charsets"):
        names = {name.lower() for name in text(each).split()}
        ours = {known.pop(name, "") for name in names}
        assert len(ours) == 1, names
        absent += [names] if ours == {""} else []
    assert known == {}
    assert len(absent) == 88
    assert {name for names in absent for name in names if _python_knows(name)} == set()


def _python_knows(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True
