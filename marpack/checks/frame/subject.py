"""What is checked: names, contents and manifest, whatever holds them."""

from __future__ import annotations

import bisect
import contextlib
import json
import posixpath
from collections.abc import Callable, Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias, TypeVar

from marpack import strict_json
from marpack.archive.forms import ContainerForm
from marpack.archive.handler import HandlerName
from marpack.archive.manifest import MANIFEST_NAME, WORKFLOW_MANIFEST_NAME
from marpack.archive.plan.plan import Plan
from marpack.archive.read.archive import Archive
from marpack.checks.frame.contents import LONGEST_SOURCE, LONGEST_TEXT, MOST_SOURCE, Contents
from marpack.checks.frame.servers_torch import Torch
from marpack.checks.python.amount import Amount
from marpack.checks.python.distributions import Distributions
from marpack.checks.python.entry_point import Worker
from marpack.checks.python.modules import Modules
from marpack.checks.python.requirement_lines import LONGEST_FILE, LONGEST_LINE, MOST_LINES, decoded
from marpack.checks.python.source import PythonFile

T = TypeVar("T")

CheckTarget: TypeAlias = Literal["torchserve", "kserve", "sagemaker", "vertex"]
"""Who runs the server that an archive is meant for; TorchServe by itself unless it is said."""


@dataclass(kw_only=True)
class Settings:
    """The server's Python as (major, minor), who runs it, and whether to ``load`` the model (runs its code).

    ``torch`` is the server's, None where nobody knows it; ``told_python`` its Python if that was given.
    """

    python: tuple[int, int]
    target: CheckTarget
    load: bool = False
    torch: Torch | None = None
    told_python: tuple[int, int] | None = None


