"""Environment markers of requirements, worked out for a worker: CPython on Linux, of a version that may be known.

spec/requirements.md says how pip reads them.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""\s*(?: (?P<text> '[^']*' | "[^"]*" ) | (?P<op> ===|==|~=|!=|<=|>=|<|>|not\s+in\b|in\b ) | (?P<sign> [()] )
    | (?P<word> [A-Za-z_][\w.]* ) )""",
    re.VERBOSE,
)
_KNOWN = {
    **dict.fromkeys(("os_name", "os.name"), "posix"),
    **dict.fromkeys(("sys_platform", "sys.platform"), "linux"),
    "platform_system": "Linux",
    "implementation_name": "cpython",
    **dict.fromkeys(
        ("platform_python_implementation", "platform.python_implementation", "python_implementation"), "CPython"
    ),
    "extra": "",
}
_UNKNOWN = frozenset(
    {*("platform_machine", "platform.machine", "platform_release", "platform_version", "platform.version")}
    | {*("implementation_version", "extras", "dependency_groups")}
)
_VERSIONS = frozenset({"python_version", "python_full_version"})
# Longer numbers are nobody's version, and Python reads no number of thousands of digits.
_NUMBERS = re.compile(r"\d{1,9}(?:\.\d{1,9})*(?:\.\*)?")
_DEEPEST = 20


class MarkerError(Exception):
    """A marker that no pip reads."""


class _DeepError(Exception):
    """A marker that is nested deeper than it is followed here, and that pip may read."""


def holds(marker: str, python: tuple[int, int] | None) -> bool | None:
    """Tell whether a marker holds for a worker, None where that is not known; raises ``MarkerError``."""
    tokens: list[tuple[str, str]] = []
    place, marker = 0, marker.rstrip()
    while place < len(marker):
        found = _TOKEN.match(marker, place)
        if found is None:
            raise MarkerError
        tokens.append((found.lastgroup or "", " ".join(found[0].split()) if found["op"] else found[0].strip()))
        place = found.end()
    reader = _Reader(tokens, python)
    try:
        answer = reader.either(0)
    except _DeepError:
        brackets = [text for kind, text in tokens if kind == "sign"]
        if brackets.count("(") != brackets.count(")"):
            raise MarkerError from None
        return None
    if reader.place != len(tokens):
        raise MarkerError
    return answer


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]], python: tuple[int, int] | None) -> None:
        self.tokens, self.python, self.place = tokens, python, 0

    def take(self, *texts: str) -> str | None:
        """Return the next token if it is one of these, and go on."""
        text = self.tokens[self.place][1] if self.place < len(self.tokens) else None
        if text not in texts:
            return None
        self.place += 1
        return text

    def either(self, depth: int) -> bool | None:
        if depth > _DEEPEST:
            raise _DeepError
        answers = [self.both(depth)]
        while self.take("or"):
            answers.append(self.both(depth))
        return True if True in answers else None if None in answers else False

    def both(self, depth: int) -> bool | None:
        answers = [self.one(depth)]
        while self.take("and"):
            answers.append(self.one(depth))
        return False if False in answers else None if None in answers else True

    def one(self, depth: int) -> bool | None:
        if self.take("("):
            answer = self.either(depth + 1)
            if self.take(")") is None:
                raise MarkerError
            return answer
        left, sign, right = self.value(), self.sign(), self.value()
        return _compared(left, sign, right, self.python)

    def value(self) -> tuple[str, str]:
        kind, text = self.tokens[self.place] if self.place < len(self.tokens) else ("", "")
        if kind == "text":
            text = text[1:-1]
        elif kind != "word" or not (text in _KNOWN or text in _UNKNOWN or text in _VERSIONS):
            raise MarkerError
        self.place += 1
        return kind, text

    def sign(self) -> str:
        kind, text = self.tokens[self.place] if self.place < len(self.tokens) else ("", "")
        if kind != "op":
            raise MarkerError
        self.place += 1
        return text


def _compared(
    left: tuple[str, str], sign: str, right: tuple[str, str], python: tuple[int, int] | None
) -> bool | None:
    if left[0] == right[0] == "text":
        return None
    if ("word", left[1]) == left and left[1] in _VERSIONS and right[0] == "text":
        full = left[1] == "python_full_version"
        return None if python is None else _version(python, sign, right[1], full=full)
    values = [text if kind == "text" else _KNOWN.get(text) for kind, text in (left, right)]
    first, second = values
    if first is None or second is None:
        return None
    answers = {"==": first == second, "!=": first != second, "in": first in second, "not in": first not in second}
    return answers.get(sign)


def _version(python: tuple[int, int], sign: str, text: str, *, full: bool) -> bool | None:
    """Compare a version with that of a marker; of the full one only two numbers are known."""
    text = text.strip()
    if sign in ("in", "not in"):
        words = re.split(r"[\s,|]+", text)
        if full or not all(_NUMBERS.fullmatch(word) for word in words):
            return None
        return ("{}.{}".format(*python) in text) == (sign == "in")
    if not _NUMBERS.fullmatch(text):
        return None
    any_patch = text.endswith(".*")
    numbers = [int(part) for part in text.removesuffix(".*").split(".")]
    wanted = (*numbers, 0, 0)[: max(2, len(numbers))]
    own = (*python, *[0] * (len(wanted) - 2))
    if any_patch:
        is_same = python[: len(numbers)] == tuple(numbers) if len(numbers) <= 2 else None
        return None if is_same is None or sign not in ("==", "!=") else is_same == (sign == "==")
    if full and wanted[:2] == python and not (sign in (">=", "<") and not any(wanted[2:])):
        return None
    answers = {
        "==": own == wanted,
        "!=": own != wanted,
        "<": own < wanted,
        "<=": own <= wanted,
        ">": own > wanted,
        ">=": own >= wanted,
        "~=": own >= wanted and python[: len(numbers) - 1] == tuple(numbers[:-1]) if len(numbers) > 1 else None,
    }
    return answers.get(sign)
