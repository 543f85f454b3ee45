"""Rules about the Python files that loading the model runs: their imports, and their names."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.checks.python.distributions import IN_IMAGES, WITH_SERVER
from marpack.checks.python.entry_point import Step
from marpack.checks.python.imports import Import
from marpack.checks.python.modules import Module
from marpack.checks.python.namespace import Namespace
from marpack.checks.python.standard_library import has_name, has_submodule, is_standard
from marpack.checks.python.torch_handlers import FROZEN_SINCE_3_11, INTERPRETERS_OWN
from marpack.checks.python.values import Imported
from marpack.checks.rules.handler_name import KEY, fallback, is_python
from marpack.checks.rules.missing_modules import (
    changes_path,
    in_folders,
    is_closed,
    is_likely_own,
    unless_with,
    where,
)
from marpack.findings import Finding, Severity
from marpack.rule import Rule, rule, rules_in

# Measured: a root file of the name, which defines nothing, ends the worker of TorchServe 0.12.0 under Python 3.11
# before it has read the handler. (msvcrt: its absence tells Python that this is not Windows.)
FATAL = frozenset(
    """
    __future__ _asyncio _blake2 _compat_pickle _compression _contextvars _csv _ctypes _datetime _hashlib
    _posixshmem _posixsubprocess _random _socket _struct _uuid _weakrefset argparse ast asyncio base64
    binascii bisect cmath collections concurrent contextlib contextvars copy copyreg ctypes dataclasses
    datetime dis email encodings enum fnmatch functools gettext glob heapq http importlib inspect json
    keyword linecache logging math mmap msvcrt multiprocessing numbers numpy opcode operator pathlib pickle
    platform pprint queue quopri random re reprlib select selectors signal socket ssl string struct
    subprocess tempfile textwrap threading timeit token tokenize torchgen traceback ts types typing
    typing_extensions unittest urllib warnings weakref yaml zlib
    """.split()  # noqa: SIM905 - quotes would hide the names
)

# Measured too: those end a handler that derives from BaseHandler, and leave others alone.
_FATAL_TO_BASE_HANDLER = frozenset({"packaging", "torch"})


def _reached(subject: Subject) -> Iterator[tuple[Module, Step, Namespace]]:
    """Yield the readable modules that loading the model runs."""
    if is_python(subject):
        for name, step in subject.worker.graph.items():
            module = subject.modules.find(name)
            space = None if module is None else subject.modules.space(module)
            if module is not None and space is not None:
                yield module, step, space


def _misleading(subject: Subject, text: str) -> str:
    """Return what is in the log when something imported by the handler is not found [server]."""
    handler = subject.handler
    return text if handler is None else f"{text}, then {fallback(handler)}"


@rule("module-shadowed", "error", kind="model")
def find_shadowing(subject: Subject) -> Iterator[Finding]:
    """Give packed files other names than Python's, torch's and TorchServe's modules have.

    The folder of the model comes first on the worker's search path, before the standard library: a packed
    ``json.py``, or a folder ``yaml`` with an ``__init__.py``, is imported in place of the real one. Those that the
    worker needs to start end it before it has read the handler (an error); the others are hidden from whatever
    imports them (a warning) [server].
    """
    if not is_python(subject):
        return
    python = subject.settings.python
    for name in subject.names:
        module = _top_level(subject, posixpath.normpath(name))
        frozen = python >= (3, 11) or module not in FROZEN_SINCE_3_11
        if module is None or (module in INTERPRETERS_OWN and frozen):
            continue
        severity: Severity = "error"
        if module in FATAL or not frozen or (module in _FATAL_TO_BASE_HANDLER and _uses_base_handler(subject)):
            message = f"it takes the place of the module {module!r}, without which no worker starts"
            effect = f"dies before it reads the handler: module {module!r} has no attribute ..., or the like"
        elif module in WITH_SERVER or (is_standard(module, python) and module[:1] != "_" and module != "test"):
            message = f"it takes the place of the module {module!r} for everything that imports that"
            effect, severity = "the worker starts, and who needs the real module fails later", "warning"
        else:
            continue
        fix = "rename it, and the imports of it"
        yield find_shadowing.finding(member=name, message=message, fix=fix, effect=effect, severity=severity)


def _uses_base_handler(subject: Subject) -> bool:
    """Tell whether loading the handler surely imports BaseHandler."""
    entry = subject.worker.entry_point
    return (entry is not None and entry.built_in is not None) or any(
        item.sure
        and step.rank == 0
        and not item.missing_is_caught
        and (item.module or "").startswith("ts.torch_handler.")
        for _, step, space in _reached(subject)
        for item in space.imports
    )


def _top_level(subject: Subject, name: str) -> str | None:
    """Return the module that a file makes in one of the folders that the worker searches."""
    for root in subject.modules.roots:
        prefix = f"{root}/" if root else ""
        rest = name[len(prefix) :] if name.startswith(prefix) else ""
        first, slash, last = rest.partition("/")
        if not slash and first.endswith(".py"):
            return first.removesuffix(".py")
        if last == "__init__.py":
            return first
    return None


def _finding(
    found_by: Rule[Subject],
    module: Module,
    item: Import,
    severity: Severity,
    *,
    message: str,
    fix: str,
    effect: str,
) -> Finding:
    """Return a finding of a rule on an import of a module."""
    message, member, line = f"{item.text!r} {message}", module.source, item.line
    return found_by.finding(
        key=KEY, member=member, line=line, message=message, effect=effect, fix=fix, severity=severity
    )


def _severity(step: Step, item: Import, worst: Severity) -> Severity | None:
    """Return how bad it is that an import fails, None if that is expected."""
    if item.missing_is_caught or item.all_is_caught or step.caught:
        return None
    if item.late or step.late:
        return "note"
    return worst if worst == "note" or (item.sure and step.sure) else "warning"


@rule("import-missing", "warning", kind="model")
def find_missing(subject: Subject) -> Iterator[Finding]:
    """Pack what the handler imports, or name it in the requirements file.

    A module that is neither packed, nor Python's, nor TorchServe's, nor brought by the requirements file has to be
    installed where the server runs. Where it is not, the log's last word is about ``ts.torch_handler.<handler>``,
    whatever is missing. A module that is missing in a packed package is an error. An import in a function is a
    note; one in a ``try`` that expects it to fail is nothing. Requirements are installed only by a server with
    ``install_py_dep_per_model=true`` [server].

    What a listed distribution brings, and what comes with those that it needs, is taken from a table
    (``marpack/checks/python/distribution_names.txt``, which says how it was made). Where the table does not have
    all of that, or extras are asked for, a module that is missing is a note, unless it is likely a file of the
    author's own: the table has no such module, and it is called as such files are, or others are packed. Listed
    distributions that are installed beside marpack are looked at too: their modules are not reported, so on
    another machine there may be fewer warnings, and never more.
    """
    modules = subject.modules
    own_paths = is_python(subject) and changes_path(subject)
    said: set[tuple[str, str]] = set()
    elsewhere = in_folders(subject)
    imports = [item for _, _, space in _reached(subject) for item in space.imports]

    def own(name: str) -> bool:
        return is_likely_own(name, subject.distributions.unknown, imports, modules)

    for module, step, space in _reached(subject):
        for item in space.imports:
            name = item.module
            if not name or modules.find(name) is not None:
                continue
            top, unless = name.partition(".")[0], ""
            packed = modules.find(top)
            if packed is not None:
                if packed.kind == "compiled" or own_paths or not is_closed(modules.space(packed)):
                    continue
                worst: Severity = "error" if packed.kind != "folder" else "warning"
                severity = _severity(step, item, worst)
                missing, fix = name, f"pack {name.replace('.', '/')}.py"
            else:
                standard = is_standard(top, subject.settings.python)
                if standard and not has_submodule(name, subject.settings.python):
                    severity = _severity(step, item, "warning")
                    if severity is not None and (module.name, name) not in said:
                        said.add((module.name, name))
                        yield _not_in(find_missing, subject, module, item, severity, name)
                there = standard or top in WITH_SERVER
                brought = None if own_paths or there else subject.distributions.brings(top)
                if own_paths or there or brought:
                    continue
                doubtful = top in IN_IMAGES or (brought is None and not own(top))
                severity = _severity(step, item, "note" if doubtful else "warning")
                unless = "" if brought is False else unless_with(subject.distributions.unknown)
                missing, fix = top, where(elsewhere.get(top), top)
            if severity is not None and (module.name, missing) not in said:
                said.add((module.name, missing))
                effect = _misleading(subject, f"ModuleNotFoundError: No module named {missing!r}")
                message = f"finds no module {missing!r}{unless}"
                yield _finding(find_missing, module, item, severity, message=message, fix=fix, effect=effect)


def _not_in(
    found_by: Rule[Subject], subject: Subject, module: Module, item: Import, severity: Severity, missing: str
) -> Finding:
    """Return a finding of a rule on what the standard library of the server's Python has not."""
    python = ".".join(map(str, subject.settings.python))
    effect = f"ModuleNotFoundError: No module named {missing!r}"
    if missing != item.module:
        effect = f"ImportError: cannot import name {missing.rpartition('.')[2]!r} from {item.module!r}"
    return _finding(
        found_by,
        module,
        item,
        severity,
        message=f"finds no {missing!r} in the standard library of Python {python}",
        fix="do without it, or expect an ImportError; --python says which Python the server has",
        effect=_misleading(subject, effect),
    )


