"""Weights in safetensors of a module that has one tensor under two names."""

from __future__ import annotations

import json

from tests.checks.cases.case import Archive, Case
from tests.checks.cases.weights import BASE

TIED = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(2, 2)
        self.head = torch.nn.Linear(2, 2, bias=False)
        self.head.weight = self.embedding.weight
"""
# As safetensors.torch.save_model and huggingface_hub.save_torch_model write it.
NOTED = {"head.weight": "embedding.weight", "format": "pt"}


def safetensors(*names: str, **metadata: str) -> bytes:
    """What safetensors writes of tensors of two by two that are all zero."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    for place, name in enumerate(names):
        header[name] = {"dtype": "F32", "shape": [2, 2], "data_offsets": [16 * place, 16 * place + 16]}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(16 * len(names))


def archive(data: bytes, *, net: str = TIED, handler: str = BASE) -> Archive:
    return Archive(
        files={"handler.py": handler, "net.py": net, "net.safetensors": data},
        model={"handler": "handler.py", "modelFile": "net.py", "serializedFile": "net.safetensors"},
    )


CASES = [
    Case(
        code="weights-shared-tensor",
        title="one of two names in safetensors",
        broken=archive(safetensors("embedding.weight", **NOTED)),
        repaired=archive(safetensors("embedding.weight", "head.weight", format="pt")),
        fails="worker",
        reason="the tests' server has no safetensors; torch's own load_state_dict judges in the rule's test",
    )
]
