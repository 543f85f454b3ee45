"""The lines of a requirements file, and which modules their distributions bring, as far as that is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from marpack.checks.python.distribution_names import guessed_modules, normal_name, table
from marpack.checks.python.installed import installed_modules

# What TorchServe 0.12.0 says that it needs (Pillow, psutil, packaging, wheel), what its workers import beside
# (numpy, torch, yaml), and what torch needs: there wherever a worker starts.
WITH_SERVER = frozenset(
    {
        *("PIL", "numpy", "packaging", "psutil", "torch", "ts", "wheel", "yaml"),
        *("filelock", "fsspec", "functorch", "jinja2", "markupsafe", "mpmath", "networkx", "pkg_resources"),
        *("setuptools", "sympy", "torchgen", "triton", "typing_extensions"),
    }
)

# What TorchServe's own images have beside (its requirements/common.txt and torch_linux.txt).
IN_IMAGES = frozenset(
    {
        *("captum", "future", "requests", "sentencepiece", "torchaudio", "torchtext", "torchvision"),
        *("certifi", "charset_normalizer", "idna", "matplotlib", "tqdm", "urllib3"),
        # setuptools brings one of its own where Python has none.
        "distutils",
    }
)

# Endings of a name that choose how it is built, not what it is called when imported.
_BUILD = re.compile(
    r"(?: - (?: cpu | gpu | headless | binary | nightly | python | cu\d+ | cuda\d*x? ) )+$", re.VERBOSE
)
_EGG = re.compile(r"[#&] egg = ([A-Za-z0-9._-]+)", re.VERBOSE)

# pip's own: a comment begins where a line does, or behind a blank.
_COMMENT = re.compile(r"(?:^|\s)#.*")
_CONTINUED = re.compile(r"\\\r?\n")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_CLAUSE = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[^\s,;()<>=!~]+"
_CLAUSES = rf"{_CLAUSE}(?:\s*,\s*{_CLAUSE})*\s*,?"
# PEP 508, as far as it is certain that pip refuses what is otherwise: versions and markers are not looked into.
_REQUIREMENT = re.compile(
    rf"""
    (?P<name>{_NAME}) \s* (?P<extras> \[ [^\]]* \])? \s*
    (?: @ \s* (?P<url>\S+) | \( \s* (?:{_CLAUSES})? \s* \) | {_CLAUSES} )?
    \s* (?: ; .* )?
    """,
    re.VERBOSE,
)
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_SUFFIXES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz", ".tar")

# Nobody writes a longer one: whoever did wants to keep the patterns busy.
LONGEST_LINE = 10_000
_LONGEST_NAME = 200
MOST_LINES = 10_000


@dataclass(frozen=True, slots=True)
class RequirementLine:
    """A line of a requirements file, without comments; ``number`` is where it begins."""

    number: int
    text: str

    @property
    def readable(self) -> bool:
        """Whether its meaning is known: it holds no variable, and is UTF-8."""
        return len(self.text) <= LONGEST_LINE and "\ufffd" not in self.text and not _VARIABLE.search(self.text)

    @property
    def is_option(self) -> bool:
        """Whether it is an option of pip's."""
        return self.text.startswith("-")

    @property
    def requirement(self) -> str:
        """The line without the options behind it."""
        return re.split(r"\s--?[A-Za-z]", self.text)[0]

    @property
    def path(self) -> str | None:
        """The file or folder that is to be installed, None where it is none."""
        text = self.requirement.partition("; ")[0].strip()
        if self.is_option or "://" in text or " @ " in text:
            return None
        path = text.rpartition("[")[0] if text.endswith("]") else text
        if path.startswith(("./", "../", "/")) or path in (".", "..") or path.lower().endswith(_SUFFIXES):
            return path
        return path if "/" in path and " " not in path and not SCHEME.match(path) else None

    @property
    def _match(self) -> re.Match[str] | None:
        return None if self.is_option or self.path is not None else _REQUIREMENT.fullmatch(self.requirement)

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


def requirement_lines(data: bytes) -> list[RequirementLine]:
    """Return the lines of a requirements file that hold more than a comment."""
    found, number = [], 1
    for line in re.split(r"(?<!\\)\r?\n", data.decode("utf-8-sig", "replace")):
        # Blanks as one: patterns that allow any number of them would try them all.
        text = " ".join(_COMMENT.sub("", _CONTINUED.sub("", line)).split())
        if text:
            found.append(RequirementLine(number, text))
        number += line.count("\n") + 1
    return found


class Distributions:
    """The distributions that the text of a requirements file names; ``complete`` says that it is all of it."""

    def __init__(self, data: bytes, *, complete: bool = True) -> None:
        # Whether all that it installs is known from its lines, and the normalised names that are.
        self.complete = complete
        self.names: set[str] = set()
        self._extras: set[tuple[str, str]] = set()
        for line in requirement_lines(data):
            egg = _EGG.search(line.text) if line.readable else None
            name = line.name if line.readable else None
            if egg is not None:
                self.names.add(normal_name(egg[1]))
            elif name is not None:
                self.names.add(name)
                self._extras.update((name, extra) for extra in line.extras)
            elif not line.text.startswith(("--index-url", "--extra-index-url", "-i ")):
                self.complete = False  # another file, the path of a wheel, or what is not known

    @cached_property
    def _brought(self) -> tuple[frozenset[str], frozenset[str]]:
        modules: set[str] = set()
        unknown: set[str] = set()
        seen: set[str] = set()
        # Longer names than any are nobody's.
        waiting = [(name, name) for name in self.names if len(name) <= _LONGEST_NAME]
        for name, extra in self._extras:
            known = table().get(f"{name}[{extra}]")
            waiting.extend((need, name) for need in (known and known.needs) or ())
            if known is None:
                unknown.add(name)
        while waiting:
            name, listed = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            bare = _BUILD.sub("", name)
            known = table().get(name) or table().get(bare)
            if known is None or known.modules is None:
                modules |= guessed_modules(name) | guessed_modules(bare)
            else:
                modules.update(known.modules)
            if known is None or known.modules is None or known.needs is None:
                unknown.add(listed)
            else:
                waiting.extend((need, listed) for need in known.needs)
        return frozenset(modules), frozenset(unknown)

    @property
    def modules(self) -> frozenset[str]:
        """The top-level modules that they, and what they need, may bring."""
        return self._brought[0]

    @property
    def unknown(self) -> frozenset[str]:
        """Those of which nobody here knows all that they bring."""
        return self._brought[1]

    @cached_property
    def _installed(self) -> set[str]:
        return installed_modules(self.names)

    def brings(self, module: str) -> bool | None:
        """Tell whether a module may come with one of them: False if surely not, None if nobody knows.

        What is installed beside marpack is asked last, and only says that one does: so another machine may find
        more, and never less.
        """
        top = module.partition(".")[0]
        if not self.complete or not self.modules.isdisjoint({top, top.lower()}) or top in self._installed:
            return True
        return None if self.unknown else False
