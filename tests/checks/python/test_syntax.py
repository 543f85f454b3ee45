"""What is said of a source is what the Pythons say of it (spec/python.md)."""

from __future__ import annotations

import contextlib
import importlib
import json
import pkgutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import marpack
import tests.checks.cases
from marpack.checks.python.amount import Amount
from marpack.checks.python.older_text import older_text
from marpack.checks.python.source import LONGEST_COMPILED, PythonFile
from marpack.checks.python.tokens import TooMuchError
from tests.support.checking import codes, handler
from tests.support.checking import found as findings
from tests.support.python_syntax import BROKEN, CONSTRUCTS
from tests.support.pythons import PYTHONS

ROOT = Path(__file__).parents[3]
ASK = """
import json, sys, warnings
warnings.simplefilter("ignore")
def reads(text):
    try:
        compile(text.encode(), "x", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True
print(json.dumps([reads(text) for text in json.load(sys.stdin)]))
"""
SAY = """
import json, sys
from marpack.checks.python.source import LONGEST_COMPILED, PythonFile
files = [[PythonFile("x", text.encode(), (3, minor)) for minor in range(8, 16)] for text in json.load(sys.stdin)]
print(json.dumps([["reads" if f.tree else "error" if f.error else "unknown" for f in row] for row in files]))
"""
OWN = sys.version_info[:2]
# An annotation that yields: Pythons differ, nobody writes it, and it is missed or not known, and never an error.
ODD = "annotation"


