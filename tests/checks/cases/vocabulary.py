"""Vocabularies of the handlers for text: absent, or not to be loaded."""

from __future__ import annotations

from tests.checks.cases.case import Archive, Case
from tests.checks.cases.model import MODEL, built_in
from tests.checks.cases.weights import SCRIPT, saved

# Stand-ins for captum, which the server of these tests has not.
CAPTUM = """\
class LayerIntegratedGradients:
    def __init__(self, *given):
        pass


TokenReferenceBase = None
"""
TEXT_MODEL = MODEL.replace("self.layer =", "self.embedding = self.layer =")


WORDS = saved(b"}X\4\0\0\0goodK\1s")
COUNTED = saved(b"ccollections\nCounter\n}X\4\0\0\0goodK\1s\x85R")
DEFAULTS = saved(b"ccollections\ndefaultdict\ncbuiltins\nint\n\x85RX\4\0\0\0goodK\1s")
# Answers with what the vocabulary has, since the model here takes no words.
DERIVED = """
from ts.torch_handler.text_handler import TextHandler
class Handler(TextHandler):
    def handle(self, data, context):
        return [self.source_vocab["good"]] * len(data)
"""
ALLOWING = f"""
import collections
import torch
torch.serialization.add_safe_globals([collections.defaultdict, int])
{DERIVED}"""


def of(vocabulary: bytes | None, handler: str = "text_classifier") -> Archive:
    """Return an archive for a handler for text, with captum packed."""
    files: dict[str, str | bytes] = {"captum/__init__.py": "", "captum/attr.py": CAPTUM, "model.py": TEXT_MODEL}
    model = {"handler": handler, "modelFile": "model.py"}
    if "\n" in handler:
        files["handler.py"] = handler
        model["handler"] = "handler.py"
    return Archive(files=files if vocabulary is None else {**files, "source_vocab.pt": vocabulary}, model=model)


def case(title: str, vocabulary: bytes, says: str) -> Case:
    return Case(
        code="vocabulary-unreadable",
        title=title,
        broken=of(vocabulary),
        repaired=of(WORDS),
        fails="worker",
        says=says,
    )


CASES = [
    Case(
        code="model-vocabulary",
        title="a text classifier without a vocabulary",
        broken=of(None),
        repaired=built_in(MODEL),
        fails="worker",
        says="Missing the source_vocab file",
    ),
    Case(
        code="model-vocabulary",
        title="a handler that derives from the one for text",
        broken=of(None, DERIVED),
        repaired=of(COUNTED, DERIVED),
        fails="worker",
        says="Missing the source_vocab file",
    ),
    case("a defaultdict", DEFAULTS, "Weights only load failed"),
    Case(
        code="vocabulary-unreadable",
        title="a defaultdict that is allowed, and not filled all the same",
        broken=of(DEFAULTS, ALLOWING),
        repaired=of(COUNTED, ALLOWING),
        fails="worker",
        says="Can only SETITEM for dict",
    ),
    case("TorchScript", SCRIPT, "Cannot use ``weights_only=True`` with TorchScript"),
    case("JSON", b'{"good": 1}', "Weights only load failed"),
    Case(
        code="vocabulary-unreadable",
        title="a list",
        broken=of(saved(b"]X\4\0\0\0gooda"), DERIVED),
        repaired=of(COUNTED, DERIVED),
        fails="predict",
        says="TypeError: list indices must be integers",
        request={},
    ),
]
