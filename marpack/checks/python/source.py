"""A Python file, taken apart and never run."""

from __future__ import annotations

import ast
import threading
import warnings

from marpack.checks.python import fstrings

__all__ = ["LONGEST_COMPILED", "PythonFile"]
# The compiler takes a time that grows with the square of some texts.
LONGEST_COMPILED = 128 << 10

# Which warnings are shown is a matter of the process, and checks may run in several threads.
_QUIET = threading.Lock()


class PythonFile:
    """A Python file: its ``tree``, or what keeps it from being one: ``error``, at ``line``."""

    def __init__(self, name: str, data: bytes, python: tuple[int, int]) -> None:
        self.name = name
        self.tree: ast.Module | None = None
        self.error: str | None = None
        self.line: int | None = None
        try:
            with _QUIET, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(data, name, feature_version=python)
                # What the grammar allows and the compiler does not: "return" outside of a function.
                if len(data) <= LONGEST_COMPILED:
                    compile(tree, name, "exec", dont_inherit=True)
            newer = fstrings.newer_in(data) if python < fstrings.FIRST else None
            if newer is None:
                self.tree = tree
            else:
                self.error, self.line = f"SyntaxError: {newer[0]}", newer[1]
        except SyntaxError as error:
            self.error, self.line = f"{type(error).__name__}: {error.msg}", error.lineno or None
        except (ValueError, RecursionError, OverflowError) as error:  # NUL bytes; depth; hostile ones
            self.error = f"{type(error).__name__}: {error}"
