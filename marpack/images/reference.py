"""The name of an image in a registry: host, repository, tag. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

from marpack.frozen import frozen

# As the registries' own grammar has them (I27); a host is one if it has a dot or a port, or is this machine's.
_HOST = re.compile(r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}))?")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LONGEST_HOST = _LONGEST_REPOSITORY = 255
_GREATEST_PORT = 65535
# Also half of one.
_DIGEST = re.compile(r"@[a-z0-9]+:[0-9a-f]*\Z|@(?:sha256|sha512)\b")


class NoReferenceError(ValueError):
    """A text names no image in a registry; the text says why."""


@frozen
class Reference:
    """An image in a registry; ``tag`` is empty where none is named."""

    host: str
    repository: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Return what ``registry/name:tag`` names; raise ``NoReferenceError`` for any other text."""
        if "://" in text:
            raise NoReferenceError("is a URL: leave its scheme out (plain_http is an option)")
        if _DIGEST.search(text):
            raise NoReferenceError("names a digest, which comes of what is sent: name a tag")
        if "@" in text:
            raise NoReferenceError(
                "holds a user or a password, which have no place in a name: leave them out, and log in "
                "(docker login), or give username and password"
            )
        host, slash, rest = text.partition("/")
        if not slash or not (set(".:") & set(host) or host == "localhost") or not _is_host(host):
            raise NoReferenceError("names no registry: write host[:port]/name:tag, as docker.io/team/name:tag")
        repository, colon, tag = rest.partition(":")
        if not _REPOSITORY.fullmatch(repository) or len(repository) > _LONGEST_REPOSITORY:
            raise NoReferenceError(
                "has a name that registries refuse: lower-case letters and digits, with '.', '_', '-' and '/' "
                "between them"
            )
        if colon and not _TAG.fullmatch(tag):
            raise NoReferenceError(
                "has a tag that registries refuse: letters, digits, '.', '_' and '-', 128 at most"
            )
        return cls(host=host, repository=repository, tag=tag)

    def tagged(self, tag: str) -> Reference:
        """Return it with a tag; raise ``NoReferenceError`` for what is none, and would be a path of another."""
        if not _TAG.fullmatch(tag):
            raise NoReferenceError(f"is to have the tag {tag[:130]!r} of the layout, which is none: name a tag")
        return replace(self, tag=tag)

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}:{self.tag}"


def _is_host(text: str) -> bool:
    found = _HOST.fullmatch(text)
    if not found or len(text) > _LONGEST_HOST:
        return False
    address, port = found.groups()
    try:
        if address:
            ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return port is None or 0 < int(port) <= _GREATEST_PORT
