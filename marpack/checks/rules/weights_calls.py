"""The rule on the calls by which a handler loads weights itself: each reads one kind of file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from marpack.archive import git_lfs
from marpack.archive.inspection.kinds import NOT_KNOWN, Weights
from marpack.checks.flow.events import Load, LoadedUse
from marpack.checks.flow.known_calls import MODULE_METHODS
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.torch_load import (
    READS_SAFETENSORS,
    REFUSED,
    WEIGHTS_ONLY_DEFAULT,
    is_before,
    is_refused,
    refused_globals,
)
from marpack.checks.frame.weights import describe, may_be_read, source_names
from marpack.checks.rules.handler_flow import events_of
from marpack.checks.rules.handler_name import KEY
from marpack.checks.rules.weights_keys import is_own_name, is_wrapped, names_of, unwrapping, wrapper_of
from marpack.findings import Finding, Severity
from marpack.frozen import frozen
from marpack.rule import rule, rules_in

_OF_TORCH_SAVE: Final = frozenset({"state_dict", "checkpoint", "module", "pickle"})
_TORCH_LOAD: Final = frozenset({"torch.load", "torch.serialization.load"})
_BY_DEFAULT: Final = ", from torch 2.6 on"
# torch/serialization.py: what torch.load takes since then, and gives pickle before.
_KEYWORDS: Final = {"weights_only": (1, 13), "mmap": (2, 1)}


@frozen
class _Reader:
    """What a function reads: of which kind, what makes that, and what it says of anything else."""

    kind: str
    called: str
    made_by: str
    effect: str


# What reads one kind of file and nothing else.
_SAFETENSORS: Final = _Reader(
    kind="safetensors",
    called="no file of safetensors",
    made_by="safetensors.torch.save_file(model.state_dict(), ...)",
    effect="SafetensorError: Error while deserializing header",
)
_ONNX: Final = _Reader(
    kind="onnx",
    called="no model of ONNX",
    made_by="torch.onnx.export(model, ...)",
    effect="InvalidProtobuf: Load model failed: Protobuf parsing failed",
)
_READERS: Final = {
    "torch.jit.load": _Reader(
        kind="torchscript",
        called="no TorchScript",
        made_by="torch.jit.script(model).save(...)",
        effect="RuntimeError: PytorchStreamReader failed",
    ),
    "torch.export.load": _Reader(
        kind="exported-program",
        called="no program of torch.export",
        made_by="torch.export.save(torch.export.export(model, args), ...)",
        effect="RuntimeError: torch.export.load does not read it",
    ),
    **dict.fromkeys(
        (
            *("safetensors.torch.load_file", "safetensors.torch.load_model", "safetensors.safe_open"),
            "safetensors.numpy.load_file",
        ),
        _SAFETENSORS,
    ),
    **dict.fromkeys(("onnxruntime.InferenceSession", "onnxruntime.capi.InferenceSession", "onnx.load"), _ONNX),
}


@frozen
class Problem:
    """What is wrong with a call, what it says, and the way out; ``certain`` of the server's torch."""

    message: str
    effect: str
    fix: str
    certain: bool = True


