"""What takes the place of what is not there: packages, and what is in files of data."""

from __future__ import annotations

import abc
import contextlib
import dis
import importlib
import importlib.abc
import importlib.machinery
import os
import sys
import types
from typing import Any, Literal


class StandIn:
    """Takes and gives anything, for what nobody has here: a package, or what is in a file of data."""

    def __init__(self, *args: object, **keywords: object) -> None:
        super().__init__()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        return made(name)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        # A decorator leaves what it decorates.
        if len(args) == 1 and not keywords and isinstance(args[0], (type, types.FunctionType)):
            return args[0]
        return StandIn()

    def __mro_entries__(self, bases: object) -> tuple[type, ...]:
        return (StandInClass,)

    def __instancecheck__(self, other: object) -> bool:
        return False

    def __iter__(self) -> Any:
        """Give as many as a statement unpacks."""
        frame = sys._getframe(1)
        for each in dis.get_instructions(frame.f_code):
            if each.offset == frame.f_lasti and each.opname == "UNPACK_SEQUENCE":
                return iter([StandIn() for _ in range(each.arg or 0)])
        return iter([StandIn()])

    def __exit__(self, *what: object) -> Literal[False]:
        return False

    def __await__(self) -> Any:
        yield from ()
        return StandIn()

    def __fspath__(self) -> str:
        return "stand-in"

    def __float__(self) -> float:
        return 1.0

    def __int__(self) -> int:
        return 1

    def _one(self) -> int:
        return 1

    def _true(self, *what: object) -> bool:
        return True

    def _itself(self, *what: object) -> StandIn:
        return self

    def _other(self, *what: object) -> StandIn:
        return StandIn()

    def _nothing(self, *what: object) -> None:
        return None

    __len__ = __index__ = _one
    __bool__ = __contains__ = __lt__ = __le__ = __gt__ = __ge__ = _true
    __enter__ = __iadd__ = _itself
    __getitem__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = (
        _other
    )
    __floordiv__ = __mod__ = __pow__ = __matmul__ = __or__ = __ror__ = __and__ = __neg__ = __invert__ = _other
    __setitem__ = __delitem__ = _nothing


class _Meta(abc.ABCMeta):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return made(name)


class StandInClass(StandIn, metaclass=_Meta):
    """What a class is derived from whose base is a stand-in: it has any class method, too."""


def made(name: str) -> Any:
    """Return what a package that is not there may have under a name."""
    if name == "__version__":
        return "4.40.0"
    if name.endswith(("Error", "Exception", "Warning")):
        return type(name, (Exception,), {})
    return StandIn()


class StandInModule(types.ModuleType):
    """A package that has any name, and any module."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.__all__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        value = made(name)
        setattr(self, name, value)
        return value


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds packages that nothing else finds, and hides what is to be absent."""

    def __init__(self, names: list[str], absent: list[str]) -> None:
        self._names, self._absent = frozenset(names), frozenset(absent)

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        top = name.split(".")[0]
        if top in self._absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        found = top in self._names
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if found else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return StandInModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Leave it as it is."""


def stand_in_for_data(folder: str, names: list[str]) -> None:
    """Let readers of data give a stand-in where the file is one."""
    paths = frozenset(os.path.realpath(os.path.join(folder, name)) for name in names)

    def is_one(source: Any) -> bool:
        path = getattr(source, "name", source)
        if not isinstance(path, (str, os.PathLike)) or os.path.realpath(path) not in paths:
            return False
        with open(path, "rb"):  # as its reader does, which tells that it is opened, and whether it is there
            return True

    def replace(module: Any, name: str) -> None:
        reader = getattr(module, name)
        setattr(module, name, lambda *a, **k: StandIn() if a and is_one(a[0]) else reader(*a, **k))

    import torch

    readers: dict[str, tuple[str, ...]] = {"torch": ("load",), "json": ("load",), "pickle": ("load",)}
    readers |= {"numpy": ("load", "loadtxt"), "yaml": ("load", "safe_load", "full_load")}
    for module, names_of in readers.items():
        with contextlib.suppress(ImportError):
            for name in names_of:
                replace(importlib.import_module(module), name)
    take = torch.nn.Module.load_state_dict
    torch.nn.Module.load_state_dict = lambda self, state, *a, **k: (  # type: ignore[method-assign]
        None if isinstance(state, StandIn) else take(self, state, *a, **k)
    )
