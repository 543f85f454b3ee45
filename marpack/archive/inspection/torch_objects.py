"""What an unpickled object of torch would be, from the calls in its pickle: tensors, names, dtypes, shapes."""

from __future__ import annotations

from typing import Final

from marpack.archive.formats.torch_names import EXTRA_STATE
from marpack.archive.inspection.kinds import (
    EMPTY_DICT,
    FILLED_DEFAULTDICT,
    NOT_ALL_NAMES,
    Found,
    TensorKey,
    count_of,
    shape_of,
)
from marpack.archive.inspection.pickle_machine import UNKNOWN, Global, Made
from marpack.archive.inspection.pickles import Walked

# torch.storage._storage_type_to_dtype_map(); in files from before 1.11 and in most since.
_STORAGE_DTYPES: Final = (
    {"Bool": "bool", "Byte": "uint8", "Char": "int8", "Short": "int16", "Int": "int32", "Long": "int64"}
    | {"BFloat16": "bfloat16", "Half": "float16", "Float": "float32", "Double": "float64"}
    | {"ComplexDouble": "complex128", "ComplexFloat": "complex64", "QInt32": "qint32", "QInt8": "qint8"}
    | {"QUInt2x4": "quint2x4", "QUInt4x2": "quint4x2", "QUInt8": "quint8"}
)

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

_DEFAULTDICT: Final = Global("collections", "defaultdict")
_DICTS: Final = {Global("builtins", "dict"), Global("collections", "OrderedDict")}

_MAX_NAMED = 3


class TorchObjects:
    """The kind of a value, by its top two levels; each dict is looked at once, however often it is found."""

    def __init__(self) -> None:
        self._entries: dict[int, dict[object, object] | None] = {}
        self._has_tensors: dict[int, bool] = {}

    def kind(self, value: object, walked: Walked) -> Found:
        """Return the kind of a value that a pickle would make."""
        if _is_tensor(value):
            return "pickle", "a pickle of a tensor", None, ()
        if self._is_module(value, walked):
            return "module", f"a whole model, {_class_name(value)}", None, ()
        entries = self._of(value)
        if entries is None:
            filled = isinstance(value, Made) and value.call == _DEFAULTDICT and bool(value.items)
            detail = FILLED_DEFAULTDICT if filled else f"a pickle of {_class_name(value)}"
            return "pickle", detail, None, ()
        has_versions = isinstance(value, Made) and "_metadata" in (self._of(value.state) or {})
        if not entries and not has_versions:
            return "pickle", EMPTY_DICT, None, ()
        holds = tuple(
            key
            for key, item in entries.items()
            if isinstance(key, str) and not key.endswith(EXTRA_STATE) and self._is_model(item)
        )
        if holds:
            return "checkpoint", f"a checkpoint that holds {_named(holds)}", None, holds
        tensors = sum(map(_is_tensor, entries.values()))
        # Module.state_dict() leaves its versions on the dict, also where it has nothing else.
        if not tensors and not has_versions:
            return "pickle", f"a pickle of {_class_name(value)}", None, ()
        keys = tuple(_tensor_key(key, item) for key, item in entries.items() if isinstance(key, str))
        detail = f"a state_dict of {count_of(tensors, 'tensor')}"
        if len(keys) < len(entries):
            detail += f" {NOT_ALL_NAMES}"
        return "state_dict", detail, keys, ()

    def _is_model(self, value: object) -> bool:
        """Recognise a module and a dict with a tensor among its values (as plan.torch_models does)."""
        entries = self._of(value)
        if entries is None:
            return self._is_module(value)
        if id(entries) not in self._has_tensors:
            self._has_tensors[id(entries)] = any(map(_is_tensor, entries.values()))
        return self._has_tensors[id(entries)]

    def _is_module(self, value: object, walked: Walked | None = None) -> bool:
        """Recognise what nn.Module makes of itself for pickle, or what torch makes of one (torch.fx)."""
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
            flat = items if source is value else [part for pair in items for part in _pair(pair)]
            self._entries[id(source)] = {
                key if isinstance(key, str) else (id(key),): item
                for key, item in zip(flat[::2], flat[1::2], strict=False)
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


def _tensor_key(name: str, value: object, depth: int = 0) -> TensorKey:
    """Return what a call that would make a tensor says of it."""
    given = value
    for _ in range(_MAX_WRAPS):
        if not isinstance(value, Made) or not isinstance(value.call, Global) or not isinstance(value.args, tuple):
            break
        call, args = value.call.name, value.args
        if call == "_rebuild_from_type_v2" and len(args) > 2:
            value = Made(args[0], args[2])
        elif call in _WRAPS and args:
            value = args[0]
        elif call == "_rebuild_sparse_tensor" and len(args) > 1 and isinstance(args[1], tuple):
            has_values = len(args[1]) > 2 and depth < _MAX_WRAPS
            values = _tensor_key(name, args[1][1], depth + 1) if has_values else None
            return TensorKey(name=name, shape=_size(args[1], 2), dtype=values.dtype if values else None)
        elif call in _REBUILDS:
            size, dtype = _REBUILDS[call]
            return TensorKey(name=name, shape=_size(args, size), dtype=_dtype(args, dtype))
        else:
            break
    return TensorKey(name=name, plain=_is_plain(given))


def _is_plain(value: object) -> bool:
    """Tell a number, a text, None, a list or a dict; fractions, long numbers and bytes are UNKNOWN."""
    if isinstance(value, Made):
        return value.call in _DICTS or value.call == Global("builtins", "list")
    return value is UNKNOWN or value is None or isinstance(value, (int, str))


def _size(args: tuple[object, ...], place: int | None) -> tuple[int, ...] | None:
    size = args[place] if place is not None and place < len(args) else None
    if isinstance(size, Made) and size.call == Global("torch", "Size") and isinstance(size.args, tuple):
        size = size.args[0] if size.args else ()
    return shape_of(size)


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
    return f"{str(call)!r:.100}" if isinstance(call, Global) else "an object of an unknown class"


def _named(keys: tuple[str, ...]) -> str:
    """Name the first few of the keys."""
    names = ", ".join(f"{key!r:.50}" for key in keys[:_MAX_NAMED])
    return names if len(keys) <= _MAX_NAMED else f"{names} and {len(keys) - _MAX_NAMED} more"
