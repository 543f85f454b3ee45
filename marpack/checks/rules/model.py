"""Rules about the model file and the weights, as BaseHandler and the built-in handlers load them."""

from __future__ import annotations

from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.checks.python.classes import ClassOf
from marpack.checks.python.namespace import Namespace
from marpack.checks.python.torch_handlers import INTERPRETERS_OWN
from marpack.checks.rules.constructor import find_constructor
from marpack.checks.rules.handler_name import is_python
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

KEY = "model.modelFile"


def _severity(subject: Subject) -> Severity:
    """Return how bad a model file is that BaseHandler cannot load: that depends on who loads it."""
    return "error" if subject.worker.loads_model else "warning"


def _model_file(subject: Subject) -> str | None:
    """Return the model file, if it is packed and a Python worker gets it."""
    name = subject.role("modelFile")
    return name if name is not None and name in subject.names and is_python(subject) else None


def _space(subject: Subject) -> tuple[Namespace, str] | None:
    """Return the names of the module that the worker imports for the model file, and its member."""
    if _model_file(subject) is None:
        return None
    module = subject.worker.model_module
    space = None if module is None else subject.modules.space(module)
    return None if module is None or space is None or module.source is None else (space, module.source)


def _class(subject: Subject) -> ClassOf | None:
    """Return the model's class, if there is surely one."""
    found = _space(subject)
    only = None if found is None else found[0].only_class
    return None if found is None or only is None else ClassOf(subject.modules, *found, only[1])


@rule("model-missing", "error", kind="model")
def nothing_to_load(subject: Subject) -> Iterator[Finding]:
    """Give a handler that loads the model as BaseHandler does a model file, a serialized file, or both.

    With neither, ``initialize`` looks at the ending of a file name that is None [server].
    """
    if not is_python(subject) or subject.worker.loads_model is not True:
        return
    if subject.model.get("modelFile") or "serializedFile" in subject.model:
        return
    yield nothing_to_load.finding(
        key="model.serializedFile",
        member=subject.manifest_name,
        message=f"there is nothing that the handler {subject.role('handler')!r} could load",
        effect="AttributeError: 'NoneType' object has no attribute 'endswith'",
        fix="pack a TorchScript file as the serialized file, or a model file and its weights",
    )


@rule("model-file-name", "error", kind="model")
def model_file_is_no_module(subject: Subject) -> Iterator[Finding]:
    """Name the model file as a module at the root: ``model.py``.

    BaseHandler imports the text before the first ``.``: of ``my.model.py`` that is ``my``, of ``nets/model.py`` it
    is ``nets/model``, and both are not found [server]. A handler that does not load the model as BaseHandler does
    may read the file in its own way: then this is a warning.
    """
    name = _model_file(subject)
    if name is None or subject.worker.model_module is not None:
        return
    module = name.partition(".")[0]
    own = module in INTERPRETERS_OWN
    yield model_file_is_no_module.finding(
        key=KEY,
        member=name,
        severity=_severity(subject),
        message=f"{name!r} cannot be imported: {module!r} is {'one of Python itself' if own else 'no module'}",
        effect=f"takes Python's own module {module!r}, in which there is no model, and dies"
        if own
        else f"ModuleNotFoundError: No module named {module!r}",
        fix="pack it at the root of the archive, as model.py",
    )


@rule("model-classes", "error", kind="model")
def model_file_has_not_one_class(subject: Subject) -> Iterator[Finding]:
    """Define one class in the model file.

    BaseHandler takes the only class that the module makes, and counts as the worker does for a handler: helper
    classes, and second names for the same class, are too many; imported classes do not count [server]. Where
    another handler loads the model, or nobody looks at its classes, this is a warning.
    """
    found = _space(subject)
    if found is None:
        return
    space, member = found
    classes = space.sure_classes
    names = sorted(classes, key=lambda name: classes[name].line)
    shown = ", ".join(f"<class '{space.name}.{classes[name].name}'>" for name in sorted(names))
    if len(names) > 1:
        yield model_file_has_not_one_class.finding(
            key=KEY,
            member=member,
            line=classes[names[1]].line,
            severity=_severity(subject),
            message=f"the model file has {len(names)} classes: {', '.join(names)}",
            effect=f"ValueError: Expected only one class as model definition. [{shown}]",
            fix="keep the model's class, and import the others from a second file that is packed too",
        )
    elif space.has_no_class:
        yield model_file_has_not_one_class.finding(
            key=KEY,
            member=member,
            severity=_severity(subject),
            message="the model file has no class",
            effect="ValueError: Expected only one class as model definition. []",
            fix="define one that derives from torch.nn.Module and can be made without arguments",
        )


@rule("model-constructor", "error", kind="model")
def model_constructor_needs_arguments(subject: Subject) -> Iterator[Finding]:
    """Let the model's class be made without arguments.

    BaseHandler calls it with none, then loads the weights into what it made [server].
    """
    cls = _class(subject)
    if cls is not None:
        yield from find_constructor(
            model_constructor_needs_arguments,
            cls,
            KEY,
            "derive a class that passes them to super().__init__()",
            severity=_severity(subject),
        )


@rule("model-not-a-module", "error", kind="model")
def model_is_no_torch_module(subject: Subject) -> Iterator[Finding]:
    """Derive the model's class from ``torch.nn.Module``.

    BaseHandler calls ``load_state_dict`` if there are weights, then ``to`` and ``eval`` [server]. Found only where
    all base classes are known.
    """
    cls = _class(subject)
    if cls is None:
        return
    methods = [*(["load_state_dict"] if subject.role("serializedFile") else []), "to", "eval"]
    missing = next((name for name in methods if cls.attribute(name).has is False), None)
    if missing is not None:
        yield model_is_no_torch_module.finding(
            key=KEY,
            member=cls.member,
            line=cls.value.line,
            severity=_severity(subject),
            message=f"the class {cls.value.name} has no method {missing!r}: it is no torch.nn.Module",
            effect=f"AttributeError: '{cls.value.name}' object has no attribute {missing!r}",
            fix="derive it from torch.nn.Module",
        )


@rule("model-vocabulary", "error", kind="model")
def text_classifier_has_no_vocabulary(subject: Subject) -> Iterator[Finding]:
    """Pack ``source_vocab.pt`` with the handler ``text_classifier``.

    It reads the vocabulary from the root of the archive, and does not start without [server].
    """
    if not is_python(subject) or subject.model.get("sourceVocab"):
        return
    entry = subject.worker.entry_point
    if entry is None or entry.built_in is None or not entry.built_in.needs_vocabulary:
        return
    if subject.holds("source_vocab.pt"):
        return
    yield text_classifier_has_no_vocabulary.finding(
        key="model.handler",
        member=subject.manifest_name,
        message=f"the handler {entry.handler.value!r} needs a vocabulary, and no source_vocab.pt is packed",
        effect="Exception: Missing the source_vocab file. Refer default handler documentation for details on "
        "using text_handler.",
        fix="pack source_vocab.pt as an extra file",
    )


RULES = rules_in(globals())
