"""What files of weights are, told from their bytes, held against what torch makes and loads."""

from __future__ import annotations

import io
import json
import pickle
import re
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marpack.archive.inspection.kinds import TensorKey, Weights
from marpack.archive.inspection.pickles import LEGACY_MAGIC
from marpack.archive.inspection.weights import describe_weights
from marpack.archive.inspection.weights_only import lists_of
from tests.support import weights_only

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

JIT: Any = torch.jit  # has no types


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(3, 4)
        self.norm = torch.nn.BatchNorm1d(4)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.norm(self.first(values))
        return found


class OwnWay(Net):
    """A model that pickles its own way."""

    def __reduce__(self) -> tuple[object, ...]:
        return made_of_layers, (list(self.children()),)


def made_of_layers(layers: list[torch.nn.Module]) -> OwnWay:
    return OwnWay()


class Extra(Net):
    def get_extra_state(self) -> object:
        return {"labels": ["cat", "dog"], "weights": torch.ones(2)}

    def set_extra_state(self, state: object) -> None:
        pass


class Marked(torch.Tensor):
    """A tensor of a class of its own."""


class Settings:
    """Anything of the user's."""

    def __init__(self) -> None:
        self.rate = 0.1


def described(data: bytes) -> Weights:
    return describe_weights(io.BytesIO(data), len(data))


def saved(value: object, **how: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, **how)
    return file.getvalue()


def keys_of(state_dict: Any) -> tuple[TensorKey, ...]:
    """Return what torch says of a state_dict."""
    return tuple(
        TensorKey(name=name, shape=tuple(value.shape), dtype=str(value.dtype).removeprefix("torch."))
        if isinstance(value, torch.Tensor)
        else TensorKey(name=name, plain=True)
        for name, value in state_dict.items()
    )


def many_kinds() -> dict[str, torch.Tensor]:
    """Return a tensor of each kind that is pickled its own way."""
    marked = torch.ones(2, 3)
    marked.label = "cat"  # type: ignore[attr-defined]
    names = "float32 float64 float16 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64"
    names += " complex128 float8_e4m3fn float8_e5m2"
    return {
        **{name: torch.zeros(2, 1, dtype=getattr(torch, name)) for name in names.split()},
        "parameter": torch.nn.Parameter(torch.ones(5)),
        "marked": marked,
        "subclass": torch.ones(4).as_subclass(Marked),
        "subclass.parameter": torch.nn.Parameter(torch.ones(4).as_subclass(Marked)),
        "sparse": torch.eye(3).to_sparse(),
        "quantised": torch.quantize_per_tensor(torch.ones(6), 0.1, 0, torch.qint8),
        "channels": torch.quantize_per_channel(torch.ones(2, 3), torch.ones(2), torch.zeros(2), 0, torch.quint8),
        "meta": torch.empty(7, 8, device="meta"),
        "scalar": torch.tensor(1.0),
        "empty": torch.empty(0, 3),
        "view": torch.arange(12).view(3, 4)[1:, ::2],
        "conjugate": torch.ones(2, dtype=torch.complex64).conj(),
    }


NET = Net()
STATE = NET.state_dict()
TRACED = torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.Linear(2, 2)))
with warnings.catch_warnings():  # quantised tensors are on their way out
    warnings.simplefilter("ignore")
    KINDS = many_kinds()
OPTIMISER = torch.optim.Adam(NET.parameters())

