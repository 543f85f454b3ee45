"""The rule on the names in a state_dict: those of a wrapper, and those that the model has not."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from marpack.archive.formats.torch_names import EXTRA_STATE
from marpack.archive.inspection.kinds import NOT_ALL_NAMES, TensorKey, Weights
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.weights import describe, may_be_read, serialized_file
from marpack.checks.python.classes import ClassOf
from marpack.checks.python.namespace import Namespace
from marpack.checks.python.nodes import N
from marpack.checks.python.values import dotted_name
from marpack.checks.rules.model import model_class
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

_DIES: Final = "the worker dies: RuntimeError: Error(s) in loading state_dict"
_MISSING: Final = f"{_DIES}: Missing key(s) in state_dict, Unexpected key(s) in state_dict"
_PLAIN: Final = f"{_DIES}: Unexpected key(s) in state_dict, or: expected torch.Tensor or Tensor-like object"
# What a wrapper calls the model in it, what makes such a wrapper, and how the model is got out of it.
_WRAPPERS: Final = {
    "_orig_mod": ("what torch.compile makes", "model._orig_mod"),
    "module": ("a model in DataParallel, or the like,", "model.module"),
    "base_model": ("a model of PEFT, with adapters,", "model.merge_and_unload()"),
}
_AVERAGED: Final = "n_averaged"
_WRAPPED: Final = re.compile(r"(?:module\.|_orig_mod\.)+|base_model\.model\.")
# Names in sources that may put a model, or a part of it, into a wrapper.
_WRAP: Final = {
    "_orig_mod": frozenset({"_orig_mod", "compile"}),
    "module": frozenset(
        {
            *("AveragedModel", "DataParallel", "DistributedDataParallel", "ShardedDataParallel"),
            # Of mmcv and mmengine, timm, DeepSpeed, and fastai.
            *("ExponentialMovingAverage", "MMDataParallel", "MMDistributedDataParallel"),
            *("ModelEma", "ModelEmaV2", "ModelEmaV3", "DeepSpeedEngine", "init_inference", "SentenceEncoder"),
        }
    ),
    "base_model": frozenset({"base_model", "get_peft_model", "peft", "PeftModel"}),
}
# Parts of a name that stand for something that was done to a part of the model: what that was, the words in
# sources that may do it, and what to do.
_NORMS: Final = frozenset(
    {"orthogonal", "parametrizations", "parametrize", "register_parametrization", "spectral_norm", "weight_norm"}
)
_PARTS: Final = {
    "_orig_mod": (
        "a part of the model was what torch.compile makes",
        _WRAP["_orig_mod"],
        "save it before a part is compiled, compile by part.compile(), or take '_orig_mod.' out of its names",
    ),
    "_checkpoint_wrapped_module": (
        "a part of the model was wrapped for checkpoints",
        frozenset({"apply_activation_checkpointing", "checkpoint_wrapper", "CheckpointWrapper"}),
        "save model.state_dict(), which leaves it out",
    ),
    "_fsdp_wrapped_module": (
        "a part of the model was FullyShardedDataParallel",
        frozenset({"FSDP", "FullyShardedDataParallel", "fsdp"}),
        "save its full state_dict, which leaves that out",
    ),
    "parametrizations": (
        "the model was parametrized, and the model file's is not",
        _NORMS,
        "call torch.nn.utils.parametrize.remove_parametrizations before it is saved, or put it on there too",
    ),
    "_packed_params": (
        "a part of the model was quantized, and the model file's is not",
        frozenset({"ao", "convert", "convert_fx", "quantization", "quantize", "quantize_dynamic", "quantized"}),
        "save it before it is quantized, or quantize it in the model file's class too",
    ),
    **dict.fromkeys(
        ("lora_A", "lora_B"),
        (
            "the model had adapters, and the model file's has none",
            frozenset({"LoraConfig", "get_peft_model", "inject_adapter_in_model", "lora", "loralib", "peft"}),
            "merge them before it is saved: model.merge_and_unload()",
        ),
    ),
}
# Pairs of tensors that stand in the place of one: the same, by the ends of their names.
_PAIRS: Final = {
    ("_orig", "_mask"): (
        "the model was pruned, and the model file's is not",
        frozenset({"prune"}),
        "call torch.nn.utils.prune.remove(part, 'weight') before it is saved",
    ),
    ("_g", "_v"): (
        "weight_norm was put on the model, and not on the model file's",
        _NORMS,
        "call torch.nn.utils.remove_weight_norm before it is saved, or put it on there too",
    ),
    ("_orig", "_u"): (
        "spectral_norm was put on the model, and not on the model file's",
        _NORMS,
        "call torch.nn.utils.remove_spectral_norm before it is saved, or put it on there too",
    ),
}
# Names in sources that may have a state_dict loaded in another way, or give a model any attribute.
_OWN_LOADING: Final = frozenset(
    {
        *("_load_from_state_dict", "_register_load_state_dict_pre_hook", "register_load_state_dict_pre_hook"),
        *("load_state_dict()", "__new__"),
    }
)
_GIVES_NAMES: Final = frozenset({"add_module", "register_buffer", "register_module", "register_parameter"})
_ANY_NAME: Final = frozenset({"__dict__", "__setattr__", "_buffers", "_modules", "_parameters", "exec", "setattr"})
# What has no wrapped models of its own, nor parametrized ones; and where classes of models may come from beside.
_PLAIN_LIBRARIES: Final = frozenset(
    {"PIL", "cv2", "numpy", "pandas", "scipy", "sklearn", "torch", "torchvision", "ts"}
)


@dataclass
class _Sources:
    """The sources that make the model: the model file, and what of the archive it imports."""

    spaces: Sequence[Namespace]
    outside: frozenset[str]

    def nodes_of(self, kind: type[N]) -> Iterator[N]:
        return (node for space in self.spaces for node in space.nodes.of(kind))

    @cached_property
    def names(self) -> frozenset[str]:
        """All names and attributes but for ``re.compile``; a ``load_state_dict`` that is defined has brackets."""
        found = {node.id for node in self.nodes_of(ast.Name)}
        for node in self.nodes_of(ast.Attribute):
            if node.attr != "compile" or dotted_name(node) not in ("re.compile", "regex.compile"):
                found.add(node.attr)
        for function in self.nodes_of(ast.FunctionDef):
            found.add("load_state_dict()" if function.name == "load_state_dict" else function.name)
        for alias in self.nodes_of(ast.alias):
            found.update(alias.name.split("."))
        found.update(node.arg for node in self.nodes_of(ast.keyword) if node.arg is not None)
        return frozenset(found)

    @cached_property
    def texts(self) -> frozenset[str]:
        return frozenset(node.value for node in self.nodes_of(ast.Constant) if isinstance(node.value, str))

    @cached_property
    def gives_any_name(self) -> bool:
        """Tell whether attributes may be set whose names no text tells."""
        return not _ANY_NAME.isdisjoint(self.names) or any(
            getattr(node.func, "attr", "") in _GIVES_NAMES
            and not (node.args and isinstance(node.args[0], ast.Constant))
            for node in self.nodes_of(ast.Call)
        )


def _sources(subject: Subject) -> _Sources | None:
    """Return the sources that make the model, None where not all can be read."""
    module = subject.worker.model_module
    waiting = [module.name] if module is not None else []
    spaces: dict[str, Namespace] = {}
    outside: set[str] = set()
    while waiting:
        name = waiting.pop()
        for reached in subject.modules.reached(name):
            if reached.name in spaces:
                continue
            space = subject.modules.space(reached)
            if space is None:
                return None
            spaces[reached.name] = space
            for item in space.imports:
                if item.module is None:
                    return None
                if subject.modules.find(item.module.partition(".")[0]) is None:
                    outside.add(item.module.partition(".")[0])
                    continue
                waiting += [item.module, *(f"{item.module}.{part}" for part in item.names)]
    return _Sources(list(spaces.values()), frozenset(outside)) if spaces else None


@rule("weights-keys", "error", kind="model")
def find_wrong_keys(subject: Subject) -> Iterator[Finding]:
    """Pack a state_dict whose names are those of the model file's class.

    ``load_state_dict`` is strict: a name that the model has not, or that is missing, ends the worker. What
    ``torch.compile`` makes of a model puts ``_orig_mod.`` before its names, in the middle where it made it of a
    part; ``DataParallel``, ``DistributedDataParallel`` and ``AveragedModel`` put ``module.``, and the last adds
    ``n_averaged``; PEFT puts ``base_model.model.``; ``parametrizations.weight.original0``, or ``weight_g`` and
    ``weight_v``, stand where ``weight_norm`` and the like were put on, ``weight_orig`` and ``weight_mask`` where
    weights were pruned, ``_packed_params`` where a part was quantized. Nor may a state_dict hold a number, a text
    or a list beside its tensors, as ``{**model.state_dict(), "epoch": 3}`` does; and the first part of each name
    is an attribute of the class. Nothing is said where the sources of the model have such names, wrap what they
    make, or load in a way of their own; where a library makes parts of the model that may do so, it is a warning
    [server].
    """
    loads = subject.worker.loads_model is True and may_be_read(subject)
    name = serialized_file(subject) if loads else None
    if name is None or subject.role("modelFile") is None:
        return
    weights = describe(subject, name)
    sources = _sources(subject) if names_of(weights) else None
    if sources is None or not _OWN_LOADING.isdisjoint(sources.names):
        return
    found = next(_problems(subject, weights.keys or (), sources), None)
    if found is not None:
        message, effect, fix, certain = found
        severity: Severity = "error" if certain else "warning"
        yield find_wrong_keys.finding(message=message, effect=effect, fix=fix, severity=severity, member=name)


def names_of(weights: Weights) -> list[str]:
    """Return the names in a state_dict; none of anything else, and of one with other keys."""
    if weights.kind not in ("state_dict", "safetensors") or weights.detail.endswith(NOT_ALL_NAMES):
        return []
    return [key.name for key in weights.keys or ()]


def wrapper_of(names: Collection[str]) -> str | None:
    """Return what all names begin with that wrappers give them, None where nothing is."""
    inner = [name for name in names if name != _AVERAGED]
    found = _WRAPPED.match(inner[0]) if inner else None
    while found is not None and not all(name.startswith(found[0]) for name in inner):
        found = _WRAPPED.fullmatch(found[0].rpartition(".")[0].rpartition(".")[0] + ".")
    return None if found is None else found[0]


def is_wrapped(wrapper: str, names: Collection[str]) -> bool:
    """Tell whether the names in sources may wrap a model so."""
    parts = [part for part in _WRAP if part in wrapper.split(".")]
    return any(not _WRAP[part].isdisjoint(names) for part in parts)


def is_own_name(subject: Subject, wrapper: str) -> bool:
    """Tell whether what loading the model runs may give a model an attribute of that name itself."""
    first = wrapper.partition(".")[0]
    sources = _Sources(subject.worker.spaces, frozenset())
    return (
        first in sources.texts
        or sources.gives_any_name
        or any(first == node.attr for node in sources.nodes_of(ast.Attribute))
        or any(first == node.arg for node in sources.nodes_of(ast.keyword))
    )


def unwrapping(wrapper: str) -> tuple[str, str]:
    """Return what was saved where names begin so, and what to do."""
    what, inside = _WRAPPERS[wrapper.partition(".")[0]]
    way = " and ".join(_WRAPPERS[part][1] for part in dict.fromkeys(wrapper.split(".")) if part in _WRAPPERS)
    return f"the names of its tensors begin with {wrapper!r}: {what} was saved", (
        f"save the state_dict() of the model inside: {way if 'base_model' not in wrapper else inside}"
    )


def _problems(
    subject: Subject, keys: Sequence[TensorKey], sources: _Sources
) -> Iterator[tuple[str, str, str, bool]]:
    """Yield what is wrong with the names of a state_dict, worst first: message, effect, fix, and how certain."""
    names = [key.name for key in keys]
    cls = model_class(subject)
    plain_libraries = sources.outside - set(sys.stdlib_module_names) <= _PLAIN_LIBRARIES
    wrapper = wrapper_of(names)
    if wrapper and not is_wrapped(wrapper, sources.names) and not _may_have(cls, sources, wrapper):
        message, fix = unwrapping(wrapper)
        yield message, _MISSING, fix, _has_known_bases(cls)
    for name, word, (what, words, way) in _inner(names):
        said = sources.names | sources.texts
        if not wrapper and words.isdisjoint(said) and word not in said:
            yield f"it has {name!r}: {what}", _MISSING, way, plain_libraries and "hub" not in sources.names
    plain = [key.name for key in keys if key.plain and not key.name.endswith(EXTRA_STATE)]
    if plain:
        message = f"it holds {', '.join(map(repr, plain[:3]))} beside its tensors, which is no tensor"
        yield message, _PLAIN, "save model.state_dict() alone", plain_libraries
    unknown = [
        first for first in dict.fromkeys(name.partition(".")[0] for name in names) if first != "_extra_state"
    ]
    unknown = [] if cls is None else [first for first in unknown if _is_no_attribute(cls, sources, first)]
    if unknown and cls is not None:
        message = (
            f"it has {', '.join(map(repr, unknown[:3]))}, and the class {cls.value.name} has no such attribute"
        )
        fix = "save the state_dict() of a model of that class"
        yield message, f"{_DIES}: Unexpected key(s) in state_dict", fix, True


def _inner(names: Sequence[str]) -> Iterator[tuple[str, str, tuple[str, frozenset[str], str]]]:
    """Yield names that tell what was done to a part of a model, the word that tells it, and that."""
    every = frozenset(names)
    for name in names:
        *parts, last = name.split(".")
        for word in _PARTS.keys() & set(parts):
            yield name, word, _PARTS[word]
        for (one, other), found in _PAIRS.items():
            stem = name.removesuffix(one)
            if stem != name and f"{stem}{other}" in every and stem not in every:
                yield name, last, found


def _may_have(cls: ClassOf | None, sources: _Sources, wrapper: str) -> bool:
    """Tell whether the model may have an attribute that is called as a wrapper calls its model."""
    first = wrapper.partition(".")[0]
    if cls is not None and _is_no_attribute(cls, sources, first):
        return False
    return first in sources.names or first in sources.texts or sources.gives_any_name


def _is_no_attribute(cls: ClassOf, sources: _Sources, name: str) -> bool:
    """Tell whether a model surely has no attribute of a name: where all of its classes are known."""
    return cls.attribute(name).has is False and not sources.gives_any_name and name not in sources.texts


def _has_known_bases(cls: ClassOf | None) -> bool:
    lineage = [] if cls is None else cls.lineage
    return bool(lineage) and all(
        isinstance(item, ClassOf)
        or (item is not None and item.partition(".")[0] in _PLAIN_LIBRARIES | {"builtins"})
        for item in lineage
    )


RULES = rules_in(globals())
