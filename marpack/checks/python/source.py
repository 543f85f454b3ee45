"""A Python file, taken apart and never run."""

from __future__ import annotations

import ast
import io
import re
import sys
import threading
import tokenize
import warnings
from functools import cached_property

from marpack.checks.python import comments, fstrings, grammar
from marpack.checks.python.amount import Amount
from marpack.checks.python.nodes import Nodes, walk

# The newest Python of which it is known what it reads (spec/python.md).
NEWEST_KNOWN = (3, 15)

# The compiler takes a time that grows with the square of some texts.
LONGEST_COMPILED = 128 << 10

# Which warnings are shown is a matter of the process, and checks may run in several threads.
_QUIET = threading.Lock()

# What newer Pythons refuse to compile, and some older ones do not: annotations came to be scopes of their own.
_NO_TEXT = "Non-UTF-8"
_REFUSED_SINCE = re.compile(r"can ?not be used within an annotation")
# What is refused by the compiler before this version.
_COMPILED_SINCE = {
    "asynchronous comprehension outside of an asynchronous function": (3, 11),
    "no binding for nonlocal '_": (3, 13),  # of a private name, in a function of a generic class
}


class PythonFile:
    """A Python file: its ``tree``, or what keeps it from being one: ``error``, at ``line``.

    Both are None where this Python does not read it, and the server's Python may: then ``unknown`` is what this
    one says of it. ``in_none`` says that it is broken for every Python that is known.

    ``nodes`` are all that is in the tree. ``uncompiled`` says why the compiler was not asked. ``amount`` says how
    much is worked on, and counts it.
    """

    def __init__(self, name: str, data: bytes, python: tuple[int, int], *, amount: Amount | None = None) -> None:
        amount = Amount() if amount is None else amount
        self.name = name
        self.uncompiled: str | None = None
        self.tree: ast.Module | None = None
        self.error: str | None = None
        self.unknown: str | None = None
        self.line: int | None = None
        self.in_none = False
        if python <= comments.LAST < sys.version_info[:2] and len(data) <= LONGEST_COMPILED:
            data = comments.readable(data)
        try:
            tree = _parsed(data, python)
            self.uncompiled = _compile(tree, data, amount)
            newer = fstrings.newer_in(data) if python < fstrings.FIRST else None
            if newer is None and python < sys.version_info[:2]:
                newer = grammar.newer_in_tree(tree, _decoded(data, parsed=True), python)
            if newer is None:
                self.tree = tree
            else:
                self.error, self.line = f"SyntaxError: {newer[0]}", newer[1]
        except SyntaxError as error:
            said = f"{type(error).__name__}: {error.msg}"
            broken = _broken_for(data, error, python, amount)
            if broken is None:
                self.unknown, self.line = said, error.lineno or None
            else:
                self.error, self.line = f"{type(broken).__name__}: {broken.msg}", broken.lineno or None
                newest = max(python, NEWEST_KNOWN)
                self.in_none = (
                    sys.version_info[:2] < newest and _broken_for(data, error, newest, amount) is not None
                )
        except (ValueError, RecursionError, OverflowError) as error:  # NUL bytes; depth; hostile ones
            said = f"{type(error).__name__}: {error}"
            if "is required for" in said:  # the compiler of 3.12 stumbles over a tree that its parser has made
                self.unknown = said
            else:
                self.error = said

    @cached_property
    def nodes(self) -> Nodes:
        """All that is in the tree; nothing where there is none."""
        return Nodes() if self.tree is None else Nodes(walk(self.tree))


def _parsed(data: bytes | str, python: tuple[int, int]) -> ast.Module:
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # For 3.8 it would refuse all brackets behind "with", and only those around "as" are newer.
        return ast.parse(data, feature_version=(3, 9) if python == (3, 8) else python)


def _compile(tree: ast.Module, data: bytes | str, amount: Amount) -> str | None:
    """Have the compiler refuse what the grammar allows: "return" outside of a function.

    Returns why it was not asked, None if it was.
    """
    if len(data) > LONGEST_COMPILED:
        return f"it is longer than {LONGEST_COMPILED:,} bytes"
    if problem := amount.compiling_problem(tree, data):
        return problem
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(tree, "<source>", "exec", dont_inherit=True)
    return None


def _decoded(data: bytes, *, parsed: bool = False) -> str:
    """Return the text of a source, as Python decodes it.

    What is imported may have any bytes in its comments, up to Python 3.13.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        if not parsed:
            raise
        return data.decode("utf-8", "replace")


def _broken_for(data: bytes, error: SyntaxError, python: tuple[int, int], amount: Amount) -> SyntaxError | None:
    """Return what is wrong with a source that this Python does not read; None if ``python`` may read it."""
    own = sys.version_info[:2]
    if python < own:
        if python <= comments.LAST and len(data) > LONGEST_COMPILED and _NO_TEXT in str(error.msg):
            return None
        return None if _REFUSED_SINCE.search(str(error.msg)) else error
    if python == own:
        return error
    try:
        text = _decoded(data)
    except (SyntaxError, LookupError, ValueError):  # also of what is an encoding, and none of texts
        return error
    if len(data) > LONGEST_COMPILED or amount.rewriting_problem(data):
        return None
    # Few sources are newer than this Python.
    from marpack.checks.python.older_text import older_text
    from marpack.checks.python.tokens import TooMuchError

    try:
        older, changed = older_text(text, own=own, python=min(python, NEWEST_KNOWN))
        _compile(_parsed(older, own), older, amount)
    except SyntaxError as still:
        if any(own < since <= python and text in str(still.msg) for text, since in _COMPILED_SINCE.items()):
            return None
        # An error where something was rewritten may be one of the rewriting.
        return None if still.lineno in changed else still
    except (TooMuchError, ValueError, RecursionError):
        return None
    return None
