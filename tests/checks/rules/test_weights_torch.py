"""Which torch the server has, and what is said of weights only because of it."""

from __future__ import annotations

import io
import zipfile

import pytest

from marpack.archive.inspection.weights import describe_weights
from marpack.checks.frame.servers_torch import Torch, servers_torch
from tests.checks.cases.case import Archive
from tests.checks.cases.weights import SCRIPT, STATE, STATE_DICT, alone, eager, of_zip, saved
from tests.checks.cases.weights_modules import loaded, whole
from tests.checks.cases.weights_torch import damaged
from tests.support.checking import found

CODE = "weights-torch"
NEWER = of_zip(
    **{
        "data.pkl": b"\x80\x02c__torch__\nNet\n)\x81}X\x08\0\0\0training\x88sb.",
        "code/__torch__.py": b"def f(x: Tensor) -> Tensor:\n  return torch.rms_norm(x, [4], None, None)\n",
        "constants.pkl": b"\x80\x02).",
    }
)


def with_more(value: bytes) -> bytes:
    """The pickle of a state_dict that also holds something else."""
    return STATE[:-1] + b"X\x04\0\0\0more" + value + b"u"


UINT16 = saved(with_more(b"ctorch\nuint16\n"))
ARRAY = saved(with_more(b"cnumpy._core.multiarray\n_reconstruct\n"))

OF_ARRAY = """
import numpy, os
class Handler:
    def initialize(self, context):
        path = os.path.join(context.system_properties["model_dir"], "words.npy")
        self.words = numpy.load(path, allow_pickle=True)
    def handle(self, data, context):
        return [1] * len(data)
"""


def severities(archive: Archive, **options: str) -> list[str]:
    return [finding.severity for finding in found(archive, **options) if finding.code == CODE]


def test_sums_that_are_not_written_are_not_wrong() -> None:
    with zipfile.ZipFile(io.BytesIO(STATE_DICT)) as archive:
        sums = {member.CRC.to_bytes(4, "little") for member in archive.infolist()}
    without = STATE_DICT
    for each in sums:
        without = without.replace(each, bytes(4))
    for data, expected in ((damaged(STATE_DICT), ["weights-sums"]), (without, []), (STATE_DICT, [])):
        assert [finding.code for finding in found(eager(data))] == expected
        assert describe_weights(io.BytesIO(data), len(data)).kind == "state_dict"


@pytest.mark.parametrize(
    ("torch", "release", "target", "expected"),
    [
        ("2.1", None, "torchserve", Torch((2, 1))),
        ("2.1.2+cu118", "0.12.0", "kserve", Torch((2, 1))),
        ("1.13.0a0", None, "torchserve", Torch((1, 13))),
        (None, "0.9.0", "torchserve", Torch((2, 1), "the image of TorchServe 0.9.0")),
        (None, "0.12.0", "kserve", Torch((2, 4), "the image of TorchServe 0.12.0")),
        (None, "0.8.2", "torchserve", Torch((2, 0), "the image of TorchServe 0.8.2")),
        (None, "0.3.0", "torchserve", None),
        (None, None, "kserve", Torch((2, 1), "KServe's image of TorchServe 0.9.0")),
        (None, None, "torchserve", None),
        (None, None, "sagemaker", None),
    ],
)
def test_the_servers_torch(torch: str | None, release: str | None, target: str, expected: Torch | None) -> None:
    assert servers_torch(torch, torchserve_version=release, target=target) == expected


@pytest.mark.parametrize("text", ["", "2", "two", "2.x", "2.1 ", "-2.1", "2.1\n"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not like 2\.1"):
        servers_torch(text, torchserve_version=None, target="torchserve")
    with pytest.raises(ValueError, match=r"is not like 0\.12\.0"):
        servers_torch(None, torchserve_version=text, target="torchserve")


@pytest.mark.parametrize("archive", [alone(NEWER), eager(UINT16)], ids=["TorchScript", "a state_dict"])
def test_what_an_older_torch_does_not_read(archive: Archive) -> None:
    assert severities(archive) == []
    assert severities(archive, torch="2.1") == ["error"]
    assert severities(archive, torch="2.4") == severities(archive, torch="2.13") == []
    assert severities(archive, target="kserve") == ["warning"]
    assert severities(archive, torchserve_version="0.9.0") == ["warning"]
    assert severities(archive, torchserve_version="0.12.0") == []


@pytest.mark.parametrize("archive", [alone(SCRIPT), eager(STATE_DICT), loaded(whole("torch.nn", "Linear"))])
def test_what_every_torch_reads(archive: Archive) -> None:
    for torch in ("1.13", "2.1", "2.13", "3.0"):
        assert severities(archive, torch=torch) == []


def test_of_a_handler_that_loads_itself_it_is_a_warning_and_of_a_file_that_nobody_names_a_note() -> None:
    assert severities(loaded(UINT16), torch="2.1") == ["warning"]
    archive = loaded(STATE_DICT)
    more: dict[str, str | bytes] = {**archive.files, "more.pt": UINT16}
    assert severities(Archive(files=more, model=archive.model), torch="2.1") == ["note"]


def test_arrays_of_numpy_2() -> None:
    assert severities(eager(ARRAY), torch="2.1") == ["warning"]
    assert severities(eager(ARRAY), target="kserve") == ["warning"]
    assert severities(eager(ARRAY), torchserve_version="0.12.0") == ["warning"]
    assert severities(eager(ARRAY), torch="2.3") == []


def test_weights_only_is_asked_of_the_servers_torch() -> None:
    refused = eager(saved(with_more(b"cfractions\nFraction\n")))
    said = {
        torch: [each.severity for each in found(refused, torch=torch) if each.code == "weights-state-dict"]
        for torch in ("2.5", "2.6")
    }
    assert said == {"2.5": [], "2.6": ["error"]}
    assert [each.severity for each in found(refused) if each.code == "weights-state-dict"] == ["warning"]


def test_what_one_version_alone_allows() -> None:
    summary = eager(saved(with_more(b"ctraceback\nStackSummary\n")))
    error = eager(saved(with_more(b"cbuiltins\nValueError\n")))
    for archive in (summary, error):
        assert [each.code for each in found(archive, torch="2.13")] == ["weights-state-dict"]
        assert found(archive, torch="2.14") == ()
        assert [each.code for each in found(archive, torch="2.15")] == ["weights-state-dict"]


def test_an_array_of_objects_is_a_pickle() -> None:
    header = b"{'descr': '%s', 'fortran_order': False, 'shape': (2,), }\n"
    pickled = b"\x80\x04cnumpy%s.multiarray\n_reconstruct\n."
    for descr, module, expected in (
        (b"|O", b"._core", ["warning"]),
        (b"|O", b".core", []),
        (b"<f8", b"._core", []),
    ):
        text = header % descr
        data = b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + pickled % module
        files: dict[str, str | bytes] = {"handler.py": OF_ARRAY, "words.npy": data}
        assert severities(Archive(files=files), torch="2.1") == expected
