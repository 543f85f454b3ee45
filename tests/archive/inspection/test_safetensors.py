"""What the header of a file of safetensors tells."""

from __future__ import annotations

import io
import re

import pytest
import torch

from marpack.archive.inspection.kinds import TensorKey, Weights
from marpack.archive.inspection.weights import describe_weights
from tests.support.weights_files import ENTRY, described, safetensors

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


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
