"""Workflow archives: their manifest, their specification, and the functions in their handler."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

from tests.checks.cases.case import Archive, Case

FUNCTIONS = """
def begin(data, context):
    return None if data is None else [(row.get("data") or row.get("body")) for row in data]

def end(data, context):
    return None if data is None else ["done"] * len(data)
"""
# No two have one name: they are tried side by side.
NUMBERS = itertools.count()
MODELS = "models:\n  node:\n    url: node.mar\n"
SPEC = MODELS + "dag:\n  begin: [node]\n  node: [end]\n"


def of(
    spec: str | None = SPEC, functions: str = FUNCTIONS, top: Mapping[str, Any] | None = None, **workflow: Any
) -> Archive:
    """A workflow archive with this specification, and these keys in its manifest; ``...`` leaves one out."""
    keys = {"workflowName": f"flow-{next(NUMBERS)}", "specFile": "flow.yaml", "handler": "flow.py", **workflow}
    manifest = {
        "createdOn": "25/11/2026 10:00:00",
        "workflow": {key: value for key, value in keys.items() if value is not ...},
        "archiverVersion": "0.2.15",
        **(top or {}),
    }
    manifest = {key: value for key, value in manifest.items() if value is not ...}
    files: dict[str, str | bytes] = {"WAR-INF/MANIFEST.json": json.dumps(manifest), "flow.py": functions}
    return Archive(files=files if spec is None else {**files, "flow.yaml": spec}, manifest="", suffix=".war")


def nameless(archive: Archive) -> Archive:
    """The same without a manifest."""
    files = {name: data for name, data in archive.files.items() if name != "WAR-INF/MANIFEST.json"}
    return Archive(files=files, manifest="", suffix=".war")


CASES = [
    Case(
        code="workflow-manifest",
        title="no manifest",
        broken=nameless(of()),
        repaired=of(),
        fails="register",
        says=r"Workflow name is not defined\.",
    ),
    *(
        Case(code="workflow-manifest", title=title, broken=broken, repaired=of(), fails="register", says=says)
        for title, broken, says in (
            ("workflow is null", of(top={"workflow": None}), r"Missing Workflow entry in manifest file\."),
            ("no name", of(workflowName=...), r"Workflow name is not defined\."),
            ("no createdOn", of(top={"createdOn": ...}), r"Workflow archive createdOn is not defined\."),
            ("no archiverVersion", of(top={"archiverVersion": ...}), r"Workflow archive version is not defined\."),
            ("no specFile", of(specFile=...), "NullPointerException|is null"),
            ("no handler", of(handler=...), "NullPointerException|is null"),
        )
    ),
    Case(
        code="workflow-spec", title="no file", broken=of(None), repaired=of(), fails="register", says=r"flow\.yaml"
    ),
    Case(
        code="workflow-spec",
        title="no YAML",
        broken=of("models: [\n"),
        repaired=of(),
        fails="register",
        says=r"Failed to parse yaml\.",
    ),
    Case(
        code="workflow-spec",
        title="a list",
        broken=of("- models\n"),
        repaired=of(),
        fails="register",
        says=r"java\.util\.ArrayList cannot be cast to class java\.util\.Map",
    ),
    Case(
        code="workflow-spec",
        title="empty",
        broken=of("# nothing\n"),
        repaired=of(),
        fails="register",
        says="workflowSpec.* is null",
    ),
    Case(
        code="workflow-spec",
        title="no dag",
        broken=of(MODELS),
        repaired=of(),
        fails="register",
        says="dagInfo.* is null",
    ),
    Case(
        code="workflow-spec",
        title="no models",
        broken=of("dag:\n  begin: [end]\n"),
        repaired=of(),
        fails="register",
        says="modelsInfo.* is null",
    ),
    Case(
        code="workflow-spec",
        title="a model without its url",
        broken=of(SPEC.replace("url: node.mar", "min-workers: 1")),
        repaired=of(),
        fails="register",
        says="Workflow Node flow-.*__node failed to register",
    ),
    Case(
        code="workflow-spec",
        title="a model that is a word",
        broken=of(SPEC.replace("  node:\n    url: node.mar", "  node: node.mar")),
        repaired=of(),
        fails="register",
        says=r"java\.lang\.String cannot be cast to class java\.util\.LinkedHashMap",
    ),
    Case(
        code="workflow-number",
        title="in quotes",
        broken=of(SPEC.replace("models:\n", 'models:\n  min-workers: "1"\n')),
        repaired=of(SPEC.replace("models:\n", "models:\n  min-workers: 1\n")),
        fails="register",
        says=r"java\.lang\.String cannot be cast to class java\.lang\.Integer",
    ),
    *(
        Case(
            code="workflow-number",
            title=title,
            broken=of(SPEC.replace("models:\n", f"models:\n  retry-attempts: {value}\n")),
            # An empty list item is passed over.
            repaired=of(SPEC.replace("models:\n", "models:\n  retry-attempts: 1\n") + "  end: [null, '']\n"),
            fails="register",
            says=says,
        )
        for title, value, says in (
            ("without a value", "", r'Cannot invoke \\?"java\.lang\.Integer\.intValue\(\)\\?"'),
            ("true", "true", r"java\.lang\.Boolean cannot be cast to class java\.lang\.Integer"),
            ("a fraction", "1.5", r"java\.lang\.Double cannot be cast to class java\.lang\.Integer"),
            ("a list", "[1]", r"java\.util\.ArrayList cannot be cast to class java\.lang\.Integer"),
            ("too large", "3000000000", r"java\.lang\.Long cannot be cast to class java\.lang\.Integer"),
        )
    ),
    Case(
        code="workflow-number",
        title="null, of a model",
        broken=of(SPEC.replace("node.mar\n", "node.mar\n    min-workers: ~\n")),
        repaired=of(SPEC.replace("node.mar\n", "node.mar\n    min-workers: 1\n")),
        fails="register",
        says=r'Cannot invoke \\?"java\.lang\.Integer\.intValue\(\)\\?"',
    ),
    Case(
        code="workflow-dag",
        title="in a circle",
        broken=of(MODELS + "dag:\n  begin: [node]\n  node: [end]\n  end: [node]\n"),
        repaired=of(),
        fails="register",
        says="Not a valid DAG",
    ),
    Case(
        code="workflow-dag",
        title="without a beginning",
        broken=of(SPEC + "  end: [begin]\n"),
        repaired=of(),
        fails="register",
        says="DAG should have only one start node",
    ),
    Case(
        code="workflow-dag",
        title="two beginnings",
        broken=of(MODELS + "dag:\n  begin: [end]\n  node: [end]\n"),
        repaired=of(),
        fails="register",
        says="DAG should have only one start node",
    ),
    Case(
        code="workflow-dag",
        title="a word for a list",
        broken=of(MODELS + "dag:\n  begin: node\n  node: [end]\n"),
        repaired=of(),
        fails="register",
        says=r"java\.lang\.String cannot be cast to class java\.util\.ArrayList",
    ),
    Case(
        code="workflow-function",
        title="not in the handler",
        broken=of(SPEC.replace("[end]", "[finish]")),
        repaired=of(),
        fails="register",
        says="finish",
    ),
    Case(
        code="workflow-function",
        title="no handler is named",
        broken=of(handler=""),
        repaired=of(MODELS + "dag:\n  node: []\n", handler=""),
        fails="register",
        says="Failed to start workers for model",
    ),
    Case(
        code="workflow-unread",
        title="without PyYAML",
        broken=of(),
        repaired=of(),
        fails="unjudged",
        reason="it is marpack that lacks PyYAML, not the server",
    ),
    Case(
        code="workflow-slash",
        title="in the name",
        broken=of(workflowName="team/flow"),
        repaired=of(),
        fails="predict",
        says="404",
    ),
]
