"""What a model's sources mention of TorchServe's interface, read as text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from marpack.archive.read.archive import ModelArchive
from marpack.checks.python.amount import Amount
from marpack.checks.python.source import PythonFile
from marpack.checks.python.torch_handlers import HANDLER_MODULES
from marpack.export.targets import ExportTarget
from marpack.frozen import frozen
from marpack.running.differences import KSERVE, RAY, SAGEMAKER_RAY, Difference
from marpack.running.request import is_header

# What each engine does otherwise, and the names to which that matters; by one of them a handler asks for a header.
TABLES: Mapping[ExportTarget, Sequence[Difference]] = {
    "ray": RAY,
    "sagemaker-ray": SAGEMAKER_RAY,
    "kserve": KSERVE,
}
WORDS = frozenset(name for table in TABLES.values() for row in table for name in row.names)
# What returns one header, and what all of them.
_ONE, _ALL = ("get_request_header", "get_request_property"), ("get_all_request_header", "get_request_properties")
ASKS = (*_ONE, *_ALL)
_HANDLERS = "ts.torch_handler."
# As much as ``check`` looks into, of one source and of all.
_LONGEST, _MOST = 1 << 20, 4 << 20
# The syntax of the Python that the server's newest image has.
_PYTHON = (3, 11)
_IN_TEXT = re.compile(rb"\b(?:%s)\b" % b"|".join(sorted(word.encode() for word in WORDS)))


@frozen
class Uses:
    """What the sources of an archive mention: which of ``WORDS``, each with ``file:line`` of the first.

    ``headers`` are the names of a request's headers that they ask for by a text of their own, ``handlers`` the
    modules of TorchServe's own handlers that they import, both sorted; ``unread`` are sources that were not looked
    into, each with why.
    """

    words: Mapping[str, str]
    headers: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)


def uses_of(archive: ModelArchive) -> Uses:
    """Return what the sources of an archive mention.

    Sources that cannot be taken apart are searched as text. Raises what reading raises.
    """
    found: dict[str, str] = {}
    headers: set[str] = set()
    handlers: set[str] = set()
    unread: dict[str, str] = {}
    left, amount = _MOST, Amount()
    for member in sorted(archive.members, key=lambda each: each.name):
        if not member.name.endswith(".py"):
            continue
        if member.size > min(left, _LONGEST):
            unread[member.name] = f"it has {member.size:,} bytes, and was not looked into"
            continue
        left -= member.size
        data = archive.read(member.name)
        tree = _tree(member.name, data, amount)
        words = _in_text(data) if tree is None else _words(tree)
        for word, line in sorted(words, key=lambda each: (each[1], each[0])):
            found.setdefault(word, f"{member.name}:{line}")
        if tree is not None:
            headers.update(_headers(tree))
            handlers.update(_handlers(tree))
    return Uses(
        words=dict(sorted(found.items())),
        headers=tuple(sorted(headers)),
        handlers=tuple(sorted(handlers)),
        unread=unread,
    )


def _tree(name: str, data: bytes, amount: Amount) -> ast.Module | None:
    if amount.problem(data) is not None:
        return None
    try:
        return PythonFile(name, data, _PYTHON, amount=amount).tree
    except MemoryError:  # as Python's parser says that a source is nested too deeply
        return None


def _in_text(data: bytes) -> Iterator[tuple[str, int]]:
    for match in _IN_TEXT.finditer(data):
        yield match[0].decode(), data.count(b"\n", 0, match.start()) + 1


def _headers(tree: ast.Module) -> Iterator[str]:
    """Yield the names of headers that are asked for by a text of their own, wherever that stands."""
    for node in ast.walk(tree):
        match node:
            # get_request_header(0, "Name"), get_request_property("Name"), and either with key="Name"
            case ast.Call(func=ast.Attribute(attr=asks), args=given, keywords=told) if asks in _ONE:
                asked = [each.value for each in told if each.arg == "key"] or given[-1:]
            # get_all_request_header(0)["Name"]
            case ast.Subscript(value=ast.Call(func=ast.Attribute(attr=asks)), slice=key) if asks in _ALL:
                asked = [key]
            # get_all_request_header(0).get("Name")
            case ast.Call(
                func=ast.Attribute(attr="get", value=ast.Call(func=ast.Attribute(attr=asks))), args=[key, *_]
            ) if asks in _ALL:
                asked = [key]
            case _:
                continue
        for each in asked:
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and is_header(each.value, ""):
                yield each.value


def _handlers(tree: ast.Module) -> Iterator[str]:
    """Yield the modules of ``ts.torch_handler`` that are imported, wherever that stands."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(module=str(module), level=0):
                names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
            case _:
                continue
        for name in names:
            if (inside := name.removeprefix(_HANDLERS)) != name and inside in HANDLER_MODULES:
                yield inside


def _words(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute():
                names = [node.attr]
            case ast.Name():
                names = [node.id]
            case ast.ImportFrom():
                names = [alias.name for alias in node.names]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names = [node.name]
            case _:
                continue
        for each in names:
            if each in WORDS:
                yield each, node.lineno
