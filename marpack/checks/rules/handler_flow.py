"""Rules about what a handler surely does when it is loaded and when it answers: it is followed, and never run."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Any, TypeVar

from marpack.checks.flow.events import Answer, Event, FileUse, KeyRead, NoAttribute, NoneUse, Raises, Unbound
from marpack.checks.flow.handler import follow
from marpack.checks.frame.subject import Subject, json_object
from marpack.checks.rules.handler_name import KEY, is_python
from marpack.checks.rules.model_config import config_values
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

# Worst first.
_WORST: tuple[Severity, ...] = ("error", "warning", "note")
E = TypeVar("E", bound=Event)

_DIES = {
    "import": "the worker dies: ",
    "initialize": "the worker dies: ",
    "answer": "each request is answered 503: ",
}
# Texts of the manifest's model that name files: other rules say that those are not packed.
_ROLES = ("handler", "modelFile", "serializedFile", "configFile", "requirementsFile", "sourceVocab")
# Of a file of JSON that the handler reads: taken apart, it fills many times its size.
_LONGEST_JSON = 1 << 20
# For so many findings of a rule another name is looked for, among so many, and no longer ones.
_MOST_ADVISED, _MOST_COMPARED, _LONGEST_COMPARED = 20, 256, 200

# The options that give the manifest's model a key.
_OPTIONS = {
    "configFile": "config-file",
    "modelFile": "model-file",
    "requirementsFile": "requirements-file",
    "serializedFile": "serialized-file",
}
_NOT_FOUND = "FileNotFoundError: [Errno 2] No such file or directory"
# What says it in another way.
_ERRORS = {
    "from_pretrained": "OSError or huggingface_hub.errors.HFValidationError",
    "onnxruntime.InferenceSession": "NoSuchFile: Load model failed. File doesn't exist",
    "torch.jit.load": "ValueError: The provided filename does not exist",
}


def events_of(subject: Subject) -> tuple[Event, ...]:
    """Return what a worker surely does with the handler, in its order."""
    return subject.once(_events)


def _events(subject: Subject) -> tuple[Event, ...]:
    if not is_python(subject) or not subject.manifest:
        return ()
    return follow(
        subject.worker,
        holds=subject.holds,
        json_of=lambda path: _json_of(subject, path),
        manifest=subject.manifest,
        config=lambda: config_values(subject),
        python=subject.settings.python,
    )


def _json_of(subject: Subject, path: str) -> dict[str, Any] | None:
    """Return the object that a member is in JSON; None for what is none, or is long."""
    return json_object(subject.read(path)) or None if subject.names.get(path, 0) <= _LONGEST_JSON else None


def _of(subject: Subject, kind: type[E], key: Callable[[E], object]) -> Iterator[tuple[E, Severity]]:
    """Yield the events of a kind, the worst of those of equal keys, and how bad it is when they fail.

    They end the worker, or a request, or may never happen.
    """
    found: dict[object, tuple[E, Severity]] = {}
    for event in events_of(subject):
        if type(event) is kind:
            severity: Severity = "warning" if event.phase == "answer" else "error"
            severity = severity if event.sure else "note"
            known = found.get(key(event))
            if known is None or _WORST.index(severity) < _WORST.index(known[1]):
                found[key(event)] = event, severity
    yield from found.values()


@rule("handler-key", "error", kind="model")
def find_no_key(subject: Subject) -> Iterator[Finding]:
    """Subscript only keys that the manifest, the context or the model's configuration has.

    ``context.manifest["model"]["modelFile"]`` is a ``KeyError`` where no model file is packed, and
    ``context.system_properties`` has ``model_dir``, ``gpu_id``, ``batch_size``, ``server_name``,
    ``server_version`` and ``limit_max_image_pixels``. Nothing is said of ``.get``, of what a condition asks for
    first, and of what a ``try`` takes [server].
    """
    advice = _Advice()
    for event, severity in _of(subject, KeyRead, lambda event: (event.owner, event.key)):
        near = advice.close(event.key, event.near, 0.85)
        option = _OPTIONS.get(event.key) if event.owner == "context.manifest['model']" else None
        fix = f"pack it (--{option}, {option.replace('-', '_')}=), or " if option else ""
        fix = f"write {near!r}, or " if near else fix
        yield find_no_key.finding(
            f"{event.owner} has no {event.key!r}",
            KEY,
            effect=f"{_DIES[event.phase]}KeyError: {event.key!r}",
            fix=f"{fix}ask with .get({event.key!r})",
            member=event.member,
            line=event.line,
            severity=severity,
        )


@rule("handler-file-missing", "warning", kind="model")
def find_no_file(subject: Subject) -> Iterator[Finding]:
    """Pack the files that the handler opens by name.

    A worker runs in the folder of the model, which holds the files of the archive and nothing else. Looked for
    are names that the text tells, alone or joined with ``model_dir`` or ``__file__``; not what the handler has
    written, unpacked or fetched before, and not what it asks for before it opens it [server].
    """
    advice = _Advice()
    roles = {subject.file(key) for key in _ROLES}
    for event, _ in _of(subject, FileUse, lambda event: event.path):
        if event.path in roles:
            continue
        near = advice.file(subject, event.path)
        effect = event.raises or f"{_ERRORS.get(event.call, _NOT_FOUND)}: {event.path!r}"
        needs = f"{event.call} needs" if event.call else "the handler asks for"
        yield find_no_file.finding(
            f"{needs} {event.path!r}, which is not packed" + (f": {near!r} is" if near else ""),
            KEY,
            effect=f"{_DIES[event.phase]}{effect}",
            fix=f"name {near!r}" if near else "pack it as an extra file",
            member=event.member,
            line=event.line,
        )


class _Advice:
    """Finds what is likely meant, for the first of a rule's findings: no more are shown, and it takes long."""

    def __init__(self) -> None:
        self._left = _MOST_ADVISED

    def close(self, word: str, among: Iterable[str], likeness: float) -> str | None:
        """Return the one that a word is most likely meant to be."""
        self._left -= 1
        if self._left < 0 or len(word) > _LONGEST_COMPARED:
            return None
        short = (each for each in among if len(each) <= _LONGEST_COMPARED)
        return next(iter(get_close_matches(word, islice(short, _MOST_COMPARED), 1, likeness)), None)

    def file(self, subject: Subject, path: str) -> str | None:
        """Return the member that is likely meant: of the same name in another place or case, or a similar one."""
        name = posixpath.basename(path).lower()
        if same := subject.once(_by_base_name).get(name):
            return same
        suffix = posixpath.splitext(name)[1]
        others = (each for each in subject.names if each.lower().endswith(suffix) and not each.endswith(".py"))
        return self.close(path, others, 0.7)


