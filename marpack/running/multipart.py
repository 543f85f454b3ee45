"""multipart/form-data as the server's parser reads it, that of Netty 4.1.53 (J11, J12). Pure."""

from __future__ import annotations

import contextlib
import re
from typing import TypeAlias

from marpack.frozen import frozen
from marpack.running.charsets import charset_problem, decoded
from marpack.running.front_end_error import FrontEndError
from marpack.running.multipart_head import (
    NEITHER_END,
    WHITESPACE,
    cleaned,
    disposition_value,
    error,
    out_of_bounds,
    split_line,
)
from marpack.running.percent import field_name

# The name of a field, what the worker is told of its type, and the contents.
Field: TypeAlias = tuple[str, str, bytes]

_FORM = "multipart/form-data"
# What is skipped before a delimiter and a line: what Java calls whitespace, and control characters.
_SKIPPED = re.compile(rb"[\x00-\x20\x7f-\x9f]*")
_NUMBER = re.compile(r"[+-]?\d{1,4000}")  # Python reads no longer ones
_DEFAULT_TYPE = "application/octet-stream"
_TRANSFER_ENCODINGS = ("7bit", "8bit", "binary")
# In the words of Java 14 and later; older ones say no more than the exception.
_NULL = 'java.lang.NullPointerException: Cannot invoke "{}()" because "{}" is null'
# What a part of a part says of itself alone.
_OF_ONE_FILE = ("charset", "content-length", "content-transfer-encoding", "content-type", "filename")


@frozen
class Form:
    """What a Content-Type says of a form: what stands between its parts, and how their heads are encoded."""

    delimiter: str
    encoding: str = "utf-8"


def form_of(content_type: str) -> Form | None:
    """Return what a Content-Type says of a form, None where the server would parse none.

    Raises ``FrontEndError`` where it fails over it.
    """
    if not content_type.startswith(_FORM):
        return None
    first, second, third = _split_type(content_type)
    if not first.lower().startswith(_FORM):
        return None
    if second.lower().startswith("boundary"):
        boundary, charset = second, third
    elif third.lower().startswith("boundary"):
        boundary, charset = third, second
    else:
        return None
    _, equal, value = boundary.partition("=")
    if not equal:
        raise error("Needs a boundary value")
    if not value:
        raise FrontEndError(500, "StringIndexOutOfBoundsException", "String index out of range: 0")
    if value[0] == '"':
        stripped = value.strip(NEITHER_END)
        if stripped == '"':
            raise FrontEndError(500, "StringIndexOutOfBoundsException", "begin 1, end 0, length 1")
        if stripped[-1] == '"':
            value = stripped[1:-1]
    encoding = "utf-8"
    if charset.lower().startswith("charset") and "=" in charset:
        encoding = charset.partition("=")[2]
        if problem := charset_problem(encoding):
            raise FrontEndError(403, problem, encoding)
    return Form(delimiter=f"--{value}", encoding=encoding)


def _split_type(text: str) -> tuple[str, str, str]:
    """Return a type and what stands behind its first semicolon and its second."""
    first, semicolon, rest = text.partition(";")
    if not semicolon:
        return text, "", ""
    second, semicolon, third = rest.lstrip(WHITESPACE).partition(";")
    first = first.removesuffix(" ")
    if not semicolon:
        return first, second.rstrip(WHITESPACE), ""
    return first, second.removesuffix(" "), third.strip(WHITESPACE)


def fields_of(body: bytes, form: Form) -> list[Field]:
    """Return the fields of a form, as far as it can be parsed; raises ``FrontEndError`` where the parser fails.

    What has no delimiter behind it is no field, and of what has text before the first delimiter there is none.
    """
    parser = _Parser(body, form)
    with contextlib.suppress(_EndError):
        parser.parse()
    return parser.fields


class _EndError(Exception):
    """There is no more to be read, or nothing that could be."""


