"""How much of the sources is taken apart: all that people write, and little of what is made to be slow."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import re
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import marpack
from marpack.checks.flow import unbound
from marpack.checks.frame.contents import LONGEST_SOURCE
from marpack.checks.python import amount
from marpack.checks.python.amount import Amount, extra_work, signs_of
from marpack.checks.python.source import LONGEST_COMPILED, PythonFile
from marpack.checks.python.values import dotted_name
from tests.support.archives import finally_in_finally
from tests.support.held_subjects import held, unread

HANDLER = b"def handle(data, context): return data\n"


def longest(folder: Path, count: int, *, most: int) -> list[Path]:
    sources = [path for path in folder.rglob("*.py") if path.stat().st_size <= most]
    return sorted(sources, key=lambda path: path.stat().st_size)[-count:]


@pytest.mark.parametrize("package", ["", "torch", "sympy", "numpy"])
def test_what_people_write_is_taken_apart_whole(package: str) -> None:
    """The longest modules of Python's own tests, and of large packages."""
    spec = importlib.util.find_spec(package) if package else None
    if package and spec is None:
        pytest.skip(f"{package} is not installed")
    folder = Path(sysconfig.get_paths()["stdlib"], "test") if spec is None else Path(str(spec.origin)).parent
    sources = longest(folder, 20, most=LONGEST_SOURCE)
    # Of torch tables of 500 KB that are made by programs, and run nothing; of 2.14 the second is too long as well.
    tables = {"_triton_ops_meta.py", "annotated_fn_args.py"}
    assert {path.name for path in sources if Amount().problem(path.read_bytes())} <= tables
    for path in longest(folder, 1, most=LONGEST_COMPILED):
        source = PythonFile(path.name, path.read_bytes(), sys.version_info[:2])
        assert (source.error, source.uncompiled) == (None, None)


# What ``signs_of`` counts, found one by one.
SIGN = re.compile(rb"\w+|\.\.\.|[^\w\s)\]}.=\\#]|\n")


@given(
    st.lists(
        st.sampled_from(
            [b"a", b"_9", b".", b"...", b" ", b"\r\n", b"\x0b", b"#", b"\\", b"=", b")", b"\xe4", b"+"]
        )
    )
)
def test_words_and_signs_are_counted_as_a_pattern_finds_them(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert signs_of(data) == len(SIGN.findall(data))


@given(st.binary())
def test_words_and_signs_of_any_bytes_are_counted_so(data: bytes) -> None:
    assert signs_of(data) == len(SIGN.findall(data))


PATHOLOGICAL = {
    "statements": "a;",
    "lines": "a\n",
    "calls": "f()\n",
    "lists": "[],[]\n",
    "lambdas": "lambda:0\n",
    "imports": "import a\n",
    "conditions": "if a:b\n",
}


@pytest.mark.parametrize("piece", PATHOLOGICAL.values(), ids=PATHOLOGICAL)
def test_sources_are_taken_apart_up_to_so_many_nodes(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amount, "MOST_NODES", 20_000)
    text = (piece * 200).encode()
    subject = held({f"{number}.py": text for number in range(64)})
    parsed = [subject.source(f"{number}.py") for number in range(64)]
    nodes = [len(source.nodes) for source in parsed if source is not None]
    assert 5_000 < sum(nodes) <= 20_000
    assert any(source is None for source in parsed)
    refused = [name for name, message in subject.unread.items() if "not looked into" in message]
    assert refused == [f"{number}.py" for number, source in enumerate(parsed) if source is None]


def test_sources_that_are_no_python_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amount, "MOST_SIGNS", 10_000)
    subject = held({f"{number}.py": b"f(a, b)\n" * 300 + b"a b\n" for number in range(64)})
    parsed = [subject.source(f"{number}.py") is not None for number in range(64)]
    assert 0 < parsed.count(True) < 7
    assert "10,000 words and signs together" in subject.unread["63.py"]


def test_where_it_stops_is_told_and_the_rest_is_said() -> None:
    """64 sources of 1 MiB that are made to be slow, and a handler without its function."""
    slow = b"a;" * (LONGEST_SOURCE // 2)
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": b"".join(b"import m%d\n" % number for number in range(64)) + b"class A(B): pass\n"},
        extra_files={f"m{number}.py": slow for number in range(64)},
    )
    told = unread(plan)
    assert set(told) == {f"m{number}.py" for number in range(20)}
    assert told["m0.py"] == ("warning", "it has more than 165,000 words and signs: it was not looked into")
    assert told["m4.py"][1].startswith("the sources are longer than 4,194,304 bytes together")
    assert told["m19.py"][1].endswith("(and 44 more of the same)")
    codes = {finding.code for finding in marpack.check(plan) if finding.severity == "error"}
    assert codes == {"handler-undefined"}


