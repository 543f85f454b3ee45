"""Labels that nothing reads are a note: a ``self.mapping`` of None that breaks is said where it is used."""

from __future__ import annotations

import pytest

import marpack
from tests.checks.cases.labels import LABELS, MAPPED

INDEXED = 'return [self.mapping["0"]] * len(data)'


@pytest.mark.parametrize(
    ("answer", "severities"),
    [
        (INDEXED, {"labels-unread": "note", "handler-none": "warning"}),
        ('return [self.mapping["0"] if self.mapping else "none"] * len(data)', {"labels-unread": "note"}),
        # What ts.utils.util.map_class_to_label takes.
        ("return map_class_to_label([[1.0]], self.mapping, [[0]])", {"labels-unread": "note"}),
        ('return [self.mapping["0"], "index_to_name"]', {"handler-none": "warning"}),
    ],
)
def test_what_comes_of_labels_that_nothing_reads(answer: str, severities: dict[str, str]) -> None:
    source = "from ts.utils.util import map_class_to_label\n" + MAPPED.replace(INDEXED, answer)
    files = {LABELS: b'{"0": "cat"}'}
    plan = marpack.plan_archive(model_name="m", handler={"handler.py": source.encode()}, extra_files=files)
    assert {each.code: each.severity for each in marpack.check(plan)} == severities
