"""Java properties, with the manners of ``json``: ``load``, ``loads``, ``dump``, ``dumps``, ``parse``, ``edit``."""

from marpack.config.properties import (
    Blank,
    Comment,
    Element,
    Entry,
    Style,
    dump,
    dumps,
    edit,
    load,
    loads,
    parse,
)
from marpack.errors import NotPortableError, PropertiesError

__all__ = [
    "Blank",
    "Comment",
    "Element",
    "Entry",
    "NotPortableError",
    "PropertiesError",
    "Style",
    "dump",
    "dumps",
    "edit",
    "load",
    "loads",
    "parse",
]
