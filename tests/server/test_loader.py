"""TorchServe's own loader fails wherever the rules about sources find an error."""

from __future__ import annotations

import json
import random
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.checked_sources import of_files
from tests.support.handler_sources import SOURCES, B
from tests.support.java import HERE
from tests.support.model_files import FILES, MODEL_FILES
from tests.support.torchserve import environment, install_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# What fails only when it is asked, or is found in a folder that the server adds and the loader does not.
LATER = {"handle(self, data)", "a name in the handler's folder"}

# What fails for another reason as well, or in words that nobody can know from the text.
OTHER_WORDS = {
    "open('x')",
    "else:\n    B = A",
    "make()",
    "enum",
    "from . import",
    "from handler import",
    "import-",
}

# Pieces of handlers: each fits behind any other.
PIECES = [
    "class A:\n    def initialize(self, context): ...\n    def handle(self, data, context): ...\n",
    "class B: ...\n",
    "class B(A if 'A' in globals() else object): ...\n",
    "try:\n    class C(A): ...\nexcept NameError:\n    C = None\n",
    "try:\n    D = A\nexcept NameError: ...\n",
    "try:\n    del A\nexcept NameError: ...\n",
    "try:\n    B.__module__ = 'x'\nexcept NameError: ...\n",
    "class B(object):\n    __module__ = 'x'\n",
    "import enum\nE = enum.Enum('E', 'X Y')\n",
    "import collections as c\nN = c.namedtuple('N', 'x')\n",
    "from typing import NamedTuple\nN = NamedTuple('N', [('x', int)])\nM = N(1)\n",
    "from dataclasses import dataclass, make_dataclass\n@dataclass\nclass R:\n    x: int = 1\n",
    "T = type('T', (), {})\nt = T()\nU = type(t)\n",
    "if __name__ == '__main__':\n    class F: ...\nelse:\n    F = None\n",
    "import sys\nif sys.version_info > (3,):\n    class G: ...\n",
    "if not 0:\n    class G: ...\n",
    "while True:\n    class I: ...\n    break\n",
    "for J in (int, str): ...\n",
    "for K in []:\n    class K: ...\n",
    "with open('/dev/null') as f:\n    class L: ...\n",
    "match 1:\n    case 1:\n        class O: ...\n    case _:\n        class P: ...\n",
    "def make():\n    class Q: ...\n    return Q\nS = make()\n",
    "def make():\n    global V\n    class V: ...\n",
    "def make():\n    global V\n    class V: ...\nmake()\n",
    "W = [x for x in (int,)][0]\nX = (lambda: 1)()\n",
    "Y, (Z, *rest) = int, (str, 1, 2)\n",
    "(AA := int)\n",
    "from abc import ABC, abstractmethod\nclass BB(ABC):\n    @abstractmethod\n    def f(self): ...\n",
    "from typing import TypeVar, Generic, Protocol\nCC = TypeVar('CC')\nclass DD(Generic[CC]): ...\n",
    "def handle(data, context): ...\n",
    "handle = None\n",
    "if len('x') == 2:\n    handle = None\n",
    "from functools import partial as handle\n",
    "from collections import *\n",
    "import functools\n@functools.lru_cache\ndef handle(data, context): ...\n",
    "class handle:\n    def __init__(self, data=None, context=None): ...\n",
    "class handle: ...\n",
    f"{B}class H(BaseHandler):\n    def initialize(self, context): ...\n",
    f"{B}class H(BaseHandler): ...\n",
    f"{B}class H(BaseHandler):\n    def __init__(self, x): ...\n",
    "from torch import nn\nclass H(nn.Module):\n    def initialize(self, context): ...\n",
    "class H(dict):\n    handle = initialize = dict.fromkeys\n",
    "class H:\n    def __init__(self):\n        self.handle = self.initialize = print\n",
    "class H:\n    initialize = handle = None\n    def handle(self, data, context): ...\n",
    "class H:\n    if True:\n        def handle(self, data, context): ...\n        initialize = len\n",
    "class Meta(type):\n    def handle(cls): ...\nclass H(metaclass=Meta): ...\n",
    "class Base:\n    def initialize(self, context): ...\n    handle = initialize\nclass H(Base): ...\ndel Base\n",
    "class Base:\n    def initialize(self, context): ...\nclass H(Base): ...\ndel Base\n",
    "class Base:\n    def __new__(cls, x): ...\nclass H(Base): ...\ndel Base\n",
    "import helpers\n",
    "from helpers import A\n",
    "from helpers import *\n",
    "from helpers import nothing\n",
    "try:\n    from helpers import nothing\nexcept ImportError: ...\n",
    "try:\n    import absent\nexcept ValueError: ...\n",
    "import helpers as A\n",
    "from helpers import A as EE, handle\n",
    "from . import helpers\n",
]
HELPERS = (
    "class A:\n    def initialize(self, context): ...\n    handle = initialize\ndef handle(data, context): ...\n"
)


