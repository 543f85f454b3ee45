"""Which file of an archive an import means, where a class gets its attributes from, and what the handler names."""

from __future__ import annotations

import ast
import posixpath
import re
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

from marpack.checks.python.calls import plain_function
from marpack.checks.python.classes import (
    ABC,
    Attribute,
    ClassOf,
    attributes_of,
    calls_super,
    is_abstract,
    is_abstract_base,
    is_decorated,
    mentions,
    required_parameters,
)
from marpack.checks.python.entry_point import Entry, Module, Step
from marpack.checks.python.namespace import Namespace
from marpack.checks.python.torch_handlers import HANDLER_CLASSES, HANDLER_MODULES, INTERPRETERS_OWN
from marpack.checks.python.values import Class, Function, Imported

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from marpack.archive.handler import HandlerName
    from marpack.checks.python.source import Source
    from marpack.checks.python.values import Value

__all__ = ["Modules"]

_EXTENSION = re.compile(r"\.(?: (?: cpython-\w[\w-]* | abi3 | cp\d+-\w+ ) \. )? (?: so | pyd ) \Z", re.VERBOSE)

# How far a chain of names is followed through the files of an archive.
_DEPTH = 30


class Modules:
    """The modules that the files of an archive make, as the worker's search path finds them.

    ``names`` are the files, ``linked`` the files and folders that are there and not read, ``source_of`` takes a
    file apart; ``handler`` and ``model_file`` are the manifest's, and ``python`` is the server's version.
    """

    def __init__(
        self,
        *,
        names: Collection[str],
        linked: Collection[str],
        handler: HandlerName | None,
        model_file: str | None,
        source_of: Callable[[str], Source | None],
        python: tuple[int, int],
    ) -> None:
        self._names = names
        self._handler = handler
        self._model_file = model_file
        self._source_of = source_of
        self._python = python
        self._spaces: dict[str, Namespace | None] = {}
        self._found: dict[str, Module | None] = {}
        self._files = frozenset(plain_function(name) for name in names)
        # Files and folders that lead out of the model's: they are modules of which nothing is known.
        self._linked = frozenset(linked)
        self._folders = {folder for name in self._files for folder in _parents(name)}
        self.roots = self._roots()

    def _roots(self) -> list[str]:
        """Return the folders in which the worker looks, first to last [server]: a colon adds the file's."""
        handler = self._handler
        if handler is None or not handler.has_colon:
            return [""]
        folder = plain_function(posixpath.dirname(handler.path))
        return [folder, ""] if folder and folder in self._folders else [""]

    # ---------------------------------------------------------------------------------------------- modules

    def find(self, name: str) -> Module | None:
        """Return where the import of a dotted name leads, None for what no file of the archive makes."""
        if name not in self._found:
            self._found[name] = self._look_for(name)
        return self._found[name]

    def _look_for(self, name: str) -> Module | None:
        first, _, _ = name.partition(".")
        if first in INTERPRETERS_OWN:
            return None
        folders, found = self.roots, None
        for part in name.split("."):
            if not part or (found is not None and found.kind not in {"package", "folder"}):
                return None
            found = self._in_folders(part, folders, name)
            if found is None:
                return None
            folders = [posixpath.join(folder, part) for folder in folders]
            if found.source is not None:
                folders = [posixpath.dirname(found.source)]
        return found

    def _in_folders(self, part: str, folders: list[str], name: str) -> Module | None:
        is_folder = False
        for folder in folders:
            base = posixpath.join(folder, part)
            if not self._linked.isdisjoint((base, f"{base}.py", f"{base}/__init__.py")):
                return Module(name=name, source=None, kind="compiled")
            if f"{base}/__init__.py" in self._files:
                return Module(name=name, source=f"{base}/__init__.py", kind="package")
            if base in self._folders and self._compiled(f"{base}/__init__"):
                return Module(name=name, source=None, kind="compiled")
            if self._compiled(base, extensions_only=True):
                return Module(name=name, source=None, kind="compiled")
            if f"{base}.py" in self._files:
                return Module(name=name, source=f"{base}.py", kind="source")
            if f"{base}.pyc" in self._files:
                return Module(name=name, source=None, kind="compiled")
            is_folder = is_folder or base in self._folders
        return Module(name=name, source=None, kind="folder") if is_folder else None

    def _compiled(self, base: str, *, extensions_only: bool = False) -> bool:
        if not extensions_only and f"{base}.pyc" in self._files:
            return True
        return base in self._extensions

    @cached_property
    def _extensions(self) -> frozenset[str]:
        ends = [(name, _EXTENSION.search(name)) for name in self._files if name.endswith((".so", ".pyd"))]
        return frozenset(name[: end.start()] for name, end in ends if end is not None)

    def source(self, module: Module) -> Source | None:
        """Return a module's text, taken apart."""
        return None if module.source is None else self._source_of(self._member(module.source))

    def _member(self, name: str) -> str:
        """Return the name of a member as it stands in the archive."""
        if name in self._names:
            return name
        return next((given for given in self._names if plain_function(given) == name), name)

    def space(self, module: Module) -> Namespace | None:
        """Return a module's names; None if its text is none, or is no Python."""
        if module.name not in self._spaces:
            self._spaces[module.name] = None  # a star-import of itself, through others
            source = self.source(module)
            if source is not None and source.tree is not None:
                package = module.name if module.kind == "package" else module.name.rpartition(".")[0]
                self._spaces[module.name] = Namespace(
                    source.tree,
                    name=module.name,
                    package=package,
                    python=self._python,
                    stars=self._stars,
                )
        return self._spaces[module.name]

    def _stars(self, name: str) -> list[str] | None:
        module = self.find(name)
        space = None if module is None else self.space(module)
        if space is None or not space.certain or "__all__" in space.bindings:
            return None
        return [name for name in space.bindings if not name.startswith("_")]

    def reached(self, name: str) -> Iterator[Module]:
        """Yield the packages that hold a module, and itself, as far as they are the archive's."""
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            module = self.find(".".join(parts[:end]))
            if module is None:
                return
            yield module

    # ---------------------------------------------------------------------------------------------- classes

    def resolve(self, value: Value, space: Namespace, member: str, depth: int = 0) -> ClassOf | str | None:
        """Follow a value through the archive's modules to a class, or to the dotted name of something outside."""
        if isinstance(value, Class):
            return ClassOf(space, member, value)
        if not isinstance(value, Imported) or depth > _DEPTH:
            return None
        module, rest = self._longest(value.path)
        if module is None:
            return value.path
        inner = self.space(module)
        if inner is None or module.source is None or len(rest) != 1:
            return None
        found = inner.only(rest[0])
        return None if found is None else self.resolve(found, inner, module.source, depth + 1)

    def _longest(self, path: str) -> tuple[Module | None, list[str]]:
        """Return the module that a dotted name begins with, if it is the archive's, and what remains."""
        parts = path.split(".")
        module, used = None, 0
        for end in range(1, len(parts) + 1):
            found = self.find(".".join(parts[:end]))
            if found is None:
                break
            module, used = found, end
        return module, parts[used:]

    def bases(self, cls: ClassOf) -> list[ClassOf | str | None]:
        """Return the bases of a class; None stands for what cannot be followed."""
        if cls.node is None:
            return [None]
        found: list[ClassOf | str | None] = []
        for base in cls.node.bases:
            # Generic[T] is looked up as Generic is.
            inner = base.value if isinstance(base, ast.Subscript) else base
            values = cls.space.value_of(inner)
            [value] = values if len(values) == 1 else [None]
            found.append(None if value is None else self.resolve(value, cls.space, cls.member))
        return found

    def lineage(self, cls: ClassOf) -> list[ClassOf | str | None]:
        """Return a class and all its bases in the order in which attributes are looked for; None: unknown ones."""
        order: list[ClassOf | str | None] = []
        self._walk(cls, order, 0)
        # A base that several share comes after all of them.
        seen: set[ClassOf | str] = set()
        backwards: list[ClassOf | str | None] = []
        for item in reversed(order):
            if item is None or item not in seen:
                backwards.append(item)
                if item is not None:
                    seen.add(item)
        return backwards[::-1]

    def _walk(self, cls: ClassOf, order: list[ClassOf | str | None], depth: int) -> None:
        order.append(cls)
        if depth > _DEPTH or len(order) > _DEPTH * _DEPTH:
            order.append(None)
            return
        if cls.node is not None and cls.node.keywords:
            keywords = {keyword.arg for keyword in cls.node.keywords}
            if keywords != {"metaclass"} or not self._is_abc(cls):
                order.append(None)
        for base in self.bases(cls):
            if isinstance(base, ClassOf):
                self._walk(base, order, depth + 1)
            else:
                order.append(base)

    def _is_abc(self, cls: ClassOf) -> bool:
        """Tell whether a class names ABCMeta as its metaclass."""
        for keyword in cls.node.keywords if cls.node is not None else ():
            if keyword.arg == "metaclass":
                return cls.space.value_of(keyword.value) == {Imported("abc.ABCMeta")}
        return False

    def attribute(self, cls: ClassOf, name: str) -> Attribute:
        """Return what is known of an attribute of a class, ``__init__`` included."""
        for item in self.lineage(cls):
            if item is None:
                return Attribute(None)
            if isinstance(item, str):
                known = attributes_of(item)
                if known is None:
                    return Attribute(None)
                if name in known:
                    return Attribute(True, owner=item)
                continue
            found = self._own(item, name)
            if found.has is not False:
                return found
        return Attribute(False)

    def _own(self, cls: ClassOf, name: str) -> Attribute:
        """Return what a class's own text says of an attribute of it or of its instances."""
        if cls.node is None or cls.value.name in cls.space.patched:
            return Attribute(None)
        defined: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
        for statement in cls.node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if statement.name == name:
                    defined.append(statement)
                if statement.name in {"__getattr__", "__getattribute__"}:
                    return Attribute(None)
            elif mentions(statement, name):
                return Attribute(None)
        if defined:
            return Attribute(True, owner=cls, node=defined[-1])
        for inner in ast.walk(cls.node):
            if isinstance(inner, ast.Attribute) and inner.attr == name and isinstance(inner.ctx, ast.Store):
                return Attribute(None)
            if isinstance(inner, ast.Name) and inner.id == "setattr":
                return Attribute(None)
        return Attribute(False)

    def abstract(self, cls: ClassOf) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Return the methods that keep a class from being instantiated; none if that is not certain."""
        lineage = self.lineage(cls)
        if None in lineage or any(isinstance(item, str) and attributes_of(item) is None for item in lineage):
            return []
        classes = [item for item in lineage if isinstance(item, ClassOf)]
        outside = [item for item in lineage if isinstance(item, str)]
        if not any(self._is_abc(item) for item in classes) and not any(map(is_abstract_base, outside)):
            return []
        names = {
            statement.name: None
            for item in classes
            if item.node is not None
            for statement in item.node.body
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_abstract(statement)
        }
        found = [self.attribute(cls, name) for name in names]
        return [item.node for item in found if item.node is not None and is_abstract(item.node)]

    def required(self, cls: ClassOf) -> tuple[Attribute, list[str]] | None:
        """Return the constructor of a class and the arguments it cannot do without; None if it may do without."""
        if any(is_decorated(item) for item in self.lineage(cls) if isinstance(item, ClassOf)):
            return None
        for name in ("__new__", "__init__"):
            found = self.attribute(cls, name)
            if found.node is not None:
                missing = required_parameters(found.node.args)
                if missing and not found.node.decorator_list:
                    return found, missing
            elif found.has is not False:
                return None
        return None

    # -------------------------------------------------------------------------------------------- the whole

    @cached_property
    def graph(self) -> dict[str, Step]:
        """All modules of the archive that importing the handler and the model file runs, by their names.

        A ``Step`` says how surely; the surest way is kept.
        """
        steps: dict[str, Step] = {}
        waiting: deque[tuple[str, Step]] = deque()
        entry = self.entry
        if entry is not None and entry.module is not None:
            # If a file that is called as a built-in handler cannot be imported, that serves.
            sure = entry.handler.value not in HANDLER_MODULES
            waiting.append((entry.module.name, Step(sure=sure, caught=False, late=False)))
        model_file = self.model_module
        if model_file is not None:
            waiting.append((model_file.name, Step(sure=self.loads_model is True, caught=False, late=False)))
        while waiting:
            name, step = waiting.popleft()
            for module in self.reached(name):
                known = steps.get(module.name)
                if known is not None and known.rank <= step.rank:
                    continue
                steps[module.name] = step
                space = self.space(module)
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
    def model_module(self) -> Module | None:
        """The module that BaseHandler imports as the model file, None where that is none of the archive."""
        name = self._model_file
        if name is None or name not in self._names:
            return None
        module = name.partition(".")[0]
        return None if "/" in module or not module else self.find(module)

    # ---------------------------------------------------------------------------------------------- handler

    @cached_property
    def entry(self) -> Entry | None:
        """What the manifest's handler leads to; None if it leads nowhere, or no Python reads it."""
        handler = self._handler
        if handler is None or not handler.module:
            return None
        module = self.find(handler.module)
        if module is None:
            built_in = HANDLER_MODULES.get(handler.value)
            return None if built_in is None else Entry(handler=handler, built_in=built_in)
        space = self.space(module)
        if space is None or module.source is None:
            return Entry(handler=handler, module=module)
        if not space.is_absent(handler.function):
            return Entry(handler=handler, module=module, space=space, values=space.get(handler.function))
        only = space.only_class
        cls = None if only is None else ClassOf(space, module.source, only[1])
        return Entry(handler=handler, module=module, space=space, cls=cls)

    @cached_property
    def loads_model(self) -> bool | None:
        """Whether BaseHandler loads the model: True if surely, False if surely not, None if nobody can tell."""
        entry = self.entry
        if entry is None:
            return None
        if entry.built_in is not None:
            return HANDLER_CLASSES[entry.built_in]
        if entry.cls is None:
            functions = entry.values is not None and all(isinstance(value, Function) for value in entry.values)
            return False if functions else None
        return self._loads(entry.cls)

    def _loads(self, cls: ClassOf) -> bool | None:
        found = self.attribute(cls, "initialize")
        if isinstance(found.owner, str):
            loading = self.attribute(cls, "_load_pickled_model")
            return HANDLER_CLASSES.get(found.owner.rpartition(".")[2]) if loading.has is False else None
        if found.owner is None or found.node is None:
            return None
        lineage = self.lineage(cls)
        outside = [item for item in lineage if not isinstance(item, ClassOf)]
        if all(item is not None and attributes_of(item) == frozenset() for item in outside):
            return False
        if not calls_super(found.node):
            return None
        # What the class that calls it has behind it.
        behind = lineage[lineage.index(found.owner) + 1 :]
        overridden = any(
            self._own(item, name).has is not False
            for item in lineage
            if isinstance(item, ClassOf)
            for name in ("_load_pickled_model", *(["initialize"] if item in behind else []))
        )
        first = next((item for item in behind if not isinstance(item, ClassOf) and item != ABC), None)
        if overridden or first is None:
            return None
        return HANDLER_CLASSES.get(first.rpartition(".")[2]) if attributes_of(first) else None


def _parents(name: str) -> Iterator[str]:
    folder = posixpath.dirname(name)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