# Each value that torch saves, the kind, what a checkpoint holds.
SAVED: dict[str, tuple[Any, str, tuple[str, ...]]] = {
    "state_dict": (STATE, "state_dict", ()),
    "plain dict": (dict(STATE), "state_dict", ()),
    "parameters": (dict(NET.named_parameters()), "state_dict", ()),
    "kinds": (KINDS, "state_dict", ()),
    "extra state": (Extra().state_dict(), "state_dict", ()),
    "no tensors": (torch.nn.ReLU().state_dict(), "state_dict", ()),
    "tied": ({"first": STATE["first.weight"], "second": STATE["first.weight"]}, "state_dict", ()),
    "with a number": ({**STATE, "steps": 3}, "state_dict", ()),
    "checkpoint": (
        {"model": STATE, "optimiser": OPTIMISER.state_dict(), "epoch": 3, "loss": torch.ones(1)},
        "checkpoint",
        ("model",),
    ),
    "two models": ({"ema": dict(STATE), "model": NET, "args": [1]}, "checkpoint", ("ema", "model")),
    "checkpoint with settings": ({"state_dict": STATE, "settings": Settings()}, "checkpoint", ("state_dict",)),
    "lightning": (
        {"state_dict": STATE, "hyper_parameters": {"rate": 0.1}, "pytorch-lightning_version": "2"},
        "checkpoint",
        ("state_dict",),
    ),
    "module": (NET, "module", ()),
    "layer": (torch.nn.Linear(2, 2), "module", ()),
    "sequential": (torch.nn.Sequential(NET, torch.nn.ReLU()), "module", ()),
    "traced": (TRACED, "module", ()),
    "own way": (OwnWay(), "module", ()),
    "tensor": (torch.ones(3), "pickle", ()),
    "layers": ([torch.nn.Linear(2, 2)], "pickle", ()),
    "list": ([torch.ones(3)], "pickle", ()),
    "none": (None, "pickle", ()),
    "number": (5, "pickle", ()),
    "empty": ({}, "pickle", ()),
    "optimiser": (OPTIMISER.state_dict(), "pickle", ()),
    "settings": (Settings(), "pickle", ()),
    "values": ({"a": 1, "b": [1, 2], "c": {"d": {1, 2}}, "e": b"x", "f": 1j}, "pickle", ()),
    "numpy": ({"mean": numpy.ones(2)}, "pickle", ()),
}


