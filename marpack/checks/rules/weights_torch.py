"""Rules on weights that the server's torch cannot read, or reads though they are damaged."""

from __future__ import annotations

from collections.abc import Iterator

from marpack.archive.inspection.torch_versions import version_of
from marpack.checks.frame.servers_torch import Torch
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.weights import describe, is_named, may_be_read, serialized_file, weights_files
from marpack.checks.rules.handler_name import is_python
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

# The first torch that is built for numpy 2; before, a server has numpy 1, and so have all of TorchServe's images
# (numpy==1.24.3 in its requirements/torch_common.txt).
_NUMPY_2 = (2, 3)
_EFFECTS = {
    "torchscript": "RuntimeError: Unknown builtin op, or Attempted to read a PyTorch file with "
    "version ..., but the maximum supported version for reading is ...",
    "exported-program": "torch.export.load does not read it",
    "safetensors": "AttributeError: module 'torch' has no attribute ...",
}
_NO_NAME = "AttributeError: Can't get attribute ..., or ModuleNotFoundError"


@rule("weights-torch", "error", kind="model")
def find_unreadable(subject: Subject) -> Iterator[Finding]:
    """Save weights with the server's torch, or an older one.

    A file says in its bytes what reads it: the version of its format, the operators that TorchScript calls, the
    names that a pickle imports, the dtypes of its tensors, the schema of a program of ``torch.export``. What came
    to torch when is read from its sources (``marpack/archive/inspection/torch_versions.py``). Something is said
    only where the server's torch is known: by ``--torch 2.1``, by ``--torchserve-version``, or for the target
    ``kserve``, whose image of TorchServe 0.9.0 has torch 2.1. Where it is only known of an image, or
    ``BaseHandler`` does not surely load the file, it is a warning, and a note for a file that no source names.
    Arrays that numpy 2 pickled are read by numpy 1.26.1 and newer; torch before 2.3 is used with numpy 1, and the
    images have 1.24 [server].
    """
    torch = subject.settings.torch
    if torch is None or not is_python(subject):
        return
    for name in weights_files(subject):
        weights = describe(subject, name)
        if _is_before(torch, weights.torch_from) or _is_after(torch, weights.torch_to):
            names = ", ".join(weights.torch_because[:3])
            message = f"it is read by torch {weights.torch_versions} ({names}), and the server has {torch}"
            fix = f"save it with the server's torch, or serve it by torch {weights.torch_versions}"
            effect = _EFFECTS.get(weights.kind, _NO_NAME)
            severity = _severity(subject, name, torch)
        elif weights.numpy_from is not None and (torch.version < _NUMPY_2 or not torch.certain):
            message = f"numpy 2 pickled it: numpy has that since {weights.numpy_from}, and the server has {torch}"
            fix = "save tensors in place of arrays, save it with numpy 1, or install numpy 1.26.4 there"
            effect = "ModuleNotFoundError: No module named 'numpy._core', under an older numpy"
            severity = _severity(subject, name, torch, worst="warning")
        else:
            continue
        effect = f"{'the worker dies' if _is_loaded(subject, name) else 'what loads it fails'}: {effect}"
        yield find_unreadable.finding(message=message, fix=fix, effect=effect, member=name, severity=severity)


@rule("weights-sums", "warning", kind="model")
def find_wrong_sums(subject: Subject) -> Iterator[Finding]:
    """Pack weights that are whole.

    Torch compares none of the sums in its zips, and loads what is damaged as if it were not. Where sums are not
    written (``torch.serialization.set_crc32_options(False)``) nothing can be told. Only records that say what the
    file is are looked at, not those of tensors [server].
    """
    name = serialized_file(subject) if may_be_read(subject) and is_python(subject) else None
    if name is not None and describe(subject, name).sums == "wrong":
        message = "a sum in its zip is wrong: it is damaged, or was changed"
        fix, effect = "save it again, or copy it anew", "it says nothing, and loads what is there"
        yield find_wrong_sums.finding(message=message, fix=fix, effect=effect, member=name)


def _is_loaded(subject: Subject, name: str) -> bool:
    """Tell whether ``BaseHandler`` surely loads a file."""
    return name == serialized_file(subject) and subject.worker.loads_model is True


def _severity(subject: Subject, name: str, torch: Torch, *, worst: Severity = "error") -> Severity:
    if name != serialized_file(subject) and not is_named(subject, name):
        return "note"
    return worst if torch.certain and _is_loaded(subject, name) else "warning"


def _is_before(torch: Torch, version: str | None) -> bool:
    return version is not None and torch.version < version_of(version)


def _is_after(torch: Torch, version: str | None) -> bool:
    return version is not None and torch.version > version_of(version)


RULES = rules_in(globals())
