"""Rules about the handler: its name in the manifest, and the entry point that the worker finds in its file."""

from __future__ import annotations

import ast
import posixpath
import re
from typing import TYPE_CHECKING, TypeAlias

from marpack.checks.modules import HANDLER_MODULES, INTERPRETERS_OWN, ClassOf, accepts, parameters
from marpack.checks.namespace import Class, Function, Imported, Plain
from marpack.checks.registry import Problem, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.checks.modules import Attribute, Entry, Modules
    from marpack.checks.subject import Handler, Subject
    from marpack.errors import Severity

__all__ = ["BUILT_IN_NEEDS", "constructor_problems", "fallback", "is_python"]

Method: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"

KEY = "model.handler"

# What the built-in handlers import beside torch [server].
_VISION = ("torchvision", "captum")
BUILT_IN_NEEDS = {
    "dali_handler": ("nvidia.dali", "captum"),
    "dali_image_classifier": ("nvidia.dali", "captum"),
    "image_classifier": _VISION,
    "image_segmenter": _VISION,
    "object_detector": _VISION,
    "text_classifier": ("captum",),
    "text_handler": ("captum",),
    "trt_llm_handler": ("tensorrt_llm", "transformers"),
    "vision_handler": ("captum",),
    "vllm_handler": ("vllm",),
}

_ASYNC = re.compile(
    rb"""asyncCommunication ["']? \s* : \s* (?: true | yes | on ) \b""", re.VERBOSE | re.IGNORECASE
)


def is_python(subject: Subject) -> bool:
    """Tell whether a Python worker takes the handler: of a model, and not for the C++ back end."""
    return not subject.is_workflow and subject.manifest.get("runtime") != "LSP"


def _named(subject: Subject) -> Handler | None:
    return subject.handler if is_python(subject) else None


def _entry(subject: Subject) -> Entry | None:
    return subject.modules.entry if is_python(subject) else None


# ------------------------------------------------------------------------------------------------- the name


@rule("handler-missing", "error")
def handler_is_missing(subject: Subject) -> Iterator[Problem]:
    """Name a handler in the manifest.

    Without one the server takes its setting ``default_service_handler``, and where that is not set either, the
    worker gets the folder of the model for a handler: it finds no such module and dies, again and again [server].
    """
    if is_python(subject) and subject.model and subject.model.get("handler") in (None, ""):
        yield Problem(
            key=KEY,
            member=subject.manifest_name,
            message="the manifest names no handler",
            effect="ModuleNotFoundError: No module named 'ts.torch_handler./...': the worker takes the folder of "
            "the model for its handler",
            fix="name a file that is packed, as handler.py, or a built-in handler, as image_classifier",
        )


def _why_no_module(handler: Handler) -> tuple[str, str] | None:
    """Return what keeps a handler's name from being that of any module, and how to write it."""
    value, module = handler.value, handler.module
    if handler.path.removesuffix(".py") in HANDLER_MODULES and value not in HANDLER_MODULES:
        name = handler.path.removesuffix(".py")
        return "is a built-in handler's with something added", f"write {name!r}, without '.py' or ':function'"
    if not module.strip():
        return "names no module", "write the name of its file, as handler.py"
    if "\\" in value:
        return "holds a backslash, which separates no folders here", "separate folders with '/', or with '.'"
    if value != value.strip() or module != module.strip():
        return "begins or ends with a blank", f"write {value.strip()!r}"
    if module.startswith("."):
        return "begins with '.', which imports no module", "name the module from the root of the archive"
    name, dot, suffix = module.rpartition(".")
    if dot and suffix.lower() in {"py", "pyc", "pyw", "ipynb"}:
        return f"ends in '.{suffix}': only '.py' goes away, the rest is a module's name", f"write '{name}.py'"
    return None


@rule("handler-name", "error")
def handler_name_is_no_module(subject: Subject) -> Iterator[Problem]:
    r"""Write the handler so that it is the name of a module.

    The worker cuts off one ``.py``, takes what stands behind the last ``/``, and imports that; when it cannot, it
    imports the whole text from ``ts.torch_handler``. So ``handler.PY``, ``folder\handler.py``, a blank at the end,
    and a built-in handler with ``.py`` or ``:function`` behind it are never found [server].
    """
    handler = _named(subject)
    if handler is None or _entry(subject) is not None:
        return
    why = _why_no_module(handler)
    if why is not None:
        yield Problem(
            key=KEY,
            member=subject.manifest_name,
            message=f"{handler.value!r} {why[0]}",
            effect=_no_module(handler),
            fix=why[1],
        )


