"""Members that are pointers of Git LFS: what a clone has in place of files that were not fetched."""

from __future__ import annotations

from tests.checks.cases.case import Archive, Case
from tests.checks.cases.weights import REFUSED, SCRIPT, STATE_DICT, alone, eager

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"7" * 64 + b"\nsize 247105259\n"

READER = """
import json, os
class Handler:
    def initialize(self, context):
        with open(os.path.join(context.system_properties["model_dir"], "words", "vocab.json")) as file:
            self.words = json.load(file)
    def handle(self, data, context):
        return [self.words] * len(data)
"""


def words(data: bytes, form: str = "zip") -> Archive:
    files: dict[str, str | bytes] = {"handler.py": READER, "words/vocab.json": data}
    return Archive(files=files, form="tgz" if form == "tgz" else "zip")


CASES = [
    Case(
        code="git-lfs-pointer",
        title="TorchScript",
        broken=alone(POINTER),
        repaired=alone(SCRIPT),
        fails="worker",
        says="PytorchStreamReader failed",
    ),
    Case(
        code="git-lfs-pointer",
        title="a state_dict",
        broken=eager(POINTER),
        repaired=eager(STATE_DICT),
        fails="worker",
        says=REFUSED,
    ),
    Case(
        code="git-lfs-pointer",
        title="what a handler reads",
        broken=words(POINTER),
        repaired=words(b'{"good": 1}'),
        fails="worker",
        says="JSONDecodeError",
    ),
    Case(
        code="git-lfs-pointer",
        title="in a gzip'd tar, with other ends of lines",
        broken=words(POINTER.replace(b"\n", b"\r\n"), "tgz"),
        repaired=words(b'{"good": 1}', "tgz"),
        fails="worker",
        says="JSONDecodeError",
    ),
]
