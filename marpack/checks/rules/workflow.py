"""Rules on workflow archives (``.war``): their manifest, specification, and the functions of their handler."""

from __future__ import annotations

import graphlib
import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from marpack.archive.manifest import WORKFLOW_MANIFEST_NAME
from marpack.checks.frame.contents import LONGEST_YAML
from marpack.checks.frame.subject import Subject
from marpack.checks.python.namespace import Namespace
from marpack.config.text import yaml_text
from marpack.errors import ConfigError, MissingExtraError
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

# Whole numbers, of the workflow and of each model.
WORKFLOW_NUMBERS = frozenset(
    {"min-workers", "max-workers", "batch-size", "max-batch-delay", "retry-attempts", "timeout-ms"}
)
_LOWEST_INT, _HIGHEST_INT = -(1 << 31), (1 << 31) - 1


@dataclass(frozen=True, slots=True)
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
            isinstance(node, str) and isinstance(after, list) and all(isinstance(item, str) for item in after)
            for node, after in dag.items()
        ):
            return None
        return dag


def _spec(subject: Subject) -> _Spec | None:
    return subject.once(_read)


def _read(subject: Subject) -> _Spec | None:
    name = _workflow(subject).get("specFile")
    if not isinstance(name, str) or not name:
        return None
    name = posixpath.normpath(name)
    if name not in subject.names and subject.holds(name):
        return None  # a link: nothing is known of it

    def wrong(message: str, effect: str, fix: str, line: int | None = None) -> _Spec:
        place = name if name in subject.names else subject.manifest_name
        found = find_spec.finding(message=message, fix=fix, effect=effect, member=place, line=line)
        return _Spec(name, found)

    fix = "write models: and dag:, each a mapping"
    if name not in subject.names:
        return wrong(
            f"the specification {name!r} is not in the archive", "it answers 500", "pack it (--spec-file)"
        )
    data = subject.read(name, longest=LONGEST_YAML)
    if data is None:
        return None
    try:
        document, lines = yaml_text.parse(data)
    except MissingExtraError:
        return _Spec(name, unread=True)
    except ConfigError as error:
        [found] = error.findings
        if found.code == "model-config-document":
            return wrong("it is empty", 'it answers 500: "this.workflowSpec" is null', fix, found.line)
        # The effect is that of another file.
        return wrong(found.message, "it answers 500", fix, found.line)
    if not isinstance(document, dict):
        return wrong("it is no mapping", "it answers 500: ClassCastException", fix, lines[""])
    return _Spec(name, document=document, lines=lines)


