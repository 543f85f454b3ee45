"""What is said of weights that no handler loads."""

from __future__ import annotations

import dataclasses

import pytest

import marpack
from tests.checks.cases.case import Archive
from tests.checks.cases.weights import BASE, NET, STATE, STATE_DICT, alone, eager, saved
from tests.checks.cases.weights_calls import SAFE
from tests.support.checking import found

SAFETENSORS = (2).to_bytes(8, "little") + b"{}"
OF_LIBRARY = STATE[:-1] + b"X\x04\0\0\0morecquantizer\nTensor\nu"
FRACTION = STATE[:-1] + b"X\x04\0\0\0morecfractions\nFraction\nu"


def with_model(archive: Archive, text: str) -> Archive:
    return dataclasses.replace(archive, files={**archive.files, "net.py": text})


def severities(archive: Archive, **options: str) -> list[str]:
    return [each.severity for each in found(archive, **options) if each.code == "weights-state-dict"]


@pytest.mark.parametrize(
    "archive",
    [
        # What is imported before allows it, or may.
        with_model(eager(saved(FRACTION)), f"{NET}{SAFE}\n"),
        with_model(eager(saved(OF_LIBRARY)), f"import quantizer\n{NET}"),
        eager(saved(b"}")),
    ],
)
def test_weights_that_may_be_right(archive: Archive) -> None:
    assert severities(archive) == []


def test_a_name_of_safetensors() -> None:
    named = eager(SAFETENSORS, "net.safetensors")
    assert severities(named) == ["warning"]
    assert severities(named, torch="2.12") == ["error"]
    required = dataclasses.replace(
        named,
        files={**named.files, "requirements.txt": "safetensors\n"},
        model={**named.model, "requirementsFile": "requirements.txt"},
    )
    assert severities(required) == []
    assert severities(eager(SAFETENSORS)) == ["error"]
    misnamed = eager(STATE_DICT, "net.safetensors")
    assert [severities(misnamed, torch=torch) for torch in ("2.12", "2.13")] == [[], ["error"]]


def test_an_older_torch_imports_what_newer_ones_refuse() -> None:
    assert severities(eager(saved(FRACTION)), torch="2.5") == []
    assert severities(eager(saved(b"ccollections\ndefaultdict\n)R")), torch="2.5") == []


def test_names_are_kept_as_they_are_and_escaped_once_where_they_are_shown() -> None:
    """The key of a checkpoint, and the class of an object, are whatever their writer wants."""
    net = {"net.py": NET.encode()}
    checkpoint = saved(b"}X\x03\0\0\0a\nb" + STATE + b"s")
    pickled = saved(b"\x8c\x03a\x1bb\x8c\x03Net\x93)\x81")
    refused = saved(
        b"ccollections\nOrderedDict\n)R(X\x04\0\0\0more" + b"\x8c\x03a\x1bb\x8c\x03Net\x93" + STATE[31:]
    )
    cases = (
        (checkpoint, net, "weights-state-dict", r"'a\nb'", r"under 'a\nb'"),
        (pickled, net, "weights-state-dict", "a\x1bb.Net", r"a\x1bb.Net"),
        (pickled, None, "weights-script", r"of 'a\x1bb.Net'", r"of 'a\x1bb.Net'"),
        (refused, net, "weights-state-dict", "it holds a\x1bb.Net", r": it holds a\x1bb.Net: "),
    )
    for data, model_file, code, said, shown in cases:
        plan = marpack.plan_archive(
            model_name="m",
            handler={"handler.py": BASE.encode()},
            model_file=model_file,
            serialized_file={"net.pt": data},
        )
        [finding] = marpack.check(plan, select="weights")
        assert finding.code == code
        assert said in finding.message
        assert shown in str(finding)


def test_a_handler_that_loads_a_pt_in_its_own_way() -> None:
    own = BASE + "    def _load_torchscript_model(self, path):\n        return torch.load(path)\n"
    for handler, expected in ((BASE, ["weights-script"]), ("import torch\n" + own, [])):
        archive = alone(STATE_DICT)
        archive = dataclasses.replace(archive, files={**archive.files, "handler.py": handler})
        assert [each.code for each in found(archive)] == expected
