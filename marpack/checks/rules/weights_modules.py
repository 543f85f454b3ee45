"""The rule on what pickled weights import: modules and classes that the worker has to find."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from marpack.archive.inspection.kinds import Weights
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.torch_load import WEIGHTS_ONLY_DEFAULT, is_before
from marpack.checks.frame.weights import (
    describe,
    imported_modules,
    is_named,
    nodes_of,
    serialized_file,
    source_names,
    trees,
    weights_files,
)
from marpack.checks.python.distribution_names import distribution_of
from marpack.checks.python.distributions import IN_IMAGES, WITH_SERVER
from marpack.checks.python.nodes import walk
from marpack.checks.python.standard_library import is_standard
from marpack.checks.python.values import dotted_name
from marpack.checks.rules.handler_name import is_python
from marpack.checks.rules.missing_modules import changes_path, in_folders, is_closed
from marpack.checks.rules.weights_calls import loads_of
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

# What is unpickled, and not made by torch.jit.
_PICKLED = frozenset({"state_dict", "checkpoint", "module", "pickle"})
# Whoever uses these may find names in places of their own.
_OWN_WAYS = frozenset({"Unpickler", "find_class", "pickle_module"})
_PICKLES = frozenset({"pickle", "cloudpickle", "dill", "joblib"})
_MAIN = "__main__"
_FIX = "save the state_dict() alone, or pack the module"


@rule("weights-module-missing", "warning", kind="model")
def find_missing_modules(subject: Subject) -> Iterator[Finding]:
    """Pack the modules that pickled weights import, or save a state_dict.

    ``torch.save(model)`` writes the name of the model's class and of its module, and no code: whatever unpickles
    it imports them, and dies where they are neither packed, nor Python's, nor the server's, nor of a distribution
    in the requirements file. What was defined in a script is pickled as ``__main__``, which in a worker is
    TorchServe's own module [server]. It is a note for a file that no source names, for what TorchServe's images
    have, and where nobody knows all that the requirements bring.
    """
    if not is_python(subject) or _finds_its_own_way(subject):
        return
    elsewhere = in_folders(subject)
    surely = {event.path for event in loads_of(subject)}
    unpickles = subject.worker.loads_model is True or any(map(_unpickles, trees(subject)))
    for name in weights_files(subject):
        weights = describe(subject, name)
        if weights.kind not in _PICKLED or _is_said_elsewhere(subject, name, weights):
            continue
        loaded = name in surely or (unpickles and (name == serialized_file(subject) or is_named(subject, name)))
        said: set[str] = set()
        for imported in weights.globals:
            missing, message, effect = _missing(subject, imported)
            if not message or missing in said:
                continue
            said.add(missing)
            severity: Severity = "warning"
            if not loaded or missing in IN_IMAGES or subject.distributions.brings(missing) is not False:
                severity = "note"
            distribution = distribution_of(missing)
            fix = f"name {distribution} in the requirements file, or {_FIX}" if distribution else _FIX
            if missing in elsewhere:
                fix = f"pack {elsewhere[missing]!r} as the pickle names it: {missing.replace('.', '/')}.py"
            yield find_missing_modules.finding(
                message=message, fix=fix, effect=effect, member=name, severity=severity
            )


def _is_said_elsewhere(subject: Subject, name: str, weights: Weights) -> bool:
    """Tell whether ``BaseHandler`` refuses the file before it imports anything, which weights-... rules say."""
    checks_first = not is_before(subject, WEIGHTS_ONLY_DEFAULT)
    return (
        name == serialized_file(subject)
        and subject.worker.loads_model is True
        and (weights.kind == "module" or (checks_first and weights.weights_only_refuses is not False))
    )


def _missing(subject: Subject, imported: str) -> tuple[str, str, str]:
    """Return which module or class is not there, what is to be said of it, and what the worker says."""
    top, _, rest = imported.partition(".")
    if top == _MAIN:
        if _fills_main(subject):
            return "", "", ""
        message = f"its pickle imports {imported!r}, which was defined in a script that was run"
        return _MAIN, message, f"AttributeError: Can't get attribute {rest!r} on <module '__main__' from ...>"
    packed, parts = subject.modules.longest(imported)
    if packed is None:
        if top in subject.once(imported_modules):  # which the rule on imports is about
            return "", "", ""
        if is_standard(top, subject.settings.python) or top in WITH_SERVER or subject.distributions.brings(top):
            return "", "", ""
        message = f"its pickle imports {imported!r}, and there is no module {top!r}"
        return top, message, f"ModuleNotFoundError: No module named {top!r}"
    if packed.kind == "compiled" or not parts:
        return "", "", ""
    space = subject.modules.space(packed)
    if packed.kind == "folder" or (space is not None and space.is_absent(parts[0])):
        module = f"{packed.name}.{parts[0]}"
        if len(parts) > 1 and packed.kind in ("package", "folder") and is_closed(space):
            message = f"its pickle imports {imported!r}, and there is no module {module!r}"
            return module, message, f"ModuleNotFoundError: No module named {module!r}"
        if space is not None and len(parts) == 1:
            message = f"its pickle imports {imported!r}, and the packed {packed.name!r} has no {parts[0]!r}"
            return module, message, f"AttributeError: Can't get attribute {parts[0]!r} on <module {packed.name!r}>"
    return "", "", ""


def _finds_its_own_way(subject: Subject) -> bool:
    """Tell whether the sources change where modules are found, or how names are."""
    if not _OWN_WAYS.isdisjoint(source_names(subject)):
        return True
    return changes_path(subject) or any(
        node.attr in ("modules", "hub") and dotted_name(node) in ("sys.modules", "torch.hub")
        for node in nodes_of(subject, ast.Attribute)
    )


def _unpickles(tree: ast.Module) -> bool:
    """Tell whether a source calls what unpickles, and not only a library that may have ways of its own."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if any(each.name in _PICKLES for each in names):
                return True
            case ast.ImportFrom(module=module, names=names) if module in _PICKLES or (
                module in ("torch", "torch.serialization") and any(each.name == "load" for each in names)
            ):
                return True
            case ast.Call(func=func) if dotted_name(func) in ("torch.load", "torch.serialization.load"):
                return True
    return False


def _fills_main(subject: Subject) -> bool:
    """Tell whether the sources may put names into ``__main__``, beside asking whether they are it."""
    compared = {id(node) for test in nodes_of(subject, ast.Compare) for node in walk(test)}
    return _MAIN in source_names(subject) or any(
        node.value == _MAIN and id(node) not in compared for node in nodes_of(subject, ast.Constant)
    )


RULES = rules_in(globals())
