"""Rules on workflow archives (``.war``): their manifest, specification, and the functions of their handler."""

from __future__ import annotations

import graphlib
import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from marpack.archive.manifest import WORKFLOW_MANIFEST_NAME
from marpack.checks.frame.contents import LONGEST_YAML
from marpack.checks.frame.subject import Subject, json_object
from marpack.checks.python.namespace import Namespace
from marpack.checks.rules.manifest_file import manifest_finding
from marpack.config.text import yaml_text
from marpack.config.text.plain_copy import INT_RANGE, is_int
from marpack.display import brief_repr
from marpack.errors import MissingExtraError
from marpack.findings import Finding, Severity
from marpack.frozen import frozen_in_order
from marpack.rule import Rule, rule, rules_in

# Whole numbers, of the workflow and of each model.
WORKFLOW_NUMBERS = frozenset(
    {"min-workers", "max-workers", "batch-size", "max-batch-delay", "retry-attempts", "timeout-ms"}
)
_MAPPINGS = "write models: and dag:, each a mapping"
# What the server says where the manifest lacks a value.
_NEEDED = {
    "createdOn": '"Workflow archive createdOn is not defined."',
    "archiverVersion": '"Workflow archive version is not defined."',
    "workflow.workflowName": '"Workflow name is not defined."',
    "workflow.specFile": "NullPointerException",
    "workflow.handler": "NullPointerException",
}


