"""Rules about the module that the manifest's handler names."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from marpack.archive.handler import BUILTIN_HANDLERS, HandlerName
from marpack.checks.frame.subject import Subject
from marpack.checks.python.distributions import IN_IMAGES
from marpack.checks.python.entry_point import EntryPoint
from marpack.checks.python.torch_handlers import HANDLER_MODULES, INTERPRETERS_OWN
from marpack.checks.rules.manifest_file import manifest_finding
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

KEY = "model.handler"


def is_python(subject: Subject) -> bool:
    """Tell whether a Python worker takes the handler, not the C++ back end."""
    return subject.manifest.get("runtime") != "LSP"


def _unfound(subject: Subject) -> HandlerName | None:
    """Return the handler, if it leads nowhere and a Python worker gets it."""
    return subject.handler if is_python(subject) and subject.worker.entry_point is None else None


def _in_a_folder(subject: Subject, handler: HandlerName) -> str | None:
    """Return the path of a handler's file without its suffix, None if it does not lie in a folder."""
    path = posixpath.normpath(handler.path.removesuffix(".py").lstrip("/"))
    return path if "/" in path and subject.holds(f"{path}.py") else None


def entry_of(subject: Subject) -> EntryPoint | None:
    """Return what the worker calls, None where no Python worker does."""
    return subject.worker.entry_point if is_python(subject) else None


@rule("handler-missing", "error", kind="model")
def find_missing(subject: Subject) -> Iterator[Finding]:
    """Name a handler in the manifest.

    Without one the server takes its setting ``default_service_handler``, and where that is not set either, the
    worker gets the folder of the model for a handler: it finds no such module and dies, again and again [server].
    """
    if is_python(subject) and subject.model and subject.model.get("handler") in (None, ""):
        message = "the manifest names no handler"
        fix = "name a file that is packed, as handler.py, or a built-in handler, as image_classifier"
        error = "ModuleNotFoundError: No module named 'ts.torch_handler./...'"
        effect = f"{error}: the worker takes the folder of the model for its handler"
        yield manifest_finding(find_missing, subject, KEY, message=message, fix=fix, effect=effect)


def _why_no_module(handler: HandlerName) -> tuple[str, str] | None:
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


@rule("handler-name", "error", kind="model")
def find_no_module(subject: Subject) -> Iterator[Finding]:
    r"""Write the handler so that it is the name of a module.

    The worker cuts off one ``.py``, takes what stands behind the last ``/``, and imports that; when it cannot, it
    imports the whole text from ``ts.torch_handler``. So ``handler.PY``, ``folder\handler.py``, a blank at the end,
    and a built-in handler with ``.py`` or ``:function`` behind it are never found [server].
    """
    handler = _unfound(subject)
    why = None if handler is None else _why_no_module(handler)
    if handler is not None and why is not None:
        message, fix = f"{handler.value!r} {why[0]}", why[1]
        yield manifest_finding(find_no_module, subject, KEY, message=message, fix=fix, effect=_no_module(handler))


@rule("handler-folder", "error", kind="model")
def find_folder(subject: Subject) -> Iterator[Finding]:
    """Name a handler in a sub-folder as ``folder.handler`` or as ``folder/handler.py:function``.

    Only what stands behind the last ``/`` is imported, and only the root of the archive is searched, unless there
    is a colon: that adds the folder of the handler [server].
    """
    handler = _unfound(subject)
    if handler is None or _why_no_module(handler) is not None:
        return
    if path := _in_a_folder(subject, handler):
        message = f"{handler.value!r} lies in a folder, where the worker does not look"
        fix = f"write {path.replace('/', '.')!r}, or '{path}.py:handle' with the name of its function"
        yield manifest_finding(find_folder, subject, KEY, message=message, fix=fix, effect=_no_module(handler))