@rule("handler-folder", "error")
def handler_in_a_folder(subject: Subject) -> Iterator[Problem]:
    """Name a handler in a sub-folder as ``folder.handler`` or as ``folder/handler.py:function``.

    Only what stands behind the last ``/`` is imported, and only the root of the archive is searched, unless there
    is a colon: that adds the folder of the handler [server].
    """
    handler = _named(subject)
    if handler is None or _entry(subject) is not None or _why_no_module(handler) is not None:
        return
    path = posixpath.normpath(handler.path.removesuffix(".py").lstrip("/"))
    if "/" in path and subject.holds(f"{path}.py"):
        dotted = path.replace("/", ".")
        yield Problem(
            key=KEY,
            member=subject.manifest_name,
            message=f"{handler.value!r} lies in a folder, where the worker does not look",
            effect=_no_module(handler),
            fix=f"write {dotted!r}, or '{path}.py:handle' with the name of its function",
        )


@rule("handler-file", "error")
def handler_file_is_not_packed(subject: Subject) -> Iterator[Problem]:
    """Pack the handler's file, or name a built-in handler.

    The worker imports the module from the root of the archive, then from ``ts.torch_handler``, and dies when it is
    in neither. A dotted name may be of a package that is installed where the server runs: that is a warning
    [server].
    """
    handler = _named(subject)
    if handler is None or _entry(subject) is not None or _why_no_module(handler) is not None:
        return
    path = posixpath.normpath(handler.path.removesuffix(".py").lstrip("/"))
    if "/" in path and subject.holds(f"{path}.py"):
        return
    if handler.module in INTERPRETERS_OWN:
        yield Problem(
            key=KEY,
            member=subject.manifest_name,
            message=f"{handler.module!r} is a module that Python has loaded before it looks for any file",
            effect=f"takes Python's own module {handler.module!r}, in which there is no handler, and dies",
            fix="give the handler's file another name",
        )
        return
    first = handler.module.partition(".")[0]
    near = [
        name
        for name in subject.names
        if posixpath.basename(name).lower() in {f"{handler.module}.py".lower(), f"{first}.py".lower()}
    ]
    found = f": {near[0]!r} is, whose name is another" if near else ""
    # Installed beside the server, it is found: nothing here can tell.
    installed = "." in handler.module and first not in subject.packages and not handler.value.endswith(".py")
    yield Problem(
        key=KEY,
        member=subject.manifest_name,
        message=f"{handler.value!r} is neither packed nor a built-in handler{found}",
        effect=_no_module(handler),
        fix=f"pack {handler.module.replace('.', '/')}.py, or name one of {', '.join(_BUILT_IN)}",
        severity="warning" if installed else None,
    )


_BUILT_IN = ("base_handler", "image_classifier", "image_segmenter", "object_detector", "text_classifier")


def _no_module(handler: Handler) -> str:
    if not handler.module:
        return "ValueError: Empty module name"
    if handler.module.startswith("."):
        return "TypeError: the 'package' argument is required to perform a relative import"
    return f"ModuleNotFoundError: {fallback(handler)}"


def fallback(handler: Handler) -> str:
    """Return the worker's last word on a handler that it cannot import: it was looked for in ts.torch_handler."""
    first, dot, _ = handler.value.partition(".")
    if dot and first in HANDLER_MODULES:
        full = f"ts.torch_handler.{handler.value}"
        return f"No module named '{full}'; 'ts.torch_handler.{first}' is not a package"
    return f"No module named {f'ts.torch_handler.{first}'!r}"


@rule("handler-hides-built-in", "warning")
def handler_file_hides_a_built_in(subject: Subject) -> Iterator[Problem]:
    """Give a packed file another name than a built-in handler's.

    The root of the archive is searched first, so ``image_classifier`` means the packed ``image_classifier.py``.
    But if that cannot import something, the built-in handler serves in its place, without a word [server].
    """
    entry = _entry(subject)
    if entry is not None and entry.module is not None and entry.handler.value in HANDLER_MODULES:
        yield Problem(
            key=KEY,
            member=entry.module.source,
            message=f"{entry.handler.value!r} is a built-in handler, and a packed file takes its place",
            effect="the packed file is taken, and the built-in handler where its import fails",
            fix="rename the file, or leave it out",
        )


