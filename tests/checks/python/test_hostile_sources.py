"""The rules about Python sources: on sources that are mixed, deep, long, or written to stop a reader."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.checked_sources import of_files, subject_of
from tests.support.handler_sources import SOURCES, H
from tests.support.model_files import FILES, MODEL_FILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marpack.findings import Finding


def errors(found: Sequence[Finding]) -> list[str]:
    return [str(finding) for finding in found if finding.severity == "error"]


TEXTS = [*SOURCES, *MODEL_FILES, *(str(text) for case in FILES for text in case[1].values())]


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.randoms(use_true_random=False), st.sampled_from(TEXTS), st.sampled_from(TEXTS))
def test_mutated_sources_never_raise(chance: random.Random, first: str, second: str) -> None:
    """Lines and tokens of several sources, mixed: most of it is still Python."""
    lines = [*first.splitlines(), *second.splitlines()]
    chance.shuffle(lines)
    tokens = [
        "A",
        "handle",
        "self",
        ":",
        "(",
        ")",
        "=",
        "class",
        "import",
        "from",
        "*",
        "\t",
        "global",
        "lambda",
        "\0",
    ]
    for _ in range(chance.randrange(4)):
        position = chance.randrange(len(lines) + 1)
        lines.insert(position, " ".join(chance.choices(tokens, k=4)))
    for source in ("\n".join(lines), first + second, second + first):
        of_files({"handler.py": source, "model.py": second, "m.py": first}, modelFile="model.py")


@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_hostile_bytes_and_names_never_raise(data: bytes, name: str, other: str) -> None:
    of_files(
        {"handler.py": data, name: data, f"{name}/{other}.py": data}, handler=name, modelFile=f"{name}/{other}.py"
    )
    of_files({"handler.py": H, name: data, "r.txt": data}, handler=f"{other}:{name}", requirementsFile="r.txt")


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "(" * 10_000,
        "-" * 50_000 + "1",
        "x = " + "a" + ".b" * 20_000,
        "x = " + "+".join(["a"] * 20_000),
        "if a: pass\n" + "elif a: pass\n" * 3_000,
        "class A(" + "(" * 80 + "B" + ")" * 80 + "): ...",
        "x" * 1_000_000,
        "class A: ...\n" * 5_000,
        "x = " + "9" * 10_000,
        "".join(f"class A{i + 1}(A{i}): ...\n" for i in range(2_000)),
        "class A(A): ...\n",
        "A = B\nB = A\nclass C(A, B, C): ...\n",
        "\n".join(f"import handler as a{i}" for i in range(2_000)),
        "".join(f"if a: x{i} = 1\n" for i in range(20_000)),
        "".join(f"class A{i + 1}(A{i}, A{i}, A{i}): ...\n" for i in range(100)) + "x = A99()\n",
        *(
            text.format("a" + step * depth)
            for step in (".b", "()", "+a")
            for depth in (300, 900, 1_500, 2_500)
            for text in (
                "x = {0}\n",
                "def handle(data, *, c={0}): ...\n",
                "def handle(data, context):\n    x = {0}\n",
                "@{0}\nclass A({0}): ...\n",
                "class A({0}): ...\n",
                "with {0}: import x\n",
                "try:\n    import x\nexcept {0}: ...\n",
                "if {0}: import x\n",
            )
        ),
    ],
    ids=lambda source: str(source)[:20],
)
def test_deep_and_long_sources_are_answered(source: str) -> None:
    of_files({"handler.py": source, "model.py": source}, modelFile="model.py")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(f"X = 0x{'f' * 5000}\n", id="a number longer than Python writes"),
        pytest.param(f"with open(0x{'f' * 5000}):\n    pass\n", id="the same, where errors may be taken"),
        # Each of these took twice the time of one with a line less.
        pytest.param(
            "class A0: pass\n"
            + "".join(f"class A{n}(A{n - 1}() or A{n - 1}()): pass\n" for n in range(1, 60))
            + "x = A59()\n",
            id="bases that are called",
        ),
        pytest.param("import os as x\n" + "x = x.a or x.b\n" * 60, id="a name that may be anything"),
    ],
)
def test_what_is_written_to_stop_a_reader_does_not(source: str) -> None:
    text = f"{source}def handle(data, context):\n    return [1]\n"
    assert errors(of_files({"handler.py": text}, handler="handler.py")) == []


def test_long_names_are_no_burden() -> None:
    """All folders of such names would take gigabytes."""
    names = {f"{number}/{'a/' * 30_000}x": b"" for number in range(40)}
    subject = subject_of({"handler.py": b"def handle(data, context):\n    return [1]\n", **names})
    assert subject.modules.find("39.a.a").kind == "folder"  # type: ignore[union-attr]
    assert subject.modules.find("40") is None
