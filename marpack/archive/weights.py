"""What a file of weights is, told from its bytes: without torch, and without unpickling anything."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, cast

from marpack.archive.entry import Compression
from marpack.archive.pickles import LEGACY_MAGIC, MAX_BYTES, Budget, Global, Made, Walked, walk
from marpack.errors import ArchiveError

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

__all__ = [
    "WEIGHTS_ONLY_GLOBALS",
    "WEIGHTS_ONLY_OPCODES",
    "SeekableReader",
    "TensorKey",
    "Weights",
    "WeightsKind",
    "describe_weights",
]

WeightsKind: TypeAlias = Literal[
    "torchscript",
    "state_dict",
    "checkpoint",
    "module",
    "pickle",
    "safetensors",
    "onnx",
    "exported-program",
    "aot-library",
    "numpy",
    "zip",
    "unknown",
]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _pairs(text: str) -> dict[str, str]:
    words = _words(text)
    return dict(zip(words[::2], words[1::2], strict=True))


_REAL: Final = _words("BFloat16 Byte Char Double Float Half Int Long Short")
_TYPES: Final = (*_REAL, *_words("Bool ComplexDouble ComplexFloat"))
_QUANTISED: Final = _words("QInt32 QInt8 QUInt2x4 QUInt4x2 QUInt8")
_DTYPES: Final = _words("""
    bfloat16 bits16 bits1x8 bits2x4 bits4x2 bits8 bool complex128 complex32 complex64 float16 float32
    float4_e2m1fn_x2 float64 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu int1
    int16 int2 int3 int32 int4 int5 int6 int64 int7 int8 qint32 qint8 quint2x4 quint4x2 quint8 uint1 uint16
    uint2 uint3 uint32 uint4 uint5 uint6 uint64 uint7 uint8
""")

# What torch 2.13 imports with weights_only=True right after "import torch": its torch._weights_only_unpickler, and
# what its own packages add with torch.serialization.add_safe_globals.
_ALLOWED: Final = {
    "_codecs": ("encode",),
    "builtins": _words("bytearray complex set"),
    "collections": _words("Counter OrderedDict"),
    "torch": (
        *_words("Size Tensor device per_channel_affine per_channel_affine_float_qparams per_channel_symmetric"),
        *_words("per_tensor_affine per_tensor_symmetric"),
        *_DTYPES,
        *(f"{name}Storage" for name in (*_TYPES, *_QUANTISED)),
        *(f"{name}Tensor" for name in (*_REAL, "Bool")),
    ),
    "torch._tensor": ("_rebuild_from_type_v2",),
    "torch._utils": _words("""
        _rebuild_device_tensor_from_cpu_tensor _rebuild_device_tensor_from_numpy _rebuild_meta_tensor_no_storage
        _rebuild_nested_tensor _rebuild_parameter _rebuild_parameter_with_state _rebuild_qtensor
        _rebuild_sparse_tensor _rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_wrapper_subclass
    """),
    "torch.cuda": (
        *(f"{name}Storage" for name in _TYPES),
        *(f"{name}Tensor" for name in (*_REAL, "Bool")),
    ),
    "torch.cuda.sparse": tuple(f"{name}Tensor" for name in _REAL),
    "torch.distributed._mesh_layout": _words("_FlatLayout _MeshLayout"),
    "torch.nested._internal.nested_tensor": _words("NestedTensor _rebuild_njt"),
    "torch.nn.parameter": ("Parameter",),
    "torch.serialization": ("_get_layout",),
    "torch.sparse": tuple(f"{name}Tensor" for name in _REAL),
    "torch.storage": _words("TypedStorage UntypedStorage"),
}
WEIGHTS_ONLY_GLOBALS: Final = frozenset(f"{module}.{name}" for module, names in _ALLOWED.items() for name in names)

# The opcodes that its unpickler knows: protocol 2's, without those that Python 3 does not write.
WEIGHTS_ONLY_OPCODES: Final = frozenset(b"\x80\x81\x85\x86\x87\x88\x89\x8a()]}.GJKMNQRUX\x8fabcehjqrstu")

# torch.storage._storage_type_to_dtype_map(); in files from before 1.11 and in most since.
_STORAGE_DTYPES: Final = _pairs("""
    BFloat16 bfloat16 Bool bool Byte uint8 Char int8 ComplexDouble complex128 ComplexFloat complex64 Double float64
    Float float32 Half float16 Int int32 Long int64 Short int16 QInt32 qint32 QInt8 qint8 QUInt2x4 quint2x4
    QUInt4x2 quint4x2 QUInt8 quint8
