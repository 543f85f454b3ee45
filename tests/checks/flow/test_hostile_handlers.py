"""Handlers that keep their reader busy, grow, or hold what Python refuses."""

from __future__ import annotations

import json

import pytest

from tests.support.followed_handlers import found, initialize


@pytest.mark.parametrize(
    "lines",
    [
        ["if context.x:", " x = (1, 2)", *([" x = (x, x)"] * 60), "else:", " x = (1, 2)", *([" x = (x, x)"] * 60)],
        ["x = 'a' * 10", *(["x = x + x"] * 80)],
        ["x = 'a'", *(["x = f'{x}{x}{x}'"] * 60), "'{}'.format(x)", "'%s' % x"],
        ["x = '{0}{99999999}{a.b}'.format(1)", "'{:>999999999}'.format(1)", "'%s%' % 1", "'%s%s' % (1,)"],
        [f"{' ' * depth}for a{depth} in (1, 2, 3):" for depth in range(40)] + [" " * 40 + "pass"],
        ["self.initialize(context)"],
        ["self.a = self", "self.b = [self]", "self.a.a.a.b[0].a"],
        ["x = " + "f(" * 80 + ")" * 80],
        ["a = b = c = (1, 2)", "a, b = b, a", "a[5], b[-9]"],
    ],
)
def test_what_grows_is_given_up(lines: list[str]) -> None:
    assert set(found(initialize(*lines))) <= {"handler-undefined"}


def test_calls_that_call_twice_are_given_up() -> None:
    calls = "".join(f"    def f{n}(self):\n        self.f{n + 1}()\n        self.f{n + 1}()\n" for n in range(40))
    source = initialize("self.f0()", 'open("a.txt")').replace("    def handle", f"{calls}    def handle")
    assert "handler-file-missing" not in found(source)


# What asks for the same again and again: three loops of 64 rounds each.
LOOPS = [f"{' ' * deep}for v{deep} in [{'1, ' * 64}]:" for deep in range(3)]
MANY = 3000


@pytest.mark.parametrize(
    "lines",
    [
        [*(f"self.a{number} = 1" for number in range(MANY)), *["foo(self)"] * MANY],
        ["try:", *(f" a{number} = 1" for number in range(MANY)), *["except KeyError: pass"] * MANY],
        ["match foo:", *(f" case [a{number}, *b{number}]: pass" for number in range(MANY))],
        ["match foo:", *(f" case {number}: a{number} = 1" for number in range(MANY * 2))],
        [*(f"open('w{number}', 'w')" for number in range(MANY)), *["os.path.exists('x')"] * MANY],
        [*LOOPS, "   call()"],
        [*LOOPS, "   x = ('" + "{{" * 50_000 + "').format(v1)"],
        [*LOOPS, "   x = '" + "%s" * 50_000 + "' % v1"],
        [*LOOPS, "   x = os.path.join('" + "a/" * 50_000 + "', 'b')"],
        ["x = 'a' * 1", "x = 'ab'", *LOOPS, "   x = os.path.join(x, x)"],
        ["x = folder", *LOOPS, "   x = x + '/" + "a" * 4000 + "'"],
        ["x = json", *LOOPS, f"   x = x.{'a' * 4000}"],
        [*LOOPS, "   try: x", f"   except ({'foo.b, ' * 20_000}): pass"],
        [*LOOPS, "   if os.path.exists('none'):", *["    self.a = 1"] * 20_000],
        [*LOOPS, "   d = json.load(open('config.json'))['a']"],
        [*LOOPS, "   try: raise ValueError('" + "a" * 100_000 + "')", "   except: pass"],
        ["d = json.load(open('config.json'))", *(f"d['none{number}']" for number in range(MANY))],
        ["d = json.load(open('config.json'))", *(f"open(d.get('none{number}'))" for number in range(MANY))],
        [f"open('none{number}.txt')" for number in range(MANY)],
        [f"self.none{number}" for number in range(MANY)],
    ],
)
def test_a_handler_that_keeps_its_reader_busy(lines: list[str]) -> None:
    top = "def call():\n return 1\n" + " x = 1\n" * 20_000
    config = json.dumps({"a": [[1] * 200] * 200, **dict.fromkeys(map(str, range(100_000)), 1)})
    files = {f"file{number}__txt": b"" for number in range(2000)}
    found(initialize(*lines, top=f"{top}from outside import foo\n"), config__json=config.encode(), **files)


@pytest.mark.parametrize(
    "line",
    [
        f"str(0x{'f' * 5000})",
        f"x = f'{{0x{'f' * 5000}}}'",
        f"json.load(open('config.json'))[0x{'f' * 5000}]",
        "'a'.split('b', 10**30)",
        "'a'.split('b', 99999999999999999999999)",
        "'a'.startswith('a', 99999999999999999999999)",
        "'a'.replace('a', 'b', 99999999999999999999999)",
        f"raise ValueError(0x{'f' * 5000})",
    ],
)
def test_numbers_that_are_too_large_for_python(line: str) -> None:
    assert "handler-undefined" in found(initialize("nothing_of_it", line), config__json=b"{}")


def test_what_is_long_is_known_by_its_type() -> None:
    asked = "if '" + "a" * 5000 + "' == 1: open('none.txt')"
    assert not found(initialize(asked))
    assert found(initialize("return '" + "a" * 5000 + "'")) == {}


def test_star_imports_again_and_again() -> None:
    names = "\n".join(f"a{number} = 1" for number in range(MANY))
    source = initialize("nothing_of_it", top="from many import *\n" * MANY)
    assert found(source, many__py=names.encode()) == {}
