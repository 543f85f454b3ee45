"""Hold the lists of ``weights_only`` against a torch: ``python -m tests.support.weights_only [PYTHON]``.

Says what the torch of a Python (this one, unless another is named) allows that marpack's tables do not say of its
version, and the other way round; a new release's names go under its version in
``marpack/archive/inspection/weights_only.py``.
"""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marpack.archive.inspection.weights_only import ADDED_BY, is_allowed, lists_of

if TYPE_CHECKING:
    from marpack.archive.inspection.torch_versions import Version

# In a process of its own: more of torch's packages add to them when they are imported.
_ASK = """
import ast, importlib, inspect, json, pickle, sys, textwrap, warnings
warnings.simplefilter("ignore")
import torch
from torch import _weights_only_unpickler as unpickler
def user():
    return set(getattr(unpickler, "_get_user_allowed_globals", dict)())
names = {*unpickler._get_allowed_globals(), *user()}
source = ast.parse(textwrap.dedent(inspect.getsource(unpickler.Unpickler.load)))
opcodes = sorted({
    getattr(pickle, node.value.id)[0] for node in ast.walk(source)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
    and isinstance(getattr(pickle, node.value.id, None), bytes)
})
added = {}
for package in json.loads(sys.argv[1]):
    before = user()
    importlib.import_module(package)
    added[package] = sorted(user() - before)
version = [int(part) for part in torch.__version__.split(".")[:2]]
print(json.dumps([version, sorted(names), opcodes, added]))
"""


@dataclass(frozen=True)
class Lists:
    """What one torch allows: names after ``import torch``, opcodes, and names that its packages add."""

    version: Version
    names: frozenset[str]
    opcodes: bytes
    added: dict[str, frozenset[str]]


def asked(python: str = sys.executable) -> Lists:
    """Return the lists of the torch that a Python has."""
    command = [python, "-c", _ASK, json.dumps(list(ADDED_BY))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    version, names, opcodes, added = json.loads(done.stdout.splitlines()[-1])
    packages = {package: frozenset(listed) for package, listed in added.items()}
    return Lists((version[0], version[1]), frozenset(names), bytes(opcodes), packages)


def known(version: Version) -> Lists:
    """Return what the tables say of a version."""
    names, opcodes = lists_of(version)
    exceptions = {f"builtins.{each.__name__}" for each in vars(builtins).values() if _is_exception(each)}
    names |= {name for name in exceptions if is_allowed(name, version)}
    packages = {
        package: frozenset(name for name, since in table.items() if since <= version)
        for package, table in ADDED_BY.items()
    }
    return Lists(version, names, opcodes, packages)


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def differences(torch: Lists) -> list[str]:
    """Return, a line each, in what the tables and a torch differ."""
    table = known(torch.version)
    pairs = [("", table.names, torch.names)]
    pairs += [(f" by import {package}", table.added[package], torch.added[package]) for package in table.added]
    lines = [f"+ {name}{how}" for how, ours, theirs in pairs for name in sorted(theirs - ours)]
    lines += [f"- {name}{how}" for how, ours, theirs in pairs for name in sorted(ours - theirs)]
    return lines if table.opcodes == torch.opcodes else [*lines, f"opcodes {torch.opcodes!r}"]


if __name__ == "__main__":
    found = asked(*sys.argv[1:2])
    print(f"torch {found.version[0]}.{found.version[1]}:", *differences(found) or ["as the tables say"], sep="\n")
