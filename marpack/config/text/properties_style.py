"""How a properties file is written: so that all known readers take it alike, or as Java itself writes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from marpack import strict_json
from marpack.config.text.java_hash import utf16_units
from marpack.errors import NotPortableError

if TYPE_CHECKING:
    from datetime import datetime

Style: TypeAlias = Literal["portable", "java"]
"""How entries are written: as all readers of settings take alike, or as ``java.util.Properties.store`` does."""

# P3: blanks. Not the vertical tab and not the no-break space, which ``str.isspace`` counts too.
BLANKS = " \t\f"

# P6
UNESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}

# P9: printable ASCII but the backslash, and for a key also but the separators.
_PORTABLE_KEY = re.compile(r"[^#!=:\\\s][^=:\\\s]*")

# P9: MLflow's plugin splits these at every "=", and reads no others.
_MLFLOW_KEYS = ("inference_address", "management_address")

# P10: the one value that its reader in Python takes through a JSON parser.
_JSON_KEY = "model_snapshot"

# P11
_ESCAPED = {ord(plain): "\\" + letter for letter, plain in UNESCAPED.items()}
_ESCAPED |= {ord(character): "\\" + character for character in "\\=:#!"}

# P12: as ``Date.toString`` has them, whatever the locale.
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def entry_line(key: str, value: str, style: Style, *, ensure_ascii: bool) -> str:
    """Return a setting as a line; ``NotPortableError`` for one that some reader would take otherwise."""
    if style == "portable":
        _check_portable_key(key)
        return f"{key}={_portable_value(key, value)}\n"
    java_key = _java_escape(key, ensure_ascii).replace(" ", "\\ ")
    java_value = _java_escape(value, ensure_ascii)
    return f"{java_key}=\\{java_value}\n" if value.startswith(" ") else f"{java_key}={java_value}\n"


def _check_portable_key(key: str) -> None:
    if not key:
        raise NotPortableError(key, "server", "a key without a name is no setting: give it one")
    if not key.isascii():
        raise NotPortableError(key, "launcher", "the readers take other encodings: use ASCII")
    if key[0] in "#!":
        raise NotPortableError(key, "server", f"a line that begins with {key[0]!r} is a comment: rename it")
    if "=" in key:
        raise NotPortableError(key, "launcher", "the key would end at its first '=': rename it")
    if not _PORTABLE_KEY.fullmatch(key) or not key.isprintable():
        raise NotPortableError(key, "server", "a blank, ':', backslash or control character ends it: rename it")


def _portable_value(key: str, value: str) -> str:
    java = "write the file with style='java' if TorchServe alone reads it"
    if "\\" in value:
        raise NotPortableError(key, "server", f"it drops the backslash: write '/' in paths, or {java}")
    if "\n" in value or "\r" in value:
        raise NotPortableError(key, "launcher", f"a line break in the value ends it: take it out, or {java}")
    if value != value.strip():
        reader: Literal["server", "launcher"] = "server" if value.lstrip(BLANKS) != value else "launcher"
        raise NotPortableError(key, reader, "it drops a blank at the value's edge: take it out")
    if key in _MLFLOW_KEYS and "=" in value:
        raise NotPortableError(key, "mlflow", "it cuts the value at '=': an address has none")
    if not value.isascii() and key == _JSON_KEY:
        value = _escape_json(key, value)
    elif not value.isascii():
        raise NotPortableError(key, "launcher", f"the readers take other encodings: use ASCII, or {java}")
    if not value.replace("\t", "").isprintable():
        raise NotPortableError(key, "launcher", f"it has a control character: take it out, or {java}")
    return value


def _escape_json(key: str, value: str) -> str:
    # P10: Java undoes the escape before its JSON parser sees it, Python's JSON parser undoes it itself.
    try:
        strict_json.loads(value)
    except strict_json.StrictJSONError:
        raise NotPortableError(key, "kserve", "characters beyond ASCII are possible in strict JSON only") from None
    return "".join(chr(unit) if unit < 0x80 else f"\\u{unit:04x}" for unit in utf16_units(value))


def _java_escape(text: str, ensure_ascii: bool) -> str:
    escaped = text.translate(_ESCAPED)
    if not ensure_ascii:
        return escaped
    return "".join(chr(unit) if 0x20 <= unit <= 0x7E else f"\\u{unit:04X}" for unit in utf16_units(escaped))


def comment_lines(comments: str, style: Style) -> str:
    """Return comments as lines of the file."""
    # P12: a line of a comment that brings its own mark keeps it.
    lines = re.split(r"\r\n|\r|\n", comments)
    if style == "portable":
        if not comments.isascii():
            raise NotPortableError("comments", "launcher", "the readers take other encodings: use ASCII")
        return "".join(f"# {line}".rstrip() + "\n" for line in lines)
    marked = [line if number and line[:1] in ("#", "!") else f"#{line}" for number, line in enumerate(lines)]
    text = "".join(f"{line}\n" for line in marked)
    return "".join(chr(unit) if unit <= 0xFF else f"\\u{unit:04X}" for unit in utf16_units(text))


def java_date(date: datetime) -> str:
    """Return a date as Java's comment has it."""
    if date.utcoffset() is None:
        raise ValueError(f"{date} has no time zone: give an aware datetime")
    day = f"{_WEEKDAYS[date.weekday()]} {_MONTHS[date.month - 1]} {date.day:02}"
    return f"{day} {date:%H:%M:%S} {date.tzname()} {date.year}"
