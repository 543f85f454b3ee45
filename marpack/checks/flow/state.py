"""What is known while a handler is followed: the disk, what happened, and how surely this place is reached."""

from __future__ import annotations

import ast
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, TypeVar

from marpack.checks.flow.events import (
    Event,
    FileUse,
    KeyRead,
    Load,
    NoAttribute,
    NoneUse,
    Phase,
    SessionCall,
    Unbound,
)
from marpack.checks.flow.memory import Memory
from marpack.checks.flow.tries import EVERYTHING
from marpack.checks.flow.values import (
    UNKNOWN,
    Bound,
    Closure,
    Instance,
    Items,
    Known,
    Made,
    Mapped,
    ModelPath,
    Partial,
    Scope,
    Value,
    merged,
)
from marpack.checks.flow.work import Work
from marpack.checks.python.classes import ClassOf
from marpack.checks.python.modules import Modules
from marpack.checks.python.values import BUILTIN_NAMES

# What reading a file of JSON counts for: no handler reads more than a few, and they are kept.
_COST_OF_JSON = 40_000
# Among the paths written to: that the current folder is another one.
_FOLDER = "//"
# Among the attributes of an object: that it may have any.
ANY = "*"
# What an event is where nothing takes it.
_ERRORS: dict[type[Event], frozenset[str]] = {
    KeyRead: frozenset({"KeyError", "LookupError"}),
    Unbound: frozenset({"NameError"}),
    NoAttribute: frozenset({"AttributeError"}),
    **dict.fromkeys((NoneUse, SessionCall), frozenset({"TypeError", "AttributeError"})),
    FileUse: frozenset({"FileNotFoundError", "OSError", "IOError", "EnvironmentError"}),
}


# How the end of a block is left: reached, by return, by an exception, or to the loop around it.
Outcome: TypeAlias = Literal["end", "return", "raise", "loop"]


# What is wrong wherever it is, however surely that is reached.
_NEVER_RIGHT = (Unbound, NoAttribute)


E = TypeVar("E", bound=Event)


class RaisesError(Exception):
    """The statement at hand surely raises an exception of the handler's own."""


@dataclass(slots=True)
class Frame:
    """A call that is followed: the function, what it returned, and in how many conditions it has been left."""

    node: ast.AST
    returned: list[Value] = field(default_factory=list)
    conditions: int = 0


