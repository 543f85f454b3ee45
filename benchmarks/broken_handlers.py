"""Ways to break a model that loads, each of one kind; and the same with what goes wrong caught."""

from __future__ import annotations

import ast
import io
import json
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

MANIFEST = "MAR-INF/MANIFEST.json"
# So many of a kind are made of one model: more of them would be more of the same.
MOST_OF_A_KIND = 2
# What starts a worker all the same when it is taken away, or is no fault of the handler's.
NEVER_REMOVED = {"handler", "modelName", "modelVersion"}


@dataclass(frozen=True, kw_only=True)
class Model:
    """The members of a model, which of them stand in for data, and which were opened while it loaded.

    ``asked`` is false for what was never meant to answer.
    """

    members: Mapping[str, bytes]
    stand_ins: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    asked: bool = True

    @property
    def manifest(self) -> dict[str, str]:
        return dict(json.loads(self.members[MANIFEST])["model"])

    @property
    def handler(self) -> str | None:
        """The handler's file, None for one that is built in."""
        name = self.manifest["handler"].split(":")[0].split("/")[-1].removesuffix(".py") + ".py"
        return name if name in self.members else None

    @property
    def tree(self) -> ast.Module | None:
        """The handler as it is parsed, anew for each that changes it; None where it is not Python."""
        try:
            return ast.parse(self.members[self.handler]) if self.handler else None
        except (SyntaxError, ValueError):
            return None

    def with_member(self, name: str, data: bytes) -> Model:
        return replace(self, members={**self.members, name: data})

    def without(self, name: str) -> Model:
        return replace(self, members={key: data for key, data in self.members.items() if key != name})

    def with_tree(self, tree: ast.Module) -> Model:
        assert self.handler is not None
        return self.with_member(self.handler, ast.unparse(ast.fix_missing_locations(tree)).encode())


def broken(model: Model) -> Iterator[tuple[str, Model]]:
    """Yield the kind of what is wrong, and the model that has it; whether it fails is for the loader to say."""
    for kind, make in KINDS.items():
        for count, other in enumerate(make(model)):
            if count == MOST_OF_A_KIND:
                break
            yield kind, other
            # Of what is returned nothing is caught there.
            guarded = None if count or kind.endswith("returned") else _guarded(other)
            if guarded is not None:
                yield f"{kind}, caught", guarded


def rewritten(model: Model) -> Model | None:
    """Return the model as all broken ones are written, by ``ast``: what they are compared with."""
    tree = model.tree
    return None if tree is None else model.with_tree(tree)


def _functions(tree: ast.Module, *names: str) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            yield node


def _guarded(model: Model) -> Model | None:
    """Catch everything that ``initialize`` raises."""
    tree = model.tree
    methods = list(_functions(tree, "initialize")) if tree else []
    if tree is None or len(methods) != 1:
        return None
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
    methods[0].body = [ast.Try(methods[0].body, [handler], [], [])]
    return model.with_tree(tree)


def _manifest_keys(model: Model) -> Iterator[Model]:
    whole = json.loads(model.members[MANIFEST])
    for key in model.manifest:
        if key not in NEVER_REMOVED:
            rest = {name: value for name, value in whole["model"].items() if name != key}
            yield model.with_member(MANIFEST, json.dumps({**whole, "model": rest}).encode())


def _other_keys(model: Model) -> Iterator[Model]:
    tree = model.tree
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Constant) and node.value in ("serializedFile", "modelFile", "model_dir", "model"):
            kept, node.value = node.value, f"{node.value}s"
            assert tree is not None
            yield model.with_tree(tree)
            node.value = kept


def _files(model: Model) -> Iterator[Model]:
    named = set(model.manifest.values())
    for name in model.opened:
        if name in model.members and not name.endswith(".py") and name not in named:
            yield model.without(name)


def _renamed_files(model: Model) -> Iterator[Model]:
    for each in _files(model):
        [name] = model.members.keys() - each.members.keys()
        stem, dot, suffix = name.rpartition(".")
        yield each.with_member(f"{stem}2{dot}{suffix}", model.members[name])


def _modules(model: Model) -> Iterator[Model]:
    for name in model.members:
        if name.endswith(".py") and name != model.handler and name in model.opened:
            yield model.without(name)


