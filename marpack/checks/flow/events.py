"""What a worker does while it loads a handler and answers, as far as the text tells for sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

# When it happens: the handler is imported, made and initialised, or answers a request.
Phase: TypeAlias = Literal["import", "initialize", "answer"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happens whenever a ``phase`` is run, on a ``line`` of a ``member``, and no ``try`` guards.

    Where it is not ``sure`` it happens as soon as its line is reached.
    """

    member: str
    line: int
    phase: Phase
    sure: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyRead(Event):
    """A key that is subscripted and absent from ``owner``: ``context.manifest['model']``, or the like."""

    owner: str
    key: str
    near: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FileUse(Event):
    """A file or folder below the model's, which ``call`` needs; ``path`` is counted from the model's folder.

    ``from_folder`` tells that the path was joined to the model's folder; otherwise it is relative to where the
    worker runs, which is the same folder. ``raises`` is what the handler itself raises where it is missing.
    """

    path: str
    call: str
    from_folder: bool = True
    raises: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load(FileUse):
    """A call that loads weights: ``keywords`` are its arguments by name, ``...`` where the text tells no value.

    ``written`` is where the handler may have written before, ``""`` for anywhere.
    """

    keywords: tuple[tuple[str, object], ...] = ()
    written: frozenset[str] = frozenset()

    def may_find(self, path: str) -> bool:
        """Tell whether the handler may have written a file of this name before."""
        places = ("", path, *(path[:place] for place, letter in enumerate(path) if letter == "/"))
        return not self.written.isdisjoint(places)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unbound(Event):
    """A name that is read and that nothing binds."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NoAttribute(Event):
    """An attribute of the handler that is read, and that nothing has set.

    ``assigned`` is whether the text sets it somewhere, ``missing`` the file without which that is not reached.
    """

    name: str
    owner: str
    assigned: bool = False
    missing: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoneUse(Event):
    """What is None, and used as if it were something: an attribute that nobody has set, or a ``.get`` of no key.

    ``near`` are the keys that are there.
    """

    name: str
    near: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Raises(Event):
    """The handler raises an exception of its own; ``text`` is what it raises."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer(Event):
    """What the entry point returns to the worker, where all that it may return is known: names of types."""

    types: tuple[str, ...]
    function: str
