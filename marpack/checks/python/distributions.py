"""Which modules the distributions of a requirements file bring, as far as that is known."""

from __future__ import annotations

import re
from functools import cached_property

from marpack.checks.python.distribution_names import guessed_modules, normal_name, table
from marpack.checks.python.installed import installed_modules
from marpack.checks.python.requirement_lines import requirement_lines

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
_LONGEST_NAME = 200


class Distributions:
    """The distributions that the text of a requirements file names; ``complete`` says that it is all of it.

    ``python`` is the version of the server, None where it is not known: what is not for it is left out.
    """

    def __init__(self, data: bytes, *, complete: bool = True, python: tuple[int, int] | None = None) -> None:
        # Whether all that it installs is known from its lines, and the normalised names that are.
        self.complete = complete
        self.names: set[str] = set()
        self._extras: set[tuple[str, str]] = set()
        for line in requirement_lines(data):
            egg = _EGG.search(line.text) if line.readable else None
            name = line.name if line.readable else None
            if line.readable and line.applies(python) is False:
                continue
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
