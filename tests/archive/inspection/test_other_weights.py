"""Files that torch.save has not written: TorchScript, programs, models of ONNX, libraries, and what is none."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from marpack.archive.inspection.kinds import Weights
from marpack.archive.inspection.weights import describe_weights
from tests.support.torch_files import NET, SAVED_STATE, STATE, Net, loads_weights_only, saved
from tests.support.weights_files import ELF, GRAPH, OPSET, described, message, zipped

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

JIT: Any = torch.jit  # has no types


def test_torchscript(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    JIT.script(NET).save(str(path))
    found = described(path.read_bytes())
    assert (found.kind, found.keys, found.weights_only_refuses) == ("torchscript", None, True)
    assert "torch._utils._rebuild_tensor_v2" in found.globals
    assert found.globals_complete
    assert not loads_weights_only(path.read_bytes())


def test_a_program_of_torch_export(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    torch.export.save(torch.export.export(Net().eval(), (torch.zeros(2, 3),)), path)
    found = described(path.read_bytes())
    assert (found.kind, found.detail) == ("exported-program", "a program of torch.export")


PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def numpy_file(save: Any, *values: Any) -> bytes:
    file = io.BytesIO()
    save(file, *values)
    return file.getvalue()


def tar_file() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("pickle"))
    return file.getvalue()


OTHERS: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "unknown", "empty"),
    "zeros": (bytes(100), "unknown", "nothing that is known"),
    "text": (b"Hello, world\n", "unknown", "a text"),
    "picture": (PNG, "unknown", "nothing that is known"),
    "tar": (tar_file(), "unknown", "nothing that is known"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "unknown", "a pointer of Git LFS"),
    "page": (b"<!DOCTYPE html><html></html>", "unknown", "a web page"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(9), "unknown", "an HDF5 file"),
    "gguf": (b"GGUF\x03\0\0\0", "unknown", "a GGUF file"),
    "ort": (b"\x28\0\0\0ORTM" + bytes(40), "unknown", "a model in the ORT format of onnxruntime"),
    "gzip": (b"\x1f\x8b\x08", "unknown", "a gzip file"),
    "library": (ELF + b"\x03\0", "aot-library", "a shared library (ELF)"),
    "library, big-endian": (b"\x7fELF\x02\x02" + bytes(10) + b"\0\x03", "aot-library", "a shared library (ELF)"),
    "object file": (ELF + b"\x01\0", "unknown", "an ELF file that is no shared library"),
    "npy": (numpy_file(numpy.save, numpy.ones(3)), "numpy", "an array of NumPy"),
    "npz": (numpy_file(numpy.savez, numpy.ones(3), numpy.ones(4)), "numpy", "arrays of NumPy"),
    "zip": (zipped({"a/b": b"c"}), "zip", "a zip of something else"),
    "no version": (zipped({"a/data.pkl": b"N."}), "zip", "a zip of something else"),
    "other folder": (
        zipped({"a/version": b"3", "b/data.pkl": b"N.", "a/x": b""}),
        "zip",
        "a zip of something else",
    ),
    "mar": (zipped({"MAR-INF/MANIFEST.json": b"{}", "a.pt": b""}), "zip", "a model archive"),
    "cut zip": (saved(STATE)[:-30], "zip", "a zip that cannot be read"),
    "aoti": (
        zipped({"a/archive_format": b"pt2", "a/data/aotinductor/model/x.so": b"", "a/models/x": b""}),
        "exported-program",
        "a package of AOTInductor",
    ),
    "older export": (
        zipped({"serialized_exported_program.json": b"{}", "version": b"5", "serialized_state_dict.pt": b""}),
        "exported-program",
        "a program of torch.export, from before 2.8",
    ),
    "pickle": (pickle.dumps({"a": [len]}), "pickle", "a pickle of 'builtins.dict', not of torch.save"),
    "old pickle": (pickle.dumps([1, 2], 0), "pickle", "a pickle of 'builtins.list', not of torch.save"),
    "pickle and more": (b"\x80\x02N.\xff", "pickle", "a pickle of a plain value, not of torch.save"),
    "cut pickle": (
        b"\x80\x04\x95",
        "pickle",
        "a pickle that cannot be followed (at byte 3 of pickle 1: ends within",
    ),
    "broken pickle": (
        zipped({**SAVED_STATE, "archive/data.pkl": b"\x80\x02cos\nsystem\n\xff"}),
        "pickle",
        "a pickle that cannot be followed (at byte 13 of pickle 1: 0xff is no opcode)",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files(name: str) -> None:
    data, kind, detail = OTHERS[name]
    found = described(data)
    assert (found.kind, found.weights_only_refuses) == (kind, True)
    assert found.detail.startswith(detail)
    assert found.keys is None
    if len(data) > 0 and kind != "exported-program":
        assert not loads_weights_only_somehow(data)


def loads_weights_only_somehow(data: bytes) -> bool:
    try:
        return loads_weights_only(data)
    except Exception:  # torch does not say what it raises for what is none of its files
        return False


def test_a_pickle_that_is_broken_says_what_it_names_until_then() -> None:
    found = described(OTHERS["broken pickle"][0])
    assert (found.globals, found.refused_globals, found.globals_complete) == (("os.system",),) * 2 + (False,)


def test_a_zip_that_torch_would_not_make() -> None:
    # Which of two members is read is each reader's own choice.
    found = described(zipped({**SAVED_STATE, "archive/data.pkl?": b"N."}))
    assert (found.kind, found.detail) == ("zip", "a file of torch with two data.pkl")
    assert (found.globals_complete, found.weights_only_refuses) == (False, None)
    found = described(zipped(SAVED_STATE, zipfile.ZIP_BZIP2))
    assert (found.kind, found.detail) == ("zip", "a file of torch packed as torch does not")
    assert (found.globals_complete, found.weights_only_refuses) == (False, None)
    assert described(zipped(SAVED_STATE, zipfile.ZIP_DEFLATED)).kind == "state_dict"


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (
            message((1, 8), (2, b"pytorch"), (3, b"2.13"), (7, GRAPH), (8, OPSET)),
            "IR version 8, opset 17, by 'pytorch'",
        ),
        (message((1, 3), (7, GRAPH)), "IR version 3"),
        (message((8, OPSET), (7, b"x" * 70_000), (1, 300), (14, b""), (25, b"")), "IR version 300, opset 17"),
        (
            message((1, 8), (2, b"\xff" * 3), (7, GRAPH), (8, b"\xff"), (8, OPSET)),
            "IR version 8, by '\ufffd\ufffd\ufffd'",
        ),
    ],
)
def test_onnx(data: bytes, detail: str) -> None:
    assert described(data) == Weights(kind="onnx", detail=f"a model of ONNX, {detail}")


@pytest.mark.parametrize(
    "data",
    [
        message((1, 8)),
        message((7, GRAPH)),
        message((1, 8), (7, GRAPH))[:-1],
        message((1, 8), (7, GRAPH)) + b"\0",
        message((1, 8), (7, GRAPH), (9, 1)),
        message((1, b"8"), (7, GRAPH)),
        message((1, 8), (7, 7)),
        message((1, 8)) + b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        message((1, 8)) + b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    ],
)
def test_not_onnx(data: bytes) -> None:
    assert described(data).kind == "unknown"


def elf(sections: int, size: int, name_size: int) -> bytes:
    """Return a shared library whose sections are all the same strings."""
    head = bytearray(64)
    head[:6], head[16], head[40], head[58] = b"\x7fELF\2\1", 3, 64, 64
    head[60:62] = sections.to_bytes(2, "little")
    section = bytearray(64)
    section[4], section[8] = 3, 2
    section[32:40] = name_size.to_bytes(8, "little")
    return (bytes(head) + bytes(section) * sections).ljust(size, b"\0")


def test_of_a_library_with_many_tables_of_names_little_is_read() -> None:
    class Counting(io.BytesIO):
        counted = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.counted += len(data)
            return data

    file = Counting(elf(1000, 2 << 20, 1 << 20))
    assert describe_weights(file, 2 << 20).kind == "aot-library"
    assert file.counted < 8 << 20
    assert describe_weights(io.BytesIO(elf(3, 1 << 12, 1 << 9)), 1 << 12).kind == "unknown"
