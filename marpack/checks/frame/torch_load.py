"""What ``torch.load`` refuses to import for a file, on the server that a model is for."""

from __future__ import annotations

import sys
from typing import Final

from marpack.archive.inspection.kinds import Weights
from marpack.archive.inspection.torch_versions import Version
from marpack.archive.inspection.weights_only import is_allowed_since
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.weights import imported_modules, source_names, source_texts

# torch's release notes: weights_only is True by default since then.
WEIGHTS_ONLY_DEFAULT: Final[Version] = (2, 6)
# torch.serialization.load: since then it goes by the name.
READS_SAFETENSORS: Final[Version] = (2, 13)
# What it says of what it refuses.
REFUSED: Final = "_pickle.UnpicklingError: Weights only load failed"
# Those allow names of their own, or all of them.
_ALLOWING: Final = frozenset({"add_safe_globals", "safe_globals", "clear_safe_globals"})
_ALLOWING_ALL: Final = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"


def is_before(subject: Subject, version: Version) -> bool:
    """Tell whether the server's torch is known, and older."""
    torch = subject.settings.torch
    return torch is not None and torch.version < version


def refused_globals(subject: Subject, weights: Weights) -> tuple[str, ...]:
    """Return what ``weights_only=True`` does not import; of a torch that nobody knows, what 2.13 does not."""
    torch = subject.settings.torch
    if torch is None:
        return weights.refused_globals
    return tuple(
        name
        for name in weights.refused_globals
        if (since := is_allowed_since(name)) is None or torch.version < since
    )


def is_refused(subject: Subject, weights: Weights) -> bool:
    """Tell whether ``weights_only=True`` surely refuses a file, as far as the sources do not allow more."""
    if weights.weights_only_refuses is not True:
        return False
    names = refused_globals(subject, weights)
    if weights.refused_globals and not names:
        return False
    if not _ALLOWING.isdisjoint(source_names(subject)):
        return False
    if any(_ALLOWING_ALL in text for text in subject.once(source_texts)):
        return False
    # Packages that are installed may allow their own when they are imported.
    imported = {
        module
        for module in subject.once(imported_modules) - {"numpy", "torch"}
        if subject.modules.find(module) is None and module not in sys.stdlib_module_names
    }
    return not names or any(name.partition(".")[0] not in imported for name in names)