@rule("handler-packages", "note")
def built_in_handler_needs_packages(subject: Subject) -> Iterator[Problem]:
    """See that the packages which a built-in handler imports are installed where the server runs.

    ``pip install torchserve`` brings none of them; TorchServe's own images have torchvision and captum [server].
    """
    entry = _entry(subject)
    if entry is None or entry.built_in is None:
        return
    missing = [
        name
        for name in BUILT_IN_NEEDS.get(entry.handler.value, ())
        if subject.modules.find(name) is None and not subject.modules.distributions.brings(name)
    ]
    if missing:
        yield Problem(
            key=KEY,
            member=subject.manifest_name,
            message=f"the handler {entry.handler.value!r} imports {' and '.join(missing)}",
            effect=f"ModuleNotFoundError: No module named {missing[-1]!r}, where that is not installed",
            fix="use an image that has them, or a requirements file and install_py_dep_per_model=true",
        )


# -------------------------------------------------------------------------------------------- the entry point


@rule("handler-function", "error")
def handler_function_does_not_exist(subject: Subject) -> Iterator[Problem]:
    """Name a function that the handler's module has.

    If it has none of that name, the worker looks for a class: with exactly one in the module it silently uses
    that (a warning), else it dies. Everything behind the first colon is the name [server].
    """
    entry = _entry(subject)
    if entry is None or entry.space is None or not entry.handler.names_function or entry.values is not None:
        return
    name = entry.handler.function
    if entry.cls is None and not entry.space.has_no_class and len(entry.space.sure_classes) < 2:
        return
    second = ": write one colon only" if ":" in name else ""
    if entry.cls is not None:
        yield Problem(
            key=KEY,
            member=_member(entry),
            line=entry.cls.value.line,
            severity="warning",
            message=f"there is no {name!r}{second}",
            effect=f"the class {entry.cls.value.name} is used instead, without a word",
            fix=f"leave ':{name}' out, or name a function of the module",
        )
        return
    yield Problem(
        key=KEY,
        member=_member(entry),
        message=f"there is no function {name!r}{second}",
        effect=_one_class(entry),
        fix=f"define {name.partition(':')[0]}(data, context) at the top level, or name another function",
    )


@rule("handler-classes", "error")
def handler_has_not_one_class(subject: Subject) -> Iterator[Problem]:
    """Define one class in the handler's module, or a function ``handle(data, context)``.

    Without a function of the entry's name the worker takes the only class that the module makes. It counts every
    name that is bound to one: exceptions, enums, data classes, named tuples, and a second name for the same class;
    not those that are imported, which is the way out. The documentation says that the first is taken: it is not
    [server].
    """
    entry = _entry(subject)
    if entry is None or entry.values is not None or entry.handler.names_function:
        return
    if entry.space is None:
        if entry.module is not None and entry.module.kind == "folder":
            yield Problem(
                key=KEY,
                message=f"{entry.handler.value!r} is a folder without an __init__.py: a module with no names",
                effect="ValueError: Expected only one class in custom service code or a function entry point []",
                fix="name the file in it, as folder.handler",
            )
        return
    several = _several(entry)
    if several:
        yield Problem(
            key=KEY,
            member=_member(entry),
            line=entry.space.sure_classes[several[1]].line,
            message=f"the module has {len(several)} classes: {', '.join(several)}",
            effect=_one_class(entry),
            fix="keep one and import the others from a second file that is packed too, or add a function "
            "handle(data, context)",
        )
    elif entry.space.has_no_class:
        yield Problem(
            key=KEY,
            member=_member(entry),
            message="the module has neither a class nor a function 'handle'",
            effect=_one_class(entry),
            fix=_other_function(entry) or "define a class with initialize and handle, or handle(data, context)",
        )


def _several(entry: Entry) -> list[str]:
    """Return the names of the module's classes, in their order, if they are surely more than one."""
    classes = {} if entry.space is None else entry.space.sure_classes
    return sorted(classes, key=lambda name: classes[name].line) if len(classes) > 1 else []


def _one_class(entry: Entry) -> str:
    classes = {} if entry.space is None else entry.space.sure_classes
    shown = ", ".join(f"<class '{entry.handler.module}.{classes[name].name}'>" for name in sorted(_several(entry)))
    return f"ValueError: Expected only one class in custom service code or a function entry point [{shown}]"


