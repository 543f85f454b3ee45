"""Calls of functions from outside, and of methods of values that are known."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Mapping, Sequence

from marpack.checks.flow.events import LoadedUse, SessionCall
from marpack.checks.flow.items import ITEM_CALLS, of_items
from marpack.checks.flow.known_calls import (
    FOLDER_CALLS,
    KEEPS_OBJECTS,
    LOADS,
    METHOD_RETURNS,
    MODULE_METHODS,
    OPENS,
    OPENS_ARCHIVE,
    PATH_READS,
    PATH_TESTS,
    PATH_WRITES,
    PATHS,
    QUIET,
    QUIET_METHODS,
    READS,
    RETURNS,
    SAME_PATH,
    SAME_PATH_FUNCTIONS,
    SESSIONS,
    TESTS,
    may_write,
)
from marpack.checks.flow.state import State
from marpack.checks.flow.texts import joined, text_in, text_method
from marpack.checks.flow.values import (
    NONE,
    UNKNOWN,
    Instance,
    Items,
    Known,
    Loaded,
    Mapped,
    ModelPath,
    Opened,
    Outside,
    Scope,
    Session,
    Typed,
    Value,
    items_of,
    of_python,
    types_of,
)

CONSTANTS: dict[str, Value] = dict.fromkeys(("os.sep", "os.path.sep"), Known("/"))


class Calls(State):
    """Tells what calls of things that are not the archive's give, and notes what they need."""

    def call_outside(
        self, node: ast.Call, scope: Scope, path: str, given: Sequence[Value], named: Mapping[str, Value]
    ) -> Value:
        """Call a function from outside by its dotted name."""
        if path in LOADS or path in READS:
            return self._read(node, scope, path, given, named)
        first = given[0] if given else UNKNOWN
        if path.startswith(("os.path.", "os.getcwd")) or path in PATHS or path in SAME_PATH_FUNCTIONS:
            found = self._path_function(node, scope, path, given)
            if found is not None:
                return found
        if path.endswith(".from_pretrained"):
            if isinstance(first, ModelPath):
                self.use(node, scope, first, path.rpartition(".")[2])
            return UNKNOWN
        if path in ("os.chdir", "os.fchdir"):
            self.leave_folder()
            return NONE
        if path in ("json.load", "json.loads") and isinstance(first, Opened):
            document = self.json_of(first.path)
            return UNKNOWN if document is None else Mapped(first.path, document)
        if path == "builtins.hasattr" and isinstance(first, Instance):
            name = given[1] if len(given) > 1 else UNKNOWN
            absent = isinstance(name, Known) and self.attribute(first, str(name.value)) is None
            return Known(False) if absent else Typed(frozenset(["bool"]))
        if path == "builtins.setattr" and isinstance(first, Outside):
            name = given[1] if len(given) > 2 else UNKNOWN
            if isinstance(name, Known):
                self.memory.set(self.replaced, f"{first.path}.{name.value!s}", UNKNOWN)
            return NONE
        if path in ("builtins.setattr", "builtins.vars") and isinstance(first, Instance):
            self.forget(first)
            return NONE
        if path == "io.BytesIO" and isinstance(first, Opened):
            return first
        found = of_items(path, [self.items(value) for value in given]) if path in ITEM_CALLS else None
        if found is not None:
            for value in (*named.values(), *(given if path == "builtins.sorted" else ())):
                self.escape(value)
            return found
        if path in FOLDER_CALLS and self.path_of(first):
            self.write(self.path_of(first) or "")
            return NONE
        if path == "builtins.dict" and isinstance(first, Mapped):
            return first
        if QUIET.fullmatch(path) is None:
            self._may_write(path, given, named)
        elif path not in KEEPS_OBJECTS:
            for value in (*given, *named.values()):
                self.escape(value)
        return Typed(frozenset([RETURNS[path]])) if path in RETURNS else UNKNOWN

    def _may_write(self, name: str, given: Sequence[Value], named: Mapping[str, Value]) -> None:
        """Remember what a call of which nothing is known may have written, and changed."""
        if name in ("extract", "extractall") and given and self.path_of(given[0]):
            self.write(self.path_of(given[0]) or "")
        elif may_write(name):
            self.write()
        for value in (*given, *named.values()):
            if isinstance(value, ModelPath) and value.path:
                self.write(value.path)
            elif isinstance(value, Mapped):
                self.change(value)
            self.escape(value)

    def _read(
        self, node: ast.Call, scope: Scope, path: str, given: Sequence[Value], named: Mapping[str, Value]
    ) -> Value:
        place, keyword = LOADS[path] if path in LOADS else READS[path]
        value = given[place] if len(given) > place else named.get(keyword, UNKNOWN)
        source = ModelPath(value.path) if isinstance(value, Opened) and value.path else value
        if isinstance(value, Opened) and not value.path:
            return UNKNOWN
        self.none_used(node, value, scope)
        mode = named.get("mode", given[1] if len(given) > 1 else Known("r"))
        if path in OPENS | OPENS_ARCHIVE:
            reads = isinstance(mode, Known) and isinstance(mode.value, str) and not set(mode.value) & set("wax+")
            target = self.path_of(source)
            if reads:
                self.use(node, scope, source, path.removeprefix("builtins."))
            elif target:
                self.write(target)
            return Opened(target or "") if path in OPENS else UNKNOWN
        if not isinstance(value, Opened):
            self.use(node, scope, source, path)
        if path in LOADS:
            keywords = {name: _told(each) for name, each in named.items()}
            if path == "torch.load" and len(given) > 1:
                keywords["map_location"] = _told(given[1])
            self.load(node, scope, source, path, keywords, opened=isinstance(value, Opened))
            target = self.path_of(source)
            if path == "torch.load" and target and self.exists(target):
                return Loaded(target)
            if path in SESSIONS:
                return Session()
        elif may_write(path):
            self.write()
        return UNKNOWN

    def _path_function(self, node: ast.Call, scope: Scope, path: str, given: Sequence[Value]) -> Value | None:
        """Return the result of a function of paths, None where it is not known."""
        first = given[0] if given else UNKNOWN
        if path in ("os.getcwd", "os.getcwdb"):
            return UNKNOWN if self.path_of(Known("x")) is None else ModelPath("")
        if path in TESTS:
            return self.test(first)
        if path == "os.path.join" or path in PATHS:
            for part in given:
                self.none_used(node, part, scope)
        if path == "os.path.join":
            return joined(given)
        if path in PATHS:
            whole = joined(given) if given else ModelPath("")
            return self._absolute(whole)
        if path in SAME_PATH_FUNCTIONS:
            if isinstance(first, Known):
                if path == "builtins.str":
                    return first if isinstance(first.value, str) else Known(str(first.value))
                return self._absolute(first) if path.endswith(("abspath", "realpath")) else first
            return first if isinstance(first, ModelPath) else None
        if path == "os.path.dirname" and isinstance(first, ModelPath):
            return ModelPath(posixpath.dirname(first.path)) if first.path else UNKNOWN
        if path == "os.path.basename" and isinstance(first, (ModelPath, Known)):
            text = first.path if isinstance(first, ModelPath) else first.value
            return Known(posixpath.basename(text)) if isinstance(text, str) and text else UNKNOWN
        if path == "os.path.splitext":
            stem, suffix = posixpath.splitext(first.path if isinstance(first, ModelPath) else text_in(first))
            known = ModelPath(stem) if isinstance(first, ModelPath) else Known(stem)
            return items_of("tuple", [known, Known(suffix)]) if suffix else None
        if path == "os.path.dirname" and isinstance(first, Known) and isinstance(first.value, str):
            return Known(posixpath.dirname(first.value))
        return None

    def _absolute(self, value: Value) -> Value:
        path = self.path_of(value)
        return value if path is None or isinstance(value, ModelPath) else ModelPath(path)

    def test(self, value: Value) -> Value:
        """Tell whether a file is there; one that is not is remembered for what the branch does."""
        path = self.path_of(value)
        found = None if path is None else self.exists(path)
        if found is False and path is not None:
            self.tested.append(path)
        return Typed(frozenset(["bool"])) if found is None else Known(found)

    def call_method(
        self,
        node: ast.Call,
        scope: Scope,
        value: Value,
        name: str,
        given: Sequence[Value],
        named: Mapping[str, Value],
    ) -> Value:
        """Call a method of a value that is no object of the archive's."""
        if isinstance(value, ModelPath):
            found = self._path_method(node, scope, value, name, given)
            if found is not None:
                return found
        if isinstance(value, Opened) and name == "read":
            return value  # the text, which is known by the name of its file
        if isinstance(value, Mapped):
            return self._mapped_method(value, name, given)
        if isinstance(value, Known) and isinstance(value.value, str):
            self.step(items=len(value.value))
            found = text_method(value.value, name, given)
            if found is not None:
                return found
        if name not in QUIET_METHODS:
            self._may_write(name, given, named)
        for each in (*given, *named.values()):
            self.escape(each)
        if isinstance(value, Session) and name in MODULE_METHODS:
            self.note(SessionCall, node, scope, name=name)
        if isinstance(value, Loaded):
            self.note(LoadedUse, node, scope, path=value.path, name=name)
            return value if name in ("eval", "to", "cpu", "float", "train") else UNKNOWN
        if name == "load_state_dict" and given and isinstance(given[0], Loaded):
            self.note(LoadedUse, node, scope, path=given[0].path, name="", strict="strict" not in named)
        types = types_of(value)
        returns = METHOD_RETURNS.get(next(iter(types)), {}) if types is not None and len(types) == 1 else {}
        return Typed(frozenset([returns[name]])) if name in returns else UNKNOWN

    def _path_method(
        self, node: ast.Call, scope: Scope, value: ModelPath, name: str, given: Sequence[Value]
    ) -> Value | None:
        if name in PATH_TESTS:
            return self.test(value)
        if name in PATH_READS:
            mode = given[0] if given and name == "open" else Known("r")
            if not isinstance(mode, Known) or set(str(mode.value)) & set("wax+"):
                self.write(value.path)
            else:
                self.use(node, scope, value, name)
            return Opened(value.path) if name in ("open", "read_bytes", "read_text") else UNKNOWN
        if name in PATH_WRITES:
            self.write(value.path)
            return UNKNOWN
        if name == "joinpath":
            return joined([value, *given])
        if name in SAME_PATH:
            return value
        if name in ("endswith", "startswith") and given and isinstance(given[0], Known):
            ending = given[0].value
            if (name, ending) == ("endswith", "/"):
                return Known(value.has_slash)
            known = name == "endswith" and isinstance(ending, str) and "/" not in ending and value.path
            return Known(value.path.endswith(str(ending))) if known else Typed(frozenset(["bool"]))
        return UNKNOWN if name in ("glob", "rglob", "relative_to", "split", "replace") else None

    def _mapped_method(self, value: Mapped, name: str, given: Sequence[Value]) -> Value:
        key = given[0] if given else UNKNOWN
        if name == "get" and isinstance(key, Known):
            if key.value in value.entries:
                return self.entry(value, key.value)
            source = "" if value.number else f"{value.name}.get({key.value!r})"
            return given[1] if len(given) > 1 else Known(None, source, self.near_keys(value.entries))
        if name == "keys":
            return value
        if name in ("items", "values") and value not in self.changed:
            values = [of_python(each, f"{value.name}[...]") for each in value.entries.values()]
            keys = [of_python(each, "") for each in value.entries]
            pairs = [items_of("tuple", pair) for pair in zip(keys, values, strict=True)]
            return items_of(f"dict_{name}", pairs if name == "items" else values)
        if name in ("pop", "setdefault", "update", "clear", "popitem", "__setitem__"):
            self.change(value)
        return UNKNOWN

    def entry(self, value: Mapped, key: object) -> Value:
        """Return what a dictionary has under a key."""
        found = of_python(value.entries[key], f"{value.name}[{key!r}]")
        self.step(items=4 * found.size if isinstance(found, Items) else 0)
        return found

    def change(self, value: Mapped) -> None:
        """Remember that a dictionary is not any more what it was."""
        self.memory.set(self.changed, value, True)


def _told(value: Value) -> object:
    """Return the value of an argument as ``Load`` tells it."""
    if isinstance(value, Known):
        return value.value
    return dict if isinstance(value, Mapped) else ...