def _by_base_name(subject: Subject) -> dict[str, str]:
    return {posixpath.basename(each).lower(): each for each in reversed(list(subject.names))}


@rule("handler-undefined", "error", kind="model")
def find_unbound(subject: Subject) -> Iterator[Finding]:
    """Define or import every name that the handler reads.

    Looked for are names that nothing in the file binds, or nothing above their line, read where the file is
    imported, where the handler is initialised, or where each request passes (a warning) [server].
    """
    for event, severity in _of(subject, Unbound, lambda event: (event.member, event.name)):
        message, fix = f"nothing binds the name {event.name!r}", f"import or define {event.name!r}"
        if event.later:
            message, fix = f"{message} before it is read", "define it above"
        yield find_unbound.finding(
            message,
            KEY,
            effect=f"{_DIES[event.phase]}NameError: name {event.name!r} is not defined",
            fix=fix,
            member=event.member,
            line=event.line,
            severity=severity,
        )


@rule("handler-attribute", "error", kind="model")
def find_no_attribute(subject: Subject) -> Iterator[Finding]:
    """Set every attribute of ``self`` that the handler reads.

    Looked for are attributes that neither the class nor its bases define or assign, where all of them are known:
    ``BaseHandler`` is. One that is read while the handler loads ends the worker; one that each request passes is a
    warning [server].
    """
    for event, severity in _of(subject, NoAttribute, lambda event: (event.owner, event.name)):
        message = f"nothing sets the attribute {event.name!r} of {event.owner}"
        fix = f"set self.{event.name} in initialize, or correct the name"
        if event.assigned:
            message = f"nothing has set the attribute {event.name!r} of {event.owner} by then"
        if event.missing:
            message = (
                f"the attribute {event.name!r} of {event.owner} is set only where {event.missing!r} is packed"
            )
            fix = "pack it as an extra file"
        yield find_no_attribute.finding(
            message,
            KEY,
            effect=f"{_DIES[event.phase]}AttributeError: {event.owner!r} object has no attribute {event.name!r}",
            fix=fix,
            member=event.member,
            line=event.line,
            severity=severity,
        )


