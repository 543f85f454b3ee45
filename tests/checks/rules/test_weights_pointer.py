"""A member that is a pointer of Git LFS is called that, and nothing else is said of it."""

from __future__ import annotations

import pytest

from tests.checks.cases.case import Archive
from tests.checks.cases.weights_pointer import POINTER
from tests.support.checking import found

HANDLER = """
class Handler:
    def initialize(self, context):
        pass
    def handle(self, data, context):
        return [1] * len(data)
"""


def said(files: dict[str, str | bytes], member: str, **named: str) -> list[tuple[str, str]]:
    archive = Archive(files={"handler.py": HANDLER, **files}, model={"handler": "handler.py", **named})
    return [(finding.code, finding.severity) for finding in found(archive) if finding.member == member]


@pytest.mark.parametrize(
    ("member", "named"),
    [
        ("handler.py", {}),
        ("net.py", {"modelFile": "net.py"}),
        ("requirements.txt", {"requirementsFile": "requirements.txt"}),
        ("model-config.yaml", {"configFile": "model-config.yaml"}),
    ],
)
def test_what_the_server_reads(member: str, named: dict[str, str]) -> None:
    handler = (
        HANDLER
        if member == "handler.py"
        else "from ts.torch_handler.base_handler import BaseHandler\n"
        + ("class Handler(BaseHandler):\n    pass\n")
    )
    files: dict[str, str | bytes] = {"handler.py": handler, "net.pth": b"x", member: POINTER}
    assert said(files, member, **named) == [("git-lfs-pointer", "error")]


def test_what_nobody_reads() -> None:
    assert said({"words.bin": POINTER}, "words.bin") == [("git-lfs-pointer", "warning")]


def test_of_what_is_none_all_is_said() -> None:
    text = "# of a pointer\n" + POINTER.decode()
    codes = {code for code, _ in said({"needs.txt": text}, "needs.txt", requirementsFile="needs.txt")}
    assert codes
    assert "git-lfs-pointer" not in codes


def test_other_members_keep_their_findings() -> None:
    archive = Archive(files={"handler.py": "class A: pass\nclass B: pass\n", "words.bin": POINTER})
    assert {"git-lfs-pointer"} < {finding.code for finding in found(archive)}


def test_without_the_rule_the_others_speak() -> None:
    archive = Archive(files={"handler.py": POINTER})
    assert "source-syntax" in {finding.code for finding in found(archive, ignore="git-lfs-pointer")}
