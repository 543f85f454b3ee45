from __future__ import annotations

from typing import Any

from hypothesis import given

import marpack
from marpack.archive.forms import ARCHIVE_FORMATS
from tests.property.strategies import plan_arguments

STREAMS = tuple(form for form in ARCHIVE_FORMATS if form != "no-archive")


@given(arguments=plan_arguments(STREAMS))
def test_equal_plans_write_equal_bytes(arguments: dict[str, Any]) -> None:
    one, other = marpack.plan_archive(**arguments), marpack.plan_archive(**arguments)
    assert one == other
    assert b"".join(marpack.iter_archive(one)) == b"".join(marpack.iter_archive(other))


@given(arguments=plan_arguments(STREAMS))
def test_the_order_of_the_arguments_is_not_in_the_bytes(arguments: dict[str, Any]) -> None:
    backwards = arguments | {"extra_files": dict(reversed(arguments["extra_files"].items()))}
    plan, other = marpack.plan_archive(**arguments), marpack.plan_archive(**backwards)
    assert b"".join(marpack.iter_archive(plan)) == b"".join(marpack.iter_archive(other))