def _manifest(subject: Subject) -> dict[str, Any]:
    """Return the manifest, with a byte order mark or not: no worker reads this one."""
    try:
        document = json.loads((subject.manifest_bytes or b"").decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _workflow(subject: Subject) -> dict[str, Any]:
    workflow = _manifest(subject).get("workflow")
    return workflow if isinstance(workflow, dict) else {}


@rule("workflow-manifest", "error", kind="workflow")
def find_manifest(subject: Subject) -> Iterator[Finding]:
    """Give the manifest of a workflow what the server needs.

    The server reads ``WAR-INF/MANIFEST.json`` and wants ``createdOn``, ``archiverVersion`` and, in ``workflow``,
    ``workflowName``, ``specFile`` and ``handler``, the last of them also where no node is a function [server].
    """
    name, data = subject.manifest_name, subject.manifest_bytes
    fix = "pack it with marpack pack-workflow or torch-workflow-archiver"
    if data is None and subject.holds(name):
        return
    if data is None:
        yield find_manifest.finding(
            message=f"there is no {name}", fix=fix, effect="it answers 500, InvalidWorkflowException"
        )
        return
    manifest = _manifest(subject)
    if not manifest and (wrong := _syntax_finding(data)):
        yield wrong
        return
    workflow = manifest.get("workflow", {})
    if not isinstance(workflow, dict):
        effect = "it answers 500, NullPointerException" if workflow is None else "it answers 500"
        yield find_manifest.finding(message="it is no object", fix=fix, effect=effect, key="workflow", member=name)
        return
    null = "it answers 500, NullPointerException"
    for key, value, effect in (
        ("createdOn", manifest.get("createdOn"), 'it answers 500, "Workflow archive createdOn is not defined."'),
        (
            "archiverVersion",
            manifest.get("archiverVersion"),
            'it answers 500, "Workflow archive version is not defined."',
        ),
        ("workflow.workflowName", workflow.get("workflowName"), 'it answers 500, "Workflow name is not defined."'),
        ("workflow.specFile", workflow.get("specFile"), null),
        ("workflow.handler", workflow.get("handler"), null),
    ):
        # An empty handler is how the archiver says that no node is a function.
        if value is None or (value == "" and key != "workflow.handler"):
            yield find_manifest.finding(message="it is missing", fix=fix, effect=effect, key=key, member=name)


def _syntax_finding(data: bytes) -> Finding | None:
    """Return what keeps a manifest from being an object; a warning where the server may read it yet."""
    fix, name = "write strict JSON, as an object", WORKFLOW_MANIFEST_NAME
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        effect = "it takes comments and single quotes, and answers 500 to the rest"
        certain = not data.strip()
        message = "it is empty" if certain else f"it is not JSON: {error}"
        severity: Severity = "error" if certain else "warning"
        return find_manifest.finding(message=message, fix=fix, effect=effect, member=name, severity=severity)
    if isinstance(document, dict):
        return None
    return find_manifest.finding(message="it is not an object", fix=fix, effect="it answers 500", member=name)


@rule("workflow-slash", "error", kind="workflow")
def find_slash(subject: Subject) -> Iterator[Finding]:
    """Use no ``/`` in the name of a workflow.

    The server registers one with it, and no URL reaches that, not even to remove it [server].
    """
    name = _workflow(subject).get("workflowName")
    if isinstance(name, str) and "/" in name:
        yield find_slash.finding(
            message=f"{name!r} holds a '/'",
            fix="leave it out",
            effect="it answers 404 to every URL with this in it",
            key="workflow.workflowName",
            member=subject.manifest_name,
        )


@rule("workflow-unread", "note", kind="workflow")
def find_unread(subject: Subject) -> Iterator[Finding]:
    """Install PyYAML to have the specification of a workflow looked into.

    The other rules on it find nothing then. ``pip install 'marpack[yaml]'`` installs it.
    """
    spec = _spec(subject)
    if spec is not None and spec.unread:
        yield find_unread.finding(
            message="it was not looked into: PyYAML is not installed",
            fix="pip install 'marpack[yaml]'",
            effect="",
            member=spec.member,
        )


@rule("workflow-spec", "error", kind="workflow")
def find_spec(subject: Subject) -> Iterator[Finding]:
    """Pack a specification with ``models`` and ``dag``, each model with its ``url``.

    The server needs a mapping with both, and follows a null pointer where one is missing; in ``models``, each
    model is a mapping with its ``url`` [server].
    """
    spec = _spec(subject)
    if spec is None or spec.unread:
        return
    if spec.problem is not None:
        yield spec.problem
        return
    for key, inside in (("models", "modelsInfo"), ("dag", "dagInfo")):
        value = spec.document.get(key)
        if not isinstance(value, dict):
            yield find_spec.finding(
                message="it is missing" if value is None else "it is no mapping",
                fix="write models: and dag:, each a mapping",
                effect=f'it answers 500: "{inside}" is null' if value is None else "it answers 500",
                key=key,
                member=spec.member,
                line=spec.lines.get(key),
            )
    for node, model in spec.models.items():
        if isinstance(model, dict) and isinstance(model.get("url"), str):
            continue
        yield find_spec.finding(
            message="the model has no url" if isinstance(model, dict) else "it is no mapping",
            fix="write url: and the name of the model's archive",
            effect=f"it answers 500: Workflow Node {_name(subject)}__{node} failed to register"
            if isinstance(model, dict)
            else "it answers 500: NullPointerException or ClassCastException",
            key=f"models.{node}",
            member=spec.member,
            line=spec.lines.get(f"models.{node}", spec.lines.get("models")),
        )


@rule("workflow-number", "error", kind="workflow")
def find_numbers(subject: Subject) -> Iterator[Finding]:
    """Write numbers of workers, requests and milliseconds as whole numbers.

    The server expects a Java ``Integer``: quotes, a fraction, or more than 31 bits end the registration [server].
    """
    spec = _spec(subject)
    if spec is None:
        return
    models = spec.document.get("models")
    places = [("models", models)] + [(f"models.{name}", value) for name, value in spec.models.items()]
    for path, mapping in places:
        if not isinstance(mapping, dict):
            continue
        for key in sorted(WORKFLOW_NUMBERS & mapping.keys()):
            value = mapping[key]
            if isinstance(value, int) and not isinstance(value, bool) and _LOWEST_INT <= value <= _HIGHEST_INT:
                continue
            yield find_numbers.finding(
                message=f"{str(value)[:40]!r} is no whole number of at most 31 bits"
                if not isinstance(value, str)
                else f"{value[:40]!r} is a string, not a whole number",
                fix="write it without quotes",
                effect=f"it answers 500: {type(value).__name__} cannot be cast to java.lang.Integer",
                key=f"{path}.{key}",
                member=spec.member,
                line=spec.lines.get(f"{path}.{key}", spec.lines.get(path)),
            )


@rule("workflow-dag", "error", kind="workflow")
def find_dag(subject: Subject) -> Iterator[Finding]:
    """Let a ``dag`` begin at one node, and go in no circle.

    Each node names those that come after it, in a list. A workflow begins at the one node that comes after none
    [server].
    """
    spec = _spec(subject)
    if spec is None or not isinstance(spec.document.get("dag"), dict):
        return
    edges = spec.edges

    def found(message: str, fix: str, effect: str) -> Finding:
        line = spec.lines.get("dag")
        return find_dag.finding(message=message, fix=fix, effect=effect, key="dag", member=spec.member, line=line)

    if edges is None:
        yield found("a node's followers are no list of names", "write node: [next]", "it answers 500")
        return
    followers = {after for names in edges.values() for after in names}
    starts = [node for node in edges if node not in followers]
    if len(starts) != 1:
        which = f"begins at {', '.join(map(repr, starts[:5]))}" if starts else "has no beginning"
        effect = 'it answers 400, "DAG should have only one start node"'
        yield found(f"the workflow {which}", "let one node come before all others", effect)
    elif circle := _circle(edges):
        shown = " -> ".join(circle[:8])
        yield found(f"it goes in a circle: {shown}", "take one of these out", 'it answers 400, "Not a valid DAG"')


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
    spec = _spec(subject)
    edges = None if spec is None else spec.edges
    handler = _workflow(subject).get("handler")
    if spec is None or not edges or not isinstance(handler, str):
        return
    nodes = dict.fromkeys([*edges, *(after for names in edges.values() for after in names)])
    functions = [node for node in nodes if node not in spec.models]
    member = posixpath.normpath(handler) if handler else ""
    source = subject.source(member)
    if source is None and functions and not subject.holds(member):
        missing = f"{member!r} is not in the archive" if member else "no handler is named"
        yield find_functions.finding(
            message=f"{missing}, and {functions[0]!r} is no model",
            fix="pack the handler, or give the model's url",
            effect=f"it answers 500: Failed to start workers for model {_name(subject)}__{functions[0]}",
            key="workflow.handler",
            member=subject.manifest_name,
        )
    if source is None or source.tree is None:
        return
    module = posixpath.basename(member).removesuffix(".py")
    space = Namespace(source.tree, name=module, package="", python=subject.settings.python)
    for node in functions:
        if space.is_absent(node):
            yield find_functions.finding(
                message=f"{node!r} is no model, and {member!r} has no function of this name",
                fix="write the function, or give the model's url",
                effect=f"it answers 500: Failed to start workers for model {_name(subject)}__{node}",
                key=f"dag.{node}",
                member=spec.member,
                line=spec.lines.get(f"dag.{node}", spec.lines.get("dag")),
            )


def _name(subject: Subject) -> str:
    return str(_workflow(subject).get("workflowName", ""))[:60]


RULES = rules_in(globals())
