"""Model files and weights that BaseHandler cannot load."""

from __future__ import annotations

from tests.checks.cases.case import Archive, Case

MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, rows):
        return self.layer(rows)
"""
BASE = """\
from ts.torch_handler.base_handler import BaseHandler


class Handler(BaseHandler):
    pass
"""


def built_in(source: str, name: str = "model.py", **more: str) -> Archive:
    """Return an archive with a model file for the built-in base handler, and no weights: they are random then."""
    files = {name: source} | {f"{other}.py": text for other, text in more.items()}
    return Archive(files=files, model={"handler": "base_handler", "modelFile": name})


def derived(source: str) -> Archive:
    """Return an archive with a model file for a handler that derives from BaseHandler."""
    return Archive(
        files={"handler.py": BASE, "model.py": source}, model={"handler": "handler.py", "modelFile": "model.py"}
    )


# A handler that makes its model itself, and has nothing of BaseHandler's do it.
SELF_MADE = """\
import importlib.util
import os

from ts.torch_handler.base_handler import BaseHandler


class Handler(BaseHandler):
    def initialize(self, context):
        path = os.path.join(context.system_properties["model_dir"], context.manifest["model"]["modelFile"])
        spec = importlib.util.spec_from_file_location("made_of_it", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.model = module.Net(*[2] * module.SIZES)
        self.initialized = True

    def handle(self, data, context):
        return ["ok"] * len(data)
"""


def self_made(source: str, sizes: int = 0, name: str = "model.py") -> Archive:
    """Return an archive whose handler makes ``Net`` of the model file with so many sizes."""
    files = {"handler.py": SELF_MADE, name: f"{source}\n\nSIZES = {sizes}\n"}
    return Archive(files=files, model={"handler": "handler.py", "modelFile": name})


def case(code: str, title: str, broken: Archive, says: str, repaired: Archive | None = None) -> Case:
    return Case(
        code=code, title=title, broken=broken, repaired=repaired or built_in(MODEL), fails="worker", says=says
    )


ONE_CLASS = r"Expected only one class as model definition\. "
TWO = f"{MODEL}\n\nclass Block(nn.Module):\n    pass\n"

CASES: list[Case] = [
    case(
        "model-missing",
        "neither a model file nor weights",
        Archive(model={"handler": "base_handler"}),
        "'NoneType' object has no attribute 'endswith'",
    ),
    case(
        "model-missing",
        "neither, and a class that derives from BaseHandler",
        Archive(files={"handler.py": BASE}),
        "'NoneType' object has no attribute 'endswith'",
    ),
    case("model-file-name", "a dot in the name", built_in(MODEL, "my.model.py"), "No module named 'my'"),
    case("model-file-name", "a folder", built_in(MODEL, "nets/model.py"), "No module named 'nets/model'"),
    case("model-file-name", "no ending", built_in(MODEL, "model"), "No module named 'model'"),
    case(
        "model-file-name", "a module that Python has loaded", built_in(MODEL, "time.py"), r"structseq\(\) missing"
    ),
    case("model-classes", "no class", built_in("def Net():\n    return None\n"), rf"{ONE_CLASS}\[\]"),
    case(
        "model-classes",
        "two classes",
        built_in(TWO),
        rf"{ONE_CLASS}\[<class 'model\.Block'>, <class 'model\.Net'>\]",
    ),
    case("model-classes", "two classes for a class that derives", derived(TWO), ONE_CLASS),
    case(
        "model-classes",
        "two classes, and a handler that makes one itself",
        derived(TWO),
        ONE_CLASS,
        self_made(TWO),
    ),
    case(
        "model-file-name",
        "a folder, and a handler that reads it itself",
        built_in(MODEL, "nets/model.py"),
        "No module named 'nets/model'",
        self_made(MODEL, name="nets/model.py"),
    ),
    case(
        "model-constructor",
        "an argument, and a handler that gives it",
        derived(MODEL.replace("(self):", "(self, size):")),
        r"__init__\(\) missing 1 required positional argument: 'size'",
        self_made(MODEL.replace("(self):", "(self, size):"), sizes=1),
    ),
    case(
        "model-not-a-module",
        "a plain class, and a handler that takes it",
        derived("class Net:\n    def forward(self, rows):\n        return rows\n"),
        "'Net' object has no attribute 'to'",
        self_made("class Net:\n    def forward(self, rows):\n        return rows\n"),
    ),
    case(
        "model-constructor",
        "a constructor with an argument",
        built_in(MODEL.replace("(self):", "(self, size):")),
        r"__init__\(\) missing 1 required positional argument: 'size'",
    ),
    case(
        "model-constructor",
        "a constructor with an argument, in another file",
        built_in(
            "from net import Net\n\n\nclass Model(Net):\n    pass\n", net=MODEL.replace("(self):", "(self, n):")
        ),
        r"__init__\(\) missing 1 required positional argument: 'n'",
    ),
    case(
        "model-not-a-module",
        "a plain class",
        built_in("class Net:\n    def forward(self, rows):\n        return rows\n"),
        "'Net' object has no attribute 'to'",
    ),
]
