"""Write the table of what the standard library got and lost: ``python -m tests.support.standard_library``.

The Pythons of the machine are asked (``tests/support/pythons.py``), of which none from 3.8 on may be left out; for
later ones stands what ``standard_library.json`` beside this file records. A name in a module counts where the
typeshed that mypy brings says the same: what a module has by accident is no promise.

The record is of Pythons that run only elsewhere, as in pyodide, and is made of two of a kind, since such a build
lacks what the one for Linux has: ``--look`` prints the program that each of them is given, and
``--record 3.14 BEFORE AFTER`` compares the files of what they print.
"""

from __future__ import annotations

import argparse
import ast
import collections.abc
import json
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any, TypeAlias

import mypy

from marpack.checks.python.standard_library import TABLE
from tests.support.pythons import PYTHONS

# Of each module its names; of a module whose names are not looked at, none.
_Library: TypeAlias = dict[str, set[str]]

_RECORD = Path(__file__).with_suffix(".json")
_TYPESHED = Path(mypy.__file__).parent / "typeshed" / "stdlib"
_FIRST = 8
# The oldest Python that typeshed still describes.
_DESCRIBED = 10
# Whose names are looked at.
_ASKED = """
    abc array ast asyncio base64 bisect calendar collections collections.abc concurrent.futures configparser
    contextlib contextvars copy csv dataclasses datetime decimal difflib dis enum fnmatch fractions functools gc
    glob graphlib gzip hashlib heapq html importlib importlib.abc importlib.machinery importlib.metadata
    importlib.resources importlib.util inspect io ipaddress itertools json keyword linecache logging
    logging.handlers math mimetypes operator pathlib pickle pkgutil pprint queue random re secrets shlex shutil
    statistics string struct subprocess sys tempfile textwrap threading time timeit token tokenize tomllib
    traceback types typing unittest unittest.mock urllib.parse urllib.request uuid warnings weakref
    xml.etree.ElementTree zipfile zlib zoneinfo
""".split()  # noqa: SIM905 - quotes would hide the names

# What a Python is asked: its dotted modules, and the names of some. Any of them from 3.8 on runs it.
_LOOK = """
import importlib, json, pkgutil, sys, sysconfig, types, warnings
warnings.simplefilter("ignore")
LIBRARY = sysconfig.get_paths()["stdlib"]
SKIPPED = {
    "antigravity", "encodings", "ensurepip", "idlelib", "pydoc_data", "test", "this", "turtledemo", "xxlimited",
    "xxsubtype", "ctypes.test", "distutils.command.bdist_msi", "distutils.tests", "lib2to3.pgen2",
    "lib2to3.tests", "sqlite3.test", "tkinter.test", "unittest.test",
}
ASKED = %r
TOPS = getattr(sys, "stdlib_module_names", None)
found = {name: [] for name in getattr(sys, "stdlib_module_names", sys.builtin_module_names) if name not in SKIPPED}
def walk(path, prefix):
    for each in pkgutil.iter_modules(path):
        name = prefix + each.name
        if name in SKIPPED or name.startswith("config-") or (TOPS and name.partition(".")[0] not in TOPS):
            continue
        found[name] = []
        if each.ispkg:
            walk(list(each.module_finder.find_spec(name).submodule_search_locations), name + ".")
walk([p for p in sys.path if "site-packages" not in p and (p.startswith(LIBRARY) or p.endswith(".zip"))], "")
for name in ASKED:
    try:
        module = importlib.import_module(name)
    except ImportError:
        continue
    names = {n for n in dir(module) if not n.startswith("_")}
    names = {n for n in names if not isinstance(getattr(module, n, None), types.ModuleType)}
    found[name] = sorted(names | set(getattr(module, "__all__", ())))
print(json.dumps(found))
"""


def _asked() -> str:
    return _LOOK % (_ASKED,)


def _look(python: str) -> _Library:
    done = subprocess.run([python, "-I", "-c", _asked()], capture_output=True, text=True, check=True)
    return _library(json.loads(done.stdout))


def _library(said: dict[str, Any]) -> _Library:
    return {module: set(names) for module, names in said.items()}


def _pairs(library: _Library) -> set[tuple[str, str]]:
    """Return the modules that are public, each with an empty name, and the names in modules."""
    public = {module for module in library if not any(part.startswith("_") for part in module.split("."))}
    return {(module, "") for module in public} | {(module, name) for module in library for name in library[module]}


def _record(version: str, before: Path, after: Path) -> None:
    old, new = (_library(json.loads(path.read_text(encoding="utf-8"))) for path in (before, after))
    for library, other in ((old, new), (new, old)):
        for module in library.keys() - other.keys():
            library[module] = set()  # that it came, or went, says it of its names
    came, went = _pairs(new) - _pairs(old), _pairs(old) - _pairs(new)
    record = json.loads(_RECORD.read_text(encoding="utf-8")) if _RECORD.exists() else {}
    record[version] = {"came": _grouped(came), "went": _grouped(went)}
    text = json.dumps(dict(sorted(record.items(), key=lambda item: _minor(item[0]))), indent=1)
    _RECORD.write_text(f"{text}\n", encoding="utf-8")


def _grouped(pairs: set[tuple[str, str]]) -> dict[str, str]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for module, name in sorted(pairs):
        found[module].append(name or ".")
    return {module: " ".join(names) for module, names in found.items()}


