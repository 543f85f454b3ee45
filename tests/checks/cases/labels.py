"""Files that handlers look for by their names."""

from __future__ import annotations

from tests.checks.cases.case import Archive, Case

# Of BaseHandler's kind: it loads a model, here one without weights, and labels.
NAMES = """
from ts.torch_handler.base_handler import BaseHandler
class Handler(BaseHandler):
    def handle(self, data, context):
        return [self.mapping] * len(data)
"""
NUMBERS = NAMES.replace("self.mapping", "0")
NET = """
import torch
class Net(torch.nn.Linear):
    def __init__(self):
        super().__init__(2, 1)
"""
# Of BaseHandler's kind, with an initialize of its own.
MAPPED = """
from ts.torch_handler.base_handler import BaseHandler
class Handler(BaseHandler):
    def initialize(self, context):
        self.folder = context.system_properties["model_dir"]
    def handle(self, data, context):
        return [self.mapping["0"]] * len(data)
"""
MAPPED_ITSELF = "import json\n" + MAPPED.replace(
    '["model_dir"]', '["model_dir"]\n        self.mapping = json.load(open(self.folder + "/index_to_name.json"))'
)
LABELS = "index_to_name.json"
GOOD_LABELS = '{"0": "cat", "1": ["n02084071", "dog"]}'


def of(labels: str | bytes | None, handler: str = NAMES) -> Archive:
    files: dict[str, str | bytes] = {"handler.py": handler, "net.py": NET}
    return Archive(
        files=files if labels is None else {**files, "index_to_name.json": labels},
        model={"handler": "handler.py", "modelFile": "net.py"},
    )


GOOD = of(GOOD_LABELS)

CASES = [
    Case(
        code="labels-shape",
        title="a list",
        broken=of('["cat", "dog"]'),
        repaired=GOOD,
        fails="worker",
        says=r'Exception: index->name JSON mapping should be in "class": "label" format\.',
    ),
    Case(
        code="labels-shape",
        title="the wrong way round",
        broken=of('{"cat": 0, "dog": 1}'),
        repaired=GOOD,
        fails="worker",
        says="Exception: labels in index->name mapping must be either str",
    ),
    Case(
        code="labels-shape",
        title="an empty list",
        broken=of('{"0": []}'),
        repaired=of('{"object_type_names": ["cat", "dog"]}'),
        fails="worker",
        says="IndexError: list index out of range",
    ),
    Case(
        code="labels-shape",
        title="a comma too much",
        broken=of('{"0": "cat",}'),
        repaired=GOOD,
        fails="worker",
        says=r"json\.decoder\.JSONDecodeError",
    ),
    Case(
        code="labels-missing",
        title="a handler that gives names",
        broken=of(None),
        repaired=GOOD,
        fails="serves",
        says=r"index_to_name\.json' is missing\. Inference output will not include class name\.",
    ),
    Case(
        code="labels-unread",
        title="a handler whose initialize is its own",
        broken=Archive(files={"handler.py": MAPPED, LABELS: '{"0": "cat"}'}),
        repaired=Archive(files={"handler.py": MAPPED_ITSELF, LABELS: '{"0": "cat"}'}),
        fails="predict",
        says="TypeError: 'NoneType' object is not subscriptable",
        request={},
    ),
]
