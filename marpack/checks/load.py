"""Load a model the way the server's base handler does, in a process of its own [server]."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from marpack.errors import Finding, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.checks.subject import Subject

__all__ = ["load_findings"]

_SCRIPT = os.path.join(os.path.dirname(__file__), "loading.py")
_COPY_SIZE = 1 << 20
# The rest of a long message is the names of more tensors.
_LONGEST_MESSAGE = 2000


def load_findings(subject: Subject, *, seconds: float = 600) -> Iterator[Finding]:
    """Load the model, and yield what goes wrong; nothing where there is none for the base handler to load.

    Raises ``MissingExtraError`` where this Python has no torch.
    """
    model_file, serialized_file = subject.role("modelFile"), subject.role("serializedFile")
    if not model_file and not (serialized_file or "").endswith(".pt"):
        return
    if subject.contents.problems or {model_file, serialized_file} - {None, *subject.names}:
        return  # other rules say why it cannot be unpacked or found
    with tempfile.TemporaryDirectory(prefix="marpack-load-") as folder:
        unpacked, answer = os.path.join(folder, "model"), os.path.join(folder, "answer.json")
        _unpack(subject, unpacked)
        words = [sys.executable, _SCRIPT, unpacked, model_file or "", serialized_file or "", answer]
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            yield _finding(subject, model_file, f"has not been loaded within {seconds:.0f} s", "it stops waiting")
            return
        try:
            with open(answer, encoding="utf-8") as file:
                problem = json.load(file)
        except (OSError, ValueError):
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            what = said[-1] if said else "without a word"
            message = f"ends the process that loads it ({done.returncode}): {what}"
            yield _finding(subject, model_file, message, what)
            return
    if problem and problem["kind"] == "no-torch":
        raise MissingExtraError("loading a model (load=True, --load)", "torch")
    if problem:
        yield _finding(
            subject,
            serialized_file if problem["kind"] == "weights" else model_file,
            problem["message"][:_LONGEST_MESSAGE],
            f"the worker dies: {problem['error'][:_LONGEST_MESSAGE]}",
        )


def _finding(subject: Subject, member: str | None, message: str, effect: str) -> Finding:
    return Finding.error(
        "load",
        "",
        message,
        "correct the model file, or save the weights of this class again",
        file=subject.place(member),
        effect=effect,
    )


def _unpack(subject: Subject, folder: str) -> None:
    """Put the files side by side, as the server does."""
    for name in subject.names:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with subject.contents.open(name) as source, open(path, "xb") as file:
            while data := source.read(_COPY_SIZE):
                file.write(data)
