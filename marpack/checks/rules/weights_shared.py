"""The rule on tensors that a module has under several names, of which a file of safetensors keeps one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from marpack.checks.frame.subject import Subject, json_object
from marpack.checks.frame.weights import describe, may_be_read, serialized_file, source_names
from marpack.findings import Finding
from marpack.rule import rule, rules_in

_METADATA: Final = "__metadata__"
_LONGEST_HEADER: Final = 16 << 20
# Where one of these stands in a source, the model may make up for the name that is not there.
_LENIENT: Final = frozenset(
    {
        *("load_state_dict", "_load_from_state_dict", "load_model", "load_torch_model"),
        *("register_load_state_dict_pre_hook", "_register_load_state_dict_pre_hook"),
    }
)


@rule("weights-shared-tensor", "warning", kind="model")
def find_shared(subject: Subject) -> Iterator[Finding]:
    """Save a module whose parts share a tensor by ``torch.save``, which keeps all names.

    A tensor that a module has under several names, as an embedding that is the head's weight too, is written
    under one of them by ``safetensors.torch.save_model``, ``huggingface_hub.save_torch_model`` and
    ``save_pretrained``. The first two note the others in the header's metadata:
    ``{"head.weight": "embedding.weight"}``. Beside a model file ``BaseHandler`` calls ``load_state_dict``, which
    is strict and wants all names [server]. Nothing is said where the other names are in the file too, or a source
    names what may make up for them.
    """
    name = serialized_file(subject)
    if name is None or subject.worker.loads_model is not True or subject.role("modelFile") is None:
        return
    if not may_be_read(subject) or not name.endswith(".safetensors") or source_names(subject) & _LENIENT:
        return
    weights = describe(subject, name)
    names = {key.name for key in weights.keys or ()}
    if weights.kind != "safetensors" or not names:
        return
    noted = sorted(_metadata(subject, name).items())
    missing = [(other, kept) for other, kept in noted if kept in names and other not in names]
    if missing:
        other, kept = missing[0]
        more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
        yield find_shared.finding(
            message=f"it keeps the tensor {other!r:.100} as {kept!r:.100} alone{more}, by its metadata",
            fix="save model.state_dict() by torch.save, under another name: it keeps all names",
            effect=f"the worker dies: RuntimeError: ... Missing key(s) in state_dict: {other!r:.100}",
            member=name,
        )


def _metadata(subject: Subject, name: str) -> dict[str, str]:
    """Return what the header says besides its tensors; nothing of one that is too long."""
    with subject.contents.open(name) as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _LONGEST_HEADER:
            return {}
        header = bytearray()
        while len(header) < length and (block := file.read(length - len(header))):
            header += block
    values = json_object(bytes(header)).get(_METADATA)
    return (
        {key: value for key, value in values.items() if isinstance(value, str)} if isinstance(values, dict) else {}
    )


RULES = rules_in(globals())
