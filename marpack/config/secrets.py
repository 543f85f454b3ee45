"""Keep passwords, tokens and the credentials of URLs out of errors, reprs and reports."""

from __future__ import annotations

import re

from marpack.config.keys import KEYS

__all__ = ["HIDDEN", "hidden_url", "redacted"]

HIDDEN = "***"

_SECRET_NAME = re.compile("passw|_pass|secret|token|credential|api_?key|access_?key", re.IGNORECASE)

# User and password of a URL that is well-formed, and of any: a password may hold a "/", "?" or "#" as it is.
_CREDENTIALS = re.compile("(?<=://)[^/]*@")
_ANY_CREDENTIALS = re.compile(r"(?<=://)[^\s,\"]*@")

# An authority that is no host with a port: half of a password that holds a "/", "?" or "#" as it is.
_NO_HOST = re.compile(
    r"""
    (?<=://)
    (?! (?: \[ [^\]/]* \] | [^:\[\]/]* )  # an IPv6 address, or a name
        (?: : [0-9]* )?
        (?: / | $ ) )
    """,
    re.VERBOSE,
)

# A parameter of a URL, an option of Java, a member of JSON: the name says that its value is one.
_SECRET_PARAMETER = re.compile(
    r"""
    ( [\w.-]* (?: passw | secret | token | signature | credential | access_?key ) [\w.-]* "? [=:] \s* "? )
    [^&\s",}]+
    """,
    re.IGNORECASE | re.VERBOSE,
)


def redacted(key: str, value: str) -> str:
    """Return the text of a setting as it may be shown."""
    known = KEYS.get(key)
    if value and (known.secret if known else _SECRET_NAME.search(key)):
        return HIDDEN
    return _SECRET_PARAMETER.sub(rf"\1{HIDDEN}", _ANY_CREDENTIALS.sub(f"{HIDDEN}@", value))


def hidden_url(url: str) -> str:
    """Return a URL without user, password, query and fragment, as it may be shown."""
    shown = _CREDENTIALS.sub("", re.split("[?#]", url, maxsplit=1)[0])
    broken = _NO_HOST.search(shown)
    return shown if broken is None else f"{shown[: broken.start()]}{HIDDEN}"
