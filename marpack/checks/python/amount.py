"""How much of an archive's sources is taken apart: a text may ask for a thousand times its room, and any time.

All is counted, and no clock is asked, so that the same archive has the same findings on every machine. When bytes
alone were counted, `check` took 27 s and 1.2 GB for 64 sources of 1 MiB that were made to be slow, and for one of
700 bytes 8 s and 3 GB.
"""

from __future__ import annotations

import ast
import re
import string
import unicodedata
from functools import lru_cache

from marpack.checks.python.nodes import Nodes

# What words are made of, and what is no sign that may be a node of its own: spaces, what closes, a dot and "=".
# The end of a line may be one.
_WORD = string.ascii_letters.encode() + string.digits.encode() + b"_"
_ONLY_WORDS = bytes(each if each in _WORD else 32 for each in range(256))
_NO_SIGN = _WORD + b" \t\r\f\v)]}.=\\#"

# Python's parser takes up to 1.4 KB for each sign, and 3 microseconds, while it is at work, and also in vain.
# Sources that people write have 0.17 to 0.29 signs a byte: 4 MiB have 840,000.
MOST_SIGNS_OF_ONE = 165_000
MOST_SIGNS = 850_000
# What is kept of them is 400 bytes for each node that `ast.walk` gives, of which people's sources have 0.07 to
# 0.17 a byte; the rules go through all nodes. Parsing needs room for so many more for each sign.
MOST_NODES = 561_000
_NODES_OF_A_SIGN = 3.4

# Up to Python 3.11 the parser takes the square of the braces in an f-string: 0.9 s for 43,000.
MOST_BRACES = 40_000
_TEMPLATE = re.compile(rb"\b(?:[fFtT][rR]?|[rR][fFtT])['\"]")

# How an encoding is declared, in one of the first two lines.
_LINE_END = re.compile(rb"\r\n?|\n")
_DECLARED = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-A-Za-z0-9_.]+)", re.DOTALL)

# To rewrite what is newer than this Python takes so many times as long as to parse it.
_SIGNS_TO_REWRITE = 4

# How much more than its nodes compiling one source may be, and all of them. 700 bytes of "finally" in "finally"
# take 8 s and 3 GB.
MOST_EXTRA_OF_ONE = 8_000
MOST_EXTRA = 60_000

# Names are put into Unicode's normal form, in the square of the marks on a letter, whose order is to be found:
# 40,000 take 7 s. People write 3 or 4, and 30 in play.
MOST_MARKS = 200

# Behind the backslash stands what is an escape, or one of these encodings warns.
_ASCII = bytes(range(128)).replace(b"\\", b"\\n") + rb"\u0041" + b"\x1b$B!!\x1b(B.xn--bcher-kva"

_SCOPES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
# What rules make of these takes the room and time of so many nodes more.
_WEIGHTS: dict[type[ast.AST], int] = {
    ast.alias: 5,
    ast.Lambda: 2,
    ast.Try: 2,
    ast.ExceptHandler: 2,
    ast.Call: 1,
    ast.If: 1,
}
_WEIGHTS |= dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef), 3)
_EXITS = (ast.Return, ast.Break, ast.Continue)
_TRIES = (ast.Try, getattr(ast, "TryStar", ast.Try))


class Amount:
    """What has been taken apart of an archive's sources so far."""

    def __init__(self) -> None:
        self._signs = 0
        self._nodes = 0
        self._extra = 0.0
        self._squared_braces = 0

    def problem(self, data: bytes) -> str | None:
        """Return why a source is not to be parsed, None where it may be; its signs are counted in."""
        encoding = _encoding(data)
        if not _holds_ascii(encoding):
            return f"its encoding, {encoding}, does not show what stands in it"
        braces = data.count(b"{")
        if not braces or not _TEMPLATE.search(data):
            braces = 0
        if braces > MOST_BRACES:
            return f"it has f-strings, and more than {MOST_BRACES:,} braces"
        if self._squared_braces + braces**2 > MOST_BRACES**2:
            return "the sources have f-strings, and too many braces together"
        signs = signs_of(data)
        if signs > MOST_SIGNS_OF_ONE:
            return f"it has more than {MOST_SIGNS_OF_ONE:,} words and signs"
        if self._signs + signs > MOST_SIGNS:
            return f"the sources have more than {MOST_SIGNS:,} words and signs together"
        if self._nodes + signs * _NODES_OF_A_SIGN > MOST_NODES:
            return f"the sources may be more than {MOST_NODES:,} nodes together when they are parsed"
        if _has_many_marks(data, encoding):
            return f"it has more than {MOST_MARKS:,} marks on one letter"
        self._signs += signs
        self._squared_braces += braces**2
        return None

    def hold(self, nodes: Nodes) -> None:
        """Count in the nodes of a source that is kept."""
        self._nodes += len(nodes) + sum(len(nodes.of(kind)) * weight for kind, weight in _WEIGHTS.items())

    def rewriting_problem(self, data: bytes) -> str | None:
        """Return why a source is not to be rewritten for this Python, None where it may be: it takes longer."""
        signs = signs_of(data) * _SIGNS_TO_REWRITE
        if self._signs + signs > MOST_SIGNS:
            return f"the sources have more than {MOST_SIGNS:,} words and signs together"
        self._signs += signs
        return None

    def compiling_problem(self, tree: ast.Module, data: bytes | str) -> str | None:
        """Return why a source is not to be compiled, None where it may be; what it takes is counted in."""
        extra = extra_work(tree) if _may_be_slow(data) else 0.0
        if extra > MOST_EXTRA_OF_ONE or self._extra + extra > MOST_EXTRA:
            return "it takes many times as long as other sources of its length to compile"
        self._extra += extra
        return None


