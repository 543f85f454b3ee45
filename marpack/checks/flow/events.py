"""What a worker does while it loads a handler and answers, as far as the text tells for sure."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Literal, TypeAlias

from marpack.frozen import frozen

# When it happens: the handler is imported, made and initialised, or answers a request.
Phase: TypeAlias = Literal["import", "initialize", "answer"]


@frozen
class Event:
    """Something that happens whenever a ``phase`` is run, on a ``line`` of a ``member``, and no ``try`` guards.

    Where it is not ``sure`` it happens as soon as its line is reached.
    """

    member: str
    line: int
    phase: Phase
    sure: bool = True

    @property
    def what(self) -> object:
        """What happens, wherever that is written."""
        left = [each.name for each in fields(self) if each.name not in ("line", "sure", "keywords")]
        return (type(self), *(getattr(self, name) for name in left))

    def or_as(self, other: Event) -> Event:
        """Return what is sure where the one or the other happens; both are the same but for details."""
        return self


@frozen
class KeyRead(Event):
    """A key that is subscripted and absent from ``owner``: ``context.manifest['model']``, or the like."""

    owner: str
    key: str
    near: tuple[str, ...] = ()


@frozen
class FileUse(Event):
    """A file or folder below the model's, which ``call`` needs; ``path`` is counted from the model's folder.

    ``raises`` is what the handler itself raises where it is missing.
    """

    path: str
    call: str
    raises: str = ""


@frozen
class Load(FileUse):
    """A call that loads weights: ``keywords`` are its arguments by name, ``...`` where the text tells no value.

    A dictionary is told as ``dict``. ``opened`` is what is given an open file, which has no name for it.
    ``after`` is another one that has to fail first: this one stands in the ``except`` that takes its error.
    ``written`` is where the handler may have written before, ``""`` for anywhere.
    """

    keywords: tuple[tuple[str, object], ...] = ()
    opened: bool = False
    after: Load | None = None
    written: frozenset[str] = frozenset()

    def may_find(self, path: str) -> bool:
        """Tell whether the handler may have written a file of this name before."""
        places = ("", path, *(path[:place] for place, letter in enumerate(path) if letter == "/"))
        return not self.written.isdisjoint(places)

    def or_as(self, other: Event) -> Event:
        """Return a call of whose arguments those are known that are the same in both."""
        if not isinstance(other, Load):
            return self
        one, two = dict(self.keywords), dict(other.keywords)
        names = sorted({*one, *two})
        same = [name for name in names if name in one and name in two and one[name] == two[name]]
        keywords = tuple((name, one[name] if name in same else ...) for name in names)
        return replace(self, keywords=keywords, written=self.written | other.written)


@frozen
class LoadedUse(Event):
    """What ``torch.load`` gave for a file is used: ``name`` is a method of it.

    Without a ``name`` it is given to the ``load_state_dict`` of something, ``strict`` or not.
    """

    path: str
    name: str
    strict: bool = True


@frozen
class SessionCall(Event):
    """A session of onnxruntime is called as if it were a model; ``name`` is a method of modules that it has not.

    Without a ``name`` it is called itself. ``by`` is BaseHandler's method that does so.
    """

    name: str = ""
    by: str = ""


@frozen
class Unbound(Event):
    """A name that is read and that nothing binds, or, where it is bound ``later``, that nothing has bound yet."""

    name: str
    later: bool = False


@frozen
class NoAttribute(Event):
    """An attribute of the handler that is read, and that nothing has set.

    ``assigned`` is whether the text sets it somewhere, ``missing`` the file without which that is not reached.
    """

    name: str
    owner: str
    assigned: bool = False
    missing: str = ""


@frozen
class NoneUse(Event):
    """What is None, and used as if it were something: an attribute that nobody has set, or a ``.get`` of no key.

    ``near`` are the keys that are there.
    """

    name: str
    near: tuple[str, ...] = ()


@frozen
class Raises(Event):
    """The handler raises an exception of its own; ``text`` is what it raises."""

    text: str


@frozen
class Answer(Event):
    """What the entry point returns to the worker, where all that it may return is known: names of types."""

    types: tuple[str, ...]
    function: str
