"""Which file of an archive an import means, where a class gets its attributes from, and what the handler names."""

from __future__ import annotations

import ast
import posixpath
import re
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from marpack.checks.distributions import Distributions, read_requirements
from marpack.checks.namespace import Class, Function, Imported, Namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.checks.namespace import Value
    from marpack.checks.subject import Handler, Source, Subject

__all__ = [
    "HANDLER_CLASSES",
    "HANDLER_MODULES",
    "INTERPRETERS_OWN",
    "Attribute",
    "ClassOf",
    "Entry",
    "Module",
    "Modules",
    "Step",
    "accepts",
    "parameters",
]

# Modules of ts.torch_handler that hold a handler, and its class; all of them BaseHandler's but DenseNetHandler.
HANDLER_MODULES = {
    "base_handler": "BaseHandler",
    "dali_handler": "DALIHandler",
    "dali_image_classifier": "DALIImageClassifier",
    "densenet_handler": "DenseNetHandler",
    "image_classifier": "ImageClassifier",
    "image_segmenter": "ImageSegmenter",
    "object_detector": "ObjectDetector",
    "text_classifier": "TextClassifier",
    "text_handler": "TextHandler",
    "trt_llm_handler": "TRTLLMHandler",
    "vision_handler": "VisionHandler",
    "vllm_handler": "VLLMHandler",
    "distributed.base_deepspeed_handler": "BaseDeepSpeedHandler",
    "distributed.base_pippy_handler": "BasePippyHandler",
}

# Those whose ``initialize`` is, or calls, BaseHandler's, which loads the model.
_LOADING = frozenset(
    {
        "BaseHandler",
        "DALIHandler",
        "DALIImageClassifier",
        "ImageClassifier",
        "ImageSegmenter",
        "ObjectDetector",
        "TextClassifier",
        "TextHandler",
        "VisionHandler",
    }
)
HANDLER_CLASSES = {name: name in _LOADING for name in HANDLER_MODULES.values()}

# Loaded before anything is looked for in files: a file of the name is never imported. Since Python 3.11 those of
# the second line are frozen into the interpreter.
INTERPRETERS_OWN = {
    *("_abc", "_ast", "_codecs", "_collections", "_functools", "_imp", "_io", "_locale", "_operator", "_signal"),
    *("_sre", "_stat", "_string", "_symtable", "_thread", "_tracemalloc", "_warnings", "_weakref", "atexit"),
    *("builtins", "errno", "faulthandler", "gc", "itertools", "marshal", "posix", "pwd", "sys", "time"),
} | {
    *("_collections_abc", "_sitebuiltins", "abc", "codecs", "genericpath", "io", "ntpath", "os", "posixpath"),
    *("runpy", "site", "stat", "zipimport"),
}

_METHODS = frozenset({"handle", "initialize"})
_MODULE_METHODS = frozenset({"eval", "load_state_dict", "to"})

# Classes from outside whose attributes are known, of those that are asked for.
_KNOWN: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            *("abc.ABC", "builtins.object", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol"),
            *("builtins.BaseException", "builtins.Exception", "builtins.ValueError", "builtins.RuntimeError"),
        ),
        frozenset[str](),
    ),
    **dict.fromkeys(
        ("torch.nn.Module", "torch.nn.modules.Module", "torch.nn.modules.module.Module"), _MODULE_METHODS
    ),
}
_ABC = "abc.ABC"

_EXTENSION = re.compile(r"\.(?: (?: cpython-\w[\w-]* | abi3 | cp\d+-\w+ ) \. )? (?: so | pyd ) \Z", re.VERBOSE)

# How far a chain of names is followed through the files of an archive.
_DEPTH = 30

