"""YAML text: written without a library, and read with PyYAML, as TorchServe's workers read it."""

from __future__ import annotations

import binascii
import datetime
import itertools
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from marpack.config.text.plain_copy import path_of
from marpack.errors import MissingExtraError

if TYPE_CHECKING:
    from marpack.config.text.yaml_nodes import Looks

# Block style; a string is plain only where no YAML takes it for anything else.
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_NOT_STRINGS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_TO_ESCAPE = re.compile(r'["\\]|[^ -~]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

# Longer ones must be announced by "? ", else both readers give up looking for their colon.
_LONGEST_SIMPLE_KEY = 1000
# Keys whose lines are kept: aliases can make millions of a small file.
_MOST_LINES = 10_000


def dumps(document: dict[str, Any]) -> str:
    """Return a mapping as text: ASCII, and the same to readers of YAML 1.1 in Java and in Python."""
    return "".join(f"{line}\n" for line in _lines(document))


def _lines(value: dict[Any, Any] | list[Any]) -> Iterator[str]:
    """Yield the lines of a mapping or list in block style."""
    if not value:
        yield _scalar(value)
    elif isinstance(value, list):
        for item in value:
            if not _is_block(item):
                yield f"- {_scalar(item)}"
                continue
            for number, line in enumerate(_lines(item)):
                yield f"  {line}" if number else f"- {line}"
    else:
        for key, item in value.items():
            head = f"{_scalar(key)}:"
            if len(head) > _LONGEST_SIMPLE_KEY:
                yield f"? {head[:-1]}"
                head = ":"
            if not _is_block(item):
                yield f"{head} {_scalar(item)}"
                continue
            yield head
            for line in _lines(item):
                yield f"  {line}"


def _is_block(value: object) -> bool:
    return isinstance(value, (dict, list)) and bool(value)


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, datetime.datetime):
        return datetime.datetime.isoformat(value)
    if isinstance(value, datetime.date):
        return datetime.date.isoformat(value)
    if isinstance(value, bytes):
        return f'!!binary "{binascii.b2a_base64(value, newline=False).decode()}"'
    if isinstance(value, frozenset):
        return f"!!set {{{', '.join(sorted(f'? {_scalar(item)}' for item in value))}}}"
    # Numbers, true, false, null, {} and [] are in YAML as in JSON.
    return _float(value) if isinstance(value, float) else json.dumps(value)


def _float(value: float) -> str:
    # YAML 1.1 wants a point and a signed exponent; float's own repr, for a subclass may have another.
    text = float.__repr__(value)
    if text in ("inf", "-inf", "nan"):
        return text.replace("inf", ".inf").replace("nan", ".nan")
    return text if "." in text else text.replace("e", ".0e")


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_STRINGS:
        return str.__str__(text)
    return f'"{_TO_ESCAPE.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    # Never a pair of surrogates as in JSON: PyYAML would not join them.
    return _ESCAPES.get(character) or (f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")


class YAMLTextError(ValueError):
    """A text is not one YAML document: ``msg`` says why, ``line`` is where, None when it is not known."""

    def __init__(self, fault: Literal["syntax", "encoding", "empty"], msg: str, line: int | None) -> None:
        self.fault = fault
        self.msg = msg
        self.line = line
        super().__init__(msg)


class Parsed(NamedTuple):
    """One document: its value, the lines of itself ("") and of the keys of two levels, and how it looks."""

    document: Any
    lines: dict[str, int]
    looks: Looks


def parse(text: str | bytes) -> Parsed:
    """Read one document; raises ``YAMLTextError``, and ``MissingExtraError`` without PyYAML."""
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError("reading model-config.yaml", "yaml") from None
    from marpack.config.text.yaml_nodes import (
        TooLongError,
        look,
    )  # its patterns are compiled where there is a text

    if isinstance(text, bytes):
        text = _decode(text)
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            raise YAMLTextError("empty", "the file is empty", 1)
        looks = look(node, text, loader.construct_object)
        document = loader.construct_document(node)
        lines = dict(itertools.islice(_key_lines(loader, node, "", 2), _MOST_LINES))
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        message = ", ".join(filter(None, [problem.context, problem.problem]))
        raise YAMLTextError("syntax", message, mark and mark.line + 1) from None
    except yaml.reader.ReaderError as problem:
        line = text.count("\n", 0, problem.position) + 1
        raise YAMLTextError("syntax", f"the character U+{problem.character:04X} is not allowed", line) from None
    except RecursionError:
        raise YAMLTextError("syntax", "nested too deeply", None) from None
    except YAMLTextError:
        raise
    except TooLongError as problem:
        raise YAMLTextError("syntax", str(problem), problem.line) from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
        # A date like 2024-13-45, or !!int on what is none: PyYAML lets these through as they come.
        raise YAMLTextError("syntax", f"a value is not what it looks like ({problem})", None) from None
    finally:
        if loader is not None:
            loader.dispose()
    return Parsed(document, {"": node.start_mark.line + 1} | lines, looks)


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise YAMLTextError("encoding", f"the file is not UTF-8 at byte {problem.start}", line) from None


def _key_lines(loader: Any, node: Any, path: str, depth: int) -> Iterator[tuple[str, int]]:
    if not depth or node is None or node.id != "mapping":
        return
    for key, value in node.value:
        if key.id == "scalar":
            below = path_of(path, loader.construct_object(key))
            yield below, key.start_mark.line + 1
            yield from _key_lines(loader, value, below, depth - 1)