def loads_weights_only(data: bytes) -> bool:
    try:
        torch.load(io.BytesIO(data), weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        return False
    return True


HOWS: dict[str, dict[str, Any]] = {
    "zip": {},
    "legacy": {"_use_new_zipfile_serialization": False},
    **{f"protocol {number}": {"pickle_protocol": number} for number in (3, 4, 5)},
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", SAVED)
def test_what_torch_saves(name: str, how: str) -> None:
    value, kind, holds = SAVED[name]
    if value is KINDS and how == "legacy":  # came after it
        value = {name: item for name, item in value.items() if not re.match("uint16|uint32|uint64|float8", name)}
    data = saved(value, **HOWS[how])
    found = described(data)
    assert (found.kind, found.holds, found.legacy) == (kind, holds, how == "legacy"), found
    assert found.keys == (keys_of(value) if kind == "state_dict" else None)
    assert found.globals_complete
    assert found.weights_only_refuses == (not loads_weights_only(data))
    if how == "zip":
        assert set(found.refused_globals) == set(
            torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(data))
        )
    assert set(found.refused_globals) == set(found.globals) - lists_of((99, 0))[0]


def test_the_lists_are_those_of_torch() -> None:
    torchs = weights_only.asked()
    assert len(torchs.names) > 130
    assert weights_only.differences(torchs) == []
    # And it would show what they lack.
    other = replace(torchs, version=(2, 5))
    assert "+ builtins.set" in weights_only.differences(other)


def without_sums(value: object) -> bytes:
    torch.serialization.set_crc32_options(False)
    try:
        return saved(value)
    finally:
        torch.serialization.set_crc32_options(True)


def with_sum(data: bytes, name: str, crc32: int, *, header: bool = True, directory: bool = True) -> bytes:
    """The same with another sum of a record, in its header, what follows its data, and the directory."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = next(each for each in archive.infolist() if each.filename.endswith(name)).CRC
    places = [match.start() for match in re.finditer(re.escape(found.to_bytes(4, "little")), data)]
    assert len(places) >= 2
    new = bytearray(data)
    for place in places:
        if directory if place == places[-1] else header:
            new[place : place + 4] = crc32.to_bytes(4, "little")
    return bytes(new)


def bad_sum(data: bytes) -> str | None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.testzip()


@pytest.mark.parametrize("name", ["kinds", "lightning", "module", "numpy"])
def test_a_zip_without_sums(name: str) -> None:
    value = SAVED[name][0]
    whole, data = described(saved(value)), without_sums(value)
    assert bad_sum(data) is not None
    torch.load(io.BytesIO(data), weights_only=False)
    assert whole.sums is None
    assert described(data) == replace(whole, sums="none")


@pytest.mark.parametrize("crc32", [0, 0x01020304])
@pytest.mark.parametrize("name", ["data.pkl", "/version"])
def test_a_wrong_sum_is_told_and_does_not_matter_to_torch(name: str, crc32: int) -> None:
    data = with_sum(saved(STATE), name, crc32)
    assert bad_sum(data)
    assert torch.load(io.BytesIO(data)).keys() == STATE.keys()
    assert described(data) == replace(described(saved(STATE)), sums="wrong")
    # The directory's is the one that readers compare.
    assert described(with_sum(saved(STATE), name, crc32, header=False)).sums == "wrong"
    assert described(with_sum(saved(STATE), name, crc32, directory=False)).sums is None


def test_a_wrong_sum_in_torchscript(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    JIT.script(NET).save(str(path))
    for name in (".py", "data.pkl"):
        changed = with_sum(path.read_bytes(), name, 1)
        JIT.load(io.BytesIO(changed))
        assert described(changed) == replace(described(path.read_bytes()), sums="wrong")


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


def zipped(names: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", compression) as archive:
        warnings.simplefilter("ignore")  # a name that is there twice
        for name, data in names.items():
            archive.writestr(name.rstrip("?"), data)
    return file.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


SAVED_STATE = members(saved(STATE))
ELF = b"\x7fELF\x02\x01\x01" + bytes(9)
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


def in_zip(data: bytes) -> bytes:
    return zipped({**SAVED_STATE, "archive/data.pkl": data})


REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
REBUILD += b"X\x01\0\0\x000X\x03\0\0\0cpuK\x06tQK\0%s(K\x01t\x89NtR"
PART = REBUILD % b"K\x02K\x03\x86"


def test_a_state_dict_of_python_2() -> None:
    """OrderedDict saved itself there as a list of pairs."""
    pairs = b"]U\x06weight" + PART + b"\x86a](U\x04bias" + PART + b"eaN\x85a"
    found = described(in_zip(b"\x80\x02ccollections\nOrderedDict\n" + pairs + b"\x85R."))
    assert found.kind == "state_dict"
    assert found.keys == tuple(TensorKey(name=name, shape=(2, 3), dtype="float32") for name in ("weight", "bias"))


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        (b"ctorch\nSize\n(K\x02K\x03t\x85R", (2, 3)),
        (b"ctorch\nSize\n)R", ()),
        (b")", ()),
        (b"N", None),
        (b"K\x02", None),
        (b"](K\x02K\x03e", None),
        (b"J\xff\xff\xff\xff\x85", None),
        (b"\x88\x85", None),
        (b"U\x01a\x85", None),
        (b"(" + b"K\x01" * 65 + b"t", None),
    ],
)
def test_shapes_are_told_only_where_they_are_some(size: bytes, shape: tuple[int, ...] | None) -> None:
    found = described(in_zip(b"\x80\x02}U\x01a" + REBUILD % size + b"s."))
    assert found.keys == (TensorKey(name="a", shape=shape, dtype="float32"),)


@pytest.mark.parametrize(
    "value",
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n)R",
        b"ctorch._utils\n_rebuild_tensor_v2\nNR",
        b"ctorch._utils\n_rebuild_parameter\n)R",
        b"ctorch._utils\n_rebuild_tensor_v3\n(NNNNNNctorch.x\nfloat32\ntR",
        b"ctorch._utils\n_rebuild_sparse_tensor\nN)\x86R",
        b"ctorch._utils\n_rebuild_sparse_tensor\n)R",
        b"ctorch._utils\n_rebuild_something\n)R",
        b"ctorch._tensor\n_rebuild_from_type_v2\n)R",
        b"ctorch\nFloatTensor\n)\x81",
        # A parameter of a parameter of ... itself.
        b"ctorch._utils\n_rebuild_parameter\n]q\x00\x85R",
    ],
)
def test_a_tensor_of_which_nothing_is_told(value: bytes) -> None:
    found = described(in_zip(b"\x80\x02}(U\x01a" + value + b"U\x01b" + PART + b"u."))
    assert found.keys == (TensorKey(name="a"), TensorKey(name="b", shape=(2, 3), dtype="float32"))


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02c__builtin__\nset\n)R.",
        b"\x80\x63c__builtin__\nset\n)R.",
        b"c__builtin__\nset\n]\x85R.",
        b"cbuiltins\nlen\n.",
        b"\x80\x02cos\nsystem\n.",
        b"\x80\x02c__builtin__\neval\n0N.",
        b"\x80\x02N0N",
        b"\x80\x02N\x94.",
        b"F1.5\n.",
        b"I1\n.",
        b"N.N.cos\nsystem\n.",
    ],
)
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_weights_only(data: bytes) -> None:
    assert described(in_zip(data)).weights_only_refuses == (not loads_weights_only(in_zip(data)))


def test_keys_that_are_no_names() -> None:
    found = described(saved({0: torch.ones(1), "a": torch.ones(2), (1, 2): torch.ones(3)}))
    assert found.kind == "state_dict"
    assert found.keys == (TensorKey(name="a", shape=(2,), dtype="float32"),)
    assert found.detail == "a state_dict of 3 tensors whose keys are not all names"


def test_details() -> None:
    assert described(saved(STATE)).detail == "a state_dict of 7 tensors"
    assert described(saved({"a": torch.ones(1)})).detail == "a state_dict of 1 tensor"
    legacy = described(saved(STATE, _use_new_zipfile_serialization=False))
    assert legacy.detail == "a state_dict of 7 tensors, in torch's format from before 1.6"
    assert described(saved(NET)).detail == "a whole model, 'tests.archive.inspection.test_weights.Net'"
    many = described(saved({f"part{number}": STATE for number in range(5)}))
    assert many.detail == "a checkpoint that holds 'part0', 'part1', 'part2' and 2 more"
    made_by_what_was_made = described(b"\x80\x02cm\nf\n)R)R.")
    assert made_by_what_was_made.detail == "a pickle of an object of an unknown class, not of torch.save"
    legacy = described(saved(NET, _use_new_zipfile_serialization=False))
    assert legacy.detail == f"a whole model, '{__name__}.Net', in torch's format from before 1.6"


def safetensors(header: object, values: int = 0) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(values)


ENTRY: dict[str, Any] = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


def test_safetensors() -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "weight": ENTRY,
        "bias": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
        "new": {"dtype": "F6_E2M3", "shape": [0], "data_offsets": [26, 26]},
    }
    found = described(safetensors(header, 26))
    assert found == Weights(
        kind="safetensors",
        detail="3 tensors in safetensors",
        keys=(
            TensorKey(name="weight", shape=(2, 3), dtype="float32"),
            TensorKey(name="bias", shape=(), dtype="bfloat16"),
            TensorKey(name="new", shape=(0,), dtype="F6_E2M3"),
        ),
    )
    cut = described(safetensors(header, 20))
    assert cut.keys == found.keys
    assert re.fullmatch(r"safetensors of \d+ bytes by its header, and \d+ in truth", cut.detail)
    assert described(safetensors({})).keys == ()
    assert described(safetensors(b"{}      ")).keys == ()


def test_small_floats_of_safetensors() -> None:
    """F4 counts values, torch's dtype pairs; findings/safetensors-counts-fp4-values.sh asks safetensors."""
    pairs = torch.zeros(2, 4, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    entries = {
        "pairs": {"dtype": "F4", "shape": [2, 8], "data_offsets": [0, 8]},
        "fnuz": {"dtype": "F8_E4M3FNUZ", "shape": [2], "data_offsets": [8, 10]},
        "fnuz2": {"dtype": "F8_E5M2FNUZ", "shape": [2], "data_offsets": [10, 12]},
    }
    found = described(safetensors(entries, 12))
    assert found.keys == (
        TensorKey(name="pairs", shape=tuple(pairs.shape), dtype=f"{pairs.dtype}".removeprefix("torch.")),
        TensorKey(name="fnuz", shape=(2,), dtype=f"{torch.float8_e4m3fnuz}".removeprefix("torch.")),
        TensorKey(name="fnuz2", shape=(2,), dtype=f"{torch.float8_e5m2fnuz}".removeprefix("torch.")),
    )
    assert (found.torch_from, found.torch_because) == ("2.8", ("torch.float4_e2m1fn_x2",))


@pytest.mark.parametrize(
    "header",
    [
        b"{]",
        b"{" + b'"a":{' * 100_000,
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b"9" * 10_000 + b"}",
        b'{"\xff":1}',
        b"{" + b"[" * 1_000_001,
        {"a": 1},
        {"a": {}},
        *({"a": {**ENTRY, "shape": shape}} for shape in (None, 1, [-1], [1.5], ["2"], [True], [[1]], [1] * 65)),
        *(
            {"a": {**ENTRY, "data_offsets": offsets}}
            for offsets in (None, [0], [0, -1], [0, "1"], "01", [0, 1, 2])
        ),
        *({"a": {**ENTRY, "dtype": dtype}} for dtype in (None, 1, ["F32"])),
    ],
)
def test_broken_safetensors(header: object) -> None:
    found = described(safetensors(header))
    assert (found.kind, found.keys) == ("safetensors", None)
    assert found.detail.startswith("safetensors with a broken header")


class Huge(io.RawIOBase):
    """A file of many GiB of zeros after its beginning, which notes how much is read of it."""

    def __init__(self, begin: bytes, end: bytes = b"", size: int = 1 << 40) -> None:
        self.begin, self.end, self.size = begin, end, size
        self.pos = self.taken = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.pos = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        assert size >= 0
        size = min(size, self.size - self.pos, 999_999)  # no more than it likes to
        self.taken += size
        start, tail = self.pos, self.size - len(self.end)
        self.pos += size
        data = bytearray(size)
        if start < len(self.begin):
            piece = self.begin[start : start + size]
            data[: len(piece)] = piece
        if self.pos > tail:
            piece = self.end[max(start - tail, 0) : self.pos - tail]
            data[max(tail - start, 0) :] = piece
        return bytes(data)


@pytest.mark.parametrize(
    ("begin", "kind", "most"),
    [
        (b"", "unknown", 65 << 20),
        (safetensors(b"{}")[:-2] + b"{}", "safetensors", 1 << 10),
        (struct.pack("<Q", 99_000_000) + b"{", "safetensors", 1 << 10),
        (struct.pack("<Q", 101_000_000) + b"{", "unknown", 65 << 20),
        (saved(STATE, _use_new_zipfile_serialization=False), "state_dict", 2 << 20),
        (b"\x80\x04\x8e" + b"\xff" * 7 + b"\0", "pickle", 160 << 20),
        (ELF + b"\x03\0", "aot-library", 1 << 10),
        (b"\x93NUMPY", "numpy", 1 << 10),
        (b"\x08\x08\x3a" + b"\xff" * 4 + b"\x7f" + b"\x08\x01" * 200_000, "unknown", 3 << 20),
        (b"PK\x03\x04", "zip", 1 << 20),
    ],
)
def test_of_a_huge_file_little_is_read(begin: bytes, kind: str, most: int) -> None:
    file = Huge(begin)
    assert describe_weights(file, file.size).kind == kind
    assert file.taken < most


def test_a_huge_zip_is_read_at_its_end() -> None:
    data = saved(STATE)
    start = data.index(b"PK\x01\x02")
    assert data[-22:-18] == b"PK\x05\x06"
    # Its members lie at the beginning: zipfile takes what comes before the directory for something prepended.
    found = describe_weights(file := Huge(data[:start], data[start:], len(data)), len(data))
    assert found.keys == keys_of(STATE)
    assert file.taken < 200_000


def test_a_directory_that_is_too_long_is_not_read() -> None:
    size = 17 << 20
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 9, 9, size, 4, 0)
    file = Huge(b"PK\x03\x04", end, size + 4 + len(end))
    found = describe_weights(file, file.size)
    assert (found.kind, found.detail) == ("zip", "a zip that cannot be read (more than 16,777,216 bytes at once)")
    assert file.taken < 1 << 20


def test_a_data_pkl_that_is_too_long_is_read_in_part() -> None:
    data = b"\x80\x02X" + struct.pack("<I", 70 << 20) + bytes(70 << 20) + b"."
    found = described(zipped({**SAVED_STATE, "archive/data.pkl": data}, zipfile.ZIP_DEFLATED))
    assert (found.kind, found.weights_only_refuses, found.globals_complete) == ("pickle", None, False)
    assert "longer than 67,108,864 bytes" in found.detail


def varint(number: int) -> bytes:
    data = b""
    while number > 0x7F:
        data += bytes([number & 0x7F | 0x80])
        number >>= 7
    return data + bytes([number])


def message(*fields: tuple[int, int | bytes]) -> bytes:
    return b"".join(
        varint(number << 3) + varint(value)
        if isinstance(value, int)
        else varint(number << 3 | 2) + varint(len(value)) + value
        for number, value in fields
    )


GRAPH = message((2, b"graph"), (1, message((1, b"x"), (2, b"y"), (4, b"Relu"))))
OPSET = message((1, b""), (2, 17))


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


WHOLE = [
    saved(STATE),
    saved(NET),
    saved(STATE, _use_new_zipfile_serialization=False),
    safetensors({"a": ENTRY}, 24),
]
WHOLE += [message((1, 8), (2, b"x"), (7, GRAPH), (8, OPSET)), in_zip(b"\x80\x02}U\x01a" + PART + b"s.")]


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_whatever_the_bytes_nothing_is_raised(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from(WHOLE)))
    for _ in range(data.draw(st.integers(0, 4))):
        # Near the beginning, near the end (where a zip has its directory), or anywhere.
        place = data.draw(
            st.integers(0, len(whole)) | st.integers(0, 30) | st.integers(len(whole) - 200, len(whole))
        )
        place = min(max(place, 0), len(whole))
        whole[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    whole = whole[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))]
    found = described(bytes(whole))
    assert found.detail
    # A size that is wrong: the file shrank or grew.
    assert describe_weights(io.BytesIO(whole), len(whole) + 10).detail
    assert describe_weights(io.BytesIO(whole), len(whole) // 2).detail


def test_what_is_shared_is_looked_at_once() -> None:
    """A dict that is found under every key, with as many keys; and a list of pairs that many dicts are made of."""
    count = 10_000
    inner = b"}q\x00(" + b"".join(b"U\x05%05dN" % number for number in range(count)) + b"u0"
    outer = b"}(" + b"".join(b"U\x05%05dh\x00" % number for number in range(count)) + b"u."
    assert described(in_zip(b"\x80\x02" + inner + outer)).kind == "pickle"
    pairs = b"](" + b"".join(b"U\x05%05dN\x86" % number for number in range(count)) + b"e\x85q\x000"
    made = b"ccollections\nOrderedDict\nq\x010"
    outer = b"}(" + b"".join(b"U\x05%05dh\x01h\x00R" % number for number in range(count)) + b"u."
    tracemalloc.start()
    try:
        assert described(in_zip(b"\x80\x02" + pairs + made + outer)).kind == "pickle"
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("piece", [b"\x85", b"NR", b"N\x86", b"Nb\x85", b"}N\x86R", b"Q"])
def test_depth_ends_nothing(piece: bytes) -> None:
    for start in (b"N", b"}", b"U\x01a", b"}U\x01a", b"}U\x01aN"):
        assert described(in_zip(b"\x80\x02" + start + piece * 20_000 + b".")).kind == "pickle"
        assert described(in_zip(b"\x80\x02}U\x01a" + start + piece * 20_000 + b"s.")).kind == "pickle"
        assert described(in_zip(b"\x80\x02}" + start + piece * 20_000 + b"Ns.")).kind == "pickle"


def test_depth_of_what_is_called_ends_nothing() -> None:
    for call in (b"N" + b"\x85" * 300_000, b"N" + b"N\x86" * 300_000):
        assert described(in_zip(b"\x80\x02" + call + b")R.")).kind == "pickle"


def test_pickles_that_end_where_the_first_piece_does() -> None:
    first: list[object] = [LEGACY_MAGIC, 1001, {}]
    pickles = b"".join(pickle.dumps(value, 2) for value in first)
    left = (1 << 20) - len(pickles) - 6
    data = pickles + b"X" + struct.pack("<I", left) + bytes(left) + b"." + b"cos\nsystem\n." + bytes(1 << 20)
    found = described(data)
    assert (found.kind, found.legacy, found.globals) == ("pickle", True, ("os.system",))


def test_a_failing_disk_is_told() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "broken disk")

    with pytest.raises(OSError, match="broken disk"):
        describe_weights(Failing(saved(STATE)), 1000)


