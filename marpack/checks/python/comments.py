"""Bytes that are no text, in the comments of a source: until Python 3.13 what is imported may have them."""

from __future__ import annotations

import io
import re
import tokenize

# The last Python that takes them for nothing.
LAST = (3, 13)

_ENCODING = re.compile(rb"[^\r\n]*(\r\n?|\n)?[^\r\n]*coding[:=]")


def readable(data: bytes) -> bytes:
    """Return a source with signs for what is no text in its comments, as every Python reads it.

    Another source is returned as it is: one that is text, that names its encoding, or in which such bytes stand
    elsewhere, which no Python reads.
    """
    try:
        data.decode()
    except UnicodeDecodeError:
        pass
    else:
        return data
    if _ENCODING.match(data):
        return data
    text = data.decode("utf-8", "replace")
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if "\N{REPLACEMENT CHARACTER}" in token.string and token.type != tokenize.COMMENT:
                return data
    except (tokenize.TokenError, SyntaxError):
        return data
    return text.encode()
