"""What ``torch.load(weights_only=True)`` accepts without being asked to: torch's own lists, by release.

Under each version stands what it allows first, right after ``import torch``: what its
``torch._weights_only_unpickler`` lists, and what torch's own packages add to that with
``torch.serialization.add_safe_globals`` while they are imported. ``python -m tests.support.weights_only`` says
what the torch that runs it has otherwise.
"""

from __future__ import annotations

import builtins
import pickletools
from collections.abc import Collection
from typing import Final

from marpack.archive.inspection.torch_versions import Version
from marpack.frozen import frozen_in_order

# There is no weights_only before.
_FIRST: Final[Version] = (1, 13)
_REAL: Final = ("BFloat16", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short")
_TYPES: Final = (*_REAL, "Bool", "ComplexDouble", "ComplexFloat")
_QUANTISED: Final = ("QInt32", "QInt8", "QUInt2x4", "QUInt4x2", "QUInt8")
_STORAGES: Final = (
    *(f"torch.{name}Storage" for name in (*_TYPES, *_QUANTISED)),
    *(f"torch.cuda.{name}Storage" for name in _TYPES),
    *(f"{module}.{name}Tensor" for module in ("torch", "torch.cuda") for name in (*_REAL, "Bool")),
    *(f"{module}.{name}Tensor" for module in ("torch.sparse", "torch.cuda.sparse") for name in _REAL),
)

_ALLOWED: Final[dict[Version, str]] = {
    _FIRST: """
        collections.OrderedDict torch.Size torch.Tensor torch._utils._rebuild_meta_tensor_no_storage
        torch._utils._rebuild_parameter torch._utils._rebuild_sparse_tensor torch._utils._rebuild_tensor
        torch._utils._rebuild_tensor_v2 torch.complex128 torch.complex32 torch.complex64 torch.float16
        torch.float32 torch.float64 torch.int16 torch.int32 torch.int64 torch.int8 torch.nn.parameter.Parameter
        torch.serialization._get_layout torch.storage.TypedStorage torch.storage.UntypedStorage
    """,
    (2, 0): "torch._tensor._rebuild_from_type_v2",
    (2, 2): """
        torch._utils._rebuild_nested_tensor torch._utils._rebuild_tensor_v3 torch.float8_e4m3fn torch.float8_e5m2
    """,
    (2, 3): "torch.float8_e4m3fnuz torch.float8_e5m2fnuz",
    (2, 4): """
        collections.Counter torch._utils._rebuild_parameter_with_state torch._utils._rebuild_qtensor
        torch._utils._rebuild_wrapper_subclass torch.bfloat16 torch.bits16 torch.bits1x8 torch.bits2x4
        torch.bits4x2 torch.bits8 torch.bool torch.device torch.per_channel_affine
        torch.per_channel_affine_float_qparams torch.per_channel_symmetric torch.per_tensor_affine
        torch.per_tensor_symmetric torch.qint32 torch.qint8 torch.quint2x4 torch.quint4x2 torch.quint8 torch.uint8
    """,
    (2, 5): "_codecs.encode builtins.bytearray torch._utils._rebuild_device_tensor_from_numpy",
    (2, 6): """
        builtins.complex builtins.set torch._utils._rebuild_device_tensor_from_cpu_tensor
        torch.nested._internal.nested_tensor.NestedTensor torch.nested._internal.nested_tensor._rebuild_njt
        torch.uint16 torch.uint32 torch.uint64
    """,
    (2, 7): """
        torch.float8_e8m0fnu torch.int1 torch.int2 torch.int3 torch.int4 torch.int5 torch.int6 torch.int7
        torch.uint1 torch.uint2 torch.uint3 torch.uint4 torch.uint5 torch.uint6 torch.uint7
    """,
    (2, 8): "torch.float4_e2m1fn_x2",
    (2, 10): "torch.distributed._mesh_layout._MeshLayout",
    (2, 13): "torch.distributed._mesh_layout._FlatLayout",
    (2, 14): "torch.bcomplex32 traceback.FrameSummary traceback.StackSummary",
}
_SINCE: Final[dict[str, Version]] = {
    **dict.fromkeys(_STORAGES, _FIRST),
    **{name: version for version, names in _ALLOWED.items() for name in names.split()},
}
# All of Python's own exceptions, "builtins." and their names.
EXCEPTIONS_SINCE: Final[Version] = (2, 14)

# What those of torch's packages add that "import torch" does not import, by the package.
_BY_IMPORT: Final[dict[str, dict[Version, str]]] = {
    "torch.distributed.tensor": {
        (2, 6): """
            torch.distributed.device_mesh.DeviceMesh torch.distributed.tensor.DTensor
            torch.distributed.tensor._dtensor_spec.DTensorSpec torch.distributed.tensor._dtensor_spec.TensorMeta
            torch.distributed.tensor.placement_types.Partial torch.distributed.tensor.placement_types.Replicate
            torch.distributed.tensor.placement_types.Shard
        """,
        (2, 10): "torch.distributed.tensor._dtensor_spec.ShardOrderEntry",
        (2, 12): "torch.distributed.tensor.placement_types._StridedShard",
    }
}
ADDED_BY: Final[dict[str, dict[str, Version]]] = {
    package: {name: version for version, names in table.items() for name in names.split()}
    for package, table in _BY_IMPORT.items()
}

# The opcodes that its unpickler knows: protocol 2's, without those that Python 3 does not write.
_OPCODES: Final[dict[Version, bytes]] = {
    _FIRST: b"\x80\x81\x85\x86\x87\x88\x89\x8a()]}.JKMNQRUX\x8fabcehjqrstu",
    (2, 0): b"G",
}
_OPCODES_SINCE: Final[dict[int, Version]] = {code: since for since, codes in _OPCODES.items() for code in codes}
_OPCODE_NAMES: Final = {ord(opcode.code): f"opcode {opcode.name}" for opcode in pickletools.opcodes}


def name_allowed_since(name: str) -> Version | None:
    """Return the first torch that imports a name (as ``"torch.Size"``), None where no known torch does."""
    if name in _SINCE:
        return _SINCE[name]
    module, _, last = name.partition(".")
    found = getattr(builtins, last, None) if module == "builtins" else None
    if isinstance(found, type) and issubclass(found, BaseException) and found.__name__ == last:
        return EXCEPTIONS_SINCE
    return None


@frozen_in_order
class Allowed:
    """Who follows a pickle: ``since`` is the first torch, None where none is known.

    ``never`` are the names that no known one imports, ``because`` what the first has and its forerunners have not.
    """

    since: Version | None
    because: tuple[str, ...]
    never: tuple[str, ...]


def allowed(names: Collection[str], opcodes: Collection[int]) -> Allowed:
    """Return which torch takes a pickle that imports these names and uses these opcodes."""
    found = {name: name_allowed_since(name) for name in names}
    found |= {_OPCODE_NAMES[code]: _OPCODES_SINCE.get(code) for code in sorted(opcodes)}
    never = tuple(name for name in names if found[name] is None)
    if None in found.values():
        return Allowed(None, (), never)
    since = max(filter(None, found.values()), default=_FIRST)
    return Allowed(since, tuple(name for name, first in found.items() if first == since != _FIRST), never)


def lists_of(version: Version) -> tuple[frozenset[str], bytes]:
    """Return all that a version allows: names, but for Python's exceptions, and opcodes."""
    names = frozenset(name for name, since in _SINCE.items() if since <= version)
    return names, bytes(sorted(code for code, since in _OPCODES_SINCE.items() if since <= version))
