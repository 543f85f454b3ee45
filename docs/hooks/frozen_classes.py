"""Let the reference show what makes a value: griffe knows Python's dataclasses, not those of `marpack.frozen`."""

from __future__ import annotations

from typing import Any

from griffe import Class, Decorator, ExprCall, ExprKeyword, ExprName, Extension

_MAKERS = {"marpack.frozen.frozen": "True", "marpack.frozen.frozen_in_order": "False"}


class FrozenClasses(Extension):
    """Reads the library's own decorators as what they make."""

    def on_class_instance(self, *, cls: Class, **_: Any) -> None:
        """Put Python's decorator in the place of the library's."""
        for place, decorator in enumerate(cls.decorators):
            by_name = _MAKERS.get(decorator.callable_path)
            if by_name:
                made = ExprCall(ExprName("dataclasses.dataclass"), [ExprKeyword("kw_only", by_name)])
                cls.decorators[place] = Decorator(made, lineno=decorator.lineno, endlineno=decorator.endlineno)