@rule("import-relative", "error", kind="model")
def find_relative(subject: Subject) -> Iterator[Finding]:
    """Import from other files at the root by their plain names.

    The handler is imported as a module of its own, not of a package: ``from . import x`` and ``from .x import y``
    fail in it, and the log then speaks of ``ts.torch_handler.<handler>`` only. They work in the modules of a
    packed package, as far as they stay in it [server].
    """
    for module, step, space in _reached(subject):
        for item in space.imports:
            severity = _severity(step, item, "error")
            if item.module is None and severity is not None:
                alone = "beyond top-level package" if "." in space.name else "with no known parent package"
                effect = _misleading(subject, f"ImportError: attempted relative import {alone}")
                fix = "import it by its own name: 'from x import y' for a file x.py at the root"
                message = "is relative, and there is no such package"
                yield _finding(find_relative, module, item, severity, message=message, fix=fix, effect=effect)


@rule("import-name", "error", kind="model")
def find_no_name(subject: Subject) -> Iterator[Finding]:
    """Import only names that the packed module has.

    ``from x import y`` where the packed ``x`` surely binds no ``y`` is an ``ImportError``, which the log turns
    into one about ``ts.torch_handler.<handler>``. A file that imports the package whose name it bears, as
    ``transformers.py`` with ``from transformers import pipeline``, finds itself [server]. Of the standard library
    it is known which Python has which name, where that differs from 3.8 to 3.15, as of ``typing.override``
    (``marpack/checks/python/standard_library.txt``).
    """
    modules = subject.modules
    # A module may be given names by others.
    added = {
        node.attr
        for _, _, space in _reached(subject)
        for node in space.nodes.of(ast.Attribute)
        if isinstance(node.ctx, ast.Store)
    }
    for module, step, space in _reached(subject):
        for item in space.imports:
            target = modules.find(item.module) if item.module else None
            if target is None and item.module:
                yield from _lost_names(subject, module, step, item, item.module, added)
            inner = None if target is None else modules.space(target)
            severity = _severity(step, item, "error")
            if target is None or inner is None or severity is None:
                continue
            itself = target.name == module.name
            missing = [
                name
                for name in item.names
                if name != "*"
                and name not in added
                and modules.find(f"{target.name}.{name}") is None
                # What it takes from itself would be there only by this import.
                and (inner.get(name) == {Imported(f"{target.name}.{name}")} if itself else inner.is_absent(name))
            ]
            if missing:
                effect = f"ImportError: cannot import name {missing[0]!r} from {target.name!r}"
                message, fix = f"finds {target.source!r}, which has", "define it there, or correct the import"
                if itself:
                    message, fix = "finds itself, with", "rename this file: it hides the package"
                message = f"{message} no {missing[0]!r}"
                yield _finding(
                    find_no_name,
                    module,
                    item,
                    severity,
                    message=message,
                    fix=fix,
                    effect=_misleading(subject, effect),
                )


