"""What is checked: names, contents and manifest, whatever holds them."""

from __future__ import annotations

import ast
import bisect
import json
import posixpath
import threading
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

from marpack.archive.manifest import MANIFEST_NAME, WORKFLOW_MANIFEST_NAME
from marpack.checks import fstrings
from marpack.checks.modules import Modules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from marpack.errors import Issue

__all__ = ["CheckTarget", "Contents", "Form", "Handler", "MemberFile", "Settings", "Source", "Subject"]

T = TypeVar("T")

Form = Literal["zip", "tgz", "folder"]
# Who runs the server.
CheckTarget: TypeAlias = Literal["torchserve", "kserve", "sagemaker", "vertex"]

# What a rule reads of a file that is text: nobody writes a longer one, and whoever did wants to fill the memory.
LONGEST_TEXT = 8 << 20
# Taken apart, a source fills the memory a few hundred times over.
LONGEST_SOURCE = 1 << 20
LONGEST_YAML = 1 << 20
# All that are taken apart, together: their trees are kept for all rules.
MOST_SOURCE = 4 << 20
# The compiler takes a time that grows with the square of some texts.
LONGEST_COMPILED = 128 << 10

# Which warnings are shown is a matter of the process, and checks may run in several threads.
_QUIET = threading.Lock()


class MemberFile(Protocol):
    """What ``Contents.open`` returns: an open binary file is one."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move, and return the new position."""

    def tell(self) -> int:
        """Return the position."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> object: ...


class Contents(Protocol):
    """What holds the files: an archive that is open, or a plan."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """The names of the members, as the server will have them on disk, and their sizes in bytes."""

    @property
    def problems(self) -> Sequence[Issue]:
        """What is wrong with the container itself; ``argument`` is the member."""

    @property
    def present(self) -> Collection[str]:
        """The names of files and folders that the server finds beside, and that are not read here."""

    def open(self, name: str) -> MemberFile:
        """Open a member for reading, from its beginning."""


class Handler:
    """The manifest's ``handler``, as the worker takes it apart [server]: ``module`` and ``function``."""

    def __init__(self, value: str) -> None:
        self.value = value
        before, colon, after = value.partition(":")
        self.has_colon = bool(colon)
        # One ".py" goes, then whatever stands before the last "/".
        self.path = before
        self.module = posixpath.basename(before.removesuffix(".py"))
        # What is called; everything from the first colon on, which a second colon is part of.
        self.function = after or "handle"
        self.names_function = bool(after)


class Settings:
    """What is known of the server: ``python`` is its version as (major, minor), ``target`` who runs it.

    ``load`` is whether the model is to be loaded, which runs its code.
    """

    def __init__(self, *, python: tuple[int, int], target: CheckTarget, load: bool = False) -> None:
        self.python = python
        self.target = target
        self.load = load


