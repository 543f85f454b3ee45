"""What is known of the server is in several tables, each for a question of its own: they must say the same."""

from __future__ import annotations

import json
from pathlib import Path

from marpack.archive import handler
from marpack.archive.handler import BUILTIN_HANDLERS, HandlerName
from marpack.checks.python.torch_handlers import FROZEN_SINCE_3_11, HANDLER_MODULES, INTERPRETERS_OWN
from tests.support.archives import zipped
from tests.support.checking import codes


def test_what_the_archiver_knows_by_name_the_server_has() -> None:
    known = BUILTIN_HANDLERS["python"]
    assert known == BUILTIN_HANDLERS["python3"]
    assert known < set(HANDLER_MODULES)
    plain = {name for name in HANDLER_MODULES if "." not in name}
    assert plain == known | handler._OTHER_HANDLERS


def test_the_value_of_one_that_the_server_has_names_no_member(tmp_path: Path) -> None:
    wrong = {"handler-file", "handler-folder", "handler-name"}
    for name in HANDLER_MODULES:
        assert HandlerName.parse(name).reference is None
        path = zipped(tmp_path / "m.mar", [], manifest=json.dumps({"model": {"modelName": "m", "handler": name}}))
        assert not wrong & set(codes(path, select="handler"))


def test_frozen_modules_are_the_interpreters_own() -> None:
    assert FROZEN_SINCE_3_11 < INTERPRETERS_OWN
