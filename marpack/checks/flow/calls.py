"""Calls of functions from outside, and of methods of values that are known."""

from __future__ import annotations

import ast
import posixpath
import string
from collections.abc import Mapping, Sequence
from dataclasses import replace

from marpack.checks.flow.known_calls import (
    LOADS,
    METHOD_RETURNS,
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
    TESTS,
    may_write,
)
from marpack.checks.flow.state import State
from marpack.checks.flow.values import (
    LONGEST_TEXT,
    NONE,
    UNKNOWN,
    Batch,
    Bound,
    Closure,
    Instance,
    Items,
    Known,
    Mapped,
    ModelPath,
    OpenFile,
    Outside,
    Scope,
    Typed,
    Value,
    of_python,
    types_of,
)

_TEXT_METHODS = frozenset({"endswith", "lower", "lstrip", "removeprefix", "removesuffix", "replace", "rstrip"}) | {
    *("split", "startswith", "strip", "upper", "rsplit")
}


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
        if path in ("json.load", "json.loads") and isinstance(first, OpenFile):
            document = self.json_of(first.path)
            return UNKNOWN if document is None else Mapped(first.path, document)
        if path == "builtins.hasattr" and isinstance(first, Instance):
            name = given[1] if len(given) > 1 else UNKNOWN
            absent = isinstance(name, Known) and self.attribute(first, str(name.value)) is None
            return Known(False) if absent else Typed(frozenset(["bool"]))
        if path in ("builtins.setattr", "builtins.vars") and isinstance(first, Instance):
            self.forget(first)
            return NONE
        if path == "builtins.enumerate" and isinstance(first, (Batch, Items)):
            return Batch() if isinstance(first, Batch) or first.values else UNKNOWN
        if path in ("builtins.list", "builtins.tuple") and isinstance(first, Batch):
            return first
        if path == "builtins.dict" and isinstance(first, Mapped):
            return first
        if QUIET.fullmatch(path) is None:
            self._may_write(path, given, named)
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
            elif isinstance(value, Instance):
                self.forget(value)
            elif isinstance(value, Mapped):
                self.change(value)
            elif isinstance(value, Bound):
                self.forget(value.of)
            elif isinstance(value, Closure) and value.scope.method is not None:
                self.forget(value.scope.method[1])

    def _read(
        self, node: ast.Call, scope: Scope, path: str, given: Sequence[Value], named: Mapping[str, Value]
    ) -> Value:
        place, keyword = LOADS[path] if path in LOADS else READS[path]
        value = given[place] if len(given) > place else named.get(keyword, UNKNOWN)
        source = ModelPath(value.path) if isinstance(value, OpenFile) and value.path else value
        if isinstance(value, OpenFile) and not value.path:
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
            return OpenFile(target or "") if path in OPENS else UNKNOWN
        if not isinstance(value, OpenFile):
            self.use(node, scope, source, path)
        if path in LOADS:
            keywords = {name: each.value if isinstance(each, Known) else ... for name, each in named.items()}
            self.load(node, scope, source, path, keywords)
        elif may_write(path):
            self.write()
        return UNKNOWN

    def _path_function(self, node: ast.Call, scope: Scope, path: str, given: Sequence[Value]) -> Value | None:
        """Return the result of a function of paths, None where it is not known."""
        first = given[0] if given else UNKNOWN
        if path in ("os.getcwd", "os.getcwdb"):
            return UNKNOWN if self.path_of(Known("x")) is None else ModelPath("")
        if path in TESTS:
            return self.test(node, first)
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
        if path == "os.path.dirname" and isinstance(first, Known) and isinstance(first.value, str):
            return Known(posixpath.dirname(first.value))
        return None

    def _absolute(self, value: Value) -> Value:
        path = self.path_of(value)
        return value if path is None or isinstance(value, ModelPath) else ModelPath(path)

    def test(self, node: ast.AST, value: Value) -> Value:
        """Tell whether a file is there; one that is not is remembered for what the branch does."""
        path = self.path_of(value)
        found = None if path is None else self.exists(path)
        if found is False and path is not None:
            self.tested.append((path, getattr(node, "lineno", 0), isinstance(value, ModelPath)))
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
        if isinstance(value, OpenFile) and name == "read":
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
        types = types_of(value)
        returns = METHOD_RETURNS.get(next(iter(types)), {}) if types is not None and len(types) == 1 else {}
        return Typed(frozenset([returns[name]])) if name in returns else UNKNOWN

    def _path_method(
        self, node: ast.Call, scope: Scope, value: ModelPath, name: str, given: Sequence[Value]
    ) -> Value | None:
        if name in PATH_TESTS:
            return self.test(node, value)
        if name in PATH_READS:
            mode = given[0] if given and name == "open" else Known("r")
            if not isinstance(mode, Known) or set(str(mode.value)) & set("wax+"):
                self.write(value.path)
            else:
                self.use(node, scope, value, name)
            return OpenFile(value.path) if name in ("open", "read_bytes", "read_text") else UNKNOWN
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


