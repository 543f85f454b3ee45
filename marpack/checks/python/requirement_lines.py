"""The lines of a requirements file, as pip reads them (spec/requirements.md)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import cached_property

from marpack.checks.python.distribution_names import normal_name
from marpack.checks.python.markers import MarkerError, holds
from marpack.checks.python.pip_options import Options, read_options
from marpack.frozen import frozen_in_order

# pip's own: a comment begins where a line does, or behind a blank.
_COMMENT = re.compile(r"(?:^|\s)#.*")
_BLANKS = re.compile(r"[ \t]+")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
# Each text is read in one way only: where a sign could be a shorter one, or a blank stand in two places, what is
# broken at its end would be tried in all of them.
_CLAUSE = r"(?:===|==(?!=)|~=|!=|<=|>=|<(?!=)|>(?!=))(?:\s*[^\s,;()]+)?"
_CLAUSES = rf"{_CLAUSE}(?:\s*,\s*{_CLAUSE})*\s*,?"
# PEP 508, as far as every pip refuses what is otherwise. It is compiled where there is a line.
_REQUIREMENT = rf"""
    (?P<name>{_NAME}) \s* (?P<extras> \[ \s* (?: {_NAME} \s* (?: , \s* {_NAME} \s* )* )? \] )? \s*
    (?: @ \s* (?P<url>\S+) | \( \s* (?P<inner>{_CLAUSES})? \s* \) | (?P<clauses>{_CLAUSES}) )?
    \s* (?: ; (?P<marker>.*) )?
    """
# What pip takes for the address of a package.
URL = re.compile(r"(?:https?|ftp|file|(?:git|hg|svn|bzr)(?:\+[a-z]+)?):", re.IGNORECASE)
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_SUFFIXES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz", ".tar")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ENCODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
# Encodings that ask for no more than a look at each byte.
_PLAIN_ENCODINGS = ("utf", "ascii", "iso8859", "cp", "mac", "koi8", "gb", "big5", "euc", "shift")

# Nobody writes a longer one: whoever did wants to keep the patterns busy.
LONGEST_LINE = 10_000
MOST_LINES = 10_000
LONGEST_FILE = 2 << 20


@frozen_in_order
class RequirementLine:
    """A line of a requirements file, without comments; ``number`` is where it begins."""

    number: int
    text: str

    @property
    def readable(self) -> bool:
        """Whether its meaning is known: it holds no variable, and is text."""
        return len(self.text) <= LONGEST_LINE and "\ufffd" not in self.text and not _VARIABLE.search(self.text)

    @property
    def is_option(self) -> bool:
        """Whether it is an option of pip's."""
        return self.text.startswith("-")

    @cached_property
    def requirement(self) -> str:
        """The line without the options behind it."""
        words = []
        for word in self.text.split(" "):
            if word.startswith("-"):
                break
            words.append(word)
        return " ".join(words)

    @cached_property
    def options(self) -> Options:
        """Its options."""
        return read_options(self.text[len(self.requirement) :].strip())

    @cached_property
    def path(self) -> str | None:
        """The file or folder that is to be installed, None where it is none."""
        text = self.requirement.partition("; ")[0].strip()
        if self.is_option or "://" in text or " @ " in text:
            return None
        path = text.rpartition("[")[0] if text.endswith("]") else text
        if path.startswith(("./", "../", "/")) or path in (".", "..") or path.lower().endswith(_SUFFIXES):
            return path
        return path if "/" in path and " " not in path and not SCHEME.match(path) else None

    @cached_property
    def _match(self) -> re.Match[str] | None:
        if self.is_option or self.path is not None:
            return None
        return re.fullmatch(_REQUIREMENT, self.requirement, re.VERBOSE | re.ASCII)

    @property
    def name(self) -> str | None:
        """The normalised name of the distribution, None where it is not that of a requirement."""
        found = self._match
        return None if found is None else normal_name(found["name"])

    @property
    def extras(self) -> list[str]:
        """The normalised names of what it asks for beyond what the distribution needs."""
        found = self._match
        names = (found["extras"] or "").strip(" []").split(",") if found is not None else []
        return [normal_name(name.strip()) for name in names if name.strip()]

    @property
    def clauses(self) -> str:
        """Which versions it asks for."""
        found = self._match
        return "" if found is None else found["clauses"] or found["inner"] or ""

    @property
    def marker(self) -> str:
        """Where it is to be installed."""
        found = self._match
        text = found["marker"] if found is not None else self.requirement.partition("; ")[2]
        return (text or "").strip()

    def applies(self, python: tuple[int, int] | None) -> bool | None:
        """Tell whether its marker holds for a worker, None where that is not known."""
        try:
            return holds(self.marker, python) if self.marker else True
        except MarkerError:
            return None

    @property
    def has_bad_marker(self) -> bool:
        """Whether no pip reads its marker."""
        try:
            if self.marker:
                holds(self.marker, None)
        except MarkerError:
            return True
        return False


def decoded(data: bytes) -> tuple[str, str | None]:
    """Return the text of a requirements file, and what pip says if it cannot decode it."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _decoded(data[len(bom) :] if encoding == "utf-8" else data, encoding)
    for line in data.split(b"\n", 2)[:2]:
        found = _ENCODING.search(line) if line.startswith(b"#") else None
        if found is not None:
            return _decoded(data, found[1].decode("ascii", "replace"))
    return _decoded(data, "utf-8")


def _decoded(data: bytes, encoding: str) -> tuple[str, str | None]:
    try:
        if not codecs.lookup(encoding).name.startswith(_PLAIN_ENCODINGS):
            return data.decode("utf-8", "replace"), None
        return data.decode(encoding), None
    except LookupError:
        return data.decode("utf-8", "replace"), f"unknown encoding: {encoding}"
    except UnicodeDecodeError as error:
        return data.decode("utf-8", "replace"), str(error)


def requirement_lines(data: bytes) -> list[RequirementLine]:
    """Return the lines of a requirements file that hold more than a comment."""
    found = []
    for number, line in _joined(decoded(data)[0]):
        # Blanks as one: patterns that allow any number of them would try them all.
        text = _BLANKS.sub(" ", _COMMENT.sub("", line)).strip()
        if text:
            found.append(RequirementLine(number, text))
    return found


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines, each with those that it goes on in behind a backslash; a comment goes on nowhere."""
    pieces: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first or number
        is_comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not is_comment:
            pieces.append(line.strip("\\"))
            continue
        yield first, "".join([*pieces, f" {line}" if is_comment else line])
        pieces, first = [], 0
    if pieces:
        yield first, "".join(pieces)