def _other_function(entry: Entry) -> str | None:
    """Return how to name the only function of the module that could be meant."""
    if entry.space is None:
        return None
    functions = [
        name
        for name in entry.space.bindings
        if isinstance(value := entry.space.only(name), Function) and accepts(value.node, 2) and name[0] != "_"
    ]
    return f"name its function: '{entry.handler.path}:{functions[0]}'" if len(functions) == 1 else None


def _member(entry: Entry) -> str | None:
    return None if entry.module is None else entry.module.source


def _meant(entry: Entry) -> Class | Function | Plain | Imported | None:
    """Return what the entry's name is surely bound to."""
    values = entry.values or frozenset()
    [value] = values if len(values) == 1 else [None]
    return value if isinstance(value, (Class, Function, Plain, Imported)) else None


@rule("handler-not-callable", "error")
def entry_is_not_callable(subject: Subject) -> Iterator[Problem]:
    """Bind the name of the entry point to a function that takes ``(data, context)``.

    Whatever the module has under that name is called, an imported thing too, and no class is looked at then: a
    class is called with two arguments, and ``handle = None`` cannot be called [server].
    """
    if (entry := _entry(subject)) is None or entry.values is None:
        return
    value = _meant(entry)
    name = entry.handler.function
    modules = subject.modules
    if isinstance(value, Plain) and value.text is not None:
        kind = f"{value.type!r} object" if value.type else "object"
        yield Problem(
            key=KEY,
            member=_member(entry),
            message=f"{name!r} is bound to {value.text}, which cannot be called",
            effect=f"TypeError: {kind} is not callable",
            fix=f"define {name}(data, context), or name the entry point in the manifest, as module:function",
        )
        return
    if value is None or entry.space is None:
        return
    cls = modules.resolve(value, entry.space, _member(entry) or "")
    if isinstance(cls, str) or cls is None or cls.node is None or cls.node.decorator_list:
        return
    if any(keyword.arg == "metaclass" for keyword in cls.node.keywords):
        return
    found = modules.attribute(cls, "__init__")
    if modules.attribute(cls, "__new__").has is not False:
        return
    if found.has is False or (found.node is not None and not accepts(found.node, 3)):
        yield Problem(
            key=KEY,
            member=_member(entry),
            line=cls.value.line,
            message=f"{name!r} is a class: the worker calls it as a function",
            effect=f"TypeError: {cls.value.name}() takes no arguments",
            fix="leave the name out: the only class of the module is used",
        )


@rule("handler-parameters", "error")
def handler_has_other_parameters(subject: Subject) -> Iterator[Problem]:
    """Let the entry point take ``(data, context)``, and ``initialize`` take ``(context)``.

    The worker calls a function with ``(None, context)`` once it is loaded, and with ``(data, context)`` for each
    batch. Of a class it calls ``initialize(context)`` and then ``handle(data, context)`` [server].
    """
    if (entry := _entry(subject)) is None:
        return
    if entry.values is not None:
        value = _meant(entry)
        if isinstance(value, Function) and not value.decorated and not accepts(value.node, 2):
            yield Problem(
                key=KEY,
                member=_member(entry),
                line=value.line,
                message=f"{entry.handler.function}({_shown(value.node.args)}) cannot be called with two arguments",
                effect=_wrong_call(f"{getattr(value.node, 'name', '<lambda>')}()", value.node.args, 2),
                fix=f"define {entry.handler.function}(data, context)",
            )
        return
    for name, count, wanted in [("initialize", 1, "(self, context)"), ("handle", 2, "(self, data, context)")]:
        found = None if entry.cls is None else subject.modules.attribute(entry.cls, name)
        if found is None or found.node is None or not parameters(found.node) or accepts(found.node, count + 1):
            continue
        yield Problem(
            key=KEY,
            member=_owner(found.owner) or _member(entry),
            line=found.node.lineno,
            message=f"{name}({_shown(found.node.args)}) cannot be called as the worker does",
            effect=_wrong_call(f"{_qualified(found)}()", found.node.args, count + 1),
            fix=f"define {name}{wanted}",
        )


def _qualified(found: Attribute) -> str:
    """Return a method's name as Python tells it."""
    name = found.node.name if found.node is not None else ""
    return f"{found.owner.value.name}.{name}" if isinstance(found.owner, ClassOf) else name


def _owner(owner: ClassOf | str | None) -> str | None:
    return None if owner is None or isinstance(owner, str) else owner.member


