"""What the text of a class says of its attributes."""

from __future__ import annotations

import ast

import pytest

from marpack.checks.python.class_text import ClassText


def text_of(body: str) -> ClassText:
    [node] = ast.parse(f"class A:\n{body}").body
    assert isinstance(node, ast.ClassDef)
    return ClassText.of(node)


def test_methods_names_and_what_is_set() -> None:
    text = text_of(
        "    import os, a.b as c\n    one = two = 1\n    def f(self): pass\n    class B: pass\n"
        "    def f(self):\n        self.x = other.y = self.z\n        local = self.w\n"
    )
    assert list(text.methods) == ["f"]
    assert text.methods["f"].lineno == 6
    assert text.bound == {"os", "c", "one", "two", "B"}
    assert text.set == {"x", "y"}
    assert not text.is_dynamic
    assert not text.sets_any


@pytest.mark.parametrize(
    "line",
    ["setattr(self, a, 1)", "vars(self)[a] = 1", "self.__dict__.update(a)", "object.__setattr__(self, a, 1)"],
)
def test_what_may_set_any_attribute(line: str) -> None:
    assert text_of(f"    def f(self):\n        {line}\n").sets_any


@pytest.mark.parametrize(
    "line", ["exec(a)", "locals()[a] = 1", "from a import *", "def __getattr__(self, name): pass"]
)
def test_what_may_give_any_attribute(line: str) -> None:
    assert text_of(f"    {line}\n").is_dynamic
