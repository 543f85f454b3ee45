"""The standard library: what is said of a Python is what that Python says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from marpack.checks.python.standard_library import TABLE, has_name, has_submodule, is_standard
from tests.support import standard_library
from tests.support.checking import codes, handler
from tests.support.pythons import PYTHONS

ASK = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
found = []
for module, name in json.load(sys.stdin):
    if "." not in module and not name and hasattr(sys, "stdlib_module_names"):
        found.append(module in sys.stdlib_module_names)
        continue
    try:
        there = importlib.import_module(module)
        found.append(not name or hasattr(there, name))
    except ImportError:
        found.append(False)
print(json.dumps(found))
"""


# What a build for Linux may lack, and Pythons before 3.10 do not name all the same.
NOT_BUILT = {"msilib", "nis", "ossaudiodev", "spwd"}


def rows() -> list[tuple[str, str]]:
    found = []
    for line in Path(TABLE).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            _, _, module, *names = line.replace(":", "").split()
            found += [(module, name) for name in names or [""]]
    return found


@pytest.mark.parametrize("version", PYTHONS)
def test_each_python_has_what_the_table_says(version: tuple[int, int]) -> None:
    left_out = NOT_BUILT if version < (3, 10) else set()
    asked = [(module, name) for module, name in rows() if module != "tkinter.tix" and module not in left_out]
    command = [PYTHONS[version], "-W", "ignore", "-c", ASK]
    # Not the environment of the tests: with PYTHON_GIL=0, a Python that has the lock does not start.
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, env={}, check=True)
    said = [
        is_standard(module.partition(".")[0], version)
        and has_submodule(module, version)
        and has_name(module, name, version)
        for module, name in asked
    ]
    theirs = json.loads(done.stdout)
    wrong = [each for each, here, there in zip(asked, said, theirs, strict=True) if here != there]
    assert wrong == []
    assert len(asked) > 300


@pytest.mark.parametrize(
    ("text", "python", "code"),
    [
        ("import string.templatelib", "3.13", "import-missing"),
        ("import asyncio.taskgroups", "3.10", "import-missing"),
        ("import concurrent.interpreters", "3.13", "import-missing"),
        ("from concurrent import interpreters", "3.13", "import-name"),
        ("from typing import override", "3.11", "import-name"),
        ("from collections import Mapping, OrderedDict", "3.10", "import-name"),
        ("import string.templatelib", "3.14", None),
        ("from typing import override", "3.12", None),
        ("from collections import Mapping", "3.9", None),
        ("import xml.etree.cElementTree, os.path", "3.14", None),
        ("from typing import nosuch", "3.9", None),
        ("try:\n    from typing import override\nexcept ImportError:\n    override = None", "3.9", None),
        ("import collections\ncollections.Mapping = dict\nfrom collections import Mapping", "3.11", None),
    ],
)
def test_what_another_python_has_is_missing(text: str, python: str, code: str | None) -> None:
    found = codes(handler(f"{text}\ndef handle(data, context): return data\n"), python=python)
    assert [each for each in found if each.startswith("import")] == ([code] if code else [])


def test_this_python_is_among_them() -> None:
    assert sys.version_info[:2] in PYTHONS


@pytest.mark.slow
@pytest.mark.skipif(list(PYTHONS) != [(3, minor) for minor in range(8, 14)], reason="not the Pythons of the table")
def test_the_script_makes_the_table() -> None:
    table = Path(TABLE).read_text(encoding="utf-8").splitlines()
    assert standard_library.rows() == [line for line in table if not line.startswith("#")]
