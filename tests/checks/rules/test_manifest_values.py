"""Values of a manifest: the patterns are those by which marpack packs."""

from __future__ import annotations

import itertools

from marpack.archive.names import workflow_name_problem
from marpack.checks.rules.manifest_values import _MODEL_NAME


def test_a_model_name_that_can_be_packed_is_one_that_is_not_found_fault_with() -> None:
    characters = [chr(number) for number in range(0x180)]
    for name in ("", *characters, *map("".join, itertools.product("aZ9", characters))):
        assert (workflow_name_problem(name) is None) == bool(_MODEL_NAME.fullmatch(name)), repr(name)
