"""What ``torch.load(weights_only=True)`` accepts without being asked to: torch's own lists, as data."""

from __future__ import annotations

import builtins
from typing import Final

_REAL: Final = ("BFloat16", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short")
_TYPES: Final = (*_REAL, "Bool", "ComplexDouble", "ComplexFloat")
_QUANTISED: Final = ("QInt32", "QInt8", "QUInt2x4", "QUInt4x2", "QUInt8")
_DTYPES: Final = (
    *("bfloat16", "bits16", "bits1x8", "bits2x4", "bits4x2", "bits8", "bool", "complex128", "complex32"),
    *("complex64", "float16", "float32", "float4_e2m1fn_x2", "float64", "float8_e4m3fn", "float8_e4m3fnuz"),
    *("float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "int1", "int16", "int2", "int3", "int32", "int4"),
    *("int5", "int6", "int64", "int7", "int8", "qint32", "qint8", "quint2x4", "quint4x2", "quint8", "uint1"),
    *("uint16", "uint2", "uint3", "uint32", "uint4", "uint5", "uint6", "uint64", "uint7", "uint8"),
)

# What torch 2.13 imports with weights_only=True right after "import torch": its torch._weights_only_unpickler, and
# what its own packages add with torch.serialization.add_safe_globals.
_ALLOWED: Final = {
    "_codecs": ("encode",),
    "builtins": ("bytearray", "complex", "set"),
    "collections": ("Counter", "OrderedDict"),
    "torch": (
        *("Size", "Tensor", "device", "per_channel_affine", "per_channel_affine_float_qparams"),
        *("per_channel_symmetric", "per_tensor_affine", "per_tensor_symmetric"),
        *_DTYPES,
        *(f"{name}Storage" for name in (*_TYPES, *_QUANTISED)),
        *(f"{name}Tensor" for name in (*_REAL, "Bool")),
    ),
    "torch._tensor": ("_rebuild_from_type_v2",),
    "torch._utils": (
        *("_rebuild_device_tensor_from_cpu_tensor", "_rebuild_device_tensor_from_numpy"),
        *("_rebuild_meta_tensor_no_storage", "_rebuild_nested_tensor", "_rebuild_parameter"),
        *("_rebuild_parameter_with_state", "_rebuild_qtensor", "_rebuild_sparse_tensor", "_rebuild_tensor"),
        *("_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_wrapper_subclass"),
    ),
    "torch.cuda": (*(f"{name}Storage" for name in _TYPES), *(f"{name}Tensor" for name in (*_REAL, "Bool"))),
    "torch.cuda.sparse": tuple(f"{name}Tensor" for name in _REAL),
    "torch.distributed._mesh_layout": ("_FlatLayout", "_MeshLayout"),
    "torch.nested._internal.nested_tensor": ("NestedTensor", "_rebuild_njt"),
    "torch.nn.parameter": ("Parameter",),
    "torch.serialization": ("_get_layout",),
    "torch.sparse": tuple(f"{name}Tensor" for name in _REAL),
    "torch.storage": ("TypedStorage", "UntypedStorage"),
}
WEIGHTS_ONLY_GLOBALS: Final = frozenset(f"{module}.{name}" for module, names in _ALLOWED.items() for name in names)

# The opcodes that its unpickler knows: protocol 2's, without those that Python 3 does not write.
WEIGHTS_ONLY_OPCODES: Final = frozenset(b"\x80\x81\x85\x86\x87\x88\x89\x8a()]}.GJKMNQRUX\x8fabcehjqrstu")

# What later versions allow beside: "builtins." and the name of an exception stand for all of Python's own.
_LATER: Final = {"torch.bcomplex32": (2, 14), "traceback.FrameSummary": (2, 14), "traceback.StackSummary": (2, 14)}


def is_allowed_since(name: str) -> tuple[int, int] | None:
    """Return the torch that allows a name which 2.13 does not, None where none is known that does."""
    module, _, last = name.partition(".")
    exception = getattr(builtins, last, None) if module == "builtins" else None
    if isinstance(exception, type) and issubclass(exception, BaseException):
        return 2, 14
    return _LATER.get(name)
