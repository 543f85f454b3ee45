"""What sources have ``torch.load`` allow, by ``torch.serialization.add_safe_globals``, as far as it is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Final

from marpack.checks.frame.subject import Subject
from marpack.checks.frame.weights import trees

# Those allow names of their own, or all of them.
ALLOWING: Final = frozenset({"add_safe_globals", "_add_safe_globals", "safe_globals", "clear_safe_globals"})
_LISTING: Final = frozenset({"add_safe_globals", "_add_safe_globals", "safe_globals"})
_WORD: Final = re.compile(r"\w+")


class Registered:
    """The names that the sources may have allowed: where only some functions that nobody calls do, none."""

    def __init__(self, subject: Subject) -> None:
        self._modules = subject.worker.modules
        self._trees = trees(subject)
        entry = str(subject.model.get("handler", "")).rpartition(":")[2]
        live = list(_live(self._trees, {"handle", "initialize", entry}))
        self._given = {name for node in live for name in _bound(node)}
        self._classes = {node.name for node in live if isinstance(node, ast.ClassDef)}
        self._origins = {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in live
            if isinstance(node, ast.ImportFrom) and not node.level
            for alias in node.names
        }
        calls = [node for node in live if isinstance(node, ast.Call) and _word(node.func) in _LISTING]
        heads = {id(call.func) for call in calls}
        # It may be called by another name, or with what no text tells.
        self._any = any(_names_one(node) and id(node) not in heads for node in live)
        self._listed: list[ast.expr] = []
        for call in calls:
            match call.args, call.keywords:
                case [ast.List(elts=each) | ast.Tuple(elts=each)], []:
                    self._listed += each
                case _:
                    self._any = True

    def may_hold(self, name: str) -> bool:
        """Tell whether a name may be among them."""
        return self._any or any(self._may_be(each, name) for each in self._listed)

    def _may_be(self, listed: ast.expr, name: str) -> bool:
        """Tell whether an element of such a list may be what has this name in a pickle."""
        top, last = name.partition(".")[0], name.rpartition(".")[2]
        match listed:
            case ast.Name(id=word) if word in self._given:
                return True  # something of another name, perhaps
            case ast.Name(id=word):
                module, original = self._origins.get(word, ("", word))
            case ast.Attribute(attr=original, value=ast.Name(id=module)) if module not in self._given:
                pass
            case _:
                return True
        if original == last or original in self._given:
            return True
        if top == "__main__" or self._modules.find(top) is not None:
            # One of the archive's: it has other names in the archive alone.
            return not (original in self._classes or self._is_outside(module))
        return original not in self._classes

    def _is_outside(self, module: str) -> bool:
        return bool(module) and self._modules.find(module.partition(".")[0]) is None


def _word(node: ast.expr) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")


def _names_one(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.FunctionDef(name=word):
            return word in ALLOWING
        case ast.alias(name=word, asname=str(other)):
            return word.rpartition(".")[2] in ALLOWING and other != word
        case _:
            return False


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield what gets a name otherwise than by a class or by an import as it is called."""
    match node:
        case ast.Name(id=word, ctx=ast.Store()) | ast.FunctionDef(name=word) | ast.arg(arg=word):
            yield word
        case ast.Attribute(attr=word, ctx=ast.Store()):
            yield word
        case ast.ExceptHandler(name=str(word)):
            yield word


def _live(trees: Sequence[ast.Module], used: set[str]) -> Iterator[ast.AST]:
    """Yield all but what surely is not run: what is for a script, and functions that nothing names."""
    waiting: list[ast.AST] = []
    functions: list[ast.FunctionDef] = []
    for statement in (each for tree in trees for each in tree.body):
        match statement:
            case ast.FunctionDef(decorator_list=[], name=name) if name[:2] != "__":
                functions.append(statement)
            case _:
                waiting.append(statement)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _is_of_script(node.test):
            waiting += node.orelse
            continue
        yield node
        used.update(_uses(node))
        waiting += ast.iter_child_nodes(node)
        if not waiting:
            waiting += [each for each in functions if each.name in used]
            functions = [each for each in functions if each.name not in used]


def _is_of_script(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            texts = {getattr(left, "id", None), getattr(right, "id", None)}
            values = {getattr(left, "value", None), getattr(right, "value", None)}
            return "__name__" in texts and "__main__" in values
        case _:
            return False


def _uses(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word):
            yield word
        case ast.alias(name=text) | ast.Constant(value=str(text)):
            yield from _WORD.findall(text)
