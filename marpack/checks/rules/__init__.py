"""The rules: what TorchServe refuses of an archive, one small function each."""

from __future__ import annotations

from marpack.checks.frame.subject import Subject
from marpack.checks.rules import (
    compiled,
    constructor,
    container,
    entry_call,
    entry_point,
    handler_flow,
    handler_name,
    imports,
    labels,
    load,
    manifest_file,
    manifest_roles,
    manifest_values,
    model,
    model_config,
    platforms,
    requirements,
    source_syntax,
    vocabulary,
    weights,
    weights_calls,
    weights_keys,
    weights_modules,
    weights_onnx,
    weights_parts,
    weights_pointer,
    weights_shared,
    weights_torch,
    workflow,
)
from marpack.rule import Rule

# In the order of the page: what is held, then what it says, then what is in it.
_MODULES = (
    *(
        container,
        manifest_file,
        manifest_values,
        manifest_roles,
        handler_name,
        entry_point,
        entry_call,
        constructor,
        handler_flow,
    ),
    *(
        source_syntax,
        imports,
        model,
        vocabulary,
        weights,
        weights_keys,
        weights_calls,
        weights_modules,
        weights_onnx,
        weights_parts,
        weights_torch,
        weights_pointer,
        weights_shared,
        labels,
        model_config,
        compiled,
        requirements,
        platforms,
        workflow,
        load,
    ),
)
RULES: tuple[Rule[Subject], ...] = tuple(each for module in _MODULES for each in module.RULES)
