"""The options that a requirements file may hold, as pip's own parser reads them (spec/requirements.md)."""

from __future__ import annotations

import re
import shlex

from marpack.frozen import frozen_in_order

# Whether it takes a value; of those of the second table only some versions of pip know.
OPTIONS = {
    **dict.fromkeys(("-i", "--index-url", "--pypi-url", "--extra-index-url", "-f", "--find-links"), True),
    **dict.fromkeys(("-r", "--requirement", "-c", "--constraint", "-e", "--editable"), True),
    **dict.fromkeys(("--no-binary", "--only-binary", "--trusted-host", "--use-feature", "--hash"), True),
    **dict.fromkeys(("--no-index", "--prefer-binary", "--require-hashes", "--pre"), False),
}
SOME_VERSIONS = {
    "--install-option": (True, "pip 23.1 and newer do not know it"),
    "--global-option": (True, "pip 25.3 and newer do not know it"),
    **dict.fromkeys(("-C", "--config-settings", "--config-setting"), (True, "pip before 23.1 does not know it")),
    **dict.fromkeys(("--all-releases", "--only-final"), (True, "pip before 26.0 does not know it")),
    "--no-require-hashes": (False, "pip before 26 does not know it"),
}
_ALL = {**OPTIONS, **{name: takes for name, (takes, _) in SOME_VERSIONS.items()}}
_HASH = re.compile(r"(?:sha256|sha384|sha512):.*", re.DOTALL)


@frozen_in_order
class Options:
    """What the options of a line say: their values by their full names, and the ``words`` between them.

    ``problem`` is what pip says of the first that it does not take, ``doubt`` what only some versions take.
    """

    values: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()
    problem: str | None = None
    doubt: str | None = None


def read_options(text: str) -> Options:
    """Return the options that a line ends with."""
    if not text:
        return Options()
    try:
        tokens = shlex.split(text)
    except ValueError as error:
        return Options(problem=str(error))
    values: list[tuple[str, str]] = []
    words: list[str] = []
    doubt = None
    while tokens:
        token = tokens.pop(0)
        if token == "--":
            words += tokens
            break
        if token == "-" or not token.startswith("-"):
            words.append(token)
            continue
        given = token.partition("=")[0] if token.startswith("--") else token[:2]
        value = token[len(given) :] or None
        if value is not None and token.startswith("--"):
            value = value[1:]
        name = _name(given)
        if name is None:
            return Options(problem=f"no such option: {given}")
        if name in SOME_VERSIONS:
            doubt = doubt or f"{name}: {SOME_VERSIONS[name][1]}"
        if not _ALL[name]:
            if value is not None:
                return Options(problem=f"{given} option does not take a value")
            value = ""
        elif value is None:
            if not tokens:
                return Options(problem=f"{given} option requires 1 argument")
            value = tokens.pop(0)
        if name == "--hash" and not _HASH.fullmatch(value):
            return Options(problem="--hash takes sha256:..., sha384:... or sha512:...")
        values.append((name, value))
    return Options(values=tuple(values), words=tuple(words), doubt=doubt)


def _name(given: str) -> str | None:
    """Return the option that is meant: optparse takes what a long one begins with, if no other does so too."""
    if given in _ALL:
        return given
    found = [name for name in _ALL if given.startswith("--") and len(given) > 2 and name.startswith(given)]
    # Of several, some version may know one alone.
    return found[0] if found else None