def _shown(args: ast.arguments) -> str:
    try:
        return ast.unparse(args)[:100]
    except RecursionError:
        return "..."


def _wrong_call(name: str, args: ast.arguments, given: int) -> str:
    """Return what Python says when a function gets so many positional arguments, which it does not take."""
    positional = [*args.posonlyargs, *args.args]
    needed = len(positional) - len(args.defaults)
    if len(positional) < given and args.vararg is None:
        least = f"from {needed} to " if args.defaults else ""
        plural = "" if len(positional) == 1 and not args.defaults else "s"
        return (
            f"TypeError: {name} takes {least}{len(positional)} positional argument{plural} but {given} were given"
        )
    missing = [repr(arg.arg) for arg in positional[given:needed]]
    kind = "positional" if missing else "keyword-only"
    if not missing:
        pairs = zip(args.kwonlyargs, args.kw_defaults, strict=True)
        missing = [repr(arg.arg) for arg, default in pairs if default is None]
    return (
        f"TypeError: {name} missing {len(missing)} required {kind} argument{_plural(missing)}: {_listed(missing)}"
    )


def _plural(items: list[str]) -> str:
    return "s" if len(items) != 1 else ""


def _listed(items: list[str]) -> str:
    """Return items as Python lists them."""
    if len(items) < 3:
        return " and ".join(items)
    return f"{', '.join(items[:-1])}, and {items[-1]}"


@rule("handler-first-call", "error")
def function_needs_data_at_once(subject: Subject) -> Iterator[Problem]:
    """Let the entry function expect a first call without data.

    The worker calls it with ``(None, context)`` as soon as it is loaded, for it to load the model. A function that
    goes through its data before it looks whether there is any, ends the worker [server].
    """
    entry = _entry(subject)
    if entry is None or entry.values is None:
        return
    value = _meant(entry)
    if not isinstance(value, Function) or value.decorated or not isinstance(value.node, ast.FunctionDef):
        return
    names = [arg.arg for arg in [*value.node.args.posonlyargs, *value.node.args.args]]
    if not names or any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in ast.walk(value.node)):
        return
    try:
        use = _first_use(value.node.body, names[0])
    except RecursionError:  # an expression of a thousand steps
        use = None
    if use is not None:
        yield Problem(
            key=KEY,
            member=_member(entry),
            line=use[0],
            message=f"{entry.handler.function} uses {names[0]!r}, which is None in the first call",
            effect=f"TypeError: {use[1]}",
            fix=f"begin with: if {names[0]} is None: return None",
        )


def _first_use(body: list[ast.stmt], name: str) -> tuple[int, str] | None:
    """Return where statements surely use a name as a sequence, before anything is decided."""
    for statement in body:
        if isinstance(statement, (ast.For, ast.AsyncFor)) and _is(statement.iter, name):
            return statement.lineno, "'NoneType' object is not iterable"
        if not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr, ast.Return, ast.Pass)):
            return None
        if statement_value := getattr(statement, "value", None):
            use = _used(statement_value, name)
            if use is not None:
                return statement.lineno, use
            if any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(statement_value)):
                return None
        if isinstance(statement, ast.Return):
            return None
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(_is(part, name) for target in targets if target is not None for part in ast.walk(target)):
            return None
    return None


def _used(node: ast.expr, name: str) -> str | None:
    """Return how an expression, all of which is evaluated, fails if a name is None."""
    match node:
        case ast.ListComp() | ast.SetComp() | ast.DictComp() if _is(node.generators[0].iter, name):
            return "'NoneType' object is not iterable"
        case ast.Subscript(value=value) if _is(value, name):
            return "'NoneType' object is not subscriptable"
        case ast.Call(func=ast.Name(id="len"), args=[argument]) if _is(argument, name):
            return "object of type 'NoneType' has no len()"
        case ast.Call():
            parts = [node.func, *node.args, *(keyword.value for keyword in node.keywords)]
        case ast.Attribute() | ast.Subscript() | ast.Starred():
            parts = [node.value]
        case ast.List() | ast.Tuple():
            parts = node.elts
        case _:
            return None
    return next(filter(None, (_used(part, name) for part in parts)), None)


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


