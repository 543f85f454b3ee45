"""What cases of handlers are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.checks.cases.case import HANDLER, Archive, Case

if TYPE_CHECKING:
    from typing import Literal

# A class that works, to which a case adds what breaks it.
CLASS = """\
class Handler:
    def initialize(self, context):
        pass

    def handle(self, data, context):
        return [str(row) for row in data]
"""
OK = Archive(files={"handler.py": HANDLER})


def named(handler: object, /, **files: str) -> Archive:
    """Return an archive whose handler is called so; a name's ``__`` stands for ``/``, the file is Python."""
    members = {f"{name.replace('__', '/')}.py": text for name, text in files.items()}
    return Archive(files=members or {"handler.py": HANDLER}, model={"handler": handler})


def of_source(
    code: str,
    title: str,
    source: str,
    repaired: str,
    says: str,
    fails: Literal["worker", "predict", "serves"] = "worker",
    function: str = "",
) -> Case:
    """Return a case whose handler.py is at fault."""
    broken, fixed = (
        Archive(files={"handler.py": text}, model={"handler": f"handler.py{function}"})
        for text in (source, repaired)
    )
    return Case(code=code, title=title, broken=broken, repaired=fixed, fails=fails, says=says, request={})


def of_name(code: str, title: str, broken: Archive, says: str, repaired: Archive = OK) -> Case:
    return Case(code=code, title=title, broken=broken, repaired=repaired, fails="worker", says=says)


NO_HANDLER = r"No module named '.*[0-9a-f]{32}'"
ONE_CLASS = "Expected only one class in custom service code or a function entry point"
SECOND_CLASS = f"class Other:\n    pass\n\n\n{CLASS}"
