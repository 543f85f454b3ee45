"""Let the reference show a class as its users know it.

griffe knows Python's dataclasses, not those of `marpack.frozen`. And a private base says nothing to them, but what
that derives from does.
"""

from __future__ import annotations

from typing import Any

from griffe import Class, Decorator, ExprCall, ExprKeyword, ExprName, Extension

_MAKERS = {"marpack.frozen.frozen": "True", "marpack.frozen.frozen_in_order": "False"}


class PublicClasses(Extension):
    """Reads the library's own decorators as what they make, and private bases as theirs."""

    def on_class_instance(self, *, cls: Class, **_: Any) -> None:
        """Put Python's decorator in the place of the library's."""
        for place, decorator in enumerate(cls.decorators):
            by_name = _MAKERS.get(decorator.callable_path)
            if by_name:
                made = ExprCall(ExprName("dataclasses.dataclass"), [ExprKeyword("kw_only", by_name)])
                cls.decorators[place] = Decorator(made, lineno=decorator.lineno, endlineno=decorator.endlineno)

    def on_class(self, *, cls: Class, **_: Any) -> None:
        """Put what a private base derives from in its place."""
        shown = []
        for base in cls.bases:
            private = cls.module.members.get(str(base)) if str(base).startswith("_") else None
            shown += private.bases if isinstance(private, Class) else [base]
        cls.bases = shown