@rule("handler-file", "error", kind="model")
def find_not_packed(subject: Subject) -> Iterator[Finding]:
    """Pack the handler's file, or name a built-in handler.

    The worker imports the module from the root of the archive, then from ``ts.torch_handler``, and dies when it is
    in neither. A dotted name may be of a package installed where the server runs: that is a warning [server].
    """
    handler = _unfound(subject)
    if handler is None or _why_no_module(handler) is not None or _in_a_folder(subject, handler):
        return
    module = handler.module
    if module in INTERPRETERS_OWN:
        message = f"{module!r} is a module that Python has loaded before it looks for any file"
        effect = f"takes Python's own module {module!r}, in which there is no handler, and dies"
        fix = "give the handler's file another name"
        yield manifest_finding(find_not_packed, subject, KEY, message=message, fix=fix, effect=effect)
        return
    first = module.partition(".")[0]
    likely = {f"{module}.py".lower(), f"{first}.py".lower()}
    near = [name for name in subject.names if posixpath.basename(name).lower() in likely]
    found = f": {near[0]!r} is, whose name is another" if near else ""
    message = f"{handler.value!r} is neither packed nor a built-in handler{found}"
    fix = f"pack {module.replace('.', '/')}.py, or name one of {', '.join(_BUILT_IN)}"
    # Installed beside the server, it is found: nothing here can tell.
    installed = "." in module and first not in subject.packages and not handler.value.endswith(".py")
    severity: Severity = "warning" if installed else "error"
    yield manifest_finding(
        find_not_packed, subject, KEY, message=message, fix=fix, effect=_no_module(handler), severity=severity
    )


# Those that the archiver knows, and that need nothing which TorchServe's own images lack.
_BUILT_IN = [
    name for name in sorted(BUILTIN_HANDLERS["python"]) if IN_IMAGES.issuperset(HANDLER_MODULES[name].needs)
]


def _no_module(handler: HandlerName) -> str:
    if not handler.module:
        return "ValueError: Empty module name"
    if handler.module.startswith("."):
        return "TypeError: the 'package' argument is required to perform a relative import"
    return f"ModuleNotFoundError: {fallback(handler)}"


def fallback(handler: HandlerName) -> str:
    """Return the worker's last word on a handler that it cannot import: it was looked for in ts.torch_handler."""
    first, dot, _ = handler.value.partition(".")
    if dot and first in HANDLER_MODULES:
        full = f"ts.torch_handler.{handler.value}"
        return f"No module named '{full}'; 'ts.torch_handler.{first}' is not a package"
    return f"No module named {f'ts.torch_handler.{first}'!r}"


@rule("handler-hides-built-in", "warning", kind="model")
def find_hidden_built_in(subject: Subject) -> Iterator[Finding]:
    """Give a packed file another name than a built-in handler's.

    The root of the archive is searched first, so ``image_classifier`` means the packed ``image_classifier.py``.
    But if that cannot import something, the built-in handler serves in its place, without a word [server].
    """
    entry = entry_of(subject)
    if entry is not None and entry.module is not None and entry.handler.value in HANDLER_MODULES:
        message = f"{entry.handler.value!r} is a built-in handler, and a packed file takes its place"
        fix = "rename the file, or leave it out"
        effect = "the packed file is taken, and the built-in handler where its import fails"
        yield find_hidden_built_in.finding(key=KEY, member=entry.member, message=message, fix=fix, effect=effect)


@rule("handler-packages", "note", kind="model")
def find_needed_packages(subject: Subject) -> Iterator[Finding]:
    """See that the packages which a built-in handler imports are installed where the server runs.

    ``pip install torchserve`` brings none of them; TorchServe's own images have torchvision and captum [server].
    """
    entry = entry_of(subject)
    needs = () if entry is None or entry.built_in is None else entry.built_in.needs
    missing = [
        name for name in needs if subject.modules.find(name) is None and not subject.distributions.brings(name)
    ]
    if entry is not None and missing:
        message = f"the handler {entry.handler.value!r} imports {' and '.join(missing)}"
        fix = "use an image that has them, or a requirements file and install_py_dep_per_model=true"
        effect = f"ModuleNotFoundError: No module named {missing[-1]!r}, where that is not installed"
        yield manifest_finding(find_needed_packages, subject, KEY, message=message, fix=fix, effect=effect)


RULES = rules_in(globals())
