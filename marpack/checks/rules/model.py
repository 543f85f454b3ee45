"""Rules about the model file and the weights, as BaseHandler and the built-in handlers load them."""

from __future__ import annotations

from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.checks.python.classes import ClassOf
from marpack.checks.python.namespace import Namespace
from marpack.checks.python.torch_handlers import INTERPRETERS_OWN
from marpack.checks.rules.constructor import find_constructor
from marpack.checks.rules.handler_name import is_python
from marpack.checks.rules.manifest_file import manifest_finding
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

KEY = "model.modelFile"


def _severity(subject: Subject) -> Severity:
    """Return how bad a model file is that BaseHandler cannot load, where not everybody else surely loads it."""
    return "error" if subject.worker.loads_model_file else "note"


def _space(subject: Subject) -> tuple[Namespace, str] | None:
    """Return the names of the module that BaseHandler may import for the model file, and its member."""
    concerned = is_python(subject) and subject.worker.loads_model_file is not False
    module = subject.worker.model_module if concerned else None
    space = None if module is None else subject.modules.space(module)
    return None if module is None or space is None or module.source is None else (space, module.source)


def model_class(subject: Subject) -> ClassOf | None:
    """Return the model's class, if there is surely one."""
    return subject.once(_model_class)


def _model_class(subject: Subject) -> ClassOf | None:
    found = _space(subject)
    only = None if found is None else found[0].only_class
    return None if found is None or only is None else ClassOf(subject.modules, *found, only)


@rule("model-missing", "error", kind="model")
def find_nothing_to_load(subject: Subject) -> Iterator[Finding]:
    """Give a handler that loads the model as BaseHandler does a model file, a serialized file, or both.

    With neither, ``initialize`` looks at the ending of a file name that is None [server].
    """
    if not is_python(subject) or subject.worker.loads_model is not True:
        return
    if not subject.model.get("modelFile") and "serializedFile" not in subject.model:
        message = f"there is nothing that the handler {subject.role('handler')!r} could load"
        fix = "pack a TorchScript file as the serialized file, or a model file and its weights"
        effect = "AttributeError: 'NoneType' object has no attribute 'endswith'"
        yield manifest_finding(
            find_nothing_to_load, subject, "model.serializedFile", message=message, fix=fix, effect=effect
        )


@rule("model-file-name", "error", kind="model")
def find_no_module(subject: Subject) -> Iterator[Finding]:
    """Name the model file as a module at the root: ``model.py``.

    BaseHandler imports the text before the first ``.``: of ``my.model.py`` that is ``my``, of ``nets/model.py`` it
    is ``nets/model``, and both are not found [server]. A handler that does not load the model as BaseHandler does
    reads the file in its own way: then nothing is said. Where nobody can tell, it is a note.
    """
    name = subject.role("modelFile")
    if name is None or name not in subject.names or not is_python(subject) or subject.worker.model_module:
        return
    if subject.worker.loads_model_file is False:
        return
    module, severity = name.partition(".")[0], _severity(subject)
    what, effect = "no module", f"ModuleNotFoundError: No module named {module!r}"
    if module in INTERPRETERS_OWN:
        what = "one of Python itself"
        effect = f"takes Python's own module {module!r}, in which there is no model, and dies"
    message = f"{name!r} cannot be imported: {module!r} is {what}"
    fix = "pack it at the root of the archive, as model.py"
    yield find_no_module.finding(key=KEY, member=name, severity=severity, message=message, fix=fix, effect=effect)


@rule("model-classes", "error", kind="model")
def find_classes(subject: Subject) -> Iterator[Finding]:
    """Define one class in the model file.

    BaseHandler takes the only class that the module makes, and counts as the worker does for a handler: helper
    classes, and second names for the same class, are too many; imported classes do not count [server]. A handler
    whose own ``initialize`` makes the model, and has nothing of BaseHandler's do it, may have as many as it likes:
    then nothing is said of the model file. Where nobody can tell, it is a note.
    """
    found = _space(subject)
    if found is None:
        return
    space, member = found
    classes = space.sure_classes
    line: int | None = None
    shown = ""
    if len(classes) > 1:
        message = f"the model file has {len(classes)} classes: {', '.join(classes)}"
        line, shown = list(classes.values())[1].line, space.shown_classes
        fix = "keep the model's class, and import the others from a second file that is packed too"
    elif space.has_no_class:
        message = "the model file has no class"
        fix = "define one that derives from torch.nn.Module and can be made without arguments"
    else:
        return
    severity, effect = _severity(subject), f"ValueError: Expected only one class as model definition. [{shown}]"
    yield find_classes.finding(
        key=KEY, member=member, line=line, severity=severity, message=message, fix=fix, effect=effect
    )


@rule("model-constructor", "error", kind="model")
def find_arguments(subject: Subject) -> Iterator[Finding]:
    """Let the model's class be made without arguments.

    BaseHandler calls it with none, then loads the weights into what it made [server].
    """
    cls = model_class(subject)
    if cls is not None:
        fix = "derive a class that passes them to super().__init__()"
        yield from find_constructor(find_arguments, cls, KEY, fix, severity=_severity(subject))


@rule("model-not-a-module", "error", kind="model")
def find_no_torch_module(subject: Subject) -> Iterator[Finding]:
    """Derive the model's class from ``torch.nn.Module``.

    BaseHandler calls ``load_state_dict`` if there are weights, then ``to`` and ``eval`` [server]. Found only where
    all base classes are known.
    """
    cls = model_class(subject)
    if cls is None:
        return
    methods = [*(["load_state_dict"] if subject.role("serializedFile") else []), "to", "eval"]
    missing = next((name for name in methods if cls.attribute(name).has is False), None)
    if missing is not None:
        name, line, severity = cls.value.name, cls.value.line, _severity(subject)
        message = f"the class {name} has no method {missing!r}: it is no torch.nn.Module"
        effect = f"AttributeError: '{name}' object has no attribute {missing!r}"
        fix = "derive it from torch.nn.Module"
        yield find_no_torch_module.finding(
            key=KEY, member=cls.member, line=line, severity=severity, message=message, fix=fix, effect=effect
        )


RULES = rules_in(globals())