@rule("weights-call", "error", kind="model")
def find_wrong_calls(subject: Subject) -> Iterator[Finding]:
    """Load each file by what reads its kind.

    ``torch.load`` reads what ``torch.save`` wrote; since torch 2.6 it imports nothing but tensors and what belongs
    to them, and refuses a whole model, unless ``weights_only=False`` is said or ``add_safe_globals`` allows it.
    ``torch.jit.load`` reads TorchScript, ``safetensors.torch.load_file`` safetensors, and
    ``onnxruntime.InferenceSession`` ONNX. Looked at are the calls that loading the handler surely comes to, with a
    file of the archive; those of a request are warnings, and so is what only some versions of torch refuse, where
    the server's is not told (``--torch``). What ``torch.load`` then gives is a model or a dictionary: a dictionary
    has no ``eval()``, and ``load_state_dict()`` takes no model [server].
    """
    said: set[tuple[str, str]] = set()
    wrong: set[str] = set()
    for event in loads_of(subject):
        name = event.path
        if (name, event.call) in said:
            continue
        said.add((name, event.call))
        problem = problem_of(subject, event, describe(subject, name))
        if problem is None:
            continue
        wrong.add(name)
        dies = "each request is answered 503" if event.phase == "answer" else "the worker dies"
        severity: Severity = "error" if problem.certain and event.phase != "answer" else "warning"
        yield find_wrong_calls.finding(
            f"{event.call} is given {name!r}: {problem.message}",
            KEY,
            effect=f"{dies}: {problem.effect}",
            fix=problem.fix,
            member=event.member,
            line=event.line,
            severity=severity,
        )
    for use in events_of(subject) if may_be_read(subject) else ():
        if not isinstance(use, LoadedUse) or use.path not in subject.names or use.path in wrong:
            continue
        weights = describe(subject, use.path)
        problem = _of_use(weights, use) or _of_names(subject, weights, use)
        if problem is None:
            continue
        wrong.add(use.path)
        dies = "each request is answered 503" if use.phase == "answer" else "the worker dies"
        yield find_wrong_calls.finding(
            f"of what torch.load gives for {use.path!r}: {problem.message}",
            KEY,
            effect=f"{dies}: {problem.effect}",
            fix=problem.fix,
            member=use.member,
            line=use.line,
            severity="error" if problem.certain and use.phase != "answer" else "warning",
        )


def _of_use(weights: Weights, use: LoadedUse) -> Problem | None:
    """Return why what torch.load gives for a file cannot be used so."""
    if use.name and weights.kind in ("state_dict", "checkpoint", "safetensors"):
        if use.name not in MODULE_METHODS:
            return None
        effect = f"AttributeError: 'dict' or 'collections.OrderedDict' object has no attribute {use.name!r}"
        fix = "make the model and have it load_state_dict() what the file holds, or save the whole model"
        message = f".{use.name}() is of models, and it is {weights.detail}"
        return Problem(message=message, effect=effect, fix=fix, certain=weights.kind != "checkpoint")
    # It may be another load_state_dict than torch's.
    given = f"load_state_dict() is given {weights.detail}"
    if not use.name and weights.kind == "module":
        effect = "TypeError: Expected state_dict to be dict-like"
        fix = "use the model that torch.load gives, or save its state_dict()"
        return Problem(message=given, effect=effect, fix=fix, certain=False)
    if not use.name and use.strict and weights.kind == "checkpoint" and weights.holds:
        effect = "RuntimeError: Error(s) in loading state_dict: Unexpected key(s)"
        fix = f"give it [{weights.holds[0]!r}] of that"
        return Problem(message=given, effect=effect, fix=fix, certain=False)
    return None


def _of_names(subject: Subject, weights: Weights, use: LoadedUse) -> Problem | None:
    """Return why a model does not load the names of a wrapper, unless the sources may make one."""
    wrapper = wrapper_of(names_of(weights)) if not use.name and use.strict else None
    if wrapper is None or is_wrapped(wrapper, source_names(subject)) or is_own_name(subject, wrapper):
        return None
    message, fix = unwrapping(wrapper)
    effect = "RuntimeError: Error(s) in loading state_dict: Missing key(s), Unexpected key(s)"
    return Problem(message=message, effect=effect, fix=fix, certain=False)


def loads_of(subject: Subject) -> tuple[Load, ...]:
    """Return the loads of members that the handler surely comes to, in their order."""
    return subject.once(_loads) if may_be_read(subject) else ()


def _loads(subject: Subject) -> tuple[Load, ...]:
    found = [event for event in events_of(subject) if isinstance(event, Load) and event.path in subject.names]
    return tuple(event for event in found if event.after is None or _fails(subject, event.after))


def _fails(subject: Subject, event: Load) -> bool:
    """Tell whether a load surely fails."""
    if event.path not in subject.names:
        return False
    problem = problem_of(subject, event, describe(subject, event.path))
    return problem is not None and problem.certain