def _lost_names(
    subject: Subject, module: Module, step: Step, item: Import, name: str, added: set[str]
) -> Iterator[Finding]:
    """Find names of the standard library that are of another Python than the server's."""
    python, severity = subject.settings.python, _severity(step, item, "error")
    if severity is None or not is_standard(name.partition(".")[0], python) or not has_submodule(name, python):
        return
    for each in item.names:
        there = has_name(name, each, python) and has_submodule(f"{name}.{each}", python)
        if not there and each not in added and subject.modules.find(name.partition(".")[0]) is None:
            yield _not_in(find_no_name, subject, module, item, severity, f"{name}.{each}")


@rule("import-itself", "warning", kind="model")
def find_itself(subject: Subject) -> Iterator[Finding]:
    """Give a file another name than the package that it imports.

    The root of the archive is searched first, so a packed ``onnxruntime.py`` with ``import onnxruntime`` gets
    itself, and what it then asks of that is not there [server].
    """
    for module, step, space in _reached(subject):
        for item in space.imports:
            top, severity = (item.module or "").partition(".")[0], _severity(step, item, "warning")
            if top == module.name and not item.names and severity is not None:
                message, fix = "finds this file itself", "rename this file: it hides the package"
                effect = f"AttributeError: module {top!r} has no attribute ..., once it is used"
                yield _finding(find_itself, module, item, "warning", message=message, fix=fix, effect=effect)


RULES = rules_in(globals())
