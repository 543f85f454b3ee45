"""Rules on the serialized file of handlers that load it as ``BaseHandler`` does; without torch, and unpickled."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial
from typing import Final

from marpack.archive.inspection.kinds import BROKEN_SAFETENSORS, CANNOT, NOT_ALL_NAMES, Weights
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.torch_load import (
    READS_SAFETENSORS,
    REFUSED,
    WEIGHTS_ONLY_DEFAULT,
    allowed_from,
    is_before,
    is_refused,
    is_refused_by_some,
    refused_globals,
    unread_by_torch,
)
from marpack.checks.frame.weights import describe, may_be_read, nodes_of, serialized_file
from marpack.checks.python.classes import ClassOf
from marpack.checks.rules.load import has_loaded
from marpack.checks.rules.manifest_file import manifest_finding
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

# What BaseHandler can load alone; the case counts.
WITHOUT_MODEL_FILE = (".pt", ".onnx", ".so")

_NO_WEIGHTS = "the worker dies: RuntimeError: No model weights could be loaded"
_REFUSED = f"the worker dies: {REFUSED}"
_SAVE = "save model.state_dict(), by torch.save"
_ALLOW = (
    "have the model file allow it, by torch.serialization.add_safe_globals([...]), or by importing what does so "
    "for its own classes, as torchao; or save tensors alone"
)
_MISSING_KEYS = "the worker dies: RuntimeError: Error(s) in loading state_dict: Missing key(s) in state_dict"
_NOT_LIKE = "the worker dies: Expected state_dict to be dict-like, or Error(s) in loading state_dict"
_NO_NAMES = "the worker dies: AttributeError: 'int' object has no attribute 'startswith', or TypeError"
_SAFETENSORS = ".safetensors"

# What torch.load makes no state_dict of, whatever its version: kind -> what the server says.
_NO_STATE_DICT = {
    "torchscript": "the worker dies: Cannot use ``weights_only=True`` with TorchScript archives, or, before torch "
    "2.6, Expected state_dict to be dict-like",
    "module": f"{_REFUSED}, or, before torch 2.6, Expected state_dict to be dict-like",
    "checkpoint": _MISSING_KEYS,
    **dict.fromkeys(("safetensors", "onnx", "aot-library", "numpy", "unknown"), _REFUSED),
}
# What a load_state_dict of the model's own may take.
_LENIENT: Final[dict[str, Severity]] = {"checkpoint": "note", "module": "warning"}


def _serialized(subject: Subject) -> str | None:
    """Return the serialized file of a model that ``BaseHandler`` surely loads, if it is in the archive."""
    loads = subject.worker.loads_model is True and may_be_read(subject)
    return serialized_file(subject) if loads else None


@rule("weights-suffix", "error", kind="model")
def find_suffix(subject: Subject) -> Iterator[Finding]:
    """Pack weights of a suffix that ``BaseHandler`` loads, or a model file too.

    Without a model file the suffix decides, in lower case: ``.pt`` is TorchScript; ``.onnx`` needs onnxruntime
    where the server runs; ``.so`` needs ``pt2: {export: {aot_compile: true}}`` in the model's configuration.
    Anything else, ``.pth``, ``.bin`` and ``.safetensors`` too, ends the worker [server].
    """
    name = _serialized(subject)
    if name is None or subject.role("modelFile") is not None:
        return
    if not name.endswith(WITHOUT_MODEL_FILE):
        message = f"{name!r} is none of {', '.join(WITHOUT_MODEL_FILE)}, and there is no model file"
        fix = "pack the model file too, or TorchScript called .pt"
    elif name.endswith(".so") and subject.role("configFile") is None:
        message = "a compiled model is loaded only if the model's configuration says so, and there is none"
        fix = "pack a model-config.yaml with pt2: {export: {aot_compile: true}}"
    else:
        return
    yield find_suffix.finding(message=message, fix=fix, effect=_NO_WEIGHTS, member=name)


@rule("weights-onnx", "note", kind="model")
def find_onnx(subject: Subject) -> Iterator[Finding]:
    """Install onnxruntime where a ``.onnx`` is served.

    ``BaseHandler`` loads a ``.onnx`` only where ``onnxruntime`` can be imported [server].
    """
    name = _serialized(subject)
    if name is not None and subject.role("modelFile") is None and name.endswith(".onnx"):
        message, effect = "it needs onnxruntime where the server runs", f"without it {_NO_WEIGHTS}"
        fix = "install onnxruntime into the server's image"
        yield find_onnx.finding(message=message, fix=fix, effect=effect, member=name)


@rule("weights-script", "error", kind="model")
def find_no_script(subject: Subject) -> Iterator[Finding]:
    """Pack TorchScript as the ``.pt`` that comes without a model file.

    ``BaseHandler`` opens it with ``torch.jit.load``. A state_dict, a whole module that was pickled, or a
    program of ``torch.export`` ends the worker [server].
    """
    name = _serialized(subject)
    if name is None or subject.role("modelFile") is not None or not name.endswith(".pt"):
        return
    entry = subject.worker.entry_point
    if entry is not None and entry.cls is not None and _has_own(entry.cls, "_load_torchscript_model"):
        return
    weights = describe(subject, name)
    if weights.kind == "torchscript":
        return
    message = f"it is no TorchScript but {weights.detail}, and there is no model file"
    with_it = "the model file too" if weights.kind == "state_dict" else "a state_dict and the model file"
    fix = f"pack {with_it}, or what torch.jit.script(model).save(...) writes"
    effect = f"the worker dies: {unread_by_torch(weights, 'constants.pkl')}"
    yield find_no_script.finding(message=message, fix=fix, effect=effect, member=name)


def _has_own(cls: ClassOf, method: str) -> bool:
    """Tell whether a class, or one of the archive's that it derives from, may have a method of its own."""
    lineage = cls.lineage
    return any(isinstance(item, ClassOf) and item.own_attribute(method).has is not False for item in lineage)


