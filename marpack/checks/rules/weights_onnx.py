"""Rules on what is loaded as ONNX, or as a library of AOTInductor: what else it is, and who calls a session."""

from __future__ import annotations

from collections.abc import Iterator

from marpack.archive import git_lfs
from marpack.archive.inspection.kinds import NOT_KNOWN, Weights
from marpack.checks.flow.events import SessionCall
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.weights import describe, may_be_read, serialized_file
from marpack.checks.rules.handler_flow import events_of
from marpack.checks.rules.handler_name import KEY
from marpack.checks.rules.manifest_file import manifest_finding
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

_NOT_CALLABLE = "TypeError: 'InferenceSession' object is not callable"
_OWN_INFERENCE = "derive a handler whose inference calls self.model.run(None, {name: data.numpy()})"
# The built-in handlers that ask the model for an attribute while they are initialised.
_USES_MODEL = {"TextClassifier": "embedding", "TextHandler": "embedding"}
_NOT_ONNX = "InvalidProtobuf: ... Protobuf parsing failed, or InvalidArgument: ... No graph was found"
_NO_LIBRARY = "RuntimeError: Error in dlopen: ... invalid ELF header, file too short, or undefined symbol"


def _alone(subject: Subject, suffix: str) -> str | None:
    """Return the serialized file that ``BaseHandler`` surely loads by its suffix."""
    name = serialized_file(subject) if subject.worker.loads_model is True and may_be_read(subject) else None
    own = subject.role("modelFile") is not None
    return name if name is not None and name.endswith(suffix) and not own else None


@rule("onnx-called", "error", kind="model")
def find_calls(subject: Subject) -> Iterator[Finding]:
    """Give a model of ONNX a handler that runs its session.

    ``BaseHandler`` loads a ``.onnx`` as an ``onnxruntime.InferenceSession``, and its own ``inference`` calls the
    model: a session cannot be called, and has no ``eval()`` or ``to()``. Each request is answered 503, so no
    built-in handler serves a ``.onnx``. Write an ``inference`` that calls ``self.model.run(None, {...})``, or a
    ``handle``. Followed is what the handler surely does, with a session that it makes itself too; where a request
    has a ``handle`` of the handler's own to pass, it is a warning [server].
    """
    entry = subject.worker.entry_point
    name = _alone(subject, ".onnx")
    if name is not None and entry is not None and entry.built_in is not None:
        attribute = _USES_MODEL.get(entry.built_in.name)
        effect = f"each request is answered 503: {_NOT_CALLABLE}"
        if attribute is not None:
            effect = f"the worker dies: AttributeError: 'InferenceSession' object has no attribute {attribute!r}"
        message = f"the handler {entry.handler.value!r} calls the model as one of torch, and it is {name!r}"
        yield manifest_finding(find_calls, subject, KEY, message=message, fix=_OWN_INFERENCE, effect=effect)
        return
    said: set[tuple[str, int]] = set()
    for event in events_of(subject):
        if not isinstance(event, SessionCall) or (event.member, event.line) in said:
            continue
        said.add((event.member, event.line))
        dies = "each request is answered 503" if event.phase == "answer" else "the worker dies"
        message = "it calls a session of onnxruntime, which is no function"
        fix = "call its run(None, {name: array}) in place of it"
        effect = _NOT_CALLABLE
        if event.name:
            message = f"it calls .{event.name}() of a session of onnxruntime, which has none"
            effect = f"AttributeError: 'InferenceSession' object has no attribute {event.name!r}"
            fix = "leave it out: a session is ready as it is"
        elif event.by:
            message = f"its inference is {event.by}, which calls the model, and that is a session of onnxruntime"
            fix = "write an inference that calls self.model.run(None, {name: data.numpy()})"
        yield find_calls.finding(
            message,
            KEY,
            effect=f"{dies}: {effect}",
            fix=fix,
            member=event.member,
            line=event.line,
            severity=_severity(subject, event),
        )


def _severity(subject: Subject, event: SessionCall) -> Severity:
    """Judge by what may answer instead: a ``handle`` of the handler's own, or one for explanations."""
    entry = subject.worker.entry_point
    if event.phase != "answer":
        return "error"
    own = ("handle", "describe_handle", "explain_handle", "get_insights")
    cls = None if entry is None else entry.cls
    return "error" if cls is not None and all(cls.attribute(name).node is None for name in own) else "warning"


@rule("weights-renamed", "error", kind="model")
def find_renamed(subject: Subject) -> Iterator[Finding]:
    """Pack what its name says: a model of ONNX as ``.onnx``, a compiled model as ``.so``.

    Without a model file ``BaseHandler`` gives a ``.onnx`` to onnxruntime and a ``.so`` to
    ``torch._export.aot_load``. Weights of another kind that were renamed, a page of errors that was downloaded in
    its place, a file that was cut off, and a library that is no model of AOTInductor end the worker [server].
    """
    for suffix, kind, what, effect in (
        (".onnx", "onnx", "no model of ONNX", _NOT_ONNX),
        (".so", "aot-library", "no library that torch compiled", _NO_LIBRARY),
    ):
        name = _alone(subject, suffix)
        if name is None or (suffix == ".so" and subject.role("configFile") is None):
            continue
        weights = describe(subject, name)
        if weights.kind == kind or not _is_certain(weights):
            continue
        fix = {
            "onnx": "pack what torch.onnx.export(model, ...) writes",
            "aot-library": "pack what torch._export.aot_compile writes",
        }[kind]
        message = f"it is {what} but {weights.detail}"
        yield find_renamed.finding(message=message, fix=fix, effect=f"the worker dies: {effect}", member=name)


def _is_certain(weights: Weights) -> bool:
    """Tell whether it is known what a file is, and no other rule says that."""
    return weights.detail != NOT_KNOWN and not weights.detail.startswith(git_lfs.WHAT)


RULES = rules_in(globals())
