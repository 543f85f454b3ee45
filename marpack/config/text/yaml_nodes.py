"""What stands in a text of YAML beneath its values, where readers or versions of YAML take it differently.

The front end reads with SnakeYAML, the worker with PyYAML, and who writes may think of YAML 1.2 (spec/yaml.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

from marpack.config.text.plain_copy import path_of
from marpack.frozen import frozen

# "escape": what SnakeYAML does not know in double quotes; "tag": what Java cannot read as its tag says;
# "no-digit": what SnakeYAML takes for a number, and Java does not;
# "text": a number to YAML 1.2, or to SnakeYAML, and text to PyYAML; "other-number": a number that is another one
# in YAML 1.2, or none; "number-key": a key, where the front end wants strings, that is a number to SnakeYAML
# alone; "twice": a key that the mapping has already.
Matter: TypeAlias = Literal["escape", "tag", "no-digit", "text", "other-number", "number-key", "twice"]

_STR, _INT, _FLOAT, _BINARY, _MERGE = (
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "binary", "merge")
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UNKNOWN_ESCAPES = "/\t"

# Numbers of YAML 1.2, with the underscores that SnakeYAML takes.
_NUMBER = re.compile(r"[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+")
# Text to both readers, and meant so: what begins with 0, as 0899; and what may be the short name of a commit.
_NO_NUMBER = re.compile(r"0[0-9_]+|[0-9]+[eE][0-9]+(?<=.{7})")
_OCTAL = re.compile(r"[-+]?0[0-7_]+")
# What SnakeYAML takes for a number, and PyYAML not always.
_SNAKES_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*|(?=[eE]))|\._*[0-9][0-9_]*)([eE][-+]?[0-9]+)?", re.ASCII)
# A number to SnakeYAML that no Java has: ._
_NO_DIGIT = re.compile(r"[-+]?\._+([eE][-+]?[0-9]+)?")
# Numbers by their tag that Python's own readers take, and Java's do not: !!int "0o17", !!int " 3 ", !!float inf.
_NO_JAVA_INT = re.compile(r"\s.*|.*\s|[-+]?0[oO].*")
_NO_JAVA_FLOAT = re.compile(r"[-+]?(?!NaN|Infinity)[A-Za-z]+|.*[^ -~].*")
# Python's reader of base64 passes over what is none.
_BLANK = re.compile(r"\s", re.ASCII)
_BASE64 = re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_MOST_PLACES = 1000
# PyYAML takes a time that grows with the square of them, and Python does not write the number.
_MOST_SIXTIES = 10_000


class TooLongError(ValueError):
    """A number to the base of 60 that is longer than is read, in a ``line``."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(f"a number to the base of 60 with more than {_MOST_SIXTIES:,} places")


class Place(NamedTuple):
    """Where one matter is: ``top`` is the key at the top, ``text`` what stands there, ``value`` what it is."""

    matter: Matter
    top: str
    path: str
    line: int
    text: str
    value: object = None


@frozen
class Looks:
    """What a text looks like, as the two readers count.

    ``levels`` are those of collections that hold something, ``aliases`` those that stand for a collection, and
    ``length`` is the number of code points up to the end of the last value.
    """

    levels: int
    aliases: int
    length: int
    places: tuple[Place, ...]


def look(root: Any, text: str, construct: Callable[[Any], object]) -> Looks:
    """Go once through the nodes of a document, in their order in the text, before they become values."""
    levels = aliases = length = 0
    places: list[Place] = []
    seen: set[int] = set()
    stack = [(root, "", "", 1)]
    while stack:
        node, top, path, level = stack.pop()
        if id(node) in seen:
            aliases += node.id != "scalar"
            continue
        seen.add(id(node))
        if node.id == "scalar":
            length = max(length, node.end_mark.index)
            places += _of_scalar(node, top, path, text, construct)
            continue
        if node.value:
            levels = max(levels, level)
        if node.id == "sequence":
            below = [(item, top, path_of(path, index), level + 1) for index, item in enumerate(node.value)]
        else:
            below, given = [], set()
            for key, value in node.value:
                name = key.value if key.id == "scalar" else "?"
                place, own_top = path_of(path, name), top or name
                below += [(key, own_top, place, level + 1), (value, own_top, place, level + 1)]
                if key.id == "scalar" and key.tag != _MERGE:
                    if (key.tag, name) in given:
                        places.append(Place("twice", own_top, place, key.start_mark.line + 1, name))
                    given.add((key.tag, name))
                    wants_strings = not top or path == "torchrun"
                    if wants_strings and key.style is None and key.tag == _STR and _SNAKES_FLOAT.fullmatch(name):
                        places.append(Place("number-key", own_top, place, key.start_mark.line + 1, name))
        stack += reversed(below)
    return Looks(levels=levels, aliases=aliases, length=length, places=tuple(places[:_MOST_PLACES]))


def _is_tag_java_fails_at(tag: str, value: str) -> bool:
    """Tell whether Java cannot read what Python can under this tag."""
    if tag == _BINARY:
        return not _BASE64.fullmatch(_BLANK.sub("", value))
    no_java = {_INT: _NO_JAVA_INT, _FLOAT: _NO_JAVA_FLOAT}.get(tag)
    return no_java is not None and bool(no_java.fullmatch(value))


def _of_scalar(node: Any, top: str, path: str, text: str, construct: Callable[[Any], object]) -> Iterator[Place]:
    line, raw, value = node.start_mark.line + 1, text[node.start_mark.index : node.end_mark.index], node.value
    if node.tag == _INT and value.count(":") > _MOST_SIXTIES:
        raise TooLongError(line)
    if node.style == '"':
        escapes = [found[1] for found in _ESCAPE.finditer(raw) if found[1] in _UNKNOWN_ESCAPES]
        if escapes:
            yield Place("escape", top, path, line, f"\\{escapes[0]}")
    if "!" in (raw.partition(value)[0] if value else raw):
        if _is_tag_java_fails_at(node.tag, value):
            yield Place("tag", top, path, line, value)
    elif node.style is None and node.tag == _STR:
        if _NUMBER.fullmatch(value) and not _NO_NUMBER.fullmatch(value):
            yield Place("text", top, path, line, value)
        elif _NO_DIGIT.fullmatch(value):
            yield Place("no-digit", top, path, line, value)
    elif node.style is None and node.tag in (_INT, _FLOAT):
        # Of a single digit the base does not matter.
        octal = _OCTAL.fullmatch(value) and len(value.replace("_", "").lstrip("+-0")) > 1
        if ":" in value or octal:
            yield Place("other-number", top, path, line, value, construct(node))
