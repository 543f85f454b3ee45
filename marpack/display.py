"""What may be shown: names escaped, passwords, tokens and the credentials of URLs hidden."""

from __future__ import annotations

import re
import reprlib

HIDDEN = "***"

# Half of a character: in JSON and in names of files, and in no UTF-8.
SURROGATE = re.compile("[\ud800-\udfff]")

# A value may be nested without end, or hold itself a thousand times: no more of it is written than is shown.
_BOUNDED = reprlib.Repr()
_BOUNDED.maxdict = _BOUNDED.maxlist = _BOUNDED.maxtuple = _BOUNDED.maxset = _BOUNDED.maxfrozenset = 20
_BOUNDED.maxlevel, _BOUNDED.maxstring, _BOUNDED.maxlong, _BOUNDED.maxother = 3, 200, 200, 200

# Compiled when they are asked for: most that is shown needs none of them, and they take as long as a class.
_SECRET_NAME = r"""(?xi)
    pass | pwd | secret | token | credential | signature | \b sig \b | bearer | authorization | proxy_?auth
    | (api|access|account|private) [._-]? key | connection_?string
"""

# The digest that an image is named by, and any other "@": credentials stand before one.
_DIGEST = "@sha256:[0-9a-f]{64}(?![0-9a-f])"
_AT = f"(?!{_DIGEST})@"

# Where the address of a URL begins, also one with escaped or, as a path has it, single slashes.
_ADDRESS = r":(?:\\?/)+"

# A parameter of a URL or of a command.
_PARAMETER = r"(?<![\w.-])([\w.-]+)="

# User and password of a URL that is well-formed.
# Also where a slash too many leaves no host, if there is a password.
_CREDENTIALS = "(?<=://)(?:/+[^/:@]*:)?[^/]*@"

# An authority that is no host with a port: half of a password that holds a "/", "?" or "#" as it is.
_NO_HOST = r"""(?x)
    (?<=://)
    (?! (?: \[ [^\]/]* \] | [^:\[\]/]* )  # an IPv6 address, or a name
        (?: : [0-9]* )?
        (?: / | $ ) )
"""


def is_secret_name(name: str) -> bool:
    """Tell whether a name says that its value is secret."""
    return re.search(_SECRET_NAME, name) is not None


def hidden(text: str) -> str:
    """Return a text without credentials in URLs and values of parameters that are secret.

    More may go than has to: a line from the first ``://`` to the last ``@``, and from a secret parameter on.
    """
    return "\n".join(map(_hidden_line, text.split("\n")))


def _hidden_line(line: str) -> str:
    address = re.search(_ADDRESS, line) if "@" in line else None
    at = max((each.start() for each in re.finditer(_AT, line)), default=-1) if address else -1
    if address and at >= address.end():
        line = f"{line[: address.end()]}{HIDDEN}{line[at:]}"
    for parameter in re.finditer(_PARAMETER, line):
        if is_secret_name(parameter[1]):
            return line[: parameter.end()] + HIDDEN
    return line


def hidden_url(url: str) -> str:
    """Return a URL without user, password, query and fragment, as it may be shown."""
    whole = re.split("[?#]", url, maxsplit=1)[0]
    digest = re.search(rf"{_DIGEST}\Z", whole)
    name = whole[: digest.start()] if digest else whole
    shown = re.sub(_CREDENTIALS, "", name)
    broken = re.search(_NO_HOST, shown)
    return shown + whole[len(name) :] if broken is None else f"{shown[: broken.start()]}{HIDDEN}"


def hidden_endpoint(endpoint: str) -> str:
    """Return an address, with a scheme or without, as it may be shown."""
    at = max((each.start() for each in re.finditer(_AT, endpoint)), default=-1)
    if "://" in endpoint or at < 0:
        return hidden_url(endpoint)
    return f"{HIDDEN}{hidden_url(endpoint[at:])}"


def showable(text: str) -> str:
    """Return a text without secrets, and without halves of characters, which no terminal or file takes."""
    return hidden(text).encode("utf-8", "backslashreplace").decode()


def printable(name: str) -> str:
    """Return a name as it can be shown: what a terminal would act on is escaped."""
    return name if name.isprintable() else repr(name)[1:-1]


def brief_repr(value: object, longest: int = 60) -> str:
    """Return a value as Python writes it, cut off where it is long."""
    try:
        text = _BOUNDED.repr(value) if isinstance(value, (dict, list, tuple, set, frozenset)) else repr(value)
    except (ValueError, RecursionError):  # Python's limit on the digits of an integer, and on the stack
        return "a huge number" if isinstance(value, int) else "a huge value"
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def type_name(value: object, mapping: str = "an object") -> str:
    """Return what JSON and YAML call the type of a value; YAML's word for an object is a mapping."""
    names = {
        type(None): "null",
        bool: "a boolean",
        int: "a whole number",
        float: "a floating point number",
        str: "a string",
        list: "a list",
        tuple: "a list",
        dict: mapping,
    }
    known = (names[base] for base in type(value).__mro__ if base in names)
    return next(known, f"a value of type {type(value).__name__}")
