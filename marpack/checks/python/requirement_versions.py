"""Versions that requirements ask for, as pip reads them since 24.1 (spec/requirements.md)."""

from __future__ import annotations

import re

# They are compiled where there is a version.
_VERSION = r"""
    v? (?: \d+ ! )? (?P<release> \d+ (?: \.\d+ )* )
    (?: [-_.]? (?: alpha|beta|preview|pre|rc|a|b|c ) [-_.]? \d* )?
    (?: -\d+ | [-_.]? (?: post|rev|r ) [-_.]? \d* )?
    (?P<dev> [-_.]? dev [-_.]? \d* )?
    (?P<local> \+ [a-z0-9]+ (?: [-_.] [a-z0-9]+ )* )?
"""
# Numbers of a length that nobody has to wait for.
_PIN = r"\s*==\s*v?(\d{1,18}(?:\.\d{1,18}){0,9})\s*,?\s*"
_RELEASE = r"v?(\d{1,18}(?:\.\d{1,18}){0,9})"
_CLAUSE = r"\s*(===|==|~=|!=|<=|>=|<|>)\s*([^,;\s)]*)\s*"


def version_problem(clauses: str) -> tuple[str, bool] | None:
    """Return what is wrong with the first clause that pip 24.1 refuses, and whether older ones refuse it too."""
    for clause in clauses.split(","):
        found = re.fullmatch(_CLAUSE, clause)
        if found is None or found[1] == "===":
            continue
        sign, text = found[1], found[2]
        is_prefix = text.endswith(".*")
        version = re.fullmatch(_VERSION, text.removesuffix(".*"), re.VERBOSE | re.IGNORECASE)
        if version is None:
            return f"{text!r} is no version", False
        if is_prefix and (sign not in ("==", "!=") or version["dev"] or version["local"]):
            return f"{sign} does not take {text!r}", False
        if version["local"] and sign not in ("==", "!="):
            return f"{sign} does not take {text!r}", sign == "~="
        if sign == "~=" and "." not in version["release"]:
            return f"~= wants two numbers, not {text!r}", True
    return None


def pinned(clauses: str) -> tuple[int, ...] | None:
    """Return the one version that is asked for, without zeros at its end; None where it is no plain number."""
    found = re.fullmatch(_PIN, clauses, re.ASCII)
    if found is None:
        return None
    numbers = [int(number) for number in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def is_below(clauses: str, version: tuple[int, ...]) -> bool:
    """Tell whether only versions before this one are asked for."""
    found = [re.fullmatch(_CLAUSE, clause) for clause in clauses.split(",")]
    return any(_ends_below(each[1], each[2], version) for each in found if each is not None)


def _ends_below(sign: str, text: str, version: tuple[int, ...]) -> bool:
    release = re.match(_RELEASE, text, re.ASCII)
    if release is None:
        return False
    numbers = tuple(map(int, release[1].split(".")))
    if sign == "<":
        return numbers <= version
    if sign == "~=":
        numbers = numbers[:-1]
    if sign == "~=" or text.endswith(".*"):  # all that begin so
        return sign in ("~=", "==") and numbers < version[: len(numbers)]
    return sign in ("==", "===", "<=") and numbers < version
