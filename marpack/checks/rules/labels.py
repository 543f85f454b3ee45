"""Rules on the file that handlers look for by its name: index_to_name.json."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

from marpack.checks.frame.subject import Subject
from marpack.checks.python.classes import ClassOf
from marpack.checks.python.torch_handlers import KNOWN_BASES, torch_handler
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

LABELS = "index_to_name.json"
# What may read it without its name: functions that list a folder, and TorchServe's own.
_READERS = frozenset({"glob", "iglob", "iterdir", "listdir", "load_label_mapping", "rglob", "scandir", "walk"})


@rule("labels-shape", "error", kind="model")
def find_labels(subject: Subject) -> Iterator[Finding]:
    """Write ``index_to_name.json`` as ``BaseHandler`` takes it.

    Every handler that loads its model as ``BaseHandler`` does reads this file if it is there: strict JSON, an
    object whose values are strings, or lists that end in one, or ``{"object_type_names": [...]}``. Anything else
    is an exception that ends the worker. Where nobody can tell what the handler does it is a warning [server].
    """
    loads = subject.worker.loads_model
    if loads is False or (data := subject.read(LABELS)) is None:
        return
    severity: Severity = "error" if loads else "warning"
    fix = 'write {"0": "cat", "1": "dog"}'
    for message, error, line in _label_problems(data):
        effect = f"the worker dies: {error}"
        yield find_labels.finding(
            message=message, fix=fix, effect=effect, member=LABELS, line=line, severity=severity
        )


def _label_problems(data: bytes) -> Iterator[tuple[str, str, int | None]]:
    try:
        text = data.decode()
        document = json.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        yield f"it is not UTF-8 at byte {error.start}", "UnicodeDecodeError: 'utf-8' codec can't decode byte", line
    except json.JSONDecodeError as error:
        yield f"it is not JSON: {error.msg}", f"json.decoder.JSONDecodeError: {error.msg}", error.lineno
    except (ValueError, RecursionError) as error:
        yield f"it cannot be read: {error}", type(error).__name__, None
    else:
        yield from _shape_problems(document)


def _shape_problems(document: Any) -> Iterator[tuple[str, str, int | None]]:
    if not isinstance(document, dict):
        effect = 'Exception: index->name JSON mapping should be in "class": "label" format.'
        yield f"it is {type(document).__name__}, not an object", effect, 1
        return
    if isinstance(document.get("object_type_names"), list):
        return
    for key, value in document.items():
        if isinstance(value, list) and not value:
            yield f"the list of {key!r} is empty", "IndexError: list index out of range", None
        elif not isinstance(value[-1] if isinstance(value, list) else value, str):
            effect = "Exception: labels in index->name mapping must be either str or List[str]"
            yield f"the label of {key!r} is neither a string nor a list that ends in one", effect, None
        else:
            continue
        return


@rule("labels-missing", "note", kind="model")
def find_no_labels(subject: Subject) -> Iterator[Finding]:
    """Pack ``index_to_name.json`` for handlers that answer with names.

    The built-in handlers for images and text, and handlers of ``BaseHandler``'s kind that speak of
    ``self.mapping``, answer with numbers of classes where there is none, and the server logs a warning [server].
    """
    if subject.holds(LABELS) or (entry := subject.worker.entry_point) is None:
        return
    if entry.built_in is not None:
        names = entry.built_in.uses_labels
    else:
        space = entry.space
        names = subject.worker.loads_model is True and space is not None and _uses_mapping(space.tree)
    if names:
        message = f"there is no {LABELS}, which the handler takes the names of classes from"
        fix = "pack one as an extra file, unless numbers are meant"
        effect = f'it logs "{LABELS} is missing. Inference output will not include class name."'
        yield find_no_labels.finding(message=message, fix=fix, effect=effect)


@rule("labels-unread", "note", kind="model")
def find_unread(subject: Subject) -> Iterator[Finding]:
    """Read ``index_to_name.json`` in a handler whose ``initialize`` is its own.

    Only ``BaseHandler.initialize`` reads it, into ``self.mapping``, which is None before. A handler that uses
    ``self.mapping`` all the same is the rule ``handler-none``'s [server].
    """
    entry = subject.worker.entry_point
    if LABELS not in subject.names or entry is None or entry.cls is None:
        return
    lineage = entry.cls.lineage
    known = all(isinstance(item, ClassOf) or (item is not None and _is_known(item)) for item in lineage)
    owner = entry.cls.attribute("initialize").owner
    trees = (space.tree for space in subject.worker.spaces)
    if known and isinstance(owner, ClassOf) and not any(map(_may_read_labels, trees)):
        fix = "call super().initialize(context), read it in initialize, or leave it out"
        effect = "answers without it"
        yield find_unread.finding(f"nothing reads {LABELS}", fix=fix, effect=effect, member=LABELS)


def _is_known(path: str) -> bool:
    return path in KNOWN_BASES or torch_handler(path) is not None


def _may_read_labels(tree: ast.Module) -> bool:
    """Tell whether a module has BaseHandler read the labels, speaks of them, or looks at all files of a folder."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr="initialize", ctx=ast.Load()):
                return True
            case ast.Attribute(attr="mapping", ctx=ast.Store()):
                return True
            case ast.Constant(value=str(text)) if "index_to_name" in text or text.endswith(("*", "json")):
                return True
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name) if name in _READERS:
                return True
    return False


def _uses_mapping(tree: ast.Module) -> bool:
    """Tell whether a module reads ``self.mapping``."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr="mapping", value=ast.Name(id="self"), ctx=ast.Load()):
                return True
    return False


RULES = rules_in(globals())
