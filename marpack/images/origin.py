"""Where an answer leads, and whose that is: URLs that everybody who reads them takes for the same."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit, urlunsplit

from urllib3.util import parse_url

Origin = tuple[str, str, int | None]

# A URL's characters (RFC 3986), and what is sent escaped. Parsers do not agree on where a backslash ends a host.
_PLAIN = re.compile(r"[!-\[\]-~]+")
_PORTS = {"http": 80, "https": 443}


class NoPlaceError(ValueError):
    """What an answer says of where to go is no URL of a server."""


def origin(url: str) -> Origin:
    """Return scheme, host and port of who is sent a request; raise ``NoPlaceError`` where that is not plain.

    As urllib3 reads it, by which requests are sent, and as the standard library does, or it is not plain.
    """
    try:
        sent, read = parse_url(url), urlsplit(url)
        host = (sent.host or "").lower().strip("[]")
        port = sent.port or _PORTS.get(sent.scheme or "")
        is_plain = (read.scheme, read.hostname, read.port or port) == (sent.scheme, host, port)
    except ValueError:
        raise NoPlaceError from None
    if not is_plain or not host or "@" in read.netloc or sent.scheme not in _PORTS:
        raise NoPlaceError
    return sent.scheme, host, port


def followed(url: str, place: str) -> str:
    """Return the URL that a ``Location`` or a realm means; raise ``NoPlaceError`` for what means none."""
    if not _PLAIN.fullmatch(place):
        raise NoPlaceError
    try:
        whole = urljoin(url, place)
    except ValueError:
        raise NoPlaceError from None
    origin(whole)
    return whole


def with_query(url: str, query: str) -> str:
    """Return a URL that asks for more, beside what it asks for, and without a fragment, which nobody is sent."""
    parts = urlsplit(url)
    asked = "&".join(filter(None, (parts.query, query)))
    return urlunsplit(parts._replace(query=asked, fragment=""))