@rule("handler-coroutine", "warning")
def handler_is_a_coroutine(subject: Subject) -> Iterator[Problem]:
    """Set ``asyncCommunication: true`` in the model's configuration file for an ``async`` handler.

    Otherwise nobody awaits what the entry point returns, and every request is answered with 503 [server]. What
    ``initialize`` returns is never awaited.
    """
    entry = _entry(subject)
    if entry is None:
        return
    config = subject.role("configFile")
    is_async = config is not None and _ASYNC.search(subject.read(config) or b"") is not None
    if entry.built_in in _COROUTINES and not is_async:
        yield Problem(
            key=KEY,
            member=subject.manifest_name,
            message=f"the handler {entry.handler.value!r} is a coroutine, and nobody awaits it",
            effect="503 Invalid model predict output; the log: Invalid return type: <class 'coroutine'>",
            fix="set asyncCommunication: true in the model's configuration file",
        )
    found: list[tuple[str, Method, str | None]] = []
    if entry.values is not None:
        value = _meant(entry)
        if isinstance(value, Function) and isinstance(value.node, ast.AsyncFunctionDef) and not value.decorated:
            found.append((entry.handler.function, value.node, _member(entry)))
    elif entry.cls is not None:
        for name in ("initialize", "handle"):
            method = subject.modules.attribute(entry.cls, name)
            if isinstance(method.node, ast.AsyncFunctionDef) and not method.node.decorator_list:
                found.append((name, method.node, _owner(method.owner)))
    for name, node, member in found:
        if name == "initialize" or not is_async:
            yield Problem(
                key=KEY,
                member=member,
                line=node.lineno,
                message=f"{name} is a coroutine, and nobody awaits it",
                effect="initialize never runs"
                if name == "initialize"
                else "503 Invalid model predict output; the log: Invalid return type: <class 'coroutine'>",
                fix="define it without async"
                if name == "initialize"
                else "define it without async, or set asyncCommunication: true in the model's configuration file",
            )


_COROUTINES = {"TRTLLMHandler", "VLLMHandler"}


@rule("handler-methods", "error")
def handler_class_lacks_methods(subject: Subject) -> Iterator[Problem]:
    """Give the handler's class the methods ``initialize`` and ``handle``.

    The worker makes one object of the class and needs both. Those of ``BaseHandler`` and of every other class of
    ``ts.torch_handler`` will do; of a base from elsewhere nothing is known, so nothing is said [server].
    """
    entry = _entry(subject)
    if entry is None or entry.cls is None:
        return
    name = f"<class '{entry.handler.module}.{entry.cls.value.name}'>"
    effects = {
        "handle": f"ValueError: Expect handle method in class {name}",
        "initialize": f"AttributeError: '{entry.cls.value.name}' object has no attribute 'initialize'",
    }
    for method, effect in effects.items():
        if subject.modules.attribute(entry.cls, method).has is False:
            yield Problem(
                key=KEY,
                member=entry.cls.member,
                line=entry.cls.value.line,
                message=f"the class {entry.cls.value.name} has no method {method!r}",
                effect=effect,
                fix="define it, or derive the class from ts.torch_handler.base_handler.BaseHandler",
            )


@rule("handler-constructor", "error")
def handler_constructor_needs_arguments(subject: Subject) -> Iterator[Problem]:
    """Let the handler's class be made without arguments.

    The worker calls it with none; what a handler needs it finds in the context that ``initialize`` gets [server].
    """
    entry = _entry(subject)
    if entry is None or entry.cls is None:
        return
    yield from constructor_problems(subject.modules, entry.cls, KEY, "error", "read them in initialize(context)")


def constructor_problems(
    modules: Modules, cls: ClassOf, key: str, severity: Severity, instead: str
) -> Iterator[Problem]:
    """Yield what keeps a class from being made without arguments: required ones, and abstract methods."""
    name = cls.value.name
    required = modules.required(cls)
    if required is not None:
        found, missing = required
        effect = _wrong_call(f"{_qualified(found)}()", found.node.args, 1) if found.node is not None else ""
        yield Problem(
            key=key,
            member=_owner(found.owner) or cls.member,
            line=None if found.node is None else found.node.lineno,
            severity=severity,
            message=f"the class {name} cannot be made without {', '.join(missing)}",
            effect=effect,
            fix=f"give them defaults, or {instead}",
        )
    abstract = modules.abstract(cls)
    if abstract:
        yield Problem(
            key=key,
            member=cls.member,
            line=abstract[0].lineno,
            severity=severity,
            message=f"the class {name} is abstract: {', '.join(node.name for node in abstract)}",
            effect=f"TypeError: Can't instantiate abstract class {name}",
            fix="define them without @abstractmethod",
        )