@rule("weights-state-dict", "error", kind="model")
def find_no_state_dict(subject: Subject) -> Iterator[Finding]:
    """Pack a state_dict beside a model file.

    With a model file ``BaseHandler`` gives what ``torch.load`` returns to ``load_state_dict``, which is strict.
    TorchScript, a pickled module, a checkpoint that holds the state_dict under a key, anything else that is
    pickled, and what torch did not save end the worker; where the sources have a ``load_state_dict`` of their own
    a checkpoint is a note, none where it names the key, and a module a warning. So is a state_dict that holds
    something that ``weights_only=True``, the default from torch 2.6 on, does not allow; unless what is imported
    allows it by ``torch.serialization.add_safe_globals``. A file whose name ends in ``.safetensors`` is read as
    such by torch 2.13 and newer, where ``safetensors`` is installed [server].
    """
    name = _serialized(subject)
    if name is None or subject.role("modelFile") is None or has_loaded(subject):
        return
    weights = describe(subject, name)
    finding = partial(find_no_state_dict.finding, member=name)
    if subject.names[name] == 0:
        yield finding(message="it is empty", fix=_SAVE, effect="the worker dies: EOFError")
    elif name.endswith(_SAFETENSORS) and (misread := [*_of_safetensors(subject, name, weights)]):
        yield from misread
    elif _takes_out(subject, weights) and not _is_refused_by_default(subject, weights):
        return
    elif effect := _no_state_dict(subject, weights, name):
        inside = f", under {weights.holds[0]!r}" if weights.holds else ""
        lenient = _LENIENT.get(weights.kind) if _has_own_loading(subject) else None
        message = f"it is no state_dict but {weights.detail}{inside}"
        fix = "leave modelFile out" if weights.kind == "torchscript" else _SAVE
        yield finding(message=message, fix=fix, effect=effect, severity=lenient)
    elif weights.kind != "safetensors" and _is_refused_by_default(subject, weights):
        torch = subject.settings.torch
        worst: Severity | None = None if torch is not None and torch.certain else "warning"
        names = ", ".join(refused_globals(subject, weights)[:3])
        message = f"it holds {names or 'what weights_only=True does not allow'}{allowed_from(weights)}"
        effect, fix = f"{_REFUSED}, from torch 2.6 on", _way_out(weights) if names and weights.keys else _SAVE
        if not names and CANNOT in weights.detail:
            message = f"it is {weights.detail}"
            if weights.kind != "pickle":
                effect = f"the worker dies: {unread_by_torch(weights, 'data.pkl')}"
        yield finding(message=message, fix=fix, effect=effect, severity=worst)
    elif _is_no_mapping_of_names(weights):
        message, effect = f"it is no state_dict but {weights.detail}", _NOT_LIKE
        if weights.kind == "state_dict":
            message, effect = f"it is {weights.detail}, as those of a state_dict are", _NO_NAMES
        severity: Severity | None = "warning" if _has_own_loading(subject) else None
        yield finding(message=message, fix=_SAVE, effect=effect, severity=severity)
    elif is_refused_by_some(subject, weights):
        message = f"it holds {', '.join(weights.weights_only_because[:3])}{allowed_from(weights)}"
        effect = f"with {'another' if weights.weights_only_to else 'an older'} torch, from 2.6 on, {_REFUSED}"
        yield finding(message=message, fix=_way_out(weights), effect=effect, severity="note")


def _way_out(weights: Weights) -> str:
    versions = weights.weights_only_versions
    return f"serve it by torch {versions}, or leave that out of what is saved" if versions else _ALLOW


def _is_refused_by_default(subject: Subject, weights: Weights) -> bool:
    return is_refused(subject, weights) and not is_before(subject, WEIGHTS_ONLY_DEFAULT)


