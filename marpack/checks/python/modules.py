"""Which file of an archive an import means, and what names that file binds."""

from __future__ import annotations

import bisect
import posixpath
import re
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from typing import Literal

from marpack.archive.handler import HandlerName
from marpack.checks.python.namespace import Namespace
from marpack.checks.python.source import PythonFile
from marpack.checks.python.torch_handlers import INTERPRETERS_OWN
from marpack.frozen import frozen

_EXTENSION = re.compile(r"\.(?: (?: cpython-\w[\w-]* | abi3 | cp\d+-\w+ ) \. )? (?: so | pyd ) \Z", re.VERBOSE)


@frozen
class Module:
    """Where a module lies: ``source`` is its member, None for what is no text (compiled, a folder, linked)."""

    name: str
    source: str | None
    kind: Literal["source", "package", "compiled", "folder"]


class Modules:
    """The modules that the files of an archive make, as the worker's search path finds them.

    ``names`` are the files, ``linked`` the files and folders that are there and not read; ``handler`` is the
    manifest's, ``source_of`` takes a file apart, and ``python`` is the server's version.
    """

    def __init__(
        self,
        *,
        names: Collection[str],
        linked: Collection[str],
        handler: HandlerName | None,
        source_of: Callable[[str], PythonFile | None],
        python: tuple[int, int],
    ) -> None:
        self._names = names
        self._source_of = source_of
        self._python = python
        self._spaces: dict[str, Namespace | None] = {}
        self._found: dict[str, Module | None] = {}
        self._files = frozenset(plain_name(name) for name in names)
        # Files and folders that lead out of the model's: they are modules of which nothing is known.
        self._linked = frozenset(linked)
        self._sorted = sorted(self._files)
        self.roots = self._roots(handler)

    def _roots(self, handler: HandlerName | None) -> list[str]:
        """Return the folders in which the worker looks, first to last [server]: a colon adds the file's."""
        if handler is None or not handler.has_colon:
            return [""]
        folder = plain_name(posixpath.dirname(handler.path))
        return [folder, ""] if folder and self._is_folder(folder) else [""]

    def _is_folder(self, path: str) -> bool:
        """Tell whether files lie below a path; all folders of long names would be more than memory holds."""
        place = bisect.bisect_left(self._sorted, f"{path}/")
        return place < len(self._sorted) and self._sorted[place].startswith(f"{path}/")

    def find(self, name: str) -> Module | None:
        """Return where the import of a dotted name leads, None for what no file of the archive makes."""
        if name not in self._found:
            self._found[name] = self._look_for(name)
        return self._found[name]

    def _look_for(self, name: str) -> Module | None:
        if name.partition(".")[0] in INTERPRETERS_OWN:
            return None
        folders, found = self.roots, None
        for part in name.split("."):
            if not part or (found is not None and found.kind not in {"package", "folder"}):
                return None
            found = self._in_folders(part, folders, name)
            if found is None:
                return None
            folders = [posixpath.join(folder, part) for folder in folders]
            if found.source is not None:
                folders = [posixpath.dirname(found.source)]
        return found

    def _in_folders(self, part: str, folders: list[str], name: str) -> Module | None:
        """Return the first module of the name in the folders; a mere folder comes after all others."""
        bases = [posixpath.join(folder, part) for folder in folders]
        for base in bases:
            package, file = f"{base}/__init__", f"{base}.py"
            if not self._linked.isdisjoint((base, file, f"{package}.py")):
                return Module(name=name, source=None, kind="compiled")
            if f"{package}.py" in self._files:
                return Module(name=name, source=f"{package}.py", kind="package")
            if f"{package}.pyc" in self._files or not self._extensions.isdisjoint((package, base)):
                return Module(name=name, source=None, kind="compiled")
            if file in self._files:
                return Module(name=name, source=file, kind="source")
            if f"{base}.pyc" in self._files:
                return Module(name=name, source=None, kind="compiled")
        return Module(name=name, source=None, kind="folder") if any(map(self._is_folder, bases)) else None

    @cached_property
    def _extensions(self) -> frozenset[str]:
        ends = [(name, _EXTENSION.search(name)) for name in self._files if name.endswith((".so", ".pyd"))]
        return frozenset(name[: end.start()] for name, end in ends if end is not None)

    def source(self, module: Module) -> PythonFile | None:
        """Return a module's text, taken apart."""
        return None if module.source is None else self._source_of(self._member(module.source))

    def _member(self, name: str) -> str:
        """Return the name of a member as it stands in the archive."""
        if name in self._names:
            return name
        return next((given for given in self._names if plain_name(given) == name), name)

    def space(self, module: Module) -> Namespace | None:
        """Return a module's names; None if its text is none, or is no Python."""
        if module.name not in self._spaces:
            self._spaces[module.name] = None  # a star-import of itself, through others
            source = self.source(module)
            if source is not None and source.tree is not None:
                package = module.name if module.kind == "package" else module.name.rpartition(".")[0]
                self._spaces[module.name] = Namespace(
                    source.tree,
                    nodes=source.nodes,
                    name=module.name,
                    package=package,
                    python=self._python,
                    stars=self._stars,
                )
        return self._spaces[module.name]

    def _stars(self, name: str) -> list[str] | None:
        module = self.find(name)
        space = None if module is None else self.space(module)
        return None if space is None else space.starred

    def reached(self, name: str) -> Iterator[Module]:
        """Yield the packages that hold a module, and itself, as far as they are the archive's."""
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            module = self.find(".".join(parts[:end]))
            if module is None:
                return
            yield module

    def longest(self, path: str) -> tuple[Module | None, list[str]]:
        """Return the module that a dotted name begins with, if it is the archive's, and what remains."""
        found = list(self.reached(path))
        return found[-1] if found else None, path.split(".")[len(found) :]


def plain_name(name: str) -> str:
    """Return a member's name as a path from the root of the model."""
    plain = posixpath.normpath(name.lstrip("/")) if name.strip("/") else ""
    return "" if plain == "." else plain
