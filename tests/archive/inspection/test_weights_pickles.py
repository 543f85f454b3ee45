"""What the pickle in a file of torch tells of tensors and keys, however deep, shared or odd it is."""

from __future__ import annotations

import io
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import pytest
import torch

from marpack.archive.inspection.kinds import TensorKey
from marpack.archive.inspection.pickles import LEGACY_MAGIC
from marpack.archive.inspection.weights import describe_weights
from tests.support.torch_files import PART, REBUILD, in_zip, loads_weights_only, saved
from tests.support.weights_files import described

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


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


def test_a_sparse_tensor_of_sparse_tensors_ends_nothing() -> None:
    wrapped = b"q\x010h\0K\0(K\0h\1K\0t\x86R" * 5000
    data = b"\x80\2}X\1\0\0\0actorch._utils\n_rebuild_sparse_tensor\nq\0" + b"0K\1" + wrapped + b"s."
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("m/data.pkl", data)
        archive.writestr("m/version", b"3")
    found = describe_weights(file, len(file.getvalue()))
    assert [key.shape for key in found.keys or ()] == [None]
