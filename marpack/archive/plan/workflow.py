"""From arguments to the plan of a workflow's archive (spec/archive.md, W clauses)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from marpack.archive.formats.deflate import require_available
from marpack.archive.forms import DEFLATES, Compression, Deflate
from marpack.archive.manifest import WORKFLOW_MANIFEST_NAME, ManifestWorkflow, WorkflowManifest
from marpack.archive.names import member_order, workflow_name_problem
from marpack.archive.plan.arguments import note_metadata, note_unknown, resolve_timestamp, warn_of_dots
from marpack.archive.plan.contents import FileArgument
from marpack.archive.plan.extra_files import ExtraFiles, add_extra_files
from marpack.archive.plan.inputs import Inputs
from marpack.archive.plan.plan import WorkflowPlan
from marpack.errors import PlanError


def plan_workflow(
    *,
    workflow_name: str,
    spec_file: FileArgument | Sequence[FileArgument],
    handler: FileArgument | Sequence[FileArgument] | None = None,
    extra_files: ExtraFiles | None = None,
    timestamp: datetime | float | None = None,
    reproducible: bool = False,
    deflate: Deflate = "zlib",
    metadata: Mapping[str, Any] | None = None,
) -> WorkflowPlan:
    r"""Plan a workflow's archive: look at names and ``stat``, read nothing, write nothing.

    The arguments are the options of ``torch-workflow-archiver`` (spec/archive.md, W clauses); those that
    ``plan_archive`` has too mean what they mean there. The models of the workflow are not in its archive: the
    specification says which archives they are in.

    - ``spec_file``: the YAML file of the models and their order; contents without a name are ``workflow.yaml``.
    - ``handler``: the Python file of the functions among the nodes, by its whole name; contents without a name are
      ``handler.py``. None and ``""`` mean that all nodes are models.
    - Each may be a list, whose last file is meant and whose others lie beside it in the archive.

    Raises ``PlanError`` whose ``issues`` are everything that is wrong with the inputs, and ``MissingExtraError``.
    """
    inputs = Inputs(WORKFLOW_MANIFEST_NAME)
    _note_name(inputs, workflow_name)
    note_unknown(inputs, "deflate", deflate, DEFLATES)
    packed = resolve_timestamp(inputs, timestamp, reproducible=reproducible)
    # W4: the order in which the archiver copies, which decides whose mode a shared file gets.
    spec_name = _add_files(inputs, "spec_file", spec_file, "workflow.yaml")
    if _is_nothing(spec_file):
        inputs.issue("bad-value", "spec_file", "is empty: give the YAML file of the workflow")
    handler_name = _add_files(inputs, "handler", handler, "handler.py")
    if extra_files:
        add_extra_files(inputs, extra_files)
    note_metadata(inputs, metadata)
    candidates = inputs.settle()
    if inputs.issues:
        raise PlanError(inputs.issues)
    require_available(deflate)
    members = [
        # W3: every file has the time of packing, extra files too.
        replace(candidate, mtime_ns=None).member(Compression.DEFLATED, packed, normalise=reproducible)
        for candidate in candidates
    ]
    # W5: the handler is never absent, which the server fails at.
    workflow = ManifestWorkflow(workflow_name=workflow_name, spec_file=spec_name, handler=handler_name or "")
    manifest = WorkflowManifest(created_on=packed.created_on, workflow=workflow, metadata=metadata)
    return WorkflowPlan(
        workflow_name=workflow_name,
        manifest_text=manifest.to_json(),
        files=tuple(sorted(members, key=lambda member: member_order(member.name))),
        timestamp=packed.seconds,
        warnings=tuple(inputs.warnings),
        deflate=deflate,
    )


def _note_name(inputs: Inputs, name: object) -> None:
    if not isinstance(name, str):
        inputs.issue("bad-type", "workflow_name", f"must be a str, not {type(name).__name__}")
    elif problem := workflow_name_problem(name):
        inputs.issue("bad-workflow-name", "workflow_name", problem)
    warn_of_dots(inputs, name)


def _add_files(inputs: Inputs, argument: str, value: object, default_name: str) -> str | None:
    """Add the one file of a role, or the files of a list; return the name of the last in the archive (W4)."""
    if _is_nothing(value):
        return None
    name = None
    for file in value if isinstance(value, (list, tuple)) else [value]:
        name = inputs.add_file(argument, file, default_name=default_name)
    return name


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, (str, list, tuple)) and not value)
