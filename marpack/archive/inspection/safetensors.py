"""The header of a safetensors file."""

from __future__ import annotations

import json
from typing import Final

from marpack.archive.inspection.block_reader import MAX_READ, Window
from marpack.archive.inspection.kinds import TensorKey, Weights, count_of, shape_of
from marpack.archive.inspection.torch_versions import readers_of_dtypes, version_text

# safetensors' format.md, in torch's words; others stay as they are.
_SAFETENSORS_DTYPES: Final = (
    {"BF16": "bfloat16", "BOOL": "bool", "F16": "float16", "F32": "float32", "F64": "float64", "C64": "complex64"}
    | {"I16": "int16", "I32": "int32", "I64": "int64", "I8": "int8"}
    | {"U16": "uint16", "U32": "uint32", "U64": "uint64", "U8": "uint8"}
    | {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu"}
    | {"F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "F4": "float4_e2m1fn_x2"}
)
_MAX_SAFETENSORS_HEADER = 100_000_000
_MAX_JSON_OBJECTS = 1_000_000
# safetensors counts in 64 bits.
_MAX_NUMBER = (1 << 64) - 1


def describe_safetensors(window: Window, head: bytes) -> Weights | None:
    """Safetensors' format.md: the header's length in 8 bytes, the header in JSON, the values."""
    length = int.from_bytes(head[:8], "little")
    if head[8:9] != b"{" or not 2 <= length <= min(window.size - 8, _MAX_SAFETENSORS_HEADER):
        return None
    if length > MAX_READ:
        detail = f"safetensors with a header of {length:,} bytes, which is not read"
        return Weights(kind="safetensors", detail=detail)
    text = window.at(8, length)
    try:
        if text.count(b"[") + text.count(b"{") > _MAX_JSON_OBJECTS:
            raise ValueError("more tensors than are read")
        header = json.loads(text.decode())
        keys, end = _safetensors_keys(header)
    except (ValueError, RecursionError, MemoryError) as error:
        return Weights(kind="safetensors", detail=f"safetensors with a broken header ({error})")
    if 8 + length + end != window.size:
        detail = f"safetensors of {8 + length + end:,} bytes by its header, and {window.size:,} in truth"
        return Weights(kind="safetensors", detail=detail, keys=keys)
    readers = readers_of_dtypes(key.dtype for key in keys)
    return Weights(
        kind="safetensors",
        detail=f"{count_of(len(keys), 'tensor')} in safetensors",
        keys=keys,
        torch_from=version_text(readers.since),
        torch_because=readers.because,
    )


def _safetensors_keys(header: dict[str, object]) -> tuple[tuple[TensorKey, ...], int]:
    """Return the tensors of a header, and where their values end."""
    keys = []
    end = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if not isinstance(entry, dict):
            raise ValueError(f"{name!r:.50} is no tensor")
        dtype, offsets = entry.get("dtype"), entry.get("data_offsets")
        shape = shape_of(tuple(entry["shape"]) if isinstance(entry.get("shape"), list) else None)
        if not isinstance(dtype, str) or shape is None or max(shape, default=0) > _MAX_NUMBER:
            raise ValueError(f"{name!r:.50} has no dtype or shape")
        if not isinstance(offsets, list) or len(offsets) != 2 or shape_of(tuple(offsets)) is None:
            raise ValueError(f"{name!r:.50} has no data_offsets")
        if max(offsets) > _MAX_NUMBER:
            raise ValueError(f"{name!r:.50} has no data_offsets")
        end = max(end, offsets[1])
        if dtype == "F4" and shape:  # it counts values, of which an element of torch's holds two
            shape = (*shape[:-1], shape[-1] // 2)
        keys.append(TensorKey(name=name, shape=shape, dtype=_SAFETENSORS_DTYPES.get(dtype, dtype)))
    return tuple(keys), end