def joined(parts: Sequence[Value]) -> Value:
    """Return paths joined as ``os.path.join`` does."""
    texts: list[str] = []
    start: ModelPath | None = None
    for part in parts:
        match part:
            case ModelPath():  # it is absolute
                start, texts = part, []
            case Known(str(text)):
                if text.startswith("/"):
                    return UNKNOWN
                texts.append(text)
            case _:
                return UNKNOWN
    if not parts or sum(map(len, texts)) > LONGEST_TEXT:
        return UNKNOWN
    return Known(posixpath.join(*texts)) if start is None else start.joined(*texts) if texts else start


def text_of(parts: Sequence[Value]) -> Value:
    """Return texts one behind the other, where a path below the model's folder may come first."""
    parts = [part for part in parts if part != Known("")]
    first = parts[0] if parts else Known("")
    known = [str(part.value) for part in parts if isinstance(part, Known)]
    if sum(map(len, known)) + len(first.path if isinstance(first, ModelPath) else "") > LONGEST_TEXT:
        return Typed(frozenset(["str"]))
    text = "".join(known)
    if len(known) == len(parts):
        return Known(text)
    if isinstance(first, ModelPath) and len(known) == len(parts) - 1:
        if text.startswith("/") or first.has_slash:
            inner = text.strip("/")
            found = first.joined(inner) if inner else first
            return replace(found, has_slash=text.endswith("/")) if isinstance(found, ModelPath) else found
        return ModelPath(first.path + text) if first.path and "/" not in text else UNKNOWN
    return Typed(frozenset(["str"]))


def formatted(pattern: str, given: Sequence[Value]) -> Value:
    """Return what ``pattern.format(*given)`` is, as far as its fields are plain."""
    parts: list[Value] = []
    number = 0
    try:
        for literal, field, spec, conversion in string.Formatter().parse(pattern):
            parts.append(Known(literal))
            if field is None:
                continue
            place = number if field == "" else int(field)
            number += 1
            if spec or conversion:
                return Typed(frozenset(["str"]))
            parts.append(given[place])
    except (ValueError, IndexError):
        return Typed(frozenset(["str"]))
    return text_of(parts)


def percent(pattern: str, given: Value) -> Value:
    """Return what ``pattern % given`` is, where the pattern has only ``%s``."""
    pieces = pattern.split("%s")
    values = given.values if isinstance(given, Items) and given.type == "tuple" else (given,)
    if any("%" in piece for piece in pieces) or len(values) != len(pieces) - 1:
        return Typed(frozenset(["str"]))
    parts: list[Value] = [Known(pieces[0])]
    for value, piece in zip(values, pieces[1:], strict=True):
        parts += [value, Known(piece)]
    return text_of(parts)


def text_method(text: str, name: str, given: Sequence[Value]) -> Value | None:
    """Call a method of a text whose arguments are known, None where it is not followed."""
    if name == "format":
        return formatted(text, given)
    if name == "join" and len(given) == 1 and isinstance(given[0], Items):
        parts = [part for value in given[0].values for part in (Known(text), value)][1:]
        return text_of(parts) if parts else Known("")
    arguments = [value.value for value in given if isinstance(value, Known)]
    if name not in _TEXT_METHODS or len(arguments) != len(given) or len(text) > LONGEST_TEXT:
        return None
    if not all(isinstance(each, (str, int)) for each in arguments):
        return None
    if name == "replace" and len(text) * sum(len(str(each)) for each in arguments) > LONGEST_TEXT:
        return Typed(frozenset(["str"]))
    try:
        return of_python(getattr(text, name)(*arguments), "")
    except (OverflowError, TypeError, ValueError):
        return None


def outside(value: Value, attribute: str) -> Value:
    """Return an attribute of something from outside."""
    return Outside(f"{value.path}.{attribute}") if isinstance(value, Outside) else UNKNOWN
