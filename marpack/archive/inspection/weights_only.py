"""What ``torch.load(weights_only=True)`` accepts without being asked to: torch's own lists, by release.

Under each version stands what it allows first, or is the last to allow, right after ``import torch``: what its
``torch._weights_only_unpickler`` lists, and what torch's own packages add to that with
``torch.serialization.add_safe_globals`` while they are imported. ``python -m tests.support.weights_only`` says
what the torch that runs it has otherwise.
"""

from __future__ import annotations

import builtins
import pickletools
from collections.abc import Collection
from typing import Final, TypeAlias

from marpack.archive.inspection.torch_versions import Version
from marpack.frozen import frozen_in_order

# The first version and the last, None where the newest still does.
Bounds: TypeAlias = tuple[Version, Version | None]

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
_NO_MORE: Final[dict[Version, str]] = {
    (2, 14): """
        torch._utils._rebuild_nested_tensor torch.nested._internal.nested_tensor.NestedTensor
        torch.nested._internal.nested_tensor._rebuild_njt traceback.FrameSummary traceback.StackSummary
    """
}
_UNTIL: Final = {name: version for version, names in _NO_MORE.items() for name in names.split()}
_BOUNDS: Final[dict[str, Bounds]] = {
    **dict.fromkeys(_STORAGES, (_FIRST, None)),
    **{name: (version, _UNTIL.get(name)) for version, names in _ALLOWED.items() for name in names.split()},
}
# All of Python's own exceptions, "builtins." and their names.
EXCEPTIONS: Final[Bounds] = ((2, 14), (2, 14))

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
_OPCODE_BOUNDS: Final[dict[int, Bounds]] = {
    code: (since, None) for since, codes in _OPCODES.items() for code in codes
}
_OPCODE_NAMES: Final = {ord(opcode.code): f"opcode {opcode.name}" for opcode in pickletools.opcodes}
_BOUNDS_OF_OPCODES: Final = {_OPCODE_NAMES[code]: bounds for code, bounds in _OPCODE_BOUNDS.items()}


def bounds_of(name: str) -> Bounds | None:
    """Return which torch imports a name, as ``"torch.Size"``, or follows an opcode; None where none is known."""
    if found := _BOUNDS.get(name) or _BOUNDS_OF_OPCODES.get(name):
        return found
    module, _, last = name.partition(".")
    value = getattr(builtins, last, None) if module == "builtins" else None
    if isinstance(value, type) and issubclass(value, BaseException) and value.__name__ == last:
        return EXCEPTIONS
    return None


def is_allowed(name: str, torch: Version) -> bool:
    """Tell whether a torch imports a name, or follows an opcode."""
    bounds = bounds_of(name)
    return bounds is not None and _is_in(torch, bounds)


@frozen_in_order
class Allowed:
    """Who follows a pickle: ``bounds`` are the first and the last torch, None where no known one does.

    ``never`` are the names that no known one imports, or none beside the others; ``because`` what the first and
    the last have, and those before and after them have not.
    """

    bounds: Bounds | None
    because: tuple[str, ...]
    never: tuple[str, ...]


def allowed(names: Collection[str], opcodes: Collection[int]) -> Allowed:
    """Return which torch takes a pickle that imports these names and uses these opcodes."""
    found = {name: bounds_of(name) for name in (*names, *(_OPCODE_NAMES[code] for code in sorted(opcodes)))}
    known = {name: bounds for name, bounds in found.items() if bounds is not None}
    if len(known) < len(found):
        return Allowed(None, (), tuple(name for name in names if name not in known))
    since = max((first for first, _ in known.values()), default=_FIRST)
    until = min((last for _, last in known.values() if last is not None), default=None)
    if until is not None and until < since:
        return Allowed(None, (), tuple(name for name, (_, last) in known.items() if last and last < since))
    because = (
        name for name, (first, last) in known.items() if first == since != _FIRST or (last and last == until)
    )
    return Allowed((since, until), tuple(because), ())


def lists_of(version: Version) -> tuple[frozenset[str], bytes]:
    """Return all that a version allows: names, but for Python's exceptions, and opcodes."""
    names = frozenset(name for name, bounds in _BOUNDS.items() if _is_in(version, bounds))
    return names, bytes(sorted(code for code, bounds in _OPCODE_BOUNDS.items() if _is_in(version, bounds)))


def _is_in(version: Version, bounds: Bounds) -> bool:
    since, until = bounds
    return since <= version and (until is None or version <= until)