def signs_of(data: bytes) -> int:
    """Return how many words and signs there are, an ellipsis and the end of a line among them.

    Each kind is counted by a loop in C: 3 microseconds for 700 bytes, where a pattern that finds all takes 18.
    """
    words = len(data.translate(_ONLY_WORDS).split())
    return words + len(data.translate(None, _NO_SIGN)) + data.count(b"...")


def _encoding(data: bytes) -> str:
    """Return the encoding that a source declares, as Python's parser looks for it."""
    found = (_DECLARED.match(line) for line in _LINE_END.split(data, 2)[:2])
    return next((each[1].decode("ascii") for each in found if each), "utf-8")


@lru_cache
def _holds_ascii(encoding: str) -> bool:
    """Tell whether what is ASCII stays so, as in all in which people write sources.

    In UTF-7 any number of signs is one word, and Python takes hours to decode 1 MiB of Punycode.
    """
    try:
        return _ASCII.decode(encoding) == _ASCII.decode("ascii")
    except LookupError:  # no encoding of texts, with which Python does not read it either
        return True
    except ValueError:
        return False


def _has_many_marks(data: bytes, encoding: str) -> bool:
    """Tell whether more marks than anybody writes follow each other in a source."""
    if data.isascii():
        return False
    try:
        text = data.decode(encoding)
    except (LookupError, ValueError):
        return False
    marks = "".join(filter(_begins_with_mark, set(text)))
    return bool(marks) and re.search(f"[{re.escape(marks)}]{{{MOST_MARKS + 1}}}", text) is not None


def _begins_with_mark(character: str) -> bool:
    return unicodedata.combining(unicodedata.normalize("NFKD", character)[0]) > 0


def _may_be_slow(data: bytes | str) -> bool:
    """Tell whether a source may have much to compile for its length, by its words: few have.

    To go through the tree would take a fifth of the time of parsing.
    """
    text = data.encode("utf-8", "replace") if isinstance(data, str) else data
    scopes = sum(map(text.count, (b"def", b"class", b"lambda", b"for")))
    return scopes > 100 or text.count(b"=") > 300 or b"finally" in text or b"match" in text


class _Region:
    """A body that the compiler writes several times: that of a ``finally``, for each way out of its ``try``."""

    def __init__(self, outer: _Region | None, leaving: _Region | None) -> None:
        self.outer = outer
        # What else is written out where this one's `try` is left, since that is left too.
        self.leaving = leaving
        self.exits = 2
        self.nodes = 0
        self.times = 1


def extra_work(tree: ast.Module) -> float:
    """Return how many more nodes than there are the compiler works on, or what takes as long.

    Python 3.10 to 3.13 write the body of a ``finally`` once for each way out; they need the square of what a
    pattern of ``match`` captures, of the keywords of a call, and of the functions, classes and comprehensions of a
    scope (1,000 take as long as 3,300 nodes), and of how deep those are nested.
    """
    extra = 0.0
    regions = [_Region(None, None)]
    # How many scopes are in each, and how deep it is nested.
    scopes, depths = [0], [0]
    # The node, whose body it is in, which `finally` runs when it is left, and the number of its scope.
    waiting: list[tuple[ast.AST, _Region, _Region | None, int]] = [(tree, regions[0], None, 0)]
    while waiting:
        node, region, leaving, scope = waiting.pop()
        region.nodes += 1
        if isinstance(node, _SCOPES):
            scopes[scope] += 1
            scopes.append(0)
            depths.append(depths[scope] + 1)
            scope, leaving = len(scopes) - 1, None
        if isinstance(node, _EXITS) and leaving is not None:
            leaving.exits += 1
        elif isinstance(node, (ast.Call, ast.ClassDef)):
            extra += len(node.keywords) ** 2 / 1000
        elif isinstance(node, ast.match_case):
            extra += sum(1 for _ in ast.walk(node.pattern)) ** 2 / 70
        elif isinstance(node, _TRIES) and node.finalbody:
            inner = _Region(region, leaving)
            regions.append(inner)
            waiting.extend((each, inner, leaving, scope) for each in node.finalbody)
            waiting.extend((each, region, inner, scope) for each in (*node.body, *node.handlers, *node.orelse))
            continue
        waiting.extend((each, region, leaving, scope) for each in ast.iter_child_nodes(node))
    for region in reversed(regions):  # from the inside to the outside
        if region.leaving is not None:
            region.leaving.exits += region.exits - 2
    for region in regions[1:]:
        region.times = region.exits * (1 if region.outer is None else region.outer.times)
        extra += region.nodes * (region.times - 1)
    return extra + sum(inner**2 / 300 for inner in scopes) + sum(depth**2 / 200 for depth in depths)
