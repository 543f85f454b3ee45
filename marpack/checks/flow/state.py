"""What is known while a handler is followed: the disk, what happened, and how surely this place is reached."""

from __future__ import annotations

import ast
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from marpack.checks.flow.events import Event, FileUse, KeyRead, Load, NoAttribute, NoneUse, Phase, Unbound
from marpack.checks.flow.memory import Memory
from marpack.checks.flow.values import UNKNOWN, Closure, Instance, Known, Made, Mapped, ModelPath, Scope, Value
from marpack.checks.python.classes import ClassOf
from marpack.checks.python.modules import Modules
from marpack.checks.python.values import BUILTIN_NAMES, dotted_name

# How many statements and expressions are followed: no real handler comes near.
_MOST_STEPS = 100_000

# Among the paths written to: that the current folder is another one.
_FOLDER = "//"
_EXITS = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort"})
# Among the attributes of an object: that it may have any.
ANY = "*"
_EVERYTHING = frozenset({"", "Exception", "BaseException"})
# What an event is where nothing takes it.
_ERRORS: dict[type[Event], frozenset[str]] = {
    KeyRead: frozenset({"KeyError", "LookupError"}),
    Unbound: frozenset({"NameError"}),
    NoAttribute: frozenset({"AttributeError"}),
    NoneUse: frozenset({"TypeError", "AttributeError"}),
    FileUse: frozenset({"FileNotFoundError", "OSError", "IOError", "EnvironmentError"}),
}


# How the end of a block is left: reached, by return, by an exception, or to the loop around it.
Outcome: TypeAlias = Literal["end", "return", "raise", "loop"]


# What is wrong wherever it is, however surely that is reached.
_NEVER_RIGHT = (Unbound, NoAttribute)


class TooMuchError(Exception):
    """There is more to follow than is worth it."""


class RaisesError(Exception):
    """The statement at hand surely raises an exception of the handler's own."""