def _imports(model: Model) -> Iterator[Model]:
    tree = model.tree
    for position, node in enumerate(tree.body if tree else ()):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", "") != "__future__":
            assert tree is not None
            yield model.with_tree(ast.Module([*tree.body[:position], *tree.body[position + 1 :]], []))


def _names(model: Model) -> Iterator[Model]:
    """Misspell a name where it is bound in ``initialize``."""
    tree = model.tree
    for function in _functions(tree, "initialize", "__init__") if tree else ():
        for node in function.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                kept, node.targets[0].id = node.targets[0].id, f"{node.targets[0].id}_"
                assert tree is not None
                yield model.with_tree(tree)
                node.targets[0].id = kept


def _attributes(model: Model) -> Iterator[Model]:
    """Misspell an attribute of ``self`` where it is bound."""
    tree = model.tree
    for function in _functions(tree, "initialize", "__init__") if tree else ():
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and ast.unparse(node.value) == "self"
            ):
                kept, node.attr = node.attr, f"{node.attr}_"
                assert tree is not None
                yield model.with_tree(tree)
                node.attr = kept


def _results(change: Callable[[ast.expr], ast.expr | None]) -> Callable[[Model], Iterator[Model]]:
    def make(model: Model) -> Iterator[Model]:
        for name in ("handle", "postprocess"):
            tree = model.tree
            for function in _functions(tree, name) if tree else ():
                for node in ast.walk(function):
                    if isinstance(node, ast.Return) and node.value is not None:
                        node.value = change(node.value)
                assert tree is not None
                yield model.with_tree(tree)

    return make


def _dict(value: ast.expr) -> ast.expr:
    return ast.Dict([ast.Constant("result")], [value])


def _tuple(value: ast.expr) -> ast.expr:
    return ast.Tuple([value], ast.Load())


def _text(value: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("str", ast.Load()), [value], [])


def _nothing(value: ast.expr) -> None:
    return None


def _torch_zip(pickled: bytes, *more: str) -> bytes:
    """Return a file as ``torch.save`` writes one, of this pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in (("data.pkl", pickled), ("byteorder", b"little"), ("version", b"3\n")):
            archive.writestr(f"archive/{name}", data)
        for name in more:
            archive.writestr(f"archive/{name}", b"")
    return buffer.getvalue()


class _Refused:
    """Pickled as an object of a class that no torch lets in by itself."""


class _Absent:
    """Pickled as an object of a class whose module is nowhere."""


def _pickle(kind: type, module: str, name: str) -> bytes:
    # Protocol 2, as torch writes: the name is a text in it, and no longer one of these.
    text = pickle.dumps(kind(), 2)
    old = f"c{kind.__module__}\n{kind.__qualname__}\n".encode()
    return text.replace(old, f"c{module}\n{name}\n".encode())


def _weights(data: bytes) -> Callable[[Model], Iterator[Model]]:
    """Put other weights where the handler loads some, which are then no stand-ins."""

    def make(model: Model) -> Iterator[Model]:
        source = model.members[model.handler].decode("utf-8", "replace") if model.handler else ""
        name = model.manifest.get("serializedFile", "")
        if name in model.members and re.search(r"torch\.(jit\.)?load\(|\.initialize\(", source):
            kept = tuple(each for each in model.stand_ins if each != name)
            yield replace(model.with_member(name, data), stand_ins=kept)

    return make


KINDS: Mapping[str, Callable[[Model], Iterator[Model]]] = {
    "1 manifest key removed": _manifest_keys,
    "1 key misspelt in the handler": _other_keys,
    "2 file not packed": _files,
    "2 file packed by another name": _renamed_files,
    "2 module not packed": _modules,
    "3 weights of a whole module": _weights(_torch_zip(_pickle(_Refused, "torch.nn.modules.linear", "Linear"))),
    "3 weights are a state_dict": _weights(_torch_zip(pickle.dumps({}, 2))),
    "3 weights of an absent class": _weights(_torch_zip(_pickle(_Absent, "my_project.model", "Net"))),
    "5 import removed": _imports,
    "5 name misspelt": _names,
    "5 attribute misspelt": _attributes,
    "5 a dict is returned": _results(_dict),
    "5 a tuple is returned": _results(_tuple),
    "5 a str is returned": _results(_text),
    "5 nothing is returned": _results(_nothing),
}