@dataclass(eq=False, repr=False)
class Subject:
    """A model or workflow under examination; everything that several rules ask for is worked out once.

    ``path`` is what it is called in findings, ``file_name`` the name it has in a model store, ``""`` where it has
    none yet. ``form`` is the reader that the server takes for it. ``kind`` is ``workflow`` for one, which has a
    manifest of its own kind, and ``origin`` what it is of, for who has it loaded. ``unread`` is what was asked for
    and not looked into, and why: a rule of its own reports it, after all others.
    """

    contents: Contents
    _: KW_ONLY
    path: str
    file_name: str
    form: ContainerForm
    settings: Settings
    kind: Literal["model", "workflow"] = "model"
    origin: Plan | Archive | None = None
    unread: dict[str, str] = field(default_factory=dict, init=False)
    _left: int = field(default=MOST_SOURCE, init=False)
    _amount: Amount = field(default_factory=Amount, init=False)
    _read: dict[str, bytes] = field(default_factory=dict, init=False)
    _sources: dict[str, PythonFile | None] = field(default_factory=dict, init=False)
    _worked_out: dict[Callable[[Subject], Any], Any] = field(default_factory=dict, init=False)

    def line_of(self, key: str) -> int | None:
        """Return None: a rule that knows the line of a key of the manifest says so."""

    def once(self, work: Callable[[Subject], T]) -> T:
        """Return what a function makes of the subject; it is called once, for all rules that ask for it."""
        if work not in self._worked_out:
            self._worked_out[work] = work(self)
        found: T = self._worked_out[work]
        return found

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
        """Return a member's bytes; None where there is none, or it is longer than ``longest``, which is noted."""
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

    @property
    def manifest_name(self) -> str:
        """Where the server looks for the manifest."""
        return WORKFLOW_MANIFEST_NAME if self.kind == "workflow" else MANIFEST_NAME

    @cached_property
    def manifest_bytes(self) -> bytes | None:
        """The manifest as it stands; None where there is none."""
        return self.read(self.manifest_name)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest's values as the worker reads them (strict JSON, last of equal keys); empty if it cannot."""
        return json_object(self.manifest_bytes)

    @cached_property
    def model(self) -> dict[str, Any]:
        """The manifest's ``model`` object; empty if there is none."""
        model = self.manifest.get("model")
        return model if isinstance(model, dict) else {}

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The texts of the ``model`` as the front end takes them: numbers and truth values as they are spelled."""
        model = self.model
        if any(isinstance(value, (int, float)) for value in model.values()):
            with contextlib.suppress(strict_json.StrictJSONError):
                model = strict_json.as_texts((self.manifest_bytes or b"").decode())["model"]
        return {key: value for key, value in model.items() if isinstance(value, str)}

    def role(self, key: str) -> str | None:
        """Return a text of the manifest's ``model``, None where it is absent, empty or no text to who reads it.

        The front end hands on the handler and installs requirements; the worker reads the other keys itself.
        """
        value = self.texts.get(key) if key in ("handler", "requirementsFile") else self.model.get(key)
        return value if isinstance(value, str) and value else None

    def file(self, key: str) -> str | None:
        """Return the path of the file that a text of the manifest's ``model`` names; None as ``role``."""
        name = self.role(key)
        return None if name is None else posixpath.normpath(name)

    @cached_property
    def handler(self) -> HandlerName | None:
        """The handler, None where none is named."""
        value = self.role("handler")
        return None if value is None else HandlerName.parse(value)

    @cached_property
    def packages(self) -> frozenset[str]:
        """The top-level modules that the files of the archive define, as Python finds them from its root."""
        files = [name for name in self.names if name.endswith((".py", ".so", ".pyd", ".pyc"))]
        return frozenset(name.partition("/" if "/" in name else ".")[0] for name in files)

    @cached_property
    def modules(self) -> Modules:
        """The modules that the files of the archive make."""
        return Modules(
            names=self.names,
            linked=self.present,
            handler=self.handler,
            source_of=self.source,
            python=self.settings.python,
        )

    @cached_property
    def worker(self) -> Worker:
        """What a Python worker calls and imports to load the model."""
        name = self.role("modelFile")
        return Worker(self.modules, handler=self.handler, model_file=name if name in self.names else None)

    @cached_property
    def distributions(self) -> Distributions:
        """What the requirements file of the model installs beside its files."""
        name = self.role("requirementsFile")
        if name is None:
            return Distributions(b"")
        data, complete = self.requirements(name)
        return Distributions(data, complete=complete, python=self.settings.told_python)

    def requirements(self, name: str) -> tuple[bytes, bool]:
        """Return the first lines of a requirements file, and whether they are all; what is left out is noted."""
        data = self.read(name, longest=LONGEST_FILE)
        if data is None:
            return b"", name not in self.unread
        lines = data.split(b"\n", MOST_LINES)
        if len(lines) > MOST_LINES and lines.pop():
            self.unread[name] = f"it has more than {MOST_LINES:,} lines, and the others were not looked into"
            return b"\n".join(lines), False
        # To pip, as to Python, a line ends with more than a line feed.
        if len(decoded(data)[0].splitlines()) > MOST_LINES:
            self.unread[name] = f"it has more than {MOST_LINES:,} lines, and was not looked into"
            return b"", False
        if max(map(len, lines)) > LONGEST_LINE:
            self.unread[name] = f"lines of more than {LONGEST_LINE:,} characters were not looked into"
        return data, True

    def source(self, name: str) -> PythonFile | None:
        """Return a Python file, taken apart; None where there is none, or it is too long, which is noted."""
        if name not in self._sources:
            self._sources[name] = self._taken_apart(name)
        return self._sources[name]

    def _taken_apart(self, name: str) -> PythonFile | None:
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
        if problem := self._amount.problem(data):
            self.unread[name] = f"{problem}: it was not looked into"
            return None
        try:
            source = PythonFile(name, data, self.settings.python, amount=self._amount)
        except MemoryError:  # which is also how Python's parser says that something is nested too deeply
            reason = "it is nested too deeply, or there is too little memory"
            self.unread[name] = f"Python's parser gave it up: {reason}"
            return None
        self._amount.hold(source.nodes)
        if source.uncompiled is not None:
            self.unread[name] = f"{source.uncompiled}, and was parsed, but not compiled"
        return source


def json_object(data: bytes | None, encoding: str = "utf-8") -> dict[str, Any]:
    """Return the object that a text is in strict JSON, the last of equal keys; empty if it is none."""
    try:
        document = json.loads((data or b"").decode(encoding))
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
