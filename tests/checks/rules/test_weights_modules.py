"""Modules that pickled weights import: what is there in ways that are easily overlooked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from tests.checks.cases.case import Archive
from tests.checks.cases.weights import STATE_DICT, alone, eager, saved
from tests.checks.cases.weights_modules import LOADER, SMALL, loaded, whole
from tests.support.checking import found

CODE = "weights-module-missing"


def severities(archive: Archive, **options: str) -> list[str]:
    return [finding.severity for finding in found(archive, **options) if finding.code == CODE]


def with_files(archive: Archive, more: Mapping[str, str | bytes]) -> Archive:
    return dataclasses.replace(archive, files={**archive.files, **more})


def requiring(archive: Archive, *lines: str) -> Archive:
    model = {**archive.model, "requirementsFile": "requirements.txt"}
    return dataclasses.replace(archive, files={**archive.files, "requirements.txt": "\n".join(lines)}, model=model)


@pytest.mark.parametrize(
    "archive",
    [
        # Python's, torch's, numpy's, also by names of Python 2 (the protocol of torch.save is 2).
        loaded(whole("argparse", "Namespace")),
        loaded(whole("__builtin__", "object")),
        loaded(whole("copy_reg", "_reconstructor")),
        loaded(whole("torch.nn.modules.linear", "Linear")),
        loaded(whole("numpy._core.multiarray", "_reconstruct")),
        loaded(STATE_DICT),
        # Packed in all ways.
        loaded(whole("nets.small"), nets__small=SMALL),
        loaded(whole("nets.small"), nets____init__="", nets__small=SMALL),
        loaded(whole("nets"), nets____init__="from nets.small import Net\n", nets__small=SMALL),
        loaded(whole("nets"), nets____init__="from .small import *\n", nets__small=SMALL),
        loaded(whole("nets"), nets="Net = type('Net', (), {})\n"),
        loaded(whole("nets"), nets="for name in ('Net',):\n    globals()[name] = object\n"),
        loaded(whole("nets", "Outer.Net"), nets="class Outer:\n    class Net: pass\n"),
        with_files(loaded(whole("nets.small")), {"nets/small.so": b"\x7fELF"}),
        # Found in a way of the handler's own.
        loaded(whole("nets.small"), handler="import sys\nsys.path.append('/opt/nets')\n" + LOADER),
        loaded(
            whole("nets.small"), handler="import sys\nimport net\nsys.modules['nets'] = net\n" + LOADER, net=SMALL
        ),
        loaded(whole("nets.small"), handler=LOADER.replace("weights_only=False", "pickle_module=mine")),
        loaded(
            whole("nets.small"),
            handler="import pickle\nclass Mine(pickle.Unpickler):\n    def find_class(self, m, n): return object\n"
            + LOADER,
        ),
        loaded(whole("__main__"), handler="import __main__\n__main__.Net = object\n" + LOADER),
        loaded(
            whole("__main__"), handler="import sys\nsetattr(sys.modules['__main__'], 'Net', object)\n" + LOADER
        ),
        loaded(whole("models.yolo"), handler=LOADER.replace("torch.load(", "torch.hub.load('a/b', 'custom', ")),
        loaded(whole("models.yolo"), handler="import torch\nRepository = torch.hub.list\n" + LOADER),
        loaded(whole("nets.small"), handler="import library\n" + LOADER.replace("torch.load", "library.load")),
        # Of a distribution that is listed.
        requiring(loaded(whole("timm.models.resnet", "ResNet")), "timm==1.0.9"),
        # Imported by the handler: the rule on imports is about that.
        loaded(whole("timm.models.resnet", "ResNet"), handler="import timm\n" + LOADER),
        # TorchScript names its classes its own way.
        alone(saved(b"c__torch__.nets\nNet\n)\x81}X\x08\0\0\0training\x88sb")),
        # What BaseHandler refuses before, by another rule.
        eager(whole("nets.small")),
    ],
)
def test_what_the_worker_finds_is_not_reported(archive: Archive) -> None:
    assert [severity for severity in severities(archive) if severity != "note"] == []


def test_what_the_images_have_is_a_note() -> None:
    assert severities(loaded(whole("torchvision.models.resnet", "ResNet"))) == ["note"]


def test_a_file_that_no_source_names_is_a_note() -> None:
    archive = with_files(loaded(STATE_DICT), {"others.pkl": saved(b"cnets\nNet\n)\x81.")})
    assert severities(archive) == ["note"]
    named = with_files(archive, {"handler.py": LOADER + "NAME = 'others.pkl'\n"})
    assert severities(named) == ["warning"]


def test_a_module_that_is_asked_for_by_its_name_of_a_script_is_no_place_for_classes() -> None:
    guarded = LOADER + "\nif __name__ == '__main__':\n    Handler().initialize(None)\n"
    assert severities(loaded(whole("__main__"), handler=guarded)) == ["warning"]


def test_each_module_is_said_once_and_where_it_lies() -> None:
    data = saved(b"(cnets.small\nNet\ncnets.large\nNet\ncnets\nNet\nt")
    [finding] = [each for each in found(loaded(data)) if each.code == CODE]
    assert finding.message == "its pickle imports 'nets.Net', and there is no module 'nets'"
    elsewhere = with_files(loaded(whole("nets.small")), {"src/nets/__init__.py": "", "src/nets/small.py": SMALL})
    [finding] = [each for each in found(elsewhere) if each.code == CODE]
    assert "src/nets/__init__.py" in finding.fix


def test_before_torch_2_6_base_handler_imports_too() -> None:
    more = saved(b"ccollections\nOrderedDict\n)R(X\x04\0\0\0morecnets\nNet\n)\x81u")
    assert severities(eager(more)) == []
    assert severities(eager(more), torch="2.1") == ["warning"]
