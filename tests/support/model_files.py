"""Files beside a handler, its model's among them, and what is found with each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.handler_sources import C, H

if TYPE_CHECKING:
    from collections.abc import Mapping


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