COMPILED = {
    "finally in finally": finally_in_finally(11),
    "ways out of a try": "def f():\n try:\n" + "  return\n" * 400 + " finally:\n" + "  a\n" * 20,
    "ways out of nested ones": "def f():\n try:\n  try:\n"
    + "   return\n" * 200
    + "  finally:0\n finally:\n"
    + "  a\n" * 40,
    "lambdas": "lambda:0\n" * 2_000,
    "nested lambdas": ("lambda:" * 80 + "0\n") * 10,
    "comprehensions": "[a for a in b]\n" * 2_000,
    "functions": "def f():0\n" * 2_000,
    "keywords": f"f({','.join(f'a{number}=0' for number in range(3_000))})\n",
    "captures": f"match a:\n case [{','.join(f'a{number}' for number in range(800))}]:0\n",
}


@pytest.mark.parametrize("text", COMPILED.values(), ids=COMPILED)
def test_what_takes_long_to_compile_is_parsed_alone(text: str) -> None:
    source = PythonFile("a.py", text.encode(), (3, 13))
    assert source.tree is not None
    assert source.uncompiled is not None
    # In the tenth of it, what no Python compiles is found.
    assert PythonFile("a.py", b"return 1\n" + HANDLER, (3, 13)).error is not None


def test_all_of_them_have_an_end() -> None:
    text = "lambda:0\n" * 1_000
    tree = ast.parse(text)
    extra = extra_work(tree)
    assert 3_000 < extra < 4_000
    together = Amount()
    taken = list(itertools.takewhile(lambda _: together.compiling_problem(tree, text) is None, range(100)))
    assert len(taken) == amount.MOST_EXTRA // extra


def test_a_finally_is_compiled_for_each_way_out() -> None:
    def extra(body: str) -> float:
        return extra_work(ast.parse(f"def f():\n while a:\n  try:\n{body}  finally:\n   b\n")) - 2 / 300

    # An expression and a name with its context, once for the error.
    assert round(extra("   0\n")) == 3
    assert round(extra("   if a: return\n   if b: break\n   continue\n")) == 4 * 3
    assert round(extra("   lambda: 0\n   def g(): return\n")) == 3


def test_of_a_long_chain_each_attribute_is_named_by_its_end() -> None:
    chain = ast.parse(f"a{'.b' * 500}.c().load", mode="eval").body
    assert isinstance(chain, ast.Attribute)
    assert dotted_name(chain).startswith("(...).b")
    assert dotted_name(chain).endswith(".c(...).load")
    assert len(dotted_name(chain)) < 50
    assert dotted_name(ast.parse("a.b().c", mode="eval").body) == "a.b(...).c"


def test_a_module_is_gone_through_once_for_all_names_that_are_read_early(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[int] = []

    def counting(body: list[ast.stmt]) -> dict[str, int]:
        walked.append(len(body))
        return unbound.first_bindings(body)

    monkeypatch.setattr("marpack.checks.flow.work.first_bindings", counting)
    text = "".join(f"try:a{number}\nexcept NameError:pass\n" for number in range(50)) + "a7 = 1\n"
    plan = marpack.plan_archive(model_name="m", handler={"handler.py": text.encode() + HANDLER})
    marpack.check(plan)
    assert walked == [52]


@pytest.mark.parametrize("encoding", ["utf-7", "unicode_escape", "raw-unicode-escape", "punycode", "idna"])
def test_a_source_whose_letters_are_none_is_not_decoded(encoding: str) -> None:
    declared = f"coding: {encoding} -*-\n".encode()
    for start in (b"# ", b"#!/usr/bin/python\n# -*- ", b"\r\t# \xff " + b" " * 2000):
        subject = held({"a.py": start + declared + b"+AGEAOw-" * 100})
        assert subject.source("a.py") is None
    assert f"its encoding, {encoding}," in subject.unread["a.py"]


@pytest.mark.parametrize("encoding", ["latin-1", "gbk", "shift_jis", "euc-kr", "koi8-r", "utf-8", "no such"])
def test_in_what_people_write_letters_are_letters(encoding: str) -> None:
    text = f"# coding: {encoding}\nname = 'b'\n".encode()
    assert Amount().problem(text) is None


def test_few_sources_are_gone_through_for_what_is_slow_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amount, "extra_work", lambda tree: 1e9)
    assert PythonFile("a.py", HANDLER * 50, (3, 13)).uncompiled is None
    assert PythonFile("a.py", HANDLER * 150, (3, 13)).uncompiled is not None
