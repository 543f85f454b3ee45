"""The manifest of a workflow, as the archiver writes it, and whatever else it may hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marpack import ManifestError, ManifestWorkflow, WorkflowManifest
from tests.property.strategies import json_values

FULL = """{
  "createdOn": "22/11/2026 07:46:23",
  "workflow": {
    "workflowName": "w1",
    "specFile": "workflow.yaml",
    "handler": "handler.py"
  },
  "archiverVersion": "0.2.15"
}"""


def test_the_archivers_text_both_ways() -> None:
    manifest = WorkflowManifest.from_json(FULL)
    workflow = ManifestWorkflow(workflow_name="w1", spec_file="workflow.yaml", handler="handler.py")
    assert manifest == WorkflowManifest(created_on="22/11/2026 07:46:23", workflow=workflow)
    assert manifest.to_json() == FULL


_keys = st.text(max_size=5).filter(lambda key: key not in {"workflowName", "specFile", "handler"})
_fields = st.none() | st.text(max_size=5)


@given(
    st.tuples(_fields, _fields, _fields),
    st.dictionaries(_keys, json_values, max_size=3),
    st.none() | st.dictionaries(st.text(), json_values, max_size=2),
)
def test_manifests_round_trip(
    fields: tuple[str | None, str | None, str | None], extra: dict[str, Any], metadata: dict[str, Any] | None
) -> None:
    name, spec, handler = fields
    workflow = ManifestWorkflow(workflow_name=name, spec_file=spec, handler=handler, extra=extra)
    manifest = WorkflowManifest(workflow=workflow, metadata=metadata, extra={"more": extra})
    assert WorkflowManifest.from_json(manifest.to_json()) == manifest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[]", "must be an object, not a list"),
        ('{"workflow": null}', "'workflow' must be an object, not null"),
        ('{"workflow": {"handler": [5]}}', "'handler' must be a string, not a list"),
        ('{"createdOn": {}}', "'createdOn' must be a string, not an object"),
        ('{"metadata": 5}', "'metadata' must be an object"),
        ('{"workflow": {}, "workflow": {}}', "'workflow' is given twice"),
        ('{"x": nan}', "Expecting value"),
    ],
)
def test_refused_texts(text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        WorkflowManifest.from_json(text)


def test_values_are_checked_when_built() -> None:
    with pytest.raises(TypeError, match="spec_file must be a str"):
        ManifestWorkflow(spec_file=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'handler' has a field of its own"):
        ManifestWorkflow(extra={"handler": "x"})
    for key in ("workflow", "metadata", "createdOn"):
        with pytest.raises(ValueError, match=f"'{key}' has a field of its own"):
            WorkflowManifest(workflow=ManifestWorkflow(), extra={key: {}})
    with pytest.raises(TypeError, match="metadata must be a mapping"):
        WorkflowManifest(workflow=ManifestWorkflow(), metadata=[])  # type: ignore[arg-type]