# Decorators of methods that leave the parameters as they are.
_KEEPS_PARAMETERS = frozenset({"abstractmethod", "no_grad", "inference_mode", "timed", "override", "final"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """Where a module lies: ``source`` is its member, None for what is no text (compiled, a folder, linked)."""

    name: str
    source: str | None
    kind: Literal["source", "package", "compiled", "folder"]


@dataclass(frozen=True, slots=True)
class ClassOf:
    """A class of the archive, and the module that makes it."""

    space: Namespace
    member: str
    value: Class

    @property
    def node(self) -> ast.ClassDef | None:
        """Its statement, None if it is made by a call."""
        return self.value.node


@dataclass(frozen=True, slots=True)
class Attribute:
    """What is known of a class's attribute: whether it has it; ``owner`` and ``node`` if it is a ``def``."""

    has: bool | None
    owner: ClassOf | str | None = None
    node: ast.FunctionDef | ast.AsyncFunctionDef | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """How a module is reached when the model is loaded.

    ``sure`` is whether that happens, ``caught`` whether every error is, ``late`` whether only a call does it.
    """

    sure: bool
    caught: bool
    late: bool

    @property
    def rank(self) -> int:
        """How far it is from being surely imported and its errors ending the worker."""
        return (not self.sure) + 2 * self.late + 4 * self.caught


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What the worker calls: ``built_in`` is the class of ts.torch_handler, else ``module`` is of the archive.

    ``space`` is there if the module is readable. ``values`` are what its attribute of the entry's name may be,
    None if it has surely none; then ``cls`` is the one class that it makes, if there is surely one.
    """

    handler: Handler
    built_in: str | None = None
    module: Module | None = None
    space: Namespace | None = None
    values: frozenset[Value] | None = None
    cls: ClassOf | None = None


class Modules:
    """The modules that the files of an archive make, as the worker's search path finds them."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._spaces: dict[str, Namespace | None] = {}
        self._found: dict[str, Module | None] = {}
        self._files = frozenset(_plain(name) for name in subject.names)
        # Files and folders that lead out of the model's: they are modules of which nothing is known.
        self._linked = frozenset(subject.present)
        self._folders = {folder for name in self._files for folder in _parents(name)}
        self.roots = self._roots()

    def _roots(self) -> list[str]:
        """Return the folders in which the worker looks, first to last [server]: a colon adds the file's."""
        handler = self._subject.handler
        if handler is None or not handler.has_colon:
            return [""]
        folder = _plain(posixpath.dirname(handler.path))
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
        return None if module.source is None else self._subject.source(self._member(module.source))

    def _member(self, name: str) -> str:
        """Return the name of a member as it stands in the archive."""
        if name in self._subject.names:
            return name
        return next((given for given in self._subject.names if _plain(given) == name), name)

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
                    python=self._subject.settings.python,
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
                known = _attributes(item)
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
            elif _mentions(statement, name):
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
        if None in lineage or any(isinstance(item, str) and _attributes(item) is None for item in lineage):
            return []
        classes = [item for item in lineage if isinstance(item, ClassOf)]
        outside = [item for item in lineage if isinstance(item, str)]
        if not any(self._is_abc(item) for item in classes) and not any(map(_is_abstract_base, outside)):
            return []
        names = {
            statement.name: None
            for item in classes
            if item.node is not None
            for statement in item.node.body
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and _is_abstract(statement)
        }
        found = [self.attribute(cls, name) for name in names]
        return [item.node for item in found if item.node is not None and _is_abstract(item.node)]

    def required(self, cls: ClassOf) -> tuple[Attribute, list[str]] | None:
        """Return the constructor of a class and the arguments it cannot do without; None if it may do without."""
        if any(_is_decorated(item) for item in self.lineage(cls) if isinstance(item, ClassOf)):
            return None
        for name in ("__new__", "__init__"):
            found = self.attribute(cls, name)
            if found.node is not None:
                missing = _required(found.node.args)
                if missing and not found.node.decorator_list:
                    return found, missing
            elif found.has is not False:
                return None
        return None

    # -------------------------------------------------------------------------------------------- the whole

    @cached_property
    def distributions(self) -> Distributions:
        """What the requirements file of the model installs beside its files."""
        name = self._subject.role("requirementsFile")
        if name is None:
            return Distributions(b"")
        data, complete = read_requirements(self._subject, name)
        return Distributions(data, complete=complete)

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
        name = self._subject.role("modelFile")
        if name is None or name not in self._subject.names:
            return None
        module = name.partition(".")[0]
        return None if "/" in module or not module else self.find(module)

    # ---------------------------------------------------------------------------------------------- handler

    @cached_property
    def entry(self) -> Entry | None:
        """What the manifest's handler leads to; None if it leads nowhere, or no Python reads it."""
        handler = self._subject.handler
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
        if all(item is not None and _attributes(item) == frozenset() for item in outside):
            return False
        if not _calls_super(found.node):
            return None
        # What the class that calls it has behind it.
        behind = lineage[lineage.index(found.owner) + 1 :]
        overridden = any(
            self._own(item, name).has is not False
            for item in lineage
            if isinstance(item, ClassOf)
            for name in ("_load_pickled_model", *(["initialize"] if item in behind else []))
        )
        first = next((item for item in behind if not isinstance(item, ClassOf) and item != _ABC), None)
        if overridden or first is None:
            return None
        return HANDLER_CLASSES.get(first.rpartition(".")[2]) if _attributes(first) else None


def accepts(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, count: int) -> bool:
    """Tell whether a function can be called with so many positional arguments."""
    args = node.args
    positional = len(args.posonlyargs) + len(args.args)
    needs_keywords = any(default is None for default in args.kw_defaults)
    fits = positional - len(args.defaults) <= count and (count <= positional or args.vararg is not None)
    return fits and not needs_keywords


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a method's parameters are those of its text, ``self`` first."""
    if node.name == "__new__":
        return not node.decorator_list
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (getattr(called, "attr", None) or getattr(called, "id", None)) not in _KEEPS_PARAMETERS:
            return False
    return True


def _attributes(path: str) -> frozenset[str] | None:
    """Return which attributes of those asked for a class from outside has; None if that is not known."""
    name = path.rpartition(".")[2]
    if path.startswith("ts.torch_handler.") and name in HANDLER_CLASSES:
        return _METHODS | {"__init__"}
    return _KNOWN.get(path)


def _is_abstract_base(path: str) -> bool:
    return path == _ABC or path.startswith("ts.torch_handler.")


def _is_abstract(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {getattr(item, "attr", None) or getattr(item, "id", None) for item in node.decorator_list}
    return "abstractmethod" in names


def _is_decorated(cls: ClassOf) -> bool:
    """Tell whether a decorator may give a class another constructor."""
    return cls.node is None or bool(cls.node.decorator_list)


def _required(args: ast.arguments) -> list[str]:
    positional = [*args.posonlyargs, *args.args]
    without = positional[: len(positional) - len(args.defaults)][1:]
    keywords = [arg for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True) if default is None]
    return [arg.arg for arg in [*without, *keywords]]


def _calls_super(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a method surely does what its base does: a plain statement ``super().initialize(...)``."""
    for statement in node.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            called = statement.value.func
            if (
                isinstance(called, ast.Attribute)
                and called.attr == "initialize"
                and isinstance(called.value, ast.Call)
                and isinstance(called.value.func, ast.Name)
                and called.value.func.id == "super"
            ):
                return True
        elif not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr, ast.Import, ast.ImportFrom)):
            return False
    return False


def _mentions(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement in the body of a class may bind a name."""
    for inner in ast.walk(statement):
        if isinstance(inner, ast.Name) and inner.id == name and isinstance(inner.ctx, ast.Store):
            return True
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and inner.name == name:
            return True
        if isinstance(inner, ast.alias) and (inner.asname or inner.name) in {name, "*"}:
            return True
        if isinstance(inner, ast.Name) and inner.id in {"locals", "vars", "exec"}:
            return True
    return False


def _plain(name: str) -> str:
    """Return a member's name as a path from the root of the model."""
    plain = posixpath.normpath(name.lstrip("/")) if name.strip("/") else ""
    return "" if plain == "." else plain


def _parents(name: str) -> Iterator[str]:
    folder = posixpath.dirname(name)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