def _no_state_dict(subject: Subject, weights: Weights, name: str) -> str | None:
    """Return what the server says of what is surely no state_dict, None for what may be one."""
    if weights.kind == "checkpoint" and _is_refused_by_default(subject, weights):
        # torch.load comes before load_state_dict, which may take a checkpoint where it is the model's own.
        return None if _has_own_loading(subject) else _REFUSED
    if weights.kind == "safetensors" and name.endswith(_SAFETENSORS):
        return None
    if weights.kind in ("zip", "numpy", "exported-program") and weights.is_zip and weights.weights_only_refuses:
        return f"the worker dies: {unread_by_torch(weights, 'data.pkl')}"
    return _NO_STATE_DICT.get(weights.kind)


def _is_no_mapping_of_names(weights: Weights) -> bool:
    if weights.kind == "state_dict":
        return weights.detail.endswith(NOT_ALL_NAMES)
    known = weights.weights_only_refuses is not None and not weights.refused_globals
    return weights.kind == "pickle" and known and not weights.is_empty


def _of_safetensors(subject: Subject, name: str, weights: Weights) -> Iterator[Finding]:
    """Say what comes of a name in .safetensors, which torch.load goes by since 2.13."""
    finding = partial(find_no_state_dict.finding, member=name)
    torch = subject.settings.torch
    older = is_before(subject, READS_SAFETENSORS)
    if weights.kind == "safetensors":
        fix = "save model.state_dict() by torch.save, under another name"
        if older:
            message = f"it is {weights.detail}, which torch.load reads since torch 2.13 only"
            severity: Severity = "error" if torch is not None and torch.certain else "warning"
            yield finding(message=message, fix=fix, effect=_REFUSED, severity=severity)
        elif weights.detail.startswith(BROKEN_SAFETENSORS):
            message = f"it is {weights.detail}"
            severity = "error" if torch is not None and torch.certain else "warning"
            fix = "save it again, by safetensors.torch.save_file"
            yield finding(message=message, fix=fix, effect=f"{_REFUSED}, or SafetensorError", severity=severity)
        elif not (brought := subject.distributions.brings("safetensors")):
            message = f"it is {weights.detail}, which torch.load reads since torch 2.13, by safetensors"
            fix = f"install torch 2.13 and safetensors where the server runs, or {fix}"
            effect = f"{_REFUSED}, or, from torch 2.13 on, RuntimeError: ... safetensors is not installed"
            severity = "warning" if brought is False else "note"
            if torch is not None:
                message = f"it is {weights.detail}, which torch.load reads by safetensors"
                fix = "have safetensors installed where the server runs"
                effect = "without it the worker dies: RuntimeError: ... safetensors is not installed"
                severity = "note"
            yield finding(message=message, fix=fix, effect=effect, severity=severity)
    elif not older:
        message = f"its name says safetensors, and it is {weights.detail}"
        fix = "call it .pt or .pth"
        effect = "the worker dies, from torch 2.13 on: SafetensorError: Error while deserializing header"
        severity = "error" if torch is not None and torch.certain else "warning"
        yield finding(message=message, fix=fix, effect=effect, severity=severity)


def _has_own_loading(subject: Subject) -> bool:
    """Tell whether the sources may say how a state_dict is loaded."""
    own = _own_loading(subject)
    return own is None or bool(own)


def _takes_out(subject: Subject, weights: Weights) -> bool:
    """Tell whether the sources' own loading of a state_dict names the key of a checkpoint."""
    if weights.kind != "checkpoint":
        return False
    parts = (part for node in _own_loading(subject) or () for part in ast.walk(node))
    return any(isinstance(part, ast.Constant) and part.value in weights.holds for part in parts)


def _own_loading(subject: Subject) -> list[ast.FunctionDef] | None:
    """Return what the sources load a state_dict by, None where the model file cannot be read."""
    source = subject.source(subject.file("modelFile") or "")
    if source is None or source.tree is None:
        return None
    return [
        node
        for node in nodes_of(subject, ast.FunctionDef)
        if node.name in ("load_state_dict", "_load_from_state_dict")
    ]


@rule("weights-missing", "warning", kind="model")
def find_no_weights(subject: Subject) -> Iterator[Finding]:
    """Pack the weights of a model file.

    Without them ``BaseHandler`` takes the model as its constructor leaves it, with random weights, and says
    nothing [server].
    """
    if subject.role("modelFile") is None or "serializedFile" in subject.model:
        return
    if subject.worker.loads_model is True:
        message = "there is no serialized file, and the model keeps the weights that its constructor gives it"
        fix = "pack its state_dict as the serialized file"
        effect = "it says nothing, and answers from random weights"
        yield manifest_finding(
            find_no_weights, subject, "model.modelFile", message=message, fix=fix, effect=effect
        )


RULES = rules_in(globals())