""")
# safetensors' format.md, in torch's words; others stay as they are.
_SAFETENSORS_DTYPES: Final = _pairs("""
    BF16 bfloat16 BOOL bool F16 float16 F32 float32 F64 float64 I16 int16 I32 int32 I64 int64 I8 int8 U16 uint16
    U32 uint32 U64 uint64 U8 uint8 C64 complex64 F8_E4M3 float8_e4m3fn F8_E5M2 float8_e5m2 F8_E8M0 float8_e8m0fnu
""")

# The functions that make a tensor: where its size lies among their arguments, and its dtype if it has no storage.
_REBUILDS: Final[dict[str, tuple[int | None, int | None]]] = {
    "_rebuild_tensor": (2, None),
    "_rebuild_tensor_v2": (2, None),
    "_rebuild_tensor_v3": (2, 6),
    "_rebuild_qtensor": (2, None),
    "_rebuild_meta_tensor_no_storage": (1, 0),
    "_rebuild_wrapper_subclass": (2, 1),
    "_rebuild_device_tensor_from_numpy": (None, 1),
}
# Those that wrap another one, which is their first argument.
_WRAPS: Final = {
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
    "_rebuild_device_tensor_from_cpu_tensor",
    "Parameter",
}
_MAX_WRAPS = 8
_MAX_DIMENSIONS = 64

_DICTS: Final = {Global("builtins", "dict"), Global("collections", "OrderedDict")}

# Module.get_extra_state(): under a key that ends so lies whatever a module of the user's wants to keep.
_EXTRA_STATE = "_extra_state"

# No more is read at once: of a zip's directory, and of the header of safetensors (which may have 100 MB).
_MAX_READ = 16 << 20
_MAX_SAFETENSORS_HEADER = 100_000_000
_MAX_JSON_OBJECTS = 1_000_000
_FIRST_READ = 1 << 20
_MAX_FIELDS = 100_000
_MAX_NAMED = 3

# What zipfile raises for bytes that are no archive, beside what it says.
_BROKEN = (
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    OverflowError,
    RuntimeError,
    ValueError,
)

# What else is put in a weights' place by mistake.
_MARKS: Final = {
    b"version https://git-lfs": "a pointer of Git LFS, not the file it stands for: run git lfs pull",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"GGUF": "a GGUF file",
    b"\x1f\x8b": "a gzip file",
    b"<!DOCTYPE": "a web page",
    b"<!doctype": "a web page",
    b"<html": "a web page",
}

_ZIP, _ELF, _NUMPY = b"PK\x03\x04", b"\x7fELF", b"\x93NUMPY"
_ELF_SHARED = 3  # ET_DYN

# onnx.proto, ModelProto: the number of each field and the wire type it has (0 a number, 2 bytes).
_ONNX_FIELDS: Final = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_ONNX_IR, _ONNX_PRODUCER, _ONNX_GRAPH, _ONNX_OPSET = 1, 2, 7, 8


class SeekableReader(Protocol):
    """What is read: any file opened in binary mode."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none only at the end."""

    def seek(self, offset: int, /) -> object:
        """Go to a place, counted from the beginning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorKey:
    """One key of a state_dict, or one name of safetensors.

    ``shape`` and ``dtype`` (torch's word: ``"float32"``) are None where the value is no tensor or does not say.
    """

    name: str
    shape: tuple[int, ...] | None = None
    dtype: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """What a file of weights is.

    ``detail`` says it in a few words, for people. ``legacy``: in torch's format from before 1.6. ``globals`` are
    the names that its pickle imports, as ``"module.name"``; all of them only where ``globals_complete``. ``keys``
    are those of a state_dict or of safetensors, in the file's order, None for other kinds and where they cannot be
    told; ``holds`` the keys of a checkpoint under which a state_dict or a model lies.

    ``weights_only_refuses`` tells what ``torch.load(weights_only=True)`` does, which is the default from 2.6 on,
    judged by what the file imports and the opcodes it uses (torch 2.13's lists): True also for what is no file of
    ``torch.save``, None where the pickle is not read to its end here. ``refused_globals`` are the names it is for.
    Nothing here says what loading the file would do. Names and keys are the file's words: whoever shows them
    escapes them.
    """

    kind: WeightsKind
    detail: str
    legacy: bool = False
    globals: tuple[str, ...] = ()
    globals_complete: bool = True
    keys: tuple[TensorKey, ...] | None = None
    holds: tuple[str, ...] = ()
    weights_only_refuses: bool | None = True
    refused_globals: tuple[str, ...] = ()


def describe_weights(file: SeekableReader, size: int, *, budget: Budget | None = None) -> Weights:
    """Return what a file of weights is, told from its bytes.

    ``file`` is ``size`` bytes long and is left anywhere. Of a pickle no more than 64 MiB are read, of anything
    else no more than 16 (a zip's directory). Bytes that are nothing known are ``"unknown"``; what the disk says
    passes, and so does the ``ArchiveError`` of a damaged member. What pickles cost is taken from the ``budget``,
    which several files may share.
    """
    window = _Window(file, size, budget or Budget())
    head = window.at(0, 64)
    if head.startswith(_ZIP):
        return _zip(window)
    if head.startswith(_ELF):
        return _elf(head)
    if head.startswith(_NUMPY):
        return Weights(kind="numpy", detail="an array of NumPy")
    for mark, what in _MARKS.items():
        if head.startswith(mark):
            return Weights(kind="unknown", detail=what)
    return (
        _safetensors(window, head)
        or _pickles(window, head)
        or _onnx(window)
        or Weights(kind="unknown", detail="nothing that is known" if size else "empty")
    )


# The kind, the detail, the keys, and what a checkpoint holds.
_Found: TypeAlias = "tuple[WeightsKind, str, tuple[TensorKey, ...] | None, tuple[str, ...]]"


class _Window:
    """A file that no more than a bounded piece is read of at once, as far as zipfile needs one."""

    def __init__(self, file: SeekableReader, size: int, budget: Budget) -> None:
        self.budget = budget
        self._file = file
        self._size = size
        self._pos = 0

    @property
    def size(self) -> int:
        return self._size

    def at(self, pos: int, size: int) -> bytes:
        """Return the bytes from a place on, fewer only at the end."""
        pieces = []
        self._file.seek(pos)
        size = min(size, self._size - pos)
        while size > 0 and (piece := self._file.read(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._pos

    def seek(self, offset: int, whence: int = 0) -> int:
        pos = offset + (0, self._pos, self._size)[whence]
        if pos < 0:
            raise ValueError("before the beginning")
        self._pos = pos
        return pos

    def read(self, size: int = -1) -> bytes:
        left = max(self._size - self._pos, 0)
        size = left if size < 0 else min(size, left)
        if size > _MAX_READ:
            raise ValueError(f"more than {_MAX_READ:,} bytes at once")
        data = self.at(self._pos, size)
        self._pos += len(data)
        return data


def _zip(window: _Window) -> Weights:
    import zipfile  # slow to import, and needed for zips only

    try:
        with zipfile.ZipFile(cast("IO[bytes]", window)) as archive:
            return _zip_kind(archive, window.budget)
    except ArchiveError:  # the member that it is read from is damaged, which says nothing of the weights
        raise
    except (zipfile.BadZipFile, *_BROKEN) as error:
        return Weights(kind="zip", detail=f"a zip that cannot be read ({error})")


def _zip_kind(archive: zipfile.ZipFile, budget: Budget) -> Weights:
    """Tell what a zip is by the names in it, as torch's readers do."""
    members = archive.infolist()
    # caffe2/serialize/inline_container.cc: all lies in one folder, that of the first member.
    top = members[0].filename.partition("/")[0] + "/" if members else ""
    records: dict[str, zipfile.ZipInfo] = {}
    twice = set()
    for member in members:
        record = member.filename.removeprefix(top)
        if record in records:
            twice.add(record)
        records[record] = member
    names = set(archive.NameToInfo)
    if "MAR-INF/MANIFEST.json" in names:
        return Weights(kind="zip", detail="a model archive")
    if "archive_format" in records:
        if any(name.startswith("data/aotinductor/") for name in records):
            return Weights(kind="exported-program", detail="a package of AOTInductor")
        if any(name.startswith("models/") for name in records):
            return Weights(kind="exported-program", detail="a program of torch.export")
    if "serialized_exported_program.json" in names:
        return Weights(kind="exported-program", detail="a program of torch.export, from before 2.7")
    if "data.pkl" in records and not {"version", ".data/version"}.isdisjoint(records):
        script = "constants.pkl" in records
        member = records["data.pkl"]
        if "data.pkl" in twice:
            return Weights(
                kind="zip",
                detail="a file of torch with two data.pkl",
                globals_complete=False,
                weights_only_refuses=None,
            )
        if member.compress_type not in set(Compression):
            return Weights(
                kind="zip",
                detail="a file of torch packed as torch does not",
                globals_complete=False,
                weights_only_refuses=None,
            )
        with archive.open(member) as opened:
            walked = walk(opened.read(MAX_BYTES + 1), max_pickles=1, budget=budget)
        if script:
            return Weights(
                kind="torchscript",
                detail="a model of TorchScript",
                globals=walked.globals.names,
                globals_complete=walked.globals.complete,
            )
        return _pickled(walked)
    if names and all(name.endswith(".npy") for name in names):
        return Weights(kind="numpy", detail="arrays of NumPy")
    return Weights(kind="zip", detail="a zip of something else")


def _elf(head: bytes) -> Weights:
    """ELF's gABI: the byte order is byte 5, e_type the two bytes from 16 on."""
    if int.from_bytes(head[16:18], "big" if head[5:6] == b"\x02" else "little") != _ELF_SHARED:
        return Weights(kind="unknown", detail="an ELF file that is no shared library")
    return Weights(kind="aot-library", detail="a shared library (ELF)")


def _safetensors(window: _Window, head: bytes) -> Weights | None:
    """Safetensors' format.md: the header's length in 8 bytes, the header in JSON, the values."""
    length = int.from_bytes(head[:8], "little")
    if head[8:9] != b"{" or not 2 <= length <= min(window.size - 8, _MAX_SAFETENSORS_HEADER):
        return None
    if length > _MAX_READ:
        return Weights(
            kind="safetensors", detail=f"safetensors with a header of {length:,} bytes, which is not read"
        )
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
    return Weights(kind="safetensors", detail=f"{_count(len(keys), 'tensor')} in safetensors", keys=keys)


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
        shape = _shape(tuple(entry["shape"]) if isinstance(entry.get("shape"), list) else None)
        if not isinstance(dtype, str) or shape is None:
            raise ValueError(f"{name!r:.50} has no dtype or shape")
        if not isinstance(offsets, list) or len(offsets) != 2 or _shape(tuple(offsets)) is None:
            raise ValueError(f"{name!r:.50} has no data_offsets")
        end = max(end, offsets[1])
        keys.append(TensorKey(name=name, shape=shape, dtype=_SAFETENSORS_DTYPES.get(dtype, dtype)))
    return tuple(keys), end


def _pickles(window: _Window, head: bytes) -> Weights | None:
    """Tell a pickle, and a file in torch's format from before 1.6, which begins with some."""
    # From protocol 2 on a pickle says what it is; before, it is whatever can be read as one from end to end.
    marked = head[:1] == b"\x80" and head[1:2] <= b"\x05"
    size = _FIRST_READ
    walked = walk(window.at(0, size), budget=window.budget)
    while size < min(window.size, MAX_BYTES + 1) and (walked.end == "cut" or walked.size == size):
        size = min(size * 4, MAX_BYTES + 1)
        walked = walk(window.at(0, size), budget=window.budget)
    if walked.values and walked.values[0] == LEGACY_MAGIC:
        return _pickled(walked, legacy=True)
    if not marked and (walked.end or not walked.values):
        return None
    found = _pickled(walked)
    return Weights(
        kind="pickle",
        detail=f"{found.detail}, not of torch.save",
        globals=found.globals,
        globals_complete=found.globals_complete,
    )


def _pickled(walked: Walked, *, legacy: bool = False) -> Weights:
    """Tell what an object of ``torch.save`` is by what its pickle would make."""
    told = walked.globals
    found: _Found = ("pickle", f"a pickle that cannot be followed ({told.problem})", None, ())
    # A legacy file begins with a number, a version and the system.
    if value := walked.values[3 if legacy else 0 :][:1]:
        found = _Shapes().kind(value[0], walked)
    kind, detail, keys, holds = found
    # torch takes Python 2's names in every protocol.
    refused = tuple(sorted({str(name.in_python_3()) for name in walked.imports} - WEIGHTS_ONLY_GLOBALS))
    refuses: bool | None = bool(refused) or told.untold or not walked.opcodes <= WEIGHTS_ONLY_OPCODES
    if not refuses and walked.end:
        refuses = None if walked.end == "limit" else True
    return Weights(
        kind=kind,
        detail=f"{detail}, in torch's format from before 1.6" if legacy else detail,
        legacy=legacy,
        globals=told.names,
        globals_complete=told.complete,
        keys=keys,
        holds=holds,
        weights_only_refuses=refuses,
        refused_globals=refused,
    )


class _Shapes:
    """The kind of a value, by its top two levels; each dict is looked at once, however often it is found."""

    def __init__(self) -> None:
        self._entries: dict[int, dict[object, object] | None] = {}
        self._has_tensors: dict[int, bool] = {}

    def kind(self, value: object, walked: Walked) -> _Found:
        """Tell what a value is that a pickle would make."""
        if _is_tensor(value):
            return "pickle", "a pickle of a tensor", None, ()
        if self._is_module(value, walked):
            return "module", f"a whole model, {_class_name(value)}", None, ()
        entries = self._of(value)
        if entries is None:
            return "pickle", f"a pickle of {_class_name(value)}", None, ()
        holds = tuple(
            key
            for key, item in entries.items()
            if isinstance(key, str) and not key.endswith(_EXTRA_STATE) and self._is_model(item)
        )
        if holds:
            return "checkpoint", f"a checkpoint that holds {_named(holds)}", None, holds
        tensors = sum(map(_is_tensor, entries.values()))
        # Module.state_dict() leaves its versions on the dict, also where it has nothing else.
        if not tensors and not (isinstance(value, Made) and "_metadata" in (self._of(value.state) or {})):
            return "pickle", f"a pickle of {_class_name(value)}", None, ()
        keys = tuple(_tensor_key(key, item) for key, item in entries.items() if isinstance(key, str))
        detail = f"a state_dict of {_count(tensors, 'tensor')}"
        if len(keys) < len(entries):
            detail += " whose keys are not all names"
        return "state_dict", detail, keys, ()

    def _is_model(self, value: object) -> bool:
        """Tell a module and a dict with a tensor among its values (as marpack.archive.torch_models does)."""
        entries = self._of(value)
        if entries is None:
            return self._is_module(value)
        if id(entries) not in self._has_tensors:
            self._has_tensors[id(entries)] = any(map(_is_tensor, entries.values()))
        return self._has_tensors[id(entries)]

    def _is_module(self, value: object, walked: Walked | None = None) -> bool:
        """Tell what nn.Module makes of itself for pickle, or what torch makes of one (torch.fx)."""
        if not isinstance(value, Made) or self._of(value) is not None:
            return False
        args = value.args if isinstance(value.args, tuple) else ()
        state = value.state[0] if isinstance(value.state, tuple) and value.state else value.state
        if any("_modules" in (self._of(part) or {}) for part in (state, *args[:1])):
            return True
        call = value.call
        if not isinstance(call, Global) or call.module == "builtins":
            return False
        if f"{call.module}.".startswith(("torch.nn.modules.", "torch.fx.")):
            return True
        # A class that saves itself its own way, but is made of layers.
        return walked is not None and any(
            f"{made.module}.".startswith("torch.nn.modules.") for made in walked.imports
        )

    def _of(self, value: object) -> dict[object, object] | None:
        """Return what a dict holds under names (other keys stand for themselves), None for what is no dict."""
        if not isinstance(value, Made) or not isinstance(value.call, Global) or value.call not in _DICTS:
            return None
        pairs = value.args[0] if isinstance(value.args, tuple) and value.args else None
        source = pairs if isinstance(pairs, Made) and not value.items else value
        if id(source) not in self._entries:
            items = source.items or []
            flat: Iterator[object] = (
                iter(items) if source is value else (part for pair in items for part in _pair(pair))
            )
            self._entries[id(source)] = {
                key if isinstance(key, str) else (id(key),): item for key, item in zip(flat, flat, strict=False)
            }
        return self._entries[id(source)]


def _pair(value: object) -> tuple[object, ...]:
    """Return the key and the value that Python 2's OrderedDict gives pickle, a list or a tuple of two."""
    parts = value.items or () if isinstance(value, Made) else value
    return tuple(parts) if isinstance(parts, (list, tuple)) and len(parts) == 2 else ()


def _is_tensor(value: object) -> bool:
    if not isinstance(value, Made) or not isinstance(value.call, Global):
        return False
    module, name = value.call.module, value.call.name
    if module in ("torch", "torch.cuda", "torch.sparse", "torch.cuda.sparse"):
        return name.endswith("Tensor")
    return (
        (module == "torch._utils" and name.startswith("_rebuild_"))
        or (module == "torch._tensor" and name == "_rebuild_from_type_v2")
        or (module == "torch.nn.parameter" and name.endswith(("Parameter", "Buffer")))
    )


def _tensor_key(name: str, value: object) -> TensorKey:
    """Return what a call that would make a tensor says of it."""
    for _ in range(_MAX_WRAPS):
        if not isinstance(value, Made) or not isinstance(value.call, Global) or not isinstance(value.args, tuple):
            break
        call, args = value.call.name, value.args
        if call == "_rebuild_from_type_v2" and len(args) > 2:
            value = Made(args[0], args[2])
        elif call in _WRAPS and args:
            value = args[0]
        elif call == "_rebuild_sparse_tensor" and len(args) > 1 and isinstance(args[1], tuple):
            values = _tensor_key(name, args[1][1]) if len(args[1]) > 2 and args[1][1] is not value else None
            return TensorKey(name=name, shape=_size(args[1], 2), dtype=values.dtype if values else None)
        elif call in _REBUILDS:
            size, dtype = _REBUILDS[call]
            return TensorKey(name=name, shape=_size(args, size), dtype=_dtype(args, dtype))
        else:
            break
    return TensorKey(name=name)


def _size(args: tuple[object, ...], place: int | None) -> tuple[int, ...] | None:
    size = args[place] if place is not None and place < len(args) else None
    if isinstance(size, Made) and size.call == Global("torch", "Size") and isinstance(size.args, tuple):
        size = size.args[0] if size.args else ()
    return _shape(size)


def _shape(size: object) -> tuple[int, ...] | None:
    if not isinstance(size, tuple) or len(size) > _MAX_DIMENSIONS:
        return None
    numbers = tuple(number for number in size if type(number) is int and number >= 0)
    return numbers if len(numbers) == len(size) else None


def _dtype(args: tuple[object, ...], place: int | None) -> str | None:
    """Return the dtype among the arguments, or that of the storage, which is the first of them."""
    found = args[place] if place is not None and place < len(args) else None
    if isinstance(found, Global):
        return found.name if found.module == "torch" else None
    # ("storage", its class, key, location, size): torch.serialization, persistent_id
    storage = args[0] if args else None
    if isinstance(storage, Made) and storage.call is None and isinstance(storage.args, tuple):
        of = storage.args[1] if len(storage.args) > 1 else None
        if isinstance(of, Global):
            return _STORAGE_DTYPES.get(of.name.removesuffix("Storage"))
    return None


def _class_name(value: object) -> str:
    if not isinstance(value, Made):
        return "a plain value"
    if value.call in (Global("copy_reg", "_reconstructor"), Global("copyreg", "_reconstructor")):
        call = value.args[0] if isinstance(value.args, tuple) and value.args else None
    else:
        call = value.call
    if isinstance(call, Made) and call.call is None and isinstance(call.args, tuple) and len(call.args) > 1:
        call = call.args[1]  # ("module", class, file, source), from before 1.6
    return f"{str(call)!r:.100}" if isinstance(call, Global) else "an object of what is not told"


def _named(keys: tuple[str, ...]) -> str:
    """Name the first few of the keys."""
    names = ", ".join(f"{key!r:.50}" for key in keys[:_MAX_NAMED])
    return names if len(keys) <= _MAX_NAMED else f"{names} and {len(keys) - _MAX_NAMED} more"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _onnx(window: _Window) -> Weights | None:
    """Tell a ModelProto of onnx.proto: protobuf's fields from end to end, each known and of its wire type."""
    numbers: dict[int, int] = {}
    texts: dict[int, bytes] = {}
    pos = 0
    for _ in range(_MAX_FIELDS):
        if pos >= window.size:
            break
        field = _field(window.at(pos, 20))
        if field is None or _ONNX_FIELDS.get(field[0]) != field[1]:
            return None
        number, wire, value, width = field
        pos += width
        numbers[number] = value
        if wire == 2:
            if number in (_ONNX_PRODUCER, _ONNX_OPSET) and value <= 256 and number not in texts:
                texts[number] = window.at(pos, value)
            pos += value
    if pos != window.size or not {_ONNX_IR, _ONNX_GRAPH} <= numbers.keys():
        return None
    detail = f"a model of ONNX, IR version {numbers[_ONNX_IR]}"
    if version := _opset(texts.get(_ONNX_OPSET, b"")):
        detail += f", opset {version}"
    if producer := texts.get(_ONNX_PRODUCER, b"").decode("utf-8", "replace"):
        detail += f", by {producer!r:.50}"
    return Weights(kind="onnx", detail=detail)


def _opset(data: bytes) -> int | None:
    """OperatorSetIdProto: the domain, a text, is 1; the version, a number, 2."""
    while field := _field(data):
        number, wire, value, width = field
        if number == 2 and wire == 0:
            return value
        data = data[width + (value if wire == 2 else 0) :]
    return None


def _field(data: bytes) -> tuple[int, int, int, int] | None:
    """Return a field's number and wire type, its value or length, and the bytes of these; None for other types."""
    tag, pos = _varint(data, 0)
    value, end = _varint(data, pos)
    return (tag >> 3, tag & 7, value, end) if 0 < pos < end and tag & 7 in (0, 2) else None


def _varint(data: bytes, pos: int) -> tuple[int, int]:
    """Return a number of protobuf and where it ends; a broken one ends where nothing does, before the bytes."""
    value = 0
    for shift in range(0, 70, 7):
        if not 0 <= pos < len(data):
            break
        value |= (data[pos] & 0x7F) << shift
        pos += 1
        if data[pos - 1] < 0x80:
            return value, pos
    return 0, -1
