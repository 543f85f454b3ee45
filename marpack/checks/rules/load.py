"""Load a model the way the server's base handler does, in a process of its own [server]."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from marpack.archive.read.limits import LIMIT_CODES
from marpack.checks.frame.subject import Subject
from marpack.errors import MissingExtraError
from marpack.findings import Finding
from marpack.rule import rule, rules_in

_SCRIPT = os.path.join(os.path.dirname(__file__), "load_script.py")
_COPY_SIZE = 1 << 20
_SECONDS = 600
# The rest of a long message is the names of more tensors.
_LONGEST_MESSAGE = 2000

# Of issues: to unpack such an archive could write outside of a folder, or fill the disk, or cannot be done.
UNSAFE = frozenset(
    {
        *("name-absolute", "name-backslash", "name-dot", "name-drive", "name-empty", "name-encoding", "name-long"),
        *("name-nul", "name-traversal", "file-and-folder", *LIMIT_CODES),
    }
)


@rule("load", "error")
def find_unloadable(subject: Subject) -> Iterator[Finding]:
    """Pack a model that ``BaseHandler`` can load.

    Asked only by ``load=True`` and ``--load``, for this **runs the code of the model file**, and of the pickle
    that torch accepts. The model is loaded as ``BaseHandler`` does, in another process of this Python, where torch
    must be installed; what goes wrong there ends a worker too. Where nothing is loaded, a note says why [server].
    """
    if not subject.settings.load:
        return
    reason = _reason_not_to(subject)
    if reason is None:
        with tempfile.TemporaryDirectory(prefix="marpack-load-") as folder:
            try:
                _unpack(subject, os.path.join(folder, "model"))
            except FileExistsError:
                reason = "this disk takes two of its names for one"
            else:
                yield from _loaded(subject, folder)
    if reason is not None:
        message, fix = f"the model was not loaded, because {reason}", "see whether a server loads it"
        yield find_unloadable.finding(message=message, fix=fix, severity="note")


def _files(subject: Subject) -> tuple[str, str]:
    """Return the names of the model file and the serialized file, empty where there is none."""
    return subject.file("modelFile") or "", subject.file("serializedFile") or ""


def _reason_not_to(subject: Subject) -> str | None:
    """Return what keeps a model from being unpacked and loaded here."""
    model_file, serialized_file = _files(subject)
    if subject.kind == "workflow":
        return "it is a workflow"
    if not model_file and not serialized_file.endswith(".pt"):
        return "there is neither a model file nor a serialized file called .pt, all that the base handler loads"
    unsafe = next((issue for issue in subject.contents.problems if issue.code in UNSAFE), None)
    if unsafe is not None:
        where = f"{unsafe.argument} " if unsafe.argument else ""
        return f"it is not safe to unpack: {where}{unsafe.message}"
    if subject.present:
        return f"{next(iter(subject.present))!r} leads out of it"
    missing = [name for name in (model_file, serialized_file) if name and name not in subject.names]
    return f"{missing[0]!r} is not in it" if missing else None


def _loaded(subject: Subject, folder: str) -> Iterator[Finding]:
    """Load the unpacked model, and yield what goes wrong; ``MissingExtraError`` where this Python has no torch."""
    model_file, serialized_file = _files(subject)
    answer = os.path.join(folder, "answer.json")
    words = [sys.executable, _SCRIPT, os.path.join(folder, "model"), model_file, serialized_file, answer]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        yield _failed(model_file, f"has not been loaded within {_SECONDS} s", "it stops waiting")
        return
    try:
        with open(answer, encoding="utf-8") as file:
            problem = json.load(file)
    except (OSError, ValueError):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        what = said[-1] if said else "without a word"
        yield _failed(model_file, f"ends the process that loads it ({done.returncode}): {what}", what)
        return
    if problem and problem["kind"] == "no-torch":
        raise MissingExtraError("loading a model (load=True, --load)", "torch")
    if problem:
        member = serialized_file if problem["kind"] == "weights" else model_file
        effect = f"the worker dies: {problem['error'][:_LONGEST_MESSAGE]}"
        yield _failed(member, problem["message"][:_LONGEST_MESSAGE], effect)


def _failed(member: str, message: str, effect: str) -> Finding:
    fix = "correct the model file, or save the weights of this class again"
    return find_unloadable.finding(message=message, fix=fix, effect=effect, member=member or None)


def _unpack(subject: Subject, folder: str) -> None:
    """Put the files side by side, as the server does."""
    for name in subject.names:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with subject.contents.open(name) as source, open(path, "xb") as file:
            while data := source.read(_COPY_SIZE):
                file.write(data)


RULES = rules_in(globals())