def _recorded() -> dict[int, tuple[set[tuple[str, str]], set[tuple[str, str]]]]:
    """Return what came to each later Python, and what went."""
    found = {}
    for version, changed in json.loads(_RECORD.read_text(encoding="utf-8")).items():
        came, went = (
            {
                (module, "" if name == "." else name)
                for module, names in changed[key].items()
                for name in names.split()
            }
            for key in ("came", "went")
        )
        found[_minor(version)] = (came, went)
    return found


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


class _Typeshed:
    """What typeshed says that a module has, for each Python on Linux."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], frozenset[str]] = {}
        # The first Python that has a module.
        self.first: dict[str, int] = {}
        for line in (_TYPESHED / "VERSIONS").read_text(encoding="utf-8").splitlines():
            module, colon, versions = line.partition("#")[0].partition(":")
            if colon:
                self.first[module] = _minor(versions.strip().partition("-")[0])

    def names(self, module: str, minor: int) -> frozenset[str]:
        if (module, minor) not in self._known:
            self._known[module, minor] = frozenset()  # of those that import each other in a circle
            path = self._path(module)
            body = ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else []
            self._known[module, minor] = frozenset(self._bound(body, module, minor))
        return self._known[module, minor]

    def _path(self, module: str) -> Path:
        path = _TYPESHED.joinpath(*module.split("."))
        return path / "__init__.pyi" if path.is_dir() else path.with_suffix(".pyi")

    def _bound(self, body: list[ast.stmt], module: str, minor: int) -> set[str]:
        found: set[str] = set()
        for node in body:
            match node:
                case ast.If(test=test):
                    found |= self._bound(node.body if _holds(test, minor) else node.orelse, module, minor)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    found.add(name)
                case ast.AnnAssign(target=ast.Name(id=name)):
                    found.add(name)
                case ast.Assign():
                    found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
                case ast.ImportFrom(names=[ast.alias(name="*")]):
                    found |= self.names(self._origin(node, module), minor)
                case ast.ImportFrom():
                    found |= {each.name for each in node.names if each.asname == each.name or module == "asyncio"}
        return found

    def _origin(self, node: ast.ImportFrom, module: str) -> str:
        if not node.level:
            return node.module or ""
        package = module if self._path(module).stem == "__init__" else module.rpartition(".")[0]
        return f"{package}.{node.module}" if node.module else package


def _holds(test: ast.expr, minor: int) -> bool:
    """Tell whether a condition of typeshed holds for a Python on Linux."""
    match test:
        case ast.BoolOp(op=ast.And()):
            return all(_holds(each, minor) for each in test.values)
        case ast.BoolOp():
            return any(_holds(each, minor) for each in test.values)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return not _holds(inner, minor)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if ast.unparse(left) == "sys.version_info":
            return isinstance(op, ast.GtE) == ((3, minor) >= tuple(ast.literal_eval(right)))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if ast.unparse(left) == "sys.platform":
            return isinstance(op, ast.Eq) == bool(ast.literal_eval(right) == "linux")
    return True


def _by_version(typeshed: _Typeshed) -> dict[int, set[tuple[str, str]]]:
    found = {minor: _pairs(_look(python)) for (_, minor), python in PYTHONS.items()}
    if list(found) != list(range(_FIRST, max(found) + 1)):
        raise SystemExit(f"of the Pythons from 3.{_FIRST} on there are only {sorted(found)}")
    for minor in (8, 9):
        # They do not say which modules a build for another system has.
        found[minor] |= {(name, "") for name, first in typeshed.first.items() if first <= minor} & found[10]
        # The module hands them on when it is asked for them, and does not list them; as others do.
        found[minor] |= {("collections", name) for name in collections.abc.__all__ if name != "Buffer"}
    for minor in (10, 11):
        found[minor].add(("io", "OpenWrapper"))
    for minor, (came, went) in _recorded().items():
        if minor == max(found) + 1:
            found[minor] = found[minor - 1] - went | came
    return found


def rows() -> list[str]:
    """Return the lines of the table, without its head."""
    typeshed = _Typeshed()
    versions = _by_version(typeshed)
    found: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for module, name in sorted(set().union(*versions.values())):
        there = [minor for minor, pairs in versions.items() if (module, name) in pairs]
        # What is in a module came, and went, with it.
        outer = _outer(versions, module, name)
        since = there[0] if there[0] > min(outer) else None
        until = there[-1] + 1 if there[-1] < max(outer) else None
        if len(there) != there[-1] - there[0] + 1 or (since, until) == (None, None):
            continue
        described = range(_DESCRIBED, max(versions) + 1)
        if name and any((name in typeshed.names(module, minor)) != (minor in there) for minor in described):
            continue
        found[module, f"3.{since}" if since else "-", f"3.{until}" if until else "-"].append(name)
    return [
        f"{since} {until} {module}" + (f": {' '.join(names)}" if names != [""] else "")
        for (module, since, until), names in sorted(found.items())
    ]


def _outer(versions: dict[int, set[tuple[str, str]]], module: str, name: str) -> list[int]:
    """Return the Pythons that have the module in which something lies; all, of what lies in none."""
    outer = module if name else module.rpartition(".")[0]
    return [minor for minor, pairs in versions.items() if not outer or (outer, "") in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--look", action="store_true", help="print the program that another Python is given")
    parser.add_argument("--record", nargs=3, metavar=("VERSION", "BEFORE", "AFTER"))
    options = parser.parse_args()
    if options.look:
        print(_asked())
    elif options.record:
        version, before, after = options.record
        _record(version, Path(before), Path(after))
    else:
        head = [line for line in Path(TABLE).read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        Path(TABLE).write_text("\n".join([*head, *rows(), ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
