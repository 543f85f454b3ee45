"""The rules about Python sources: on small sources, and on real handlers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack.checks.frame.subject import Settings, Subject
from marpack.checks.python.torch_handlers import HANDLER_MODULES
from tests.support.checked_sources import Members, brief, findings, of_files, subject_of
from tests.support.handler_sources import SOURCES, B, C, H
from tests.support.model_files import FILES, MODEL_FILES, NET
from tests.support.torchserve import environment, install_folder, package_home

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_has_what_is_wrong_with_it_found(source: str) -> None:
    assert brief(of_files({"handler.py": source})) == SOURCES[source]


@pytest.mark.parametrize(
    ("files", "model", "expected"), [case[1:] for case in FILES], ids=[case[0] for case in FILES]
)
def test_files_beside_the_handler(
    files: Mapping[str, str | bytes], model: Mapping[str, Any], expected: list[str]
) -> None:
    assert brief(of_files(files, **model)) == expected


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
