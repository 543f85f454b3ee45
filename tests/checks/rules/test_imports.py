"""Imports: the standard library is that of the server's Python."""

from __future__ import annotations

import sys

import pytest

import marpack
from marpack.checks.rules.imports import is_standard
from tests.support.checking import codes, handler


@pytest.mark.parametrize(
    ("module", "since", "until"),
    [
        ("json", 8, 99),
        ("graphlib", 9, 99),
        ("zoneinfo", 9, 99),
        ("tomllib", 11, 99),
        ("compression", 14, 99),
        ("annotationlib", 14, 99),
        ("parser", 8, 10),
        ("binhex", 8, 11),
        ("distutils", 8, 12),
        ("imp", 8, 12),
        ("asyncore", 8, 12),
        ("smtpd", 8, 12),
        ("cgi", 8, 13),
        ("telnetlib", 8, 13),
        ("lib2to3", 8, 13),
    ],
)
def test_the_standard_library_is_that_of_the_servers_python(module: str, since: int, until: int) -> None:
    plan = handler(f"import {module}\ndef handle(data, context): return data\n")
    for minor in range(8, 15):
        there = since <= minor < until
        assert is_standard(module, (3, minor)) == there
        found = codes(plan, python=f"3.{minor}").get("import-missing")
        # setuptools brings a distutils of its own.
        assert found == (None if there else "note" if module == "distutils" else "warning")


def test_a_module_that_is_gone_is_not_hidden() -> None:
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": b"def handle(data, context): return data\n"},
        extra_files={"imp.py": b""},
    )
    assert [codes(plan, python=f"3.{minor}").get("module-shadowed") for minor in (11, 12)] == ["warning", None]


def test_this_pythons_standard_library() -> None:
    assert all(is_standard(name, sys.version_info[:2]) for name in sys.stdlib_module_names)