class State(Work, ABC):
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
        super().__init__()
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
        self._documents: dict[str, Mapping[str, Any] | None] = {}
        # In how many conditions the place is whose outcome is not known, and what tries around it take.
        self.conditions = 0
        self._taken: list[frozenset[str]] = []
        # What happens on the way that is followed of several, and how many conditions it is then in.
        self._way: dict[object, Event] = {}
        self._way_depth = -1
        # What the handler has put in the place of something from outside, by its dotted name.
        self.replaced: dict[str, Value] = {}
        # Files that a condition has found to be missing.
        self.tested: list[str] = []
        # Attributes that would be set if a file were there.
        self.left_out: dict[str, str] = {}
        # Dictionaries that are not any more what they were.
        self.changed: dict[Mapped, bool] = {}
        # Loads whose errors a try takes, and, in its except, the one whose error that is, and its conditions.
        self.tried: list[Load] = []
        self.rescue: tuple[Load, int] | None = None
        # The calls that are followed, the innermost last.
        self.frames: list[Frame] = [Frame(ast.Module([], []))]

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
    def items(self, value: Value) -> Value:
        """Return what a loop over a value goes through, where that is known."""

    @abstractmethod
    def attribute(self, instance: Instance, name: str) -> Value | None:
        """Return an attribute of an object, None where neither it nor its line of classes has one."""

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
        errors = _ERRORS.get(kind)
        for taken in self._taken:
            if errors is None or taken & (EVERYTHING | errors) or not taken <= BUILTIN_NAMES:
                if kind is Load and self.sure:
                    self.tried.append(self._event(kind, node, scope, fields))
                return
        self._keep(self._event(kind, node, scope, fields))

    def _event(self, kind: type[E], node: ast.AST, scope: Scope, fields: Mapping[str, Any]) -> E:
        line = getattr(node, "lineno", 0)
        return kind(member=scope.member, line=line, phase=self.phase, sure=self.sure, **fields)

    def _keep(self, event: Event) -> None:
        if self.conditions == self._way_depth:
            self._way.setdefault(event.what, event)
        if self.sure:
            self.events[replace(event, sure=True)] = None
        elif isinstance(event, Load) and self.rescue is not None and self.conditions == self.rescue[1]:
            self.events[replace(event, sure=True, after=self.rescue[0])] = None
        elif isinstance(event, _NEVER_RIGHT) and not getattr(event, "assigned", False):
            self.events[event] = None

    def each_way(self, ways: Sequence[Callable[[], bool]]) -> None:
        """Follow ways of which nobody knows which is gone; what happens on each of them is sure.

        A way returns whether its end is reached.
        """
        outer, depth = self._way, self._way_depth
        noted: list[dict[object, Event]] = []

        def collecting(way: Callable[[], bool]) -> bool:
            self._way, self._way_depth = {}, self.conditions + 1
            noted.append(self._way)
            return way()

        try:
            self.memory.follow([lambda way=way: collecting(way) for way in ways], self.merge, UNKNOWN)  # type: ignore[misc]
        finally:
            self._way, self._way_depth = outer, depth
        first, *others = noted
        for what, event in first.items():
            if all(what in other for other in others):
                for other in others:
                    event = event.or_as(other[what])
                self._keep(event)

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
        self.step(items=len(self._written) + len(path))
        parents = [path[:place] for place, letter in enumerate(path) if letter == "/"]
        below = any(written.startswith(f"{path}/") for written in self._written)
        return None if below or any(each in self._written for each in (path, *parents)) else False

    def json_of(self, path: str) -> Mapping[str, Any] | None:
        """Return the object that a packed file is in JSON, None where that is not known."""
        if any(each in self._written for each in ("", path)):
            return None
        if path not in self._documents:
            self.step(items=_COST_OF_JSON)
            self._documents[path] = self._json_of(path)
        return self._documents[path]

    def write(self, path: str = "") -> None:
        """Remember that something may have been written, anywhere where nobody knows where."""
        self.memory.set(self._written, path, True)

    def forget(self, instance: Instance) -> None:
        """Remember that something may have set any attribute of an object."""
        names = [name for name, value in instance.attributes.items() if value != UNKNOWN]
        self.step(items=len(instance.attributes) + len(names) * 4)
        for name in [ANY, *names]:
            self.memory.set(instance.attributes, name, UNKNOWN)

    def escape(self, value: Value) -> None:
        """Remember that something that is not followed has a value, and may do anything to the objects in it."""
        self.step()
        match value:
            case Instance():
                self.forget(value)
            case Bound(of=instance):
                self.forget(instance)
            case Partial(function, given, named):
                for each in (function, *given, *named.values()):
                    self.escape(each)
            case Items(_, values):
                for each in values:
                    self.escape(each)
            case Mapped(_, entries, number) if number:
                for each in entries.values():
                    self.escape(each)
            case Closure(_, scope):
                self._escape_scope(scope)

    def _escape_scope(self, scope: Scope | None) -> None:
        while scope is not None:
            for each in [*scope.names.values(), *([scope.method[1]] if scope.method is not None else [])]:
                if isinstance(each, Instance):
                    self.forget(each)
            scope = scope.parent

    def merge(self, one: Value, other: Value) -> Value:
        """Return what a name may be that is one thing after one way, and another after another."""
        found = merged(one, other)
        for value in (one, other):
            if value != found:
                self.escape(value)
        return found

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
        self.note(FileUse, node, scope, path=path, call=call, **fields)

    def load(
        self, node: ast.AST, scope: Scope, value: Value, call: str, keywords: Mapping[str, object], *, opened: bool
    ) -> None:
        """Note that a call loads weights, which are there."""
        path = self.path_of(value)
        if path is not None and self.exists(path):
            frozen = tuple(sorted(keywords.items()))
            written = frozenset(self._written)
            self.note(Load, node, scope, path=path, call=call, keywords=frozen, written=written, opened=opened)
