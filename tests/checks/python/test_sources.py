"""The rules about Python sources: on small sources, on real handlers, and on hostile ones."""

from __future__ import annotations

import io
import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marpack.checks.frame.subject import Settings, Subject
from marpack.checks.python.torch_handlers import HANDLER_MODULES
from marpack.checks.rules import constructor, entry_call, entry_point, handler_name, imports, model, source_syntax
from tests.support.torchserve import environment, install_folder, package_home

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marpack.findings import Finding, Issue

# One that this Python can stand for.
SERVER = min((3, 11), sys.version_info[:2])

RULES = [
    rule
    for module in (handler_name, entry_point, entry_call, constructor, source_syntax, imports, model)
    for rule in module.RULES
]


class Members:
    """The files of an archive, held in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)

    @property
    def sizes(self) -> Mapping[str, int]:
        return {name: len(data) for name, data in self._files.items()}

    @property
    def problems(self) -> Sequence[Issue]:
        return ()

    @property
    def present(self) -> Sequence[str]:
        return ()

    def open(self, name: str) -> io.BytesIO:
        return io.BytesIO(self._files[name])


def subject_of(files: Mapping[str, bytes], *, python: tuple[int, int] = SERVER) -> Subject:
    return Subject(
        Members(files),
        path="m.mar",
        file_name="m.mar",
        form="zip",
        settings=Settings(python=python, target="torchserve"),
    )


def findings(subject: Subject) -> list[Finding]:
    return [finding for rule in RULES for finding in rule.findings(subject)]


def of_files(files: Mapping[str, str | bytes], python: tuple[int, int] = SERVER, **model: object) -> list[Finding]:
    """Return what is found in a model of these files, whose handler is handler.py unless said otherwise."""
    manifest = {"runtime": "python", "model": {"modelName": "m", "handler": "handler.py", **model}}
    members = {name: data.encode() if isinstance(data, str) else data for name, data in files.items()}
    return findings(subject_of(members | {"MAR-INF/MANIFEST.json": json.dumps(manifest).encode()}, python=python))


def brief(found: Sequence[Finding]) -> list[str]:
    return sorted(f"{finding.severity}:{finding.code}" for finding in found)


def errors(found: Sequence[Finding]) -> list[str]:
    return [str(finding) for finding in found if finding.severity == "error"]


H = "def handle(data, context):\n    return data\n"
C = "class A:\n    def initialize(self, context): ...\n    def handle(self, data, context): ...\n"
B = "from ts.torch_handler.base_handler import BaseHandler\n"

# A handler's source, and what is found in it.
SOURCES: dict[str, list[str]] = {
    H: [],
    C: [],
    # Which names count as classes.
    C + "class B: ...\n": ["error:handler-classes"],
    C + "B = A\n": ["error:handler-classes"],
    C + "B = A\ndel B\n": [],
    C + "B = A if 1 > 0 else None\n": [],
    C + "if 1 > 0:\n    class B: ...\n": [],
    C + "if 1 > 0:\n    class B: ...\nelse:\n    B = A\n": ["error:handler-classes"],
    C + "if False:\n    class B: ...\n": [],
    C + "if __name__ == '__main__':\n    class B: ...\n": [],
    C + "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    class B: ...\n": [],
    C + "import sys\nif sys.version_info >= (3, 8):\n    class B: ...\n": ["error:handler-classes"],
    C + "import sys\nif sys.version_info < (3, 8):\n    class B: ...\n": [],
    C + "try:\n    class B: ...\nexcept ImportError:\n    B = None\n": [],
    C + "try:\n    from x_y import B\nexcept ImportError:\n    class B: ...\n": [],
    C + "with open('x'):\n    class B: ...\n": ["error:handler-classes"],
    C + "class B:\n    __module__ = 'other'\n": [],
    C + "class B: ...\nB.__module__ = 'other'\n": [],
    C + "class B: ...\nB = None\n": [],
    C + "class B: ...\nB = B()\n": [],
    C + "def f():\n    class B: ...\n": [],
    C + "def f():\n    global B\n    class B: ...\n": [],
    C + "class E(Exception): ...\n": ["error:handler-classes"],
    C + "import enum\nclass E(enum.Enum):\n    X = 1\n": ["error:handler-classes"],
    C + "from enum import Enum\nE = Enum('E', 'X')\n": ["error:handler-classes"],
    C + "from enum import Enum\nE = Enum('E', 'X', module='m')\n": [],
    C + "from typing import NamedTuple\nclass N(NamedTuple):\n    x: int\n": ["error:handler-classes"],
    C + "from collections import namedtuple as nt\nN = nt('N', 'x')\n": ["error:handler-classes"],
    C + "from typing import NewType, TypeVar\nN, T = NewType('N', int), TypeVar('T')\n": [],
    C + "from typing import List\nRows = List[int]\nOther = dict[str, A]\n": [],
    C + "N = type('N', (), {})\n": ["error:handler-classes"],
    C + "from collections import OrderedDict as D\nfrom torch import nn\nM = nn.Module\n": [],
    C + "x = A()\ny = [A]\nz = lambda: A\n": [],
    C + "import logging\nlog = logging.getLogger(__name__)\nlog.info('x')\n": [],
    C + "for B in [A]:\n    pass\n": [],
    C + "globals()['B'] = A\n": [],
    C + "@decorate\nclass B: ...\n": [],
    "from dataclasses import dataclass\n" + C + "@dataclass\nclass B:\n    x: int\n": ["error:handler-classes"],
    "x = 1\n": ["error:handler-classes"],
    "x = make()\n": ["error:handler-classes"],
    "import torch\nmodel = torch.nn.Linear(2, 2)\n": ["error:handler-classes"],
    "from typing import Any\ndef predict(data, context) -> Any: ...\n": ["error:handler-classes"],
    "def f():\n    global handle\n    handle = print\n": [],
    "from x_y import *\n": ["warning:import-missing"],
    "def __getattr__(name): ...\n": [],
    "class A: ...\nclass B: ...\n" + H: [],
    # The function.
    "handle = None\n": ["error:handler-not-callable"],
    "handle = 'x'\n": ["error:handler-not-callable"],
    "handle = {}\n": ["error:handler-not-callable"],
    "handle = lambda data, context: data\n": [],
    "handle = lambda data: data\n": ["error:handler-parameters"],
    "from functools import partial\ndef f(x, data, context): ...\nhandle = partial(f, 1)\n": [],
    "class S:\n    def __call__(self, data, context): ...\nhandle = S()\n": [],
    "class S:\n    def handle(self, data, context): ...\ns = S()\nhandle = s.handle\n": [],
    C + "handle = A\n": ["error:handler-not-callable"],
    "class A:\n    def __init__(self, data, context): ...\nhandle = A\n": [],
    "class A:\n    def __new__(cls, data, context): ...\nhandle = A\n": [],
    "def handle(*args): ...\n": [],
    "def handle(data, context=None, more=1): ...\n": [],
    "def handle(data, context, *, more): ...\n": ["error:handler-parameters"],
    "@decorate\ndef handle(data): ...\n": [],
    "if 1 > 0:\n    def handle(data): ...\nelse:\n    def handle(data, context): ...\n": [],
    "def handle(data, context):\n    for row in data: ...\n": ["error:handler-first-call"],
    "def handle(data, context):\n    x = len(data)\n": ["error:handler-first-call"],
    "def handle(data, context):\n    x = data and len(data)\n": [],
    "def handle(data, context):\n    if data is None: return\n    for row in data: ...\n": [],
    "def handle(data, context):\n    data = data or []\n    for row in data: ...\n": [],
    "def handle(data, context):\n    try:\n        return data[0]\n    except TypeError: ...\n": [],
    "def handle(data, context):\n    f = lambda: data[0]\n    return [data[0] for _ in ()]\n": [],
    "def handle(data, context):\n    yield data[0]\n": [],
    "async def handle(data, context): ...\n": ["warning:handler-coroutine"],
    # The class.
    B + "class A(BaseHandler): ...\n": ["error:model-missing"],
    "from ts.torch_handler import base_handler as b\nclass A(b.BaseHandler): ...\n": ["error:model-missing"],
    "import ts.torch_handler.base_handler\nclass A(ts.torch_handler.base_handler.BaseHandler): ...\n": [
        "error:model-missing"
    ],
    B + "class A(BaseHandler):\n    def initialize(self, context): ...\n": [],
    B + "class A(BaseHandler):\n    def initialize(self, context):\n        super().initialize(context)\n": [
        "error:model-missing"
    ],
    B + "class A(BaseHandler):\n    def initialize(self, c):\n        if c: super().initialize(c)\n": [],
    B + "class A(BaseHandler):\n    def _load_pickled_model(self, *a): ...\n": [],
    "class A: ...\n": ["error:handler-methods", "error:handler-methods"],
    "from x_y import Z\nclass A(Z): ...\n": ["warning:import-missing"],
    "from torch import nn\nclass A(nn.Module): ...\n": ["error:handler-methods", "error:handler-methods"],
    "from torch import nn\nclass A(nn.Linear): ...\n": [],
    "import logging\nclass A(logging.Handler): ...\n": [],
    "class A(metaclass=M): ...\n": [],
    "class A:\n    def __getattr__(self, name): ...\n": [],
    "class A:\n    handle = initialize = print\n": [],
    "class A:\n    def __init__(self):\n        self.handle = self.initialize = print\n": [],
    "class A: ...\nA.handle = A.initialize = print\n": [],
    "class A: ...\nsetattr(A, 'handle', print)\n": [],
    "@decorate\nclass A: ...\n": [],
    "from abc import ABC\nclass A(ABC):\n    def initialize(self, c): ...\n    def handle(self, d, c): ...\n": [],
    "class A(dict[str, int]): ...\n": [],
    C.replace("initialize(self, context)", "__init__(self, x)"): [
        "error:handler-constructor",
        "error:handler-methods",
    ],
    C + "    def __init__(self, x=1, *y, z=2, **k): ...\n": [],
    C + "    def __init__(self, *, z): ...\n": ["error:handler-constructor"],
    C + "    def __new__(cls, x): ...\n": ["error:handler-constructor"],
    C.replace("(self, context)", "(self)", 1): ["error:handler-parameters"],
    C.replace("(self, data, context)", "(self, data)"): ["error:handler-parameters"],
    C.replace("    def handle(self,", "    @staticmethod\n    def handle("): [],
    C.replace("def initialize", "async def initialize"): ["warning:handler-coroutine"],
    B
    + "from abc import abstractmethod\nclass A(BaseHandler):\n    def initialize(self, c): ...\n"
    + "    @abstractmethod\n    def f(self): ...\n": ["error:handler-constructor"],
    # Imports.
    "import x_y\n" + H: ["warning:import-missing"],
    "import x_y.a, x_y.b\n" + H: ["warning:import-missing"],
    "try:\n    import x_y\nexcept ImportError:\n    x_y = None\n" + H: [],
    "try:\n    import x_y\nexcept ModuleNotFoundError as e:\n    pass\n" + H: [],
    "try:\n    import x_y\nexcept:\n    pass\n" + H: [],
    "try:\n    import x_y\nexcept ValueError:\n    pass\n" + H: ["warning:import-missing"],
    "try:\n    import x_y\nfinally:\n    pass\n" + H: ["warning:import-missing"],
    "import contextlib\nwith contextlib.suppress(ImportError):\n    import x_y\n" + H: [],
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import x_y\n" + H: [],
    "def handle(data, context):\n    import x_y\n": ["note:import-missing"],
    "class A:\n    import x_y\n" + H: ["warning:import-missing"],
    "import torchvision\n" + H: ["note:import-missing"],
    "import os, yaml, numpy, PIL.Image, psutil, packaging.version, torch.nn, ts.context\n" + H: [],
    "import sys\nsys.modules[__name__].handle = print\n": [],
    (
        "import types\nown = types.SimpleNamespace(modules={__name__: types.SimpleNamespace()})\n"
        "own.modules[__name__].handle = print\n"
    ): ["error:handler-classes"],
    "import sys\nsys.path.append('lib')\nimport x_y\n" + H: [],
    "import sys\nsys.meta_path.append(sys)\nimport x_y\n" + H: [],
    "import sys\nsys.path_hooks.append(sys)\nimport x_y\n" + H: [],
    "from sys import path\npath.append('lib')\nimport x_y\n" + H: [],
    "import site\nsite.addsitedir('lib')\nimport x_y\n" + H: [],
    "from pkgutil import extend_path as more\nextend_path(1, 2)\nimport x_y\n" + H: [],
    "import os\nprint(os.path)\nfrom os import path\nimport x_y\n" + H: ["warning:import-missing"],
    "import subprocess\nsubprocess.run(['pip', 'install', 'x'])\nimport x_y\n" + H: [],
    "from . import x\n" + H: ["error:import-relative"],
    "try:\n    from . import x\nexcept ImportError:\n    pass\n" + H: [],
    "import handler\n" + H: ["warning:import-itself"],
    "from handler import x\n" + H: ["error:import-name"],
    # Syntax.
    "def handle(data, context)\n": ["error:source-syntax"],
    "return\n" + H: ["error:source-syntax"],
    "print 'x'\n" + H: ["error:source-syntax"],
    "\ufeff" + H: [],
    H.replace("\n", "\r\n"): [],
    "x = 1\0\n" + H: ["error:source-syntax"],
    "": ["error:handler-classes"],
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_has_what_is_wrong_with_it_found(source: str) -> None:
    assert brief(of_files({"handler.py": source})) == SOURCES[source]


# Other files than the handler's, and what is found with them.
FILES: list[tuple[str, Mapping[str, str | bytes], Mapping[str, Any], list[str]]] = [
    ("a function", {"handler.py": H}, {"handler": "handler:handle"}, []),
    ("no function", {"handler.py": H}, {"handler": "handler:"}, []),
    ("a path", {"handler.py": H}, {"handler": "/some/where/handler.py"}, []),
    ("a plain path", {"handler.py": H}, {"handler": "./handler"}, []),
    ("no file", {}, {}, ["error:handler-file"]),
    ("a number", {"handler.py": H}, {"handler": 5}, ["error:handler-file"]),
    ("a number that is the name of a file", {"5.py": H}, {"handler": 5}, []),
    ("letters of any alphabet", {"h\u00e9.py": H, "1 h.py": H}, {"handler": "h\u00e9.py"}, []),
    ("a package", {"pkg/__init__.py": H}, {"handler": "pkg"}, []),
    ("a module of a package", {"pkg/h.py": H}, {"handler": "pkg.h.py"}, []),
    ("a folder, and the root", {"pkg/h.py": "", "h.py": H}, {"handler": "pkg/h.py"}, []),
    ("a folder before the root", {"pkg/h.py": H, "h.py": ""}, {"handler": "pkg/h.py:handle"}, []),
    ("the root after a folder", {"pkg/g.py": H, "h.py": H}, {"handler": "pkg/h.py:handle"}, []),
    ("installed", {}, {"handler": "pkg.handler"}, ["warning:handler-file"]),
    ("compiled", {"handler.pyc": b""}, {}, []),
    ("compiled to machine code", {"handler.cpython-311-x86_64-linux-gnu.so": b""}, {}, []),
    ("C++", {}, {"handler": "BaseHandler"}, ["error:handler-file"]),
    (
        "a built-in handler",
        {"m.pt": b""},
        {"handler": "object_detector", "serializedFile": "m.pt"},
        ["note:handler-packages"],
    ),
    (
        "a built-in handler's requirements",
        {"m.pt": b"", "r.txt": "torchvision==0.2 # x\nCaptum >= 1\n"},
        {"handler": "object_detector", "serializedFile": "m.pt", "requirementsFile": "r.txt"},
        [],
    ),
    (
        "a large language model",
        {},
        {"handler": "vllm_handler"},
        ["note:handler-packages", "warning:handler-coroutine"],
    ),
    (
        "a built-in handler's name, and an import that fails",
        {"image_classifier.py": "from . import x\n" + H},
        {"handler": "image_classifier"},
        ["warning:handler-hides-built-in", "warning:import-relative"],
    ),
    ("classes imported", {"handler.py": "from m import *\n" + C, "m.py": "class B: ...\nclass D: ...\n"}, {}, []),
    ("the handler imported", {"handler.py": "from m import handle\n", "m.py": H}, {}, []),
    ("a star", {"handler.py": "from m import *\n", "m.py": H}, {}, []),
    (
        "a star of names that are not there",
        {"handler.py": "from m import *\n", "m.py": "__all__ = ['x']\n"},
        {},
        [],
    ),
    (
        "a star of names that are listed",
        {"handler.py": "from m import *\n", "m.py": f"__all__ = ['x']\nx = 1\n{H}"},
        {},
        ["error:handler-classes"],
    ),
    ("a class imported", {"handler.py": "from m import A\n", "m.py": C}, {}, ["error:handler-classes"]),
    ("a base", {"handler.py": "import m\nclass X(m.A): ...\n", "m.py": C}, {}, []),
    (
        "a base in a package",
        {"handler.py": "from p.m import A\nclass X(A): ...\n", "p/__init__.py": "", "p/m.py": "from .n import A\n"}
        | {"p/n.py": C},
        {},
        [],
    ),
    (
        "bases that go in a circle",
        {
            "handler.py": "from m import A\nclass X(A): ...\n",
            "m.py": "from n import A\n",
            "n.py": "from m import A\n",
        },
        {},
        [],
    ),
    (
        "async",
        {"handler.py": "async def handle(d, c): ...\n", "c.yaml": "asyncCommunication: true\n"},
        {},
        ["warning:handler-coroutine"],
    ),
    (
        "async, as it should be",
        {"handler.py": "async def handle(d, c): ...\n", "c.yaml": "minWorkers: 1\nasyncCommunication: true\n"},
        {"configFile": "c.yaml"},
        [],
    ),
    (
        "a syntax error behind imports",
        {"handler.py": "import a\n" + H, "a.py": "import b.c\n", "b/__init__.py": "", "b/c.py": "(\n"},
        {},
        ["error:source-syntax"],
    ),
    (
        "a syntax error in what a function imports",
        {"handler.py": H + "    import a\n", "a.py": "(\n"},
        {},
        ["warning:source-syntax"],
    ),
    (
        "a syntax error that is caught",
        {"handler.py": f"try:\n    import a\nexcept:\n    pass\n{H}", "a.py": "("},
        {},
        ["warning:source-syntax"],
    ),
    (
        "a module that is missing where every error is caught",
        {"handler.py": f"try:\n    if H:\n        import a\nexcept:\n    pass\n{H}", "a.py": "import x_y\n"},
        {},
        [],
    ),
    (
        "a module that is missing where another error is caught",
        {"handler.py": f"try:\n    import a\nexcept ValueError:\n    pass\n{H}", "a.py": "import x_y\n"},
        {},
        ["warning:import-missing"],
    ),
    ("a syntax error that nobody imports", {"handler.py": H, "a.py": "(\n"}, {}, []),
    ("the model file imported", {"handler.py": "from model import Net\n" + H, "model.py": "Net = 1\n"}, {}, []),
    (
        "requirements",
        {"handler.py": "import cv2, sklearn, yaml, google.cloud.storage, transformers\n" + H}
        | {
            "r.txt": "opencv-python-headless\nscikit_learn>=1 ; python_version > '3'\nPyYAML\n"
            "google-cloud-storage\n"
            "git+https://x/y.git#egg=transformers\n"
        },
        {"requirementsFile": "r.txt"},
        [],
    ),
    (
        "requirements elsewhere",
        {"handler.py": "import x_y\n" + H, "r.txt": "-r other.txt\n"},
        {"requirementsFile": "r.txt"},
        [],
    ),
    (
        "requirements without it",
        {"handler.py": "import x_y\n" + H, "r.txt": "six\n"},
        {"requirementsFile": "r.txt"},
        ["warning:import-missing"],
    ),
    ("a package packed", {"handler.py": "import a.b\nfrom a import c\n" + H, "a/b.py": "", "a/c.py": ""}, {}, []),
    ("part of a shared package", {"handler.py": "import a.b\n" + H, "a/c.py": ""}, {}, ["warning:import-missing"]),
    (
        "a package that extends its path",
        {"handler.py": "import a.b\n" + H, "a/__init__.py": "__path__ += ['x']\n"},
        {},
        [],
    ),
    ("no name", {"handler.py": "from a import b\n" + H, "a.py": "if x:\n    b = 1\n"}, {}, []),
    ("a name from outside", {"handler.py": "import a\na.b = 1\nfrom a import b\n" + H, "a.py": ""}, {}, []),
    (
        "a name of __getattr__",
        {"handler.py": "from a import b\n" + H, "a.py": "def __getattr__(n): ...\n"},
        {},
        [],
    ),
    (
        "harmless names",
        {"handler.py": H} | dict.fromkeys(("utils.py", "service.py", "metrics.py", "test.py"), ""),
        {},
        [],
    ),
    ("folders that hide nothing", {"handler.py": H, "ts/x.py": "", "torch/x.py": "", "a/json.py": ""}, {}, []),
    ("a name that is Python's own", {"handler.py": H, "time.py": "", "sys.py": ""}, {}, []),
    (
        "a name that hides",
        {"handler.py": H, "code.py": "", "psutil.py": "", "torch.py": ""},
        {},
        ["warning:module-shadowed"] * 3,
    ),
    (
        "a name in the handler's folder",
        {"a/h.py": H, "a/json.py": ""},
        {"handler": "a/h.py:handle"},
        ["error:module-shadowed"],
    ),
]


@pytest.mark.parametrize(
    ("files", "model", "expected"), [case[1:] for case in FILES], ids=[case[0] for case in FILES]
)
def test_files_beside_the_handler(
    files: Mapping[str, str | bytes], model: Mapping[str, Any], expected: list[str]
) -> None:
    assert brief(of_files(files, **model)) == expected


NET = "from torch import nn\nclass Net(nn.Module):\n    def __init__(self): super().__init__()\n"

# A model file, and what is found in it if BaseHandler loads it.
MODEL_FILES: dict[str, str] = {
    NET: "",
    NET + "class B: ...\n": "model-classes",
    "from resnet import ResNet\nclass Net(ResNet): ...\n": "",
    "from resnet import ResNet\n": "model-classes",
    "type = 'FasterRCNN'\nmodel = dict(type='FasterRCNN')\n": "model-classes",
    NET.replace("(self)", "(self, n)"): "model-constructor",
    NET.replace("(self)", "(self, n=1)"): "",
    "class Net: ...\n": "model-not-a-module",
    "class Net:\n    def to(self, device): ...\n    eval = load_state_dict = to\n": "",
    "import pytorch_lightning as pl\nclass Net(pl.LightningModule): ...\n": "",
    "from torch import nn\nclass Net(nn.Sequential): ...\n": "",
    "from dataclasses import dataclass\nfrom torch import nn\n@dataclass\nclass Net(nn.Module):\n    x: int\n": "",
}
OWN = "    def initialize(self, context): "
SELF_MADE = f"{B}class A(BaseHandler):\n    def initialize(self, context):\n        import model\n"
# Handlers, and how bad that then is: nobody can tell of some, and others make their model themselves.
BY_KIND = [
    (B + "class A(BaseHandler): ...\n", "error"),
    (B + "class A(BaseHandler):\n" + OWN + "super().initialize(context)\n", "error"),
    (B + "class A(BaseHandler):\n" + OWN + "super(A, self).initialize(context)\n", "error"),
    ("from ts.torch_handler.vision_handler import VisionHandler\nclass A(VisionHandler): ...\n", "error"),
    ("from somewhere import Base\nclass A(Base): ...\n", "note"),
    ("from somewhere import Base\nclass A(Base):\n" + OWN + "self.model = 1\n", "note"),
    (B + "class A(BaseHandler):\n" + OWN + "BaseHandler.initialize(self, context)\n", "note"),
    (SELF_MADE + "        if model: super().initialize(context)\n", "note"),
    (SELF_MADE + "        self.model = self._load_pickled_model('.', 'model.py', None)\n", "note"),
    (B + "s = BaseHandler()\ndef handle(data, context):\n    return s.initialize(context)\n", "note"),
    ("from ts.utils.util import list_classes_from_module\n" + H, "note"),
    ("from ts.utils.util import list_classes_from_module\n" + C, "note"),
    # OpenMMLab's packs a configuration as the model file, on purpose.
    (C, None),
    (H, None),
    (SELF_MADE + "        self.model = model.Net()\n", None),
    (SELF_MADE + "        self._load_model()\n    def _load_model(self): self.model = model.Net()\n", None),
    (B + "class Own(BaseHandler):\n" + OWN + "self.model = 1\n", None),
]


@pytest.mark.parametrize(("handler", "severity"), BY_KIND)
@pytest.mark.parametrize("source", MODEL_FILES)
def test_a_model_file_matters_to_whom_loads_it(source: str, handler: str, severity: str | None) -> None:
    files: dict[str, str | bytes] = {
        "handler.py": handler,
        "model.py": source,
        "resnet.py": NET.replace("Net", "ResNet"),
        "m.pt": b"",
    }
    requirements = {"r.txt": "somewhere\npytorch-lightning\n"}
    found = of_files(files | requirements, modelFile="model.py", serializedFile="m.pt", requirementsFile="r.txt")
    code = MODEL_FILES[source]
    assert brief(found) == ([f"{severity}:{code}"] if code and severity else [])


@pytest.mark.parametrize(("handler", "severity"), BY_KIND)
def test_the_name_of_a_model_file_matters_to_whom_loads_it(handler: str, severity: str | None) -> None:
    for name in ("nets/model.py", "my.model.py"):
        files: dict[str, str | bytes] = {
            "handler.py": handler,
            name: NET,
            "m.pt": b"",
            "r.txt": "somewhere\nmodel\n",
        }
        found = of_files(files, modelFile=name, serializedFile="m.pt", requirementsFile="r.txt")
        assert brief(found) == ([f"{severity}:model-file-name"] if severity else [])


def test_a_text_classifier_has_its_vocabulary() -> None:
    files: dict[str, str | bytes] = {"model.py": NET, "captum/__init__.py": "", "source_vocab.pt": b""}
    assert brief(of_files(files, handler="text_classifier", modelFile="model.py")) == []
    del files["source_vocab.pt"]
    manifest: dict[str, Any] = {
        "handler": "text_classifier",
        "modelFile": "model.py",
        "sourceVocab": "/vocabulary.pt",
    }
    assert brief(of_files(files, **manifest)) == []


def test_workflows_and_other_back_ends_have_no_python_handler() -> None:
    files = {"MAR-INF/MANIFEST.json": b'{"runtime": "LSP", "model": {"handler": "TorchScriptHandler"}}'}
    assert findings(subject_of(files)) == []
    workflow = Subject(
        Members({"WAR-INF/MANIFEST.json": b'{"workflow": {"handler": "x.py"}}'}),
        path="w.war",
        file_name="w.war",
        form="zip",
        settings=Settings(python=(3, 11), target="torchserve"),
    )
    assert findings(workflow) == []


def test_the_servers_python_decides_what_is_syntax() -> None:
    source = "match 1:\n    case 1: pass\n" + H
    assert brief(of_files({"handler.py": source}, python=(3, 9))) == ["error:source-syntax"]
    assert brief(of_files({"handler.py": source}, python=(3, 10))) == []
    # A newer one may read what this one cannot.
    assert brief(of_files({"handler.py": "new syntax\n"}, python=(3, 99))) == ["warning:source-syntax"]
    assert brief(of_files({"handler.py": H, "os.py": ""}, python=(3, 10))) == ["error:module-shadowed"]
    assert brief(of_files({"handler.py": H, "os.py": ""}, python=(3, 11))) == []


def test_what_was_seen_to_end_the_real_worker_is_an_error() -> None:
    seen = """
        json logging types random string token queue yaml numpy ts select enum inspect dataclasses typing math
        platform socket
    """
    for name in seen.split():
        for file in (f"{name}.py", f"{name}/__init__.py"):
            assert brief(of_files({"handler.py": H, file: ""})) == ["error:module-shadowed"], file


# ------------------------------------------------------------------------------------------------- no false alarm

TESTED_MODELS = Path(__file__).parents[2] / "models"


def members_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize(
    ("folders", "model"),
    [
        (["digits"], {"handler": "handler.py", "modelFile": "model.py", "serializedFile": "digits.pt"}),
        (["digits"], {"handler": "handler.py", "serializedFile": "digits.pt"}),
        (
            ["digits", "function"],
            {"handler": "score:predict", "modelFile": "model.py", "serializedFile": "digits.pt"},
        ),
        (
            ["digits", "function"],
            {"handler": "score.py:predict", "modelFile": "model.py", "serializedFile": "w.pt"},
        ),
        (["digits", "package"], {"handler": "handler.py", "modelFile": "model.py", "serializedFile": "digits.pt"}),
        (["transfer"], {"handler": "handler.py", "modelFile": "classifier.py", "serializedFile": "transfer.pt"}),
    ],
)
def test_the_models_of_the_tests_have_nothing_wrong(folders: list[str], model: dict[str, Any]) -> None:
    files: dict[str, str | bytes] = {}
    for folder in folders:
        files |= members_of(TESTED_MODELS / folder)
    assert brief(of_files(files, **model)) == []


# What surely fails in TorchServe's own handlers, packed as a custom one: those that import relatively.
RELATIVE = {
    *(
        "base_handler",
        "dali_image_classifier",
        "image_classifier",
        "image_segmenter",
        "object_detector",
        "text_classifier",
    ),
    *("text_handler", "vision_handler"),
}


@pytest.mark.server
def test_torchserves_own_handlers_are_good_handlers(pytestconfig: pytest.Config) -> None:
    handlers = package_home(environment("0.12.0", install_folder(pytestconfig))) / "ts" / "torch_handler"
    tried = 0
    for name in HANDLER_MODULES:
        source = handlers.joinpath(*name.split(".")).with_suffix(".py").read_bytes()
        file = f"{name.rpartition('.')[2]}.py"
        found = of_files({file: source, "m.pt": b""}, handler=file, serializedFile="m.pt")
        expected = {"import-relative"} if name in RELATIVE else set()
        assert {finding.code for finding in found if finding.severity == "error"} == expected, name
        tried += 1
    assert tried == len(HANDLER_MODULES)


# --------------------------------------------------------------------------------------------- hostile sources

TEXTS = [*SOURCES, *MODEL_FILES, *(str(text) for case in FILES for text in case[1].values())]


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.randoms(use_true_random=False), st.sampled_from(TEXTS), st.sampled_from(TEXTS))
def test_mutated_sources_never_raise(chance: random.Random, first: str, second: str) -> None:
    """Lines and tokens of several sources, mixed: most of it is still Python."""
    lines = [*first.splitlines(), *second.splitlines()]
    chance.shuffle(lines)
    tokens = [
        "A",
        "handle",
        "self",
        ":",
        "(",
        ")",
        "=",
        "class",
        "import",
        "from",
        "*",
        "\t",
        "global",
        "lambda",
        "\0",
    ]
    for _ in range(chance.randrange(4)):
        position = chance.randrange(len(lines) + 1)
        lines.insert(position, " ".join(chance.choices(tokens, k=4)))
    for source in ("\n".join(lines), first + second, second + first):
        of_files({"handler.py": source, "model.py": second, "m.py": first}, modelFile="model.py")


@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_hostile_bytes_and_names_never_raise(data: bytes, name: str, other: str) -> None:
    of_files(
        {"handler.py": data, name: data, f"{name}/{other}.py": data}, handler=name, modelFile=f"{name}/{other}.py"
    )
    of_files({"handler.py": H, name: data, "r.txt": data}, handler=f"{other}:{name}", requirementsFile="r.txt")


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "(" * 10_000,
        "-" * 50_000 + "1",
        "x = " + "a" + ".b" * 20_000,
        "x = " + "+".join(["a"] * 20_000),
        "if a: pass\n" + "elif a: pass\n" * 3_000,
        "class A(" + "(" * 80 + "B" + ")" * 80 + "): ...",
        "x" * 1_000_000,
        "class A: ...\n" * 5_000,
        "x = " + "9" * 10_000,
        "".join(f"class A{i + 1}(A{i}): ...\n" for i in range(2_000)),
        "class A(A): ...\n",
        "A = B\nB = A\nclass C(A, B, C): ...\n",
        "\n".join(f"import handler as a{i}" for i in range(2_000)),
        "".join(f"if a: x{i} = 1\n" for i in range(20_000)),
        "".join(f"class A{i + 1}(A{i}, A{i}, A{i}): ...\n" for i in range(100)) + "x = A99()\n",
        *(
            text.format("a" + step * depth)
            for step in (".b", "()", "+a")
            for depth in (300, 900, 1_500, 2_500)
            for text in (
                "x = {0}\n",
                "def handle(data, *, c={0}): ...\n",
                "def handle(data, context):\n    x = {0}\n",
                "@{0}\nclass A({0}): ...\n",
                "class A({0}): ...\n",
                "with {0}: import x\n",
                "try:\n    import x\nexcept {0}: ...\n",
                "if {0}: import x\n",
            )
        ),
    ],
    ids=lambda source: str(source)[:20],
)
def test_deep_and_long_sources_are_answered(source: str) -> None:
    of_files({"handler.py": source, "model.py": source}, modelFile="model.py")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(f"X = 0x{'f' * 5000}\n", id="a number longer than Python writes"),
        pytest.param(f"with open(0x{'f' * 5000}):\n    pass\n", id="the same, where errors may be taken"),
        # Each of these took twice the time of one with a line less.
        pytest.param(
            "class A0: pass\n"
            + "".join(f"class A{n}(A{n - 1}() or A{n - 1}()): pass\n" for n in range(1, 60))
            + "x = A59()\n",
            id="bases that are called",
        ),
        pytest.param("import os as x\n" + "x = x.a or x.b\n" * 60, id="a name that may be anything"),
    ],
)
def test_what_is_written_to_stop_a_reader_does_not(source: str) -> None:
    text = f"{source}def handle(data, context):\n    return [1]\n"
    assert errors(of_files({"handler.py": text}, handler="handler.py")) == []


def test_long_names_are_no_burden() -> None:
    """All folders of such names would take gigabytes."""
    names = {f"{number}/{'a/' * 30_000}x": b"" for number in range(40)}
    subject = subject_of({"handler.py": b"def handle(data, context):\n    return [1]\n", **names})
    assert subject.modules.find("39.a.a").kind == "folder"  # type: ignore[union-attr]
    assert subject.modules.find("40") is None