def asked(version: tuple[int, int], program: str, texts: list[str]) -> list[object]:
    command = [PYTHONS[version], "-W", "ignore", "-c", program]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, input=json.dumps(texts), capture_output=True, text=True, check=True, env=environment
    )
    found: list[object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("version", PYTHONS)
def test_the_table_is_what_each_python_says(version: tuple[int, int]) -> None:
    said = asked(version, ASK, [text for text, _, _ in CONSTRUCTS.values()])
    expected = [first <= version[1] <= last for _, first, last in CONSTRUCTS.values()]
    assert [n for n, a, b in zip(CONSTRUCTS, said, expected, strict=True) if a != b] == []
    assert not any(asked(version, ASK, list(BROKEN.values())))


@pytest.mark.parametrize("version", [each for each in PYTHONS if each >= (3, 10)])
def test_whatever_python_marpack_runs_on_it_says_nothing_false(version: tuple[int, int]) -> None:
    said = asked(version, SAY, [text for text, _, _ in CONSTRUCTS.values()])
    for (name, (_, first, last)), row in zip(CONSTRUCTS.items(), said, strict=True):
        assert isinstance(row, list)
        for minor, verdict in enumerate(row, 8):
            there = first <= minor <= last
            # What is not read by a newer Python is an error, or at least nothing that is taken for read.
            allowed = {"reads"} if there else {"error"}
            if there and first > version[1]:
                allowed = {"unknown"}
            if ODD in name:
                allowed = {"reads", "unknown"} if there else {"reads", "unknown", "error"}
            assert verdict in allowed, (name, minor)


@pytest.mark.parametrize("version", [each for each in PYTHONS if each >= (3, 11)])
def test_what_no_python_reads_is_an_error_for_newer_ones_too(version: tuple[int, int]) -> None:
    # Where what is left out is wrong itself.
    known = {"t mixed with str": (3, 14), "lazy in function": (3, 15), "lazy star": (3, 15)}
    unsure = {name for name, first in known.items() if version < first}
    said = asked(version, SAY, list(BROKEN.values()))
    rows = dict(zip(BROKEN, said, strict=True))
    assert {name for name, row in rows.items() if row != ["error"] * 8} == unsure
    assert all("reads" not in str(row) for row in rows.values())


def test_a_newer_text_is_a_note_and_no_false_statement() -> None:
    """Nothing is said of what a handler does that nobody has read."""
    text = "lazy import json\nclass H:\n    def handle(self, data, context): return data\n"
    found = codes(handler(text), python="3.15")
    assert found == {"source-syntax": "note"} or OWN >= (3, 15)
    assert codes(handler(text.replace("lazy import json", "print 'x'")), python="3.15") == {
        "source-syntax": "error"
    }


@pytest.mark.skipif(OWN >= (3, 14), reason="this Python reads t-strings")
def test_what_a_newer_python_than_the_servers_reads_is_not_called_broken_in_all() -> None:
    for text, broken in (("x = t'{{1}}'\n", False), ("print 'x'\n", True)):
        said = [
            each.message for each in marpack.check(handler(text), python="3.13") if each.code == "source-syntax"
        ]
        assert [message.endswith("nor can any other") for message in said] == [broken]


@pytest.mark.parametrize("version", [each for each in PYTHONS if each < (3, 14)])
def test_bytes_of_another_encoding_in_comments_are_read_where_python_imports_them(
    version: tuple[int, int], tmp_path: Path
) -> None:
    data = b"# L\xe9a\nx = [1][0]  # caf\xe9\n"
    (tmp_path / "lea.py").write_bytes(data)
    # Not the environment of the tests: with PYTHON_GIL=0, a Python that has the lock does not start.
    subprocess.run([PYTHONS[version], "-c", "import lea"], cwd=tmp_path, env={}, check=True)
    assert PythonFile("lea.py", data, version).error is None
    assert PythonFile("lea.py", data + b"x = [1]\n" * (LONGEST_COMPILED // 8), version).error is None
    # Elsewhere no Python takes them.
    assert PythonFile("lea.py", b"x = 'caf\xe9'\n", version).error
    assert PythonFile("lea.py", data + b"x = 'caf\xe9'\n", version).error


@pytest.mark.slow
@pytest.mark.skipif(OWN >= (3, 14), reason="this Python reads what the files are given")
def test_of_files_that_nobody_has_read_nothing_is_said_but_notes() -> None:
    """Every case, with a line in its Python files that only newer Pythons read."""
    modules = (f"tests.checks.cases.{each.name}" for each in pkgutil.iter_modules(tests.checks.cases.__path__))
    cases = [case for name in modules for case in getattr(importlib.import_module(name), "CASES", [])]
    looked_at = 0
    for case, archive in ((each, archive) for each in cases for archive in (each.broken, each.repaired)):
        options = {key: value for key, value in case.options.items() if key in ("target", "torch")}
        sources = {name: text for name, text in archive.files.items() if name.endswith(".py")}
        if archive.raw or not sources or not all(isinstance(text, str) for text in sources.values()):
            continue
        before = {each.code for each in findings(archive, python="3.14", **options)}
        newer = {name: f"{text}\n\nx = t'{{x}}'\n" for name, text in sources.items()}
        after = findings(replace(archive, files={**archive.files, **newer}), python="3.14", **options)
        new = [each for each in after if each.code not in before and each.severity != "note"]
        assert not [each for each in new if each.code != "source-syntax"], (case.code, case.title)
        looked_at += 1
    assert looked_at > 200


@pytest.mark.parametrize(
    "text", ["f'{" * 40, "f'''{\n" * 3000, "x = f'{f\"{1}\"}'\n" * 500, "except " * 20000, "[*" * 9000]
)
def test_hostile_texts_are_given_up_soon(text: str) -> None:
    with contextlib.suppress(TooMuchError):
        older_text(text, own=(3, 10), python=(3, 15))
    assert PythonFile("x", text.encode(), (3, 15)).tree is None or text.startswith("x")


@pytest.mark.parametrize("encoding", ["hex", "rot13", "undefined", "idna", "no-such", "utf-16"])
def test_an_encoding_that_is_none_of_texts_is_an_error(encoding: str) -> None:
    found = PythonFile("x", f"# coding: {encoding}\ntype X = 1\n".encode(), (3, 15))
    assert (found.tree, found.unknown) == (None, None) or encoding == "idna"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a" + "\u0301\u0316" * 101 + " = 1", "200 marks on one letter"),
        ("a = 'e\u0301\u0316\u6f22\u5b57'" * 400, None),
        # Bytes that Python takes hours to decode, or decodes to any number of signs.
        *((f"# coding: {name}\n", f"its encoding, {name}") for name in ("punycode", "idna", "utf-7", "hz")),
        *((f"# coding: {name}\n", None) for name in ("latin-1", "gb18030", "shift_jis", "koi8-r", "no-such")),
    ],
)
def test_a_text_that_is_slow_to_read_is_not_parsed(source: str, problem: str | None) -> None:
    found = Amount().problem(source.encode())
    assert found is None if problem is None else problem in str(found)


def test_the_braces_of_f_strings_are_counted_by_their_square() -> None:
    amount, source = Amount(), b"x = f'" + b"{a}" * 20_000 + b"'\n"
    assert [amount.problem(source) for _ in range(4)] == [None] * 4
    assert "braces together" in str(amount.problem(source))
    assert amount.problem(b"x = f'{a}'\n") is not None
    assert amount.problem(b"x = '{a}'\n") is None


def test_a_long_text_of_f_strings_is_not_looked_into() -> None:
    data = b"x = f'" + b"{a}" * 100_000 + b"'\n"
    for source, looked_into in ((data, False), (data.replace(b"f'", b"'"), True), (data[:100_000] + b"'", True)):
        plan = marpack.plan_archive(
            model_name="m",
            handler={"h.py": b"import big\ndef handle(data, context): return data\n"},
            extra_files={"big.py": source},
        )
        unread = [each for each in marpack.check(plan) if each.member == "big.py" and "f-strings" in each.message]
        assert (unread == []) is looked_into
