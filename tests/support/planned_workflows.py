"""The files of a workflow, and what is planned of them, in few words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from marpack import PlanError, WorkflowPlan, plan_workflow
from tests.support.archives import T

SPEC = "models:\n  m:\n    url: m.mar\ndag:\n  prepare: [m]\n"


def write_inputs(folder: Path) -> None:
    """Write a specification, the module of its steps, and what may lie beside them."""
    for name, text in {
        "spec.yaml": SPEC,
        "steps.py": "def prepare(data, context): return data\n",
        "labels.json": "{}",
        "pkg/__init__.py": "",
        "pkg/sub/deep.py": "x = 1\n",
        "pkg/__pycache__/x.pyc": "x",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (T - 86_400, T - 86_400))


def plan(**arguments: Any) -> WorkflowPlan:
    return plan_workflow(**{"workflow_name": "w", "spec_file": "spec.yaml", "timestamp": T, **arguments})


def issues(**arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(PlanError) as caught:
        plan(**arguments)
    return [(issue.argument, issue.code) for issue in caught.value.issues]


def names(planned: WorkflowPlan) -> list[str]:
    return [entry.name for entry in planned.files]


def content(planned: WorkflowPlan) -> dict[str, bytes]:
    return {entry.name: b"".join(entry.chunks()) for entry in planned.files}