class _Parser:
    """A form that is being read: how far, and what the head of a part has said."""

    def __init__(self, body: bytes, form: Form) -> None:
        self.fields: list[Field] = []
        self._body = body
        self._at = 0
        self._form = form
        # Of a part that is several files: what stands between those.
        self._inner: str | None = None
        # What a head says, by names in lower case: those of its lines, and of parameters of its disposition.
        self._said: dict[str, str] = {}

    def parse(self) -> None:
        """Read up to the end of the form, or raise ``_EndError``."""
        while True:
            if not self._opens(self._form.delimiter if self._inner is None else self._inner):
                if self._inner is None:
                    return
                self._inner = None
            elif self._inner is not None:
                self._head()
                if "filename" not in self._said:
                    raise error("Filename not found")
                self._file(self._inner)
                for name in _OF_ONE_FILE:
                    self._said.pop(name, None)
            else:
                self._said = {}
                if self._head():
                    (self._file if "filename" in self._said else self._field)(self._form.delimiter)

    def _opens(self, delimiter: str) -> bool:
        """Read a delimiter; return whether a part follows, and not the end."""
        self._skip()
        text = delimiter.encode("latin-1", "replace")
        if not (delimiter.isascii() and self._body.startswith(text, self._at)):
            raise _EndError
        after = self._at + len(text)
        for end, opens in ((b"\r\n", True), (b"\n", True), (b"--", False)):
            if self._body.startswith(end, after):
                self._at = after + len(end)
                if not opens:
                    if self._body[self._at : self._at + 1] == b"\r":
                        if self._body[self._at : self._at + 2] != b"\r\n":
                            raise _EndError
                        self._at += 2
                    elif self._body[self._at : self._at + 1] == b"\n":
                        self._at += 1
                return opens
        raise _EndError

    def _skip(self) -> None:
        match = _SKIPPED.match(self._body, self._at)
        assert match
        if match.end() == len(self._body):
            raise _EndError
        self._at = match.end()

    def _head(self) -> bool:
        """Read the head of a part, up to its empty line; return False where it begins several, further up."""
        while not self._empty_line():
            self._skip()
            line = self._line()
            if "content-" not in line.lower():  # of what is none of these, nothing is told
                continue
            words = split_line(line)
            match words[0].lower():
                case "content-disposition":
                    self._disposition(words)
                case "content-transfer-encoding" | "content-length" as name:
                    self._said[name] = cleaned(_word(words, 1))
                case "content-type":
                    if _word(words, 1).lower() == "multipart/mixed":
                        if self._inner is not None:
                            raise error("Mixed Multipart found in a previous Mixed Multipart")
                        _, equal, boundary = _word(words, 2).partition("=")
                        self._inner = f"--{boundary if equal else 'null'}"
                        return False
                    self._type(words)
        return True

    def _empty_line(self) -> bool:
        for end in (b"\r\n", b"\n"):
            if self._body.startswith(end, self._at):
                self._at += len(end)
                return True
        return False

    def _line(self) -> str:
        end = self._body.find(b"\n", self._at)
        if end < 0:
            raise _EndError
        line = self._body[self._at : end].removesuffix(b"\r")
        self._at = end + 1
        return decoded(line, self._form.encoding)

    def _disposition(self, words: list[str]) -> None:
        wanted = ("form-data",) if self._inner is None else ("attachment", "file")
        if _word(words, 1).lower() not in wanted:
            return
        for word in words[2:]:
            name, equal, value = word.partition("=")
            if not equal:
                raise out_of_bounds(1, 1)
            name, value = disposition_value(cleaned(name), value)
            self._said[_checked_name(name).lower()] = value

    def _type(self, words: list[str]) -> None:
        """Take the charset, and as the type what is last of the rest: this is what Netty does with parameters."""
        for word in words[1:]:
            if word[:7].lower() == "charset":
                _, equal, value = word.partition("=")
                if not equal:
                    raise error(_NULL.format("String.length", "field"))
                self._said["charset"] = cleaned(value)
            else:
                self._said["content-type"] = word

    def _field(self, delimiter: str) -> None:
        self._check_charset()
        name = self._name()
        self.fields.append((name, "", self._contents(delimiter)))

    def _file(self, delimiter: str) -> None:
        encoding = self._said.get("content-transfer-encoding")
        if encoding is not None and encoding.lower() not in _TRANSFER_ENCODINGS:
            raise error(f"TransferEncoding Unknown: {encoding.lower()}")
        self._check_charset()
        name = self._name()
        kind = self._said.get("content-type", _DEFAULT_TYPE)
        said = self._said.get("content-length", "")
        size = int(said) if _NUMBER.fullmatch(said) else 0
        self.fields.append((name, kind, self._contents(delimiter, most=size)))

    def _check_charset(self) -> None:
        charset = self._said.get("charset")
        if charset is None:
            return
        problem = charset_problem(charset)
        if problem == "IllegalCharsetNameException":
            raise FrontEndError(403, problem, charset)
        if problem is not None:
            raise error(f"java.nio.charset.{problem}: {charset}")

    def _name(self) -> str:
        name = self._said.get("name")
        if name is None:
            raise error(_NULL.format("io.netty.handler.codec.http.multipart.Attribute.getValue", "nameAttribute"))
        return _checked_name(cleaned(name))

    def _contents(self, delimiter: str, *, most: int = 0) -> bytes:
        """Return what stands before the next delimiter that begins a line.

        It may have ``most`` bytes, where that is not 0 or less, also where there is no delimiter.
        """
        start, text = self._at, delimiter.encode("latin-1", "replace")
        if not delimiter.isascii():
            raise _EndError
        end = start if self._body.startswith(text, start) else self._body.find(b"\n" + text, start)
        found = end >= 0
        if not found:
            # What may be the beginning of a delimiter waits for the rest of it.
            line = self._body.rfind(b"\n", start) + 1 or start
            end = len(self._body)
            if text.startswith(self._body[line:]):
                end = max(line - 1, start)
        if end > start and self._body[end - 1] == ord("\r"):
            end -= 1
        if 0 < most < end - start:
            raise error(f"java.io.IOException: Out of size: {end - start} > {most}")
        if not found:
            raise _EndError
        self._at = end
        return self._body[start:end]


def _word(words: list[str], index: int) -> str:
    if index >= len(words):
        raise out_of_bounds(index, len(words))
    return words[index]


def _checked_name(name: str) -> str:
    try:
        return field_name(name)
    except ValueError as problem:
        raise error(f"java.lang.IllegalArgumentException: {problem}") from None
