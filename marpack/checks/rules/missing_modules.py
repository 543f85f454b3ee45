"""What is known of a module that is missing: whose it likely is, and where it should come from."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable

from marpack.checks.frame.subject import Subject
from marpack.checks.python.distribution_names import distribution_of, is_module
from marpack.checks.python.imports import Import
from marpack.checks.python.modules import Modules
from marpack.checks.python.namespace import Namespace

# Words in the names that people give to the files beside a handler.
_PARTS = frozenset(
    """
    arch architecture architectures backbone base common conf config configs configuration const constant constants
    custom data dataset datasets decoder definition encoder feature features func functions handler handlers helper
    helpers inference input io layers lib loader local logger metrics misc model models module modules my net nets
    network networks output parameters params pipeline post postprocess postprocessing postprocessor pre predict
    prediction predictor preprocess preprocessing preprocessor processing reader schema schemas service services
    settings shared src tools transform transforms util utilities utils vocab vocabulary wrapper
    """.split()  # noqa: SIM905 - quotes would hide the names
)
# Those that are nothing else, although some distribution has a module of the name.
_SURELY_PARTS = frozenset(
    {*("common", "config", "constants", "core", "handlers", "helper", "helpers", "model", "models")}
    | {*("preprocessing", "settings", "src", "util", "utils")}
)
_SHORTEST = 3
# Of sys, where modules are looked for; and what adds to it.
_PATHS = frozenset({"path", "meta_path", "path_hooks"})
_ADDS_FOLDERS = frozenset({"addsitedir", "extend_path"})


def is_likely_own(name: str, unknown: Collection[str], imports: Iterable[Import], modules: Modules) -> bool:
    """Tell whether a top-level module is more likely a file beside the handler than something installed.

    Of the distributions of the table none has it, but for a few names, and it is not called like one of the
    ``unknown``, of which nobody knows what they bring. It is called as such files are, or others are packed.
    """
    if is_module(name) and name not in _SURELY_PARTS:
        return False
    words = _words(name)
    for other in unknown:
        if words & {word for word in _words(other) if len(word) >= _SHORTEST} or name.lower() in other:
            return False
    if name in _SURELY_PARTS or not words.isdisjoint(_PARTS):
        return True
    packed = (modules.find(item.module.partition(".")[0]) for item in imports if item.module)
    return any(module is not None and module.kind != "compiled" for module in packed)


def _words(name: str) -> frozenset[str]:
    return frozenset(name.lower().replace("-", "_").strip("_").split("_"))


def is_closed(space: Namespace | None) -> bool:
    """Tell whether a package has only the modules that lie in its folder."""
    return space is None or (space.certain and space.is_absent("path") and "__path__" not in space.bindings)


def in_folders(subject: Subject) -> dict[str, str]:
    """Return the modules that lie in folders, by their last names."""
    files = [name for name in subject.names if "/" in name and name.endswith(".py")]
    return {name.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]: name for name in files}


def where(near: str | None, module: str) -> str:
    """Return where a module that is missing is to come from; ``near`` is a member that has its name."""
    if near is not None:
        return f"{near!r} lies in a folder that is not searched: import it from there, or pack it at the root"
    other = distribution_of(module)
    name = "its distribution" if other is None else f"its distribution ({other})"
    return f"pack it, name {name} in the requirements file, or install it where the server runs"


def unless_with(unknown: Collection[str]) -> str:
    """Return whose dependencies nobody knows here."""
    names = sorted(unknown)
    return f", unless it comes with {', '.join(names[:3])}{' or others' if len(names) > 3 else ''}"


def changes_path(subject: Subject) -> bool:
    """Tell whether a source that loading the model runs changes where modules are looked for, or installs some."""
    return subject.once(_changes_path)


def _changes_path(subject: Subject) -> bool:
    return any(map(_does_change_path, subject.worker.spaces))


def _does_change_path(space: Namespace) -> bool:
    return (
        any(map(_is_path, space.nodes.of(ast.Attribute)))
        or any(node.id in _ADDS_FOLDERS for node in space.nodes.of(ast.Name))
        or any(
            node.module == "sys" and any(alias.name == "path" for alias in node.names)
            for node in space.nodes.of(ast.ImportFrom)
        )
        or any(map(_calls_pip, space.nodes.of(ast.Constant)))
    )


def _is_path(node: ast.Attribute) -> bool:
    """Tell whether an attribute is where modules are looked for, or a function that adds to it."""
    of_sys = isinstance(node.value, ast.Name) and node.value.id == "sys"
    return node.attr in _ADDS_FOLDERS or (of_sys and node.attr in _PATHS)


def _calls_pip(node: ast.Constant) -> bool:
    text = node.value
    return isinstance(text, str) and (text in {"pip", "pip3"} or "pip install" in text)
