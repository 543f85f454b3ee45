"""What an item of ``load_models`` names: a file of the model store, a folder elsewhere, or a URL (P18)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from marpack.archive.manifest import Manifest
from marpack.config.rules.document import Document
from marpack.config.rules.snapshot_text import Store
from marpack.config.settings.environment import variables
from marpack.config.settings.keys import KEYS
from marpack.config.settings.redaction import brief
from marpack.display import HIDDEN

# What the server unpacks by its name; everything else it takes for a gzip-compressed tar.
ARCHIVE_SUFFIXES = (".mar", ".tar.gz", ".tgz", ".model")

# What ``all`` takes, beside folders.
_TAKEN_BY_ALL = (".mar", ".model", ".tar.gz")

# What the server takes for a URL, and, of others, those that Java can open a connection to.
_URL = re.compile("(file?|https?)://", re.IGNORECASE)
_JAVAS = re.compile("(https?|file|ftp|jar):", re.IGNORECASE)

# The parts of a pattern that a match may go back to: what is repeated, and what is this or that. With few of them,
# on a short text, none takes long.
_REPEATED = re.compile(r"[*+{]")
_CHOSEN = re.compile(r"[?|]")
_MOST_STEPS = 10**7
_LONGEST_PATTERN = 1000
# Where Java's regular expressions and Python's differ, or where a match may take for ever.
_UNLIKE_PYTHON = re.compile(r"&&|\[[^\]]*\[|\\[1-9QEpPGZzRXhHvVk]|\)[*+{]|[*+?}]\+|\(\?(?!:)")


class Reference(NamedTuple):
    """An item as the server splits it: ``name`` of the model, empty where none is given, and what it loads."""

    item: str
    name: str
    text: str

    @property
    def shown(self) -> str:
        """The reference as a message may show it."""
        # The server splits the query of a URL too.
        return HIDDEN if "://" in self.name else brief("load_models", self.text)

    @property
    def is_clean(self) -> bool:
        """Whether it has no blank at an edge."""
        return self.item == self.item.strip() and self.text == self.text.strip()

    @property
    def is_url(self) -> bool:
        """Whether it looks like a URL."""
        return "://" in self.text

    @property
    def is_download(self) -> bool:
        """Whether the server takes it for a URL."""
        return _URL.match(self.text) is not None

    @property
    def is_reachable(self) -> bool:
        """Whether Java knows the scheme of the URL."""
        return _JAVAS.match(self.text) is not None

    @property
    def file(self) -> str:
        """The name in the model store: the last part of the path."""
        path = self.text
        if self.is_url and self.is_reachable:
            path = re.split("[?#]", path.partition("://")[2])[0].partition("/")[2]
        return re.split(r"[/\\]", path)[-1]

    @property
    def folder(self) -> str:
        """What stands before the name, empty where nothing does."""
        return self.text[: len(self.text) - len(self.file)] if self.text.endswith(self.file) else ""


def references(document: Document) -> list[Reference]:
    """Return the items of ``load_models``; none where all are loaded."""
    text = document.properties.get("load_models", "")
    items = [] if text.lower() == "all" else filter(None, text.split(","))
    split = [(item, *item.partition("=")) for item in items]
    return [Reference(item, *((name, file) if equals else ("", item))) for item, name, equals, file in split]


def clean_references(document: Document) -> Iterator[Reference]:
    """Yield those that have no blank at an edge, and no variable in them."""
    return (each for each in references(document) if each.is_clean and each.text and not variables(each.item))


def is_allowed(document: Document, text: str) -> bool | None:
    """Tell whether ``allowed_urls`` matches a text; None where only Java can tell."""
    allowed = document.properties.get("allowed_urls", KEYS["allowed_urls"].default or "")
    by_environment = document.is_on("enable_envvars_config") and document.is_on("use_env_allowed_urls")
    if variables(allowed) or by_environment:
        return None
    # Each text is held against each pattern.
    pairs = (allowed.count(",") + 1) * (document.properties.get("load_models", "").count(",") + 1)
    if pairs > _MOST_STEPS // 10:
        return None
    most = _MOST_STEPS // pairs
    answers = [java_matches(pattern, text, re.IGNORECASE, most=most) for pattern in allowed.split(",")]
    return True if True in answers else None if None in answers else False


def java_matches(pattern: str, text: str, flags: int = 0, *, most: int = _MOST_STEPS) -> bool | None:
    """Tell whether a pattern matches the whole of a text; None where only Java can tell, or it takes long."""
    if len(pattern) > _LONGEST_PATTERN:
        return None
    steps = max(len(text), 2) ** len(_REPEATED.findall(pattern)) << len(_CHOSEN.findall(pattern))
    if steps > most or _UNLIKE_PYTHON.search(pattern):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.fullmatch(pattern, text, re.ASCII | flags) is not None
    except (re.error, OverflowError, RecursionError, ValueError):
        return None


class Loaded(NamedTuple):
    """A model that is loaded when the server starts: from which file, under which name if one is given for it.

    ``manifest`` is None where the archive cannot be looked at.
    """

    file: str
    given_name: str
    manifest: Manifest | None

    @property
    def name(self) -> str | None:
        """The name that it is registered under, None where it is not known."""
        if self.given_name:
            return self.given_name
        if self.manifest is None:
            return None
        return self.manifest.model.model_name or _derived_name(self.file)

    @property
    def version(self) -> str | None:
        """The version that it is registered as, None where it is not known."""
        return None if self.manifest is None else self.manifest.model.served_version


def _derived_name(file: str) -> str:
    stem = file.rpartition(".")[0] if ".model" in file or ".mar" in file else file
    return re.sub(r"\W|^_", "_", stem, flags=re.ASCII)


def loaded(document: Document) -> list[Loaded] | None:
    """Return what ``load_models`` loads from a store that is known; None where it loads what is not known."""
    store = document.store
    text = document.properties.get("load_models", "")
    if store is None or variables(text) or "model_snapshot" in document.properties:
        return None
    if text.lower() == "all":
        return [Loaded(name, "", store.manifests.get(name)) for name in taken_by_all(store)]
    found = []
    for each in references(document):
        if not each.is_clean or ".." in each.text:
            continue  # it is not found
        if each.file not in store.names:
            # A file of a URL, or a folder elsewhere: nothing is known of it.
            found += [Loaded(each.file, each.name, None)] if each.is_url or each.folder else []
        elif not each.is_download:
            found.append(Loaded(each.file, each.name, store.manifests.get(each.file)))
    return found


def taken_by_all(store: Store) -> list[str]:
    """Return what ``all`` takes of a store, sorted."""
    names: Iterable[str] = sorted(store.names)
    return [
        name
        for name in names
        if not name.startswith(".")
        and (name.endswith(_TAKEN_BY_ALL) or name in store.folders or _is_known_folder(store, name))
    ]


def _is_known_folder(store: Store, name: str) -> bool:
    """Tell whether a name without a suffix has a manifest: nothing but a folder has one then."""
    manifests: Mapping[str, Manifest] = store.manifests
    return name in manifests and name not in store.heads and not name.endswith(ARCHIVE_SUFFIXES)