@pytest.fixture(scope="module")
def loader(pytestconfig: pytest.Config) -> Iterator[subprocess.Popen[str]]:
    """Run TorchServe's loader: one process that has imported torch, for all models."""
    command = [environment("0.12.0", install_folder(pytestconfig)), HERE / "load_handlers.py"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def loaded(
    models: Sequence[tuple[Mapping[str, str | bytes], Mapping[str, Any]]], loader: subprocess.Popen[str]
) -> list[str]:
    """Return what TorchServe's loader says of each, "" for nothing."""
    given = []
    for files, more in models:
        model = {"modelName": "m", "handler": "handler.py", **more}
        texts = {name: data if isinstance(data, str) else data.decode() for name, data in files.items()}
        texts["MAR-INF/MANIFEST.json"] = json.dumps({"model": model})
        given.append({"files": texts, "handler": str(model["handler"])})
    assert loader.stdin
    assert loader.stdout
    print(json.dumps(given), file=loader.stdin, flush=True)
    answers: list[str] = json.loads(loader.stdout.readline())
    return answers


def false_alarms(
    models: Sequence[tuple[str, dict[str, str | bytes], dict[str, Any]]],
    loader: subprocess.Popen[str],
    *,
    words: bool = False,
) -> list[str]:
    """Return the models that load and in which an error is found; with ``words``, what fails otherwise, too."""
    tried = [each for each in models if not any(later in each[0] for later in LATER)]
    found = [
        [finding for finding in of_files(files, **model) if finding.severity == "error"]
        for _, files, model in tried
    ]
    # Where no error is found, there is nothing to be told apart.
    wrong = [(each, errors) for each, errors in zip(tried, found, strict=True) if errors]
    assert wrong
    answers = loaded([(files, model) for (_, files, model), _ in wrong], loader)
    alarms = []
    for ((title, _, _), errors), answer in zip(wrong, answers, strict=True):
        if not answer:
            alarms.append(f"{title}\n{errors}")
        said_so = any(answer in finding.effect or finding.effect in answer for finding in errors)
        if words and answer and not said_so and not any(other in title for other in OTHER_WORDS):
            alarms.append(f"{title}\n{answer}\n{errors}")
    return alarms


@pytest.mark.parametrize("table", ["sources", "files", "model files"])
def test_what_is_found_in_the_tables_fails(table: str, loader: subprocess.Popen[str]) -> None:
    handler = f"{B}class A(BaseHandler): ...\n"
    resnet = "from torch import nn\nclass ResNet(nn.Module): ...\n"
    models: dict[str, list[tuple[str, dict[str, str | bytes], dict[str, Any]]]] = {
        "sources": [(source, {"handler.py": source}, {}) for source in SOURCES],
        "files": [(title, dict(files), dict(model)) for title, files, model, _ in FILES],
        "model files": [
            (source, {"handler.py": handler, "model.py": source, "resnet.py": resnet}, {"modelFile": "model.py"})
            for source in MODEL_FILES
        ],
    }
    assert false_alarms(models[table], loader, words=True) == []


@pytest.mark.parametrize("seed", range(2))
def test_what_is_found_in_mixed_sources_fails(seed: int, loader: subprocess.Popen[str]) -> None:
    chance = random.Random(seed)
    models: list[tuple[str, dict[str, str | bytes], dict[str, Any]]] = []
    for _ in range(400):
        source = "".join(chance.choices(PIECES, k=chance.choice([1, 2, 2, 3, 4])))
        function = chance.choice(["", "", "", ":handle", ":A", ":make"])
        models.append(
            (source, {"handler.py": source, "helpers.py": HELPERS}, {"handler": f"handler.py{function}"})
        )
    assert false_alarms(models, loader) == []