def test_nothing_is_loaded() -> None:
    """Neither torch nor what a file names is imported."""
    code = f"""if True:
        import io, sys
        from marpack.archive.inspection.weights import describe_weights
        data = {in_zip(b"c" + b"this" + bytes([10]) + b"s" + bytes([10]) + b")R.")!r}
        print(describe_weights(io.BytesIO(data), len(data)).globals, {{"torch", "this"}} & set(sys.modules))
    """
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "('this.s',) set()\n"


def test_no_word_of_what_a_file_would_do() -> None:
    for name, (value, _, _) in SAVED.items():
        assert "safe" not in described(saved(value)).detail, name


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


@pytest.mark.parametrize(
    "entry",
    [
        b'{"dtype":"F32","shape":[1],"data_offsets":[0,%s]}' % (b"9" * 4300),
        b'{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551616]}',
        b'{"dtype":"F32","shape":[%s],"data_offsets":[0,4]}' % (b"9" * 4300),
    ],
)
def test_safetensors_that_count_beyond_64_bits_are_broken(entry: bytes) -> None:
    header = b'{"a":%s}' % entry
    data = len(header).to_bytes(8, "little") + header + b"1234"
    assert describe_weights(io.BytesIO(data), len(data)).detail.startswith("safetensors with a broken header")


def test_a_sparse_tensor_of_sparse_tensors_ends_nothing() -> None:
    wrapped = b"q\x010h\0K\0(K\0h\1K\0t\x86R" * 5000
    data = b"\x80\2}X\1\0\0\0actorch._utils\n_rebuild_sparse_tensor\nq\0" + b"0K\1" + wrapped + b"s."
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("m/data.pkl", data)
        archive.writestr("m/version", b"3")
    found = describe_weights(file, len(file.getvalue()))
    assert [key.shape for key in found.keys or ()] == [None]


def test_a_directory_that_leads_before_the_beginning_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps({}, 2))
        archive.writestr("m/version", b"3")
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\5\6") + 16
    data[place : place + 4] = (int.from_bytes(data[place : place + 4], "little") + 40).to_bytes(4, "little")
    path.write_bytes(data)
    with path.open("rb", buffering=0) as file:
        assert describe_weights(file, len(data)).detail == "a zip that cannot be read (before the beginning)"