@frozen_in_order
class _Spec:
    """A specification: ``document`` if it is a mapping, ``problem`` what keeps it from being one."""

    member: str
    problem: Finding | None = None
    unread: bool = False
    document: Mapping[Any, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def models(self) -> dict[str, Any]:
        """The nodes that are models."""
        models = self.document.get("models")
        found = models if isinstance(models, dict) else {}
        return {key: value for key, value in found.items() if isinstance(key, str) and key not in WORKFLOW_NUMBERS}

    @property
    def edges(self) -> dict[str, list[str]] | None:
        """The nodes and those that follow them; None where they are not lists of names."""
        dag = self.document.get("dag")
        if not isinstance(dag, dict) or not all(
            isinstance(node, str)
            and isinstance(after, list)
            and all(isinstance(item, (str, type(None))) for item in after)
            for node, after in dag.items()
        ):
            return None
        # The server passes over null and blanks in a list.
        return {node: [item for item in after if item and item.strip()] for node, after in dag.items()}

    def finding(
        self, found_by: Rule[Subject], key: str, *, message: str, fix: str, effect: str, inside: str | None = None
    ) -> Finding:
        """Return a finding of a rule on a key, in its line, or in that of the key that it is ``inside``."""
        line = self.lines.get(key, self.lines.get(inside or key))
        return found_by.finding(message=message, fix=fix, effect=effect, key=key, member=self.member, line=line)


def _spec(subject: Subject) -> _Spec | None:
    name = subject.once(_workflow).get("specFile")
    if not isinstance(name, str) or not name:
        return None
    name = posixpath.normpath(name)
    if name not in subject.names and subject.holds(name):
        return None  # a link: nothing is known of it

    def wrong(*, message: str, fix: str, effect: str, line: int | None = None) -> _Spec:
        place = name if name in subject.names else subject.manifest_name
        found = find_spec.finding(message=message, fix=fix, effect=effect, member=place, line=line)
        return _Spec(name, found)

    if name not in subject.names:
        message = f"the specification {name!r} is not in the archive"
        return wrong(message=message, effect="it answers 500", fix="pack it (--spec-file)")
    data = subject.read(name, longest=LONGEST_YAML)
    if data is None:
        return None
    try:
        document, lines, _ = yaml_text.parse(data)
    except MissingExtraError:
        return _Spec(name, unread=True)
    except yaml_text.YAMLTextError as error:
        what, effect = error.msg, "it answers 500"
        if error.fault == "empty":
            what, effect = "it is empty", 'it answers 500: "this.workflowSpec" is null'
        return wrong(message=what, effect=effect, fix=_MAPPINGS, line=error.line)
    if not isinstance(document, dict):
        effect = "it answers 500: ClassCastException"
        return wrong(message="it is no mapping", effect=effect, fix=_MAPPINGS, line=lines[""])
    return _Spec(name, document=document, lines=lines)


def _manifest(subject: Subject) -> dict[str, Any]:
    """Return the manifest, with a byte order mark or not: no worker reads this one."""
    return json_object(subject.manifest_bytes, "utf-8-sig")


def _workflow(subject: Subject) -> dict[str, Any]:
    workflow = subject.once(_manifest).get("workflow")
    return workflow if isinstance(workflow, dict) else {}


@rule("workflow-manifest", "error", kind="workflow")
def find_manifest(subject: Subject) -> Iterator[Finding]:
    """Give the manifest of a workflow what the server needs.

    The server reads ``WAR-INF/MANIFEST.json`` and wants ``createdOn``, ``archiverVersion`` and, in ``workflow``,
    ``workflowName``, ``specFile`` and ``handler``, the last of them also where no node is a function [server].
    """
    name, data = subject.manifest_name, subject.manifest_bytes
    fix = "pack it with marpack pack-workflow or torch-workflow-archiver"
    if data is None:
        if not subject.holds(name):
            message, effect = f"there is no {name}", "it answers 500, InvalidWorkflowException"
            yield find_manifest.finding(message=message, fix=fix, effect=effect)
        return
    manifest = subject.once(_manifest)
    if not manifest and (wrong := _syntax_finding(data)):
        yield wrong
        return
    workflow = manifest.get("workflow", {})
    if not isinstance(workflow, dict):
        effect = "it answers 500, NullPointerException" if workflow is None else "it answers 500"
        yield find_manifest.finding(message="it is no object", fix=fix, effect=effect, key="workflow", member=name)
        return
    for key, error in _NEEDED.items():
        section, _, inner = key.rpartition(".")
        value = (workflow if section else manifest).get(inner)
        # An empty handler is how the archiver says that no node is a function.
        if value is None or (value == "" and key != "workflow.handler"):
            effect = f"it answers 500, {error}"
            yield find_manifest.finding(message="it is missing", fix=fix, effect=effect, key=key, member=name)


def _syntax_finding(data: bytes) -> Finding | None:
    """Return what keeps a manifest from being an object; a warning where the server may read it yet."""
    severity: Severity = "error"
    effect = "it takes comments and single quotes, and answers 500 to the rest"
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        message = "it is empty"
        if data.strip():
            message, severity = f"it is not JSON: {error}", "warning"
    else:
        if isinstance(document, dict):
            return None
        message, effect = "it is not an object", "it answers 500"
    fix, member = "write strict JSON, as an object", WORKFLOW_MANIFEST_NAME
    return find_manifest.finding(message=message, fix=fix, effect=effect, member=member, severity=severity)


@rule("workflow-slash", "error", kind="workflow")
def find_slash(subject: Subject) -> Iterator[Finding]:
    """Use no ``/`` in the name of a workflow.

    The server registers one with it, and no URL reaches that, not even to remove it [server].
    """
    name = subject.once(_workflow).get("workflowName")
    if isinstance(name, str) and "/" in name:
        message, fix = f"{name!r} holds a '/'", "leave it out"
        effect = "it answers 404 to every URL with this in it"
        yield manifest_finding(
            find_slash, subject, "workflow.workflowName", message=message, fix=fix, effect=effect
        )


@rule("workflow-unread", "note", kind="workflow")
def find_unread(subject: Subject) -> Iterator[Finding]:
    """Install PyYAML to have the specification of a workflow looked into.

    The other rules on it find nothing then. ``pip install 'marpack[yaml]'`` installs it.
    """
    spec = subject.once(_spec)
    if spec is not None and spec.unread:
        message, fix = "it was not looked into: PyYAML is not installed", "pip install 'marpack[yaml]'"
        yield find_unread.finding(message=message, fix=fix, member=spec.member)


@rule("workflow-spec", "error", kind="workflow")
def find_spec(subject: Subject) -> Iterator[Finding]:
    """Pack a specification with ``models`` and ``dag``, each model with its ``url``.

    The server needs a mapping with both, and follows a null pointer where one is missing; in ``models``, each
    model is a mapping with its ``url`` [server].
    """
    spec = subject.once(_spec)
    if spec is None or spec.unread:
        return
    if spec.problem is not None:
        yield spec.problem
        return
    for key, inside in (("models", "modelsInfo"), ("dag", "dagInfo")):
        value = spec.document.get(key)
        if not isinstance(value, dict):
            message, effect = "it is no mapping", "it answers 500"
            if value is None:
                message, effect = "it is missing", f'it answers 500: "{inside}" is null'
            yield spec.finding(find_spec, key, message=message, fix=_MAPPINGS, effect=effect)
    for node, model in spec.models.items():
        message, effect = "it is no mapping", "it answers 500: NullPointerException or ClassCastException"
        if isinstance(model, dict):
            if isinstance(model.get("url"), str):
                continue
            message = "the model has no url"
            effect = f"it answers 500: Workflow Node {_name(subject)}__{node} failed to register"
        fix = "write url: and the name of the model's archive"
        yield spec.finding(find_spec, f"models.{node}", message=message, fix=fix, effect=effect, inside="models")


@rule("workflow-number", "error", kind="workflow")
def find_numbers(subject: Subject) -> Iterator[Finding]:
    """Write numbers of workers, requests and milliseconds as whole numbers.

    The server expects a Java ``Integer``: quotes, a fraction, or more than 31 bits end the registration, and so
    does a key without a value, which is null [server].
    """
    spec = subject.once(_spec)
    if spec is None:
        return
    models = spec.document.get("models")
    places = [("models", models), *((f"models.{name}", value) for name, value in spec.models.items())]
    for path, mapping in places:
        if not isinstance(mapping, dict):
            continue
        for key in sorted(WORKFLOW_NUMBERS & mapping.keys()):
            value = mapping[key]
            if is_int(value) and value in INT_RANGE:
                continue
            message, fix = f"{brief_repr(value, 40)} is no whole number of at most 31 bits", "write a whole number"
            effect = f"it answers 500: class {_java_class(value)} cannot be cast to class java.lang.Integer"
            if isinstance(value, str):
                message, fix = f"{value[:40]!r} is a string, not a whole number", "write it without quotes"
            elif value is None:
                message, fix = "it has no value", "write a whole number, or leave the key out"
                effect = 'it answers 500: Cannot invoke "java.lang.Integer.intValue()", for the value is null'
            yield spec.finding(find_numbers, f"{path}.{key}", message=message, fix=fix, effect=effect, inside=path)


def _java_class(value: object) -> str:
    """Return what SnakeYAML makes of a value."""
    names = {str: "lang.String", bool: "lang.Boolean", float: "lang.Double", list: "util.ArrayList"}
    names |= {dict: "util.LinkedHashMap", int: "lang.Long"}
    return f"java.{names.get(type(value), 'util.Date')}"


@rule("workflow-dag", "error", kind="workflow")
def find_dag(subject: Subject) -> Iterator[Finding]:
    """Let a ``dag`` begin at one node, and go in no circle.

    Each node names those that come after it, in a list. A workflow begins at the node that follows none [server].
    """
    spec = subject.once(_spec)
    if spec is None or not isinstance(spec.document.get("dag"), dict):
        return
    edges = spec.edges
    if edges is None:
        message = "a node's followers are no list of names"
        yield spec.finding(find_dag, "dag", message=message, fix="write node: [next]", effect="it answers 500")
        return
    followers = {after for names in edges.values() for after in names}
    starts = [node for node in edges if node not in followers]
    if len(starts) != 1:
        which = f"begins at {', '.join(map(repr, starts[:5]))}" if starts else "has no beginning"
        message, fix = f"the workflow {which}", "let one node come before all others"
        effect = 'it answers 400, "DAG should have only one start node"'
        yield spec.finding(find_dag, "dag", message=message, fix=fix, effect=effect)
    elif circle := _circle(edges):
        message, fix = f"it goes in a circle: {' -> '.join(circle[:8])}", "take one of these out"
        yield spec.finding(find_dag, "dag", message=message, fix=fix, effect='it answers 400, "Not a valid DAG"')


def _circle(edges: Mapping[str, list[str]]) -> list[str]:
    """Return nodes that follow each other in a circle; none if there is none."""
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        circle: list[str] = error.args[1]
        return circle[::-1]  # for the sorter, what a node names comes before it
    return []


@rule("workflow-function", "error", kind="workflow")
def find_functions(subject: Subject) -> Iterator[Finding]:
    """Write a function for each node that is no model.

    A node that ``models`` does not know is a function in the file that the manifest names as ``handler``. The
    server starts a worker for it, which finds none, and gives the registration up [server].
    """
    spec = subject.once(_spec)
    edges = None if spec is None else spec.edges
    handler = subject.once(_workflow).get("handler")
    if spec is None or not edges or not isinstance(handler, str):
        return
    nodes = dict.fromkeys([*edges, *(after for names in edges.values() for after in names)])
    functions = [node for node in nodes if node not in spec.models]
    member = posixpath.normpath(handler) if handler else ""
    source = subject.source(member)
    failed = f"it answers 500: Failed to start workers for model {_name(subject)}__"
    if source is None and functions and not subject.holds(member):
        missing = f"{member!r} is not in the archive" if member else "no handler is named"
        message, fix = f"{missing}, and {functions[0]!r} is no model", "pack the handler, or give the model's url"
        effect = f"{failed}{functions[0]}"
        yield manifest_finding(
            find_functions, subject, "workflow.handler", message=message, fix=fix, effect=effect
        )
    if source is None or source.tree is None:
        return
    module = posixpath.basename(member).removesuffix(".py")
    space = Namespace(source.tree, nodes=source.nodes, name=module, package="", python=subject.settings.python)
    for node in filter(space.is_absent, functions):
        message = f"{node!r} is no model, and {member!r} has no function of this name"
        fix = "write the function, or give the model's url"
        yield spec.finding(
            find_functions, f"dag.{node}", message=message, fix=fix, effect=f"{failed}{node}", inside="dag"
        )


def _name(subject: Subject) -> str:
    return str(subject.once(_workflow).get("workflowName", ""))[:60]


RULES = rules_in(globals())