class Subject:
    """A model or workflow under examination; everything that several rules ask for is worked out once.

    ``path`` is what it is called in findings, ``file_name`` the name it has in a model store, ``""`` where it has
    none yet. ``form`` is the reader that the server takes for it. ``is_workflow`` says that it is a workflow,
    which has a manifest of its own kind.
    """

    def __init__(
        self,
        contents: Contents,
        *,
        path: str,
        file_name: str,
        form: Form,
        settings: Settings,
        is_workflow: bool = False,
    ) -> None:
        self.contents = contents
        self.path = path
        self.file_name = file_name
        self.form = form
        self.settings = settings
        self.is_workflow = is_workflow
        # Where the server looks for the manifest.
        self.manifest_name = WORKFLOW_MANIFEST_NAME if is_workflow else MANIFEST_NAME
        # What was asked for and not looked into, and why: a rule of its own tells it, after all others.
        self.unread: dict[str, str] = {}
        self._left = MOST_SOURCE
        self._read: dict[str, bytes] = {}
        self._sources: dict[str, Source | None] = {}
        self._worked_out: dict[Callable[[Subject], Any], Any] = {}

    def place(self, member: str | None) -> str:
        """Return how a finding names a member, or the whole."""
        return self.path if member is None else f"{self.path}/{member}"

    def once(self, work: Callable[[Subject], T]) -> T:
        """Return what a function makes of the subject; it is called once, for all rules that ask for it."""
        if work not in self._worked_out:
            self._worked_out[work] = work(self)
        found: T = self._worked_out[work]
        return found

    # ------------------------------------------------------------------------------------------------ files

    @property
    def names(self) -> Mapping[str, int]:
        """All members and their sizes."""
        return self.contents.sizes

    @property
    def present(self) -> Collection[str]:
        """The names of what the server finds beside the members, and nothing here reads: links that lead out."""
        return self.contents.present

    @cached_property
    def _links(self) -> frozenset[str]:
        return frozenset(self.present)

    @cached_property
    def _link_lengths(self) -> list[int]:
        return sorted(set(map(len, self._links)))

    @cached_property
    def _sorted_names(self) -> list[str]:
        return sorted((*self.names, *self.present))

    def holds(self, path: str) -> bool:
        """Tell whether the server finds a file or folder of this name below the model's, readable here or not."""
        path = posixpath.normpath(path)
        if path in self.names or any(
            f"{path}/"[length : length + 1] == "/" and path[:length] in self._links
            for length in self._link_lengths
        ):
            return True
        place = bisect.bisect_left(self._sorted_names, f"{path}/")
        return any(name.startswith(f"{path}/") for name in self._sorted_names[place : place + 1])

    def read(self, name: str, *, longest: int = LONGEST_TEXT) -> bytes | None:
        """Return a member's bytes; None where there is none, or it is longer than ``longest``, which is told."""
        size = self.names.get(name)
        if size is None:
            return None
        if size > longest:
            self.unread[name] = f"it is longer than {longest:,} bytes, and was not looked into"
            return None
        if name not in self._read:
            with self.contents.open(name) as file:
                self._read[name] = b"".join(iter(lambda: file.read(1 << 20), b""))
        return self._read[name]

    # --------------------------------------------------------------------------------------------- manifest

    @cached_property
    def manifest_bytes(self) -> bytes | None:
        """The manifest as it stands; None where there is none."""
        return self.read(self.manifest_name)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest's values as the worker reads them (strict JSON, last of equal keys); empty if it cannot."""
        try:
            document = json.loads((self.manifest_bytes or b"").decode())
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    @cached_property
    def model(self) -> dict[str, Any]:
        """The manifest's ``model`` object; empty if there is none."""
        model = self.manifest.get("model")
        return model if isinstance(model, dict) else {}

    def role(self, key: str) -> str | None:
        """Return a text of the manifest's ``model``, None where it is absent, empty or no text."""
        value = self.model.get(key)
        return value if isinstance(value, str) and value else None

    @cached_property
    def handler(self) -> Handler | None:
        """The handler, None where none is named."""
        value = self.role("handler")
        return None if value is None else Handler(value)

    # ---------------------------------------------------------------------------------------------- sources

    @cached_property
    def packages(self) -> frozenset[str]:
        """The top-level modules that the files of the archive define, as Python finds them from its root."""
        found = set()
        for name in self.names:
            first, slash, rest = name.partition("/")
            if not slash and first.endswith((".py", ".so", ".pyd", ".pyc")):
                found.add(first.partition(".")[0])
            elif slash and rest.endswith((".py", ".so", ".pyd", ".pyc")):
                found.add(first)
        return frozenset(found)

    @cached_property
    def modules(self) -> Modules:
        """The modules that the files of the archive make, and what the handler leads to."""
        return Modules(self)

    def source(self, name: str) -> Source | None:
        """Return a Python file, taken apart; None where there is none, or it is too long, which is told."""
        if name not in self._sources:
            self._sources[name] = self._taken_apart(name)
        return self._sources[name]

    def _taken_apart(self, name: str) -> Source | None:
        size = self.names.get(name, 0)
        if self._left < size <= LONGEST_SOURCE:
            self.unread[name] = (
                f"the sources are longer than {MOST_SOURCE:,} bytes together: it was not looked into"
            )
            return None
        data = self.read(name, longest=LONGEST_SOURCE)
        if data is None:
            return None
        self._left -= size
        if size > LONGEST_COMPILED:
            self.unread[name] = f"it is longer than {LONGEST_COMPILED:,} bytes, and was parsed, but not compiled"
        try:
            return Source(name, data, self.settings.python)
        except MemoryError:  # which is also how Python's parser says that something is nested too deeply
            self.unread[name] = (
                "Python's parser gave it up: it is nested too deeply, or there is too little memory"
            )
            return None


class Source:
    """A Python file: its ``tree``, or what keeps it from being one: ``error``, at ``line``."""

    def __init__(self, name: str, data: bytes, python: tuple[int, int]) -> None:
        self.name = name
        self.tree: ast.Module | None = None
        self.error: str | None = None
        self.line: int | None = None
        try:
            with _QUIET, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(data, name, feature_version=python)
                # What the grammar allows and the compiler does not: "return" outside of a function.
                if len(data) <= LONGEST_COMPILED:
                    compile(tree, name, "exec", dont_inherit=True)
            newer = fstrings.newer_in(data) if python < fstrings.FIRST else None
            if newer is None:
                self.tree = tree
            else:
                self.error, self.line = f"SyntaxError: {newer[0]}", newer[1]
        except SyntaxError as error:
            self.error, self.line = f"{type(error).__name__}: {error.msg}", error.lineno or None
        except (ValueError, RecursionError, OverflowError) as error:  # NUL bytes; depth; hostile ones
            self.error = f"{type(error).__name__}: {error}"
