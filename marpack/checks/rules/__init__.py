"""The rules: what TorchServe refuses of an archive, one small function each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marpack.checks.rules import (
    constructor,
    container,
    entry_call,
    entry_point,
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
    weights,
    workflow,
)

if TYPE_CHECKING:
    from marpack.checks.frame.subject import Subject
    from marpack.rule import Rule

__all__ = ["RULES"]

# In the order of the page: what is held, then what it says, then what is in it.
RULES: tuple[Rule[Subject], ...] = (
    *container.RULES,
    *manifest_file.RULES,
    *manifest_values.RULES,
    *manifest_roles.RULES,
    *handler_name.RULES,
    *entry_point.RULES,
    *entry_call.RULES,
    *constructor.RULES,
    *imports.RULES,
    *model.RULES,
    *weights.RULES,
    *labels.RULES,
    *model_config.RULES,
    *requirements.RULES,
    *platforms.RULES,
    *workflow.RULES,
    *load.RULES,
)