class State(ABC):
    """What is known of the worker at a place in the handler's text.

    ``holds`` tells whether the model's folder has a file or folder, ``json_of`` returns the object that a member
    is in JSON, None where it is none, ``manifest`` is the manifest's values, and
    ``config`` returns those of the model's configuration, None where nobody knows them.
    """

    def __init__(
        self,
        modules: Modules,
        *,
        holds: Callable[[str], bool],
        json_of: Callable[[str], Mapping[str, Any] | None],
        manifest: Mapping[str, Any],
        config: Callable[[], Mapping[str, Any] | None],
        python: tuple[int, int],
    ) -> None:
        self.modules = modules
        self.manifest = manifest
        self.config = config
        self.python = python
        self.memory = Memory()
        self.phase: Phase = "import"
        self.events: dict[Event, None] = {}
        # What may be on disk beside the members: paths that were written to; "" stands for anything.
        self._written: dict[str, bool] = {}
        self._holds = holds
        self._json_of = json_of
        # In how many conditions the place is whose outcome is not known, and what tries around it take.
        self.conditions = 0
        self._taken: list[frozenset[str]] = []
        # The file of the handler.
        self.handler_member: str | None = None
        # Files that a condition has found to be missing, with the line, and whether the path was joined.
        self.tested: list[tuple[str, int, bool]] = []
        # Attributes that would be set if a file were there.
        self.left_out: dict[str, str] = {}
        # Dictionaries that are not any more what they were.
        self.changed: dict[Mapped, bool] = {}
        self._steps = _MOST_STEPS

    @abstractmethod
    def value(self, node: ast.expr | None, scope: Scope) -> Value:
        """Evaluate an expression, and note what that needs."""

    @abstractmethod
    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind a target to a value."""

    @abstractmethod
    def block(self, statements: Sequence[ast.stmt], scope: Scope) -> Outcome:
        """Follow statements one after another, and return how their end is left."""

    @abstractmethod
    def call_closure(
        self,
        function: Closure,
        given: Sequence[Value],
        named: Mapping[str, Value],
        *,
        owner: ClassOf | None = None,
    ) -> Value:
        """Follow a function of the archive, and return what it does."""

    @abstractmethod
    def make(self, made: Made, given: Sequence[Value], named: Mapping[str, Value]) -> Value:
        """Make an object of a class of the archive."""

    @abstractmethod
    def attribute(self, instance: Instance, name: str) -> Value | None:
        """Return an attribute of an object, None where neither it nor its line of classes has one."""

    def step(self) -> None:
        """Count a step; raises ``TooMuchError`` where there were too many."""
        self._steps -= 1
        if self._steps < 0:
            raise TooMuchError

    @property
    def sure(self) -> bool:
        """Whether this place is reached whenever the phase is run."""
        return not self.conditions

    @contextlib.contextmanager
    def unsure(self) -> Iterator[None]:
        """Follow what may not happen."""
        self.conditions += 1
        try:
            yield
        finally:
            self.conditions -= 1

    @contextlib.contextmanager
    def guarded(self, taken: frozenset[str]) -> Iterator[None]:
        """Follow the body of a ``try`` that takes these errors."""
        self._taken.append(taken)
        try:
            yield
        finally:
            self._taken.pop()

    def note(self, kind: type[Event], node: ast.AST, scope: Scope, **fields: Any) -> None:
        """Note that something happens, unless a ``try`` takes it, or, but for a few kinds, that is not sure."""
        if not self.sure and (kind not in _NEVER_RIGHT or fields.get("assigned")):
            return
        errors = _ERRORS.get(kind)
        for taken in self._taken:
            if errors is None or taken & (_EVERYTHING | errors) or not taken <= BUILTIN_NAMES:
                return
        line = getattr(node, "lineno", 0)
        self.events[kind(member=scope.member, line=line, phase=self.phase, sure=self.sure, **fields)] = None

    # ------------------------------------------------------------------------------------------------- the disk

    def path_of(self, value: Value) -> str | None:
        """Return the path below the model's folder that a value names, None where that is not known."""
        if isinstance(value, Known):
            text = value.value
            if not isinstance(text, str) or not text or "://" in text or text.startswith(("~", "/")):
                return None
            value = UNKNOWN if _FOLDER in self._written else ModelPath("").joined(text)
        return value.path if isinstance(value, ModelPath) else None

    def exists(self, path: str) -> bool | None:
        """Tell whether there is a file or folder, None where something may have been written there."""
        if not path or self._holds(path):
            return True
        if "" in self._written:
            return None
        parents = [path[:place] for place, letter in enumerate(path) if letter == "/"]
        below = any(written.startswith(f"{path}/") for written in self._written)
        return None if below or any(each in self._written for each in (path, *parents)) else False

    def json_of(self, path: str) -> Mapping[str, Any] | None:
        """Return the object that a packed file is in JSON, None where that is not known."""
        untouched = not any(each in self._written for each in ("", path))
        return self._json_of(path) if untouched else None

    def write(self, path: str = "") -> None:
        """Remember that something may have been written, anywhere where nobody knows where."""
        self.memory.set(self._written, path, True)

    def forget(self, instance: Instance) -> None:
        """Remember that something may have set any attribute of an object."""
        for name in [ANY, *instance.attributes]:
            self.memory.set(instance.attributes, name, UNKNOWN)

    def none_used(self, node: ast.AST, value: Value, scope: Scope) -> None:
        """Note that what a dictionary was asked for in vain is used as if it were there."""
        if isinstance(value, Known) and value.value is None and value.source:
            self.note(NoneUse, node, scope, name=value.source, near=value.near)

    def leave_folder(self) -> None:
        """Remember that the worker's current folder is another one."""
        self.memory.set(self._written, _FOLDER, True)

    def use(self, node: ast.AST, scope: Scope, value: Value, call: str, **fields: Any) -> None:
        """Note that a call needs a file."""
        path = self.path_of(value)
        if path is None or self.exists(path) is not False:
            return
        self.note(FileUse, node, scope, path=path, call=call, from_folder=isinstance(value, ModelPath), **fields)

    def load(self, node: ast.AST, scope: Scope, value: Value, call: str, keywords: Mapping[str, object]) -> None:
        """Note that a call loads weights, which are there."""
        path = self.path_of(value)
        if path is not None and self.exists(path):
            frozen = tuple(sorted(keywords.items()))
            self.note(Load, node, scope, path=path, call=call, keywords=frozen, written=frozenset(self._written))


def taken_by(handlers: Iterable[ast.ExceptHandler]) -> frozenset[str]:
    """Return which errors ``except`` clauses take, ``""`` for all; one that ends in an error takes none."""
    found = set()
    for handler in handlers:
        if handler.body and (isinstance(handler.body[-1], ast.Raise) or ends_worker(handler.body[-1])):
            continue
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        found |= {"" if kind is None else dotted_name(kind).rpartition(".")[2] for kind in kinds}
    return frozenset(found)


def ends_worker(statement: ast.stmt) -> bool:
    """Tell whether a statement ends the process, or begins to."""
    called = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(called, ast.Call) and dotted_name(called.func) in _EXITS