@rule("handler-none", "warning", kind="model")
def find_none(subject: Subject) -> Iterator[Finding]:
    """Set what is None before it is used: attributes of ``BaseHandler``, and keys that nothing has.

    ``BaseHandler``'s constructor sets ``model``, ``mapping``, ``device``, ``manifest`` and others to None, and its
    ``initialize`` fills them: a handler with an ``initialize`` of its own that does not call
    ``super().initialize(context)`` finds None. So does one that asks for a key that is not there, as
    ``system_properties.get("modeldir")``, and gives it to ``os.path.join``. While the handler loads this is an
    error [server].
    """
    advice = _Advice()
    for event, severity in _of(subject, NoneUse, lambda event: event.name):
        key = event.name.rpartition("'")[0].rpartition("'")[2]
        near = advice.close(key, event.near, 0.8)
        fix = f"set {event.name} in initialize, or call super().initialize(context)"
        if not event.name.startswith("self."):
            fix = f"write {near!r}" if near else "give a default, or pack what gives it that key"
        yield find_none.finding(
            f"{event.name} is None",
            KEY,
            effect=f"{_DIES[event.phase]}TypeError: 'NoneType' object is not subscriptable, or the like",
            fix=fix,
            member=event.member,
            line=event.line,
            severity=severity,
        )


@rule("handler-raises", "error", kind="model")
def find_raises(subject: Subject) -> Iterator[Finding]:
    """Give the handler what it insists on.

    Said where it surely raises an exception of its own, with this manifest and these files: as it is imported, in
    ``initialize`` or, which is a warning, for each request [server].
    """
    for event, severity in _of(subject, Raises, lambda event: (event.member, event.line)):
        yield find_raises.finding(
            f"it surely raises {event.text}",
            KEY,
            effect=f"{_DIES[event.phase]}{event.text}",
            fix="pack what it asks for, or correct its condition",
            member=event.member,
            line=event.line,
            severity=severity,
        )


@rule("handler-result", "warning", kind="model")
def find_no_list(subject: Subject) -> Iterator[Finding]:
    """Return a list from the entry point, with one item for each request.

    The server answers with 503 where it gets anything else, a tuple, a text or a dictionary too. ``postprocess``
    of a ``BaseHandler`` is what the entry point returns. Said only where all that is returned is known [server].
    """
    for event, _ in _of(subject, Answer, lambda event: event):
        shown = " or ".join(event.types)
        yield find_no_list.finding(
            f"{event.function} returns {shown}, never a list",
            KEY,
            effect=f"503 Invalid model predict output; the log: Invalid return type: <class {event.types[0]!r}>",
            fix="return a list with one item for each request",
            member=event.member,
            line=event.line,
        )


RULES = rules_in(globals())