def problem_of(subject: Subject, load: Load, weights: Weights) -> Problem | None:
    """Return why a call does not load a file, None where it may."""
    function = load.call
    reader = _READERS.get(function)
    if (weights.kind == "zip" and reader != _ONNX) or weights.detail == NOT_KNOWN:
        return None  # what torch's own reader makes of it is not known
    if weights.detail.startswith(git_lfs.WHAT):
        return None  # another rule speaks of pointers
    if function in _TORCH_LOAD:
        return _of_torch_load(subject, load, weights)
    if function in ("pickle.load", "pickle.loads"):
        if weights.kind in _OF_TORCH_SAVE and not weights.is_plain_pickle and not weights.legacy:
            effect = "_pickle.UnpicklingError: A load persistent id instruction was encountered"
            return Problem(message=f"it is {weights.detail}, of torch.save", effect=effect, fix="use torch.load")
        return None
    if reader is None or weights.kind == reader.kind:
        return None
    if weights.weights_only_refuses is None and reader != _ONNX:
        return None
    message = f"it is {reader.called} but {weights.detail}"
    return Problem(message=message, effect=reader.effect, fix=f"pack what {reader.made_by} writes")


def _of_torch_load(subject: Subject, load: Load, weights: Weights) -> Problem | None:
    keywords = dict(load.keywords)
    if "pickle_module" in keywords or "**" in keywords:
        return None
    torch = subject.settings.torch
    told = torch is not None and torch.certain
    for keyword, first in _KEYWORDS.items():
        if keyword in keywords and is_before(subject, first):
            message = f"the call has {keyword}=, which torch takes since {first[0]}.{first[1]}"
            effect = f"TypeError: {keyword!r} is an invalid keyword argument"
            return Problem(message=message, effect=effect, fix=f"leave {keyword}= out", certain=told)
    newer = not is_before(subject, READS_SAFETENSORS)
    if load.path.endswith(".safetensors") and newer and not load.opened:
        if weights.kind == "safetensors" and keywords.get("map_location") is dict:
            effect = "RuntimeError: Loading safetensors file with dict map_location is not supported"
            message, fix = "it is read by safetensors, by its name", "give map_location the name of a device"
            return Problem(message=message, effect=f"{effect}, from torch 2.13 on", fix=fix, certain=told)
        if weights.kind == "safetensors":
            return None
        message = f"its name says safetensors, and it is {weights.detail}"
        effect = f"{_SAFETENSORS.effect}, from torch 2.13 on"
        return Problem(message=message, effect=effect, fix="call it .pt or .pth", certain=told)
    if weights.kind == "torchscript":
        only = keywords.get("weights_only", ... if is_before(subject, WEIGHTS_ONLY_DEFAULT) else True)
        if only is not True:
            return None
        certain = told or "weights_only" in keywords
        since = "" if certain else _BY_DEFAULT
        effect = f"RuntimeError: Cannot use ``weights_only=True`` with TorchScript archives{since}"
        return Problem(message="it is TorchScript", effect=effect, fix="use torch.jit.load", certain=certain)
    if weights.kind not in _OF_TORCH_SAVE or weights.is_plain_pickle:
        if weights.weights_only_refuses is None:
            return None
        message = f"it is {weights.detail}, which torch.save did not write"
        effect = f"{REFUSED}, or RuntimeError: PytorchStreamReader failed, or Invalid magic number"
        return Problem(
            message=message, effect=effect, fix="load it by what wrote it, or pack what torch.save writes"
        )
    said = keywords.get("weights_only")
    if said is True or ("weights_only" not in keywords and not is_before(subject, WEIGHTS_ONLY_DEFAULT)):
        if not is_refused(subject, weights):
            return None
        names = ", ".join(refused_globals(subject, weights)[:3]) or "what weights_only=True does not allow"
        since = "" if said is True or told else _BY_DEFAULT
        fix = "say weights_only=False where the file is trusted, or save the state_dict() alone"
        message = f"it is {weights.detail}, and imports {names}"
        return Problem(message=message, effect=f"{REFUSED}{since}", fix=fix, certain=said is True or told)
    return None


RULES = rules_in(globals())
