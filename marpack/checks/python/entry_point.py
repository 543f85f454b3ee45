"""What the worker calls, which modules loading the model runs, and whether BaseHandler loads it."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator
from functools import cached_property

from marpack.archive.handler import HandlerName
from marpack.checks.python.classes import ABC, ClassOf, attributes_of, calls_super
from marpack.checks.python.modules import Module, Modules
from marpack.checks.python.namespace import Namespace
from marpack.checks.python.torch_handlers import HANDLER_MODULES, TorchHandler, torch_handler
from marpack.checks.python.values import Function, Values
from marpack.frozen import frozen

# What BaseHandler's own loading of a model file is called, and what it asks for the classes.
_LOADERS = frozenset({"_load_pickled_model", "list_classes_from_module"})


@frozen
class Step:
    """How surely a module is reached; ``caught`` is whether every error is, ``late`` if only by a call."""

    sure: bool
    caught: bool
    late: bool

    @property
    def rank(self) -> int:
        """How far it is from being surely imported and its errors ending the worker."""
        return (not self.sure) + 2 * self.late + 4 * self.caught


@frozen
class EntryPoint:
    """What the worker calls: ``built_in`` is a handler of ts.torch_handler, else ``module`` is of the archive.

    ``space`` is there if the module is readable. ``values`` are what its attribute of the entry's name may be,
    None if it has surely none; then ``cls`` is the one class that it makes, if there is surely one.
    """

    handler: HandlerName
    built_in: TorchHandler | None = None
    module: Module | None = None
    space: Namespace | None = None
    values: Values | None = None
    cls: ClassOf | None = None

    @property
    def member(self) -> str | None:
        """The file of the module."""
        return None if self.module is None else self.module.source


class Worker:
    """What a Python worker does with the files of a model; ``model_file`` is None if it is not packed."""

    def __init__(self, modules: Modules, *, handler: HandlerName | None, model_file: str | None) -> None:
        self.modules = modules
        self._handler = handler
        self._model_file = model_file

    @cached_property
    def graph(self) -> dict[str, Step]:
        """The archive's modules that importing handler and model file runs, by name, and the surest way there."""
        steps: dict[str, Step] = {}
        waiting = deque(self._first_steps())
        while waiting:
            name, step = waiting.popleft()
            for module in self.modules.reached(name):
                known = steps.get(module.name)
                if known is not None and known.rank <= step.rank:
                    continue
                steps[module.name] = step
                space = self.modules.space(module)
                for item in space.imports if space is not None else ():
                    if item.module is None:
                        continue
                    inner = Step(
                        sure=step.sure and item.sure,
                        caught=step.caught or item.all_is_caught,
                        late=step.late or item.late,
                    )
                    waiting.append((item.module, inner))
                    waiting.extend((f"{item.module}.{part}", inner) for part in item.names)
        return steps

    @cached_property
    def spaces(self) -> tuple[Namespace, ...]:
        """What the modules of the graph bind, as far as they can be read."""
        modules = (self.modules.find(name) for name in self.graph)
        spaces = (self.modules.space(module) for module in modules if module is not None)
        return tuple(space for space in spaces if space is not None)

    def _first_steps(self) -> Iterator[tuple[str, Step]]:
        entry = self.entry_point
        if entry is not None and entry.module is not None:
            # If a file that is called as a built-in handler cannot be imported, that serves.
            sure = entry.handler.value not in HANDLER_MODULES
            yield entry.module.name, Step(sure=sure, caught=False, late=False)
        if self.model_module is not None and self.loads_model_file is not False:
            yield self.model_module.name, Step(sure=self.loads_model is True, caught=False, late=False)

    @cached_property
    def model_module(self) -> Module | None:
        """The module that BaseHandler imports as the model file, None where that is none of the archive."""
        module = (self._model_file or "").partition(".")[0]
        return None if "/" in module or not module else self.modules.find(module)

    @cached_property
    def entry_point(self) -> EntryPoint | None:
        """What the manifest's handler leads to; None if it leads nowhere, or no Python reads it."""
        handler = self._handler
        if handler is None or not handler.module:
            return None
        module = self.modules.find(handler.module)
        if module is None:
            built_in = HANDLER_MODULES.get(handler.value)
            return None if built_in is None else EntryPoint(handler=handler, built_in=built_in)
        space = self.modules.space(module)
        if space is None or module.source is None:
            return EntryPoint(handler=handler, module=module)
        if not space.is_absent(handler.function):
            return EntryPoint(handler=handler, module=module, space=space, values=space.get(handler.function))
        only = space.only_class
        cls = None if only is None else ClassOf(self.modules, space, module.source, only)
        return EntryPoint(handler=handler, module=module, space=space, cls=cls)

    @cached_property
    def loads_model(self) -> bool | None:
        """Whether BaseHandler loads the model: True if surely, False if surely not, None if nobody can tell."""
        entry = self.entry_point
        if entry is None:
            return None
        if entry.built_in is not None:
            return entry.built_in.loads_model
        if entry.cls is None:
            functions = entry.values is not None and all(isinstance(value, Function) for value in entry.values)
            return False if functions else None
        return _loads_model(entry.cls)

    @cached_property
    def loads_model_file(self) -> bool | None:
        """Whether the model file is imported as BaseHandler does, which wants one class that is made with nothing.

        True if surely, False if nothing in the handler's text could have that done, None if nobody can tell.
        """
        entry = self.entry_point
        if entry is None or entry.built_in is not None or self.loads_model:
            # DenseNetHandler has a copy of its own of what BaseHandler does.
            return self.loads_model or None
        if entry.cls is None:
            space = entry.space
            return False if self.loads_model is False and space and not _may_load(space.tree, space.tree) else None
        for item in entry.cls.lineage:
            if isinstance(item, ClassOf):
                if item.node is None or _may_load(item.space.tree, item.node):
                    return None
            elif item is None or attributes_of(item) is None:
                return None
        return False


def _may_load(module: ast.Module, made: ast.AST) -> bool:
    """Tell whether a module names what BaseHandler loads a model file with, or its part calls an initialize."""
    return any(
        getattr(node, key, None) in _LOADERS for node in ast.walk(module) for key in ("attr", "id", "name")
    ) or any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "initialize"
        for node in ast.walk(made)
    )


def _loads_model(cls: ClassOf) -> bool | None:
    """Tell whether a handler's class has BaseHandler load the model, None if nobody can tell."""
    found = cls.attribute("initialize")
    if isinstance(found.owner, str):
        return _loading(found.owner) if cls.attribute("_load_pickled_model").has is False else None
    if found.owner is None or found.node is None:
        return None
    lineage = cls.lineage
    outside = [item for item in lineage if not isinstance(item, ClassOf)]
    if all(item is not None and attributes_of(item) == frozenset() for item in outside):
        return False
    if not calls_super(found.node):
        return None
    # What the class that calls it has behind it.
    behind = lineage[lineage.index(found.owner) + 1 :]
    overridden = any(
        item.own_attribute(name).has is not False
        for item in lineage
        if isinstance(item, ClassOf)
        for name in ("_load_pickled_model", *(["initialize"] if item in behind else []))
    )
    first = next((item for item in behind if not isinstance(item, ClassOf) and item != ABC), None)
    return None if overridden or first is None else _loading(first)


def _loading(path: str) -> bool | None:
    handler = torch_handler(path)
    return None if handler is None else handler.loads_model
