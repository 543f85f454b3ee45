"""Load a model by the server's worker, or the way its base handler does, in a process of its own [server]."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator

from marpack.archive.inspection.torch_versions import Version
from marpack.archive.read.limits import LIMIT_CODES
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.torch_load import REFUSED, allows_itself
from marpack.checks.frame.weights import describe, serialized_file
from marpack.errors import MissingExtraError
from marpack.findings import Finding
from marpack.frozen import frozen_in_order
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
    """Pack a model that a worker can load.

    Asked only by ``load=True`` and ``--load``, for this **runs the code of the archive**. Where TorchServe is
    installed beside torch in this Python, its own worker loads the model, in another process, as ``marpack run``
    has it do: the handler, the model file, the weights and the configuration. What goes wrong there ends a
    server's worker too, and is told with its place in the archive; what another machine may have is a note: a
    package that is not installed here, a device, more memory, a variable, an answer from the network. Nothing is
    installed for it.

    Elsewhere it is loaded as ``BaseHandler`` does, in another process of this Python, where torch must be
    installed. That runs the code of the model file, and of the pickle that torch accepts; also that of the
    handler's file, where the weights hold what ``weights_only=True`` does not allow unless something that is
    imported says so. Where nothing is loaded, a note says why [server].
    """
    if subject.settings.load:
        yield from subject.once(_outcome).findings


@frozen_in_order
class _Outcome:
    """What came of loading: findings, and the version of the torch that did load the model."""

    findings: tuple[Finding, ...] = ()
    loaded_by: Version | None = None


def has_loaded(subject: Subject) -> bool:
    """Tell whether the model was asked to be loaded and was, by a torch as the server's, or as good as any."""
    loaded_by = subject.once(_outcome).loaded_by if subject.settings.load else None
    torch = subject.settings.torch
    return loaded_by is not None and (torch is None or torch.version == loaded_by)


def _end_of(path: str) -> str:
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _COPY_SIZE))
        return file.read().decode("utf-8", "replace")


def _outcome(subject: Subject) -> _Outcome:
    from marpack.checks.rules.load_worker import can_load  # its patterns are needed where a model is loaded

    if can_load(subject):
        return _by_worker(subject)
    reason = _reason_not_to(subject)
    if reason is None:
        import tempfile  # slow to import, and needed where a model is loaded

        with tempfile.TemporaryDirectory(prefix="marpack-load-") as folder:
            try:
                _unpack(subject, os.path.join(folder, "model"))
            except FileExistsError:
                reason = "this disk takes two of its names for one"
            else:
                return _loaded(subject, folder)
    return _Outcome((_not_loaded(reason),))


def _by_worker(subject: Subject) -> _Outcome:
    """Have the server's worker load it."""
    from marpack.checks.rules.load_worker import loaded

    unsafe = _unsafe(subject)
    if unsafe is not None:
        return _Outcome((_not_loaded(unsafe),))
    came = loaded(subject, _SECONDS)
    if came.reason:
        return _Outcome((_not_loaded(came.reason[:_LONGEST_MESSAGE]),))
    if not came.message:
        from importlib import metadata  # slow to import, and needed where a model is loaded

        major, minor = (int(part) for part in metadata.version("torch").split(".")[:2])
        return _Outcome(loaded_by=(major, minor))
    fix = "correct what it says; marpack run shows all that the worker wrote"
    found = find_unloadable.finding(
        message=came.message[:_LONGEST_MESSAGE], fix=fix, effect=came.effect, member=came.member, line=came.line
    )
    return _Outcome((found,))


def _not_loaded(reason: str) -> Finding:
    message, fix = f"the model was not loaded, because {reason}", "see whether a server loads it"
    return find_unloadable.finding(message=message, fix=fix, severity="note")


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
    unsafe = _unsafe(subject)
    if unsafe is not None:
        return unsafe
    if subject.present:
        return f"{next(iter(subject.present))!r} leads out of it"
    missing = [name for name in (model_file, serialized_file) if name and name not in subject.names]
    return f"{missing[0]!r} is not in it" if missing else None


def _unsafe(subject: Subject) -> str | None:
    """Return why nothing of it is unpacked."""
    issue = next((issue for issue in subject.contents.problems if issue.code in UNSAFE), None)
    if issue is None:
        return None
    where = f"{issue.argument} " if issue.argument else ""
    return f"it is not safe to unpack: {where}{issue.message}"


def _loaded(subject: Subject, folder: str) -> _Outcome:
    """Load the unpacked model and see what goes wrong; ``MissingExtraError`` where this Python has no torch."""
    import subprocess  # slow to import, and needed where a model is loaded

    if not os.path.isfile(_SCRIPT):
        return _Outcome((_not_loaded(f"{_SCRIPT!r} is no file here: install marpack (pip install marpack)"),))
    model_file, serialized_file = _files(subject)
    answer = os.path.join(folder, "answer.json")
    words = [sys.executable, _SCRIPT, os.path.join(folder, "model"), model_file, serialized_file]
    words += [_handler_before(subject), answer]
    # A file, for the end of a pipe comes only with the last process that has been started from there.
    errors = os.path.join(folder, "errors")
    try:
        with open(errors, "wb") as file:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file,
                timeout=_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired:
        late = _failed(model_file, f"has not been loaded within {_SECONDS} s", "it stops waiting")
        return _Outcome((late,))
    try:
        with open(answer, encoding="utf-8") as text:
            said = json.load(text)
    except (OSError, ValueError):
        lines = _end_of(errors).strip().splitlines()
        what = lines[-1] if lines else "without a word"
        ended = _failed(model_file, f"ends the process that loads it ({done.returncode}): {what}", what)
        return _Outcome((ended,))
    problem = said["problem"]
    if problem is None:
        major, minor = said["torch"]
        return _Outcome(loaded_by=(major, minor))
    if problem["kind"] == "no-torch":
        raise MissingExtraError("loading a model (load=True, --load)", "torch")
    if REFUSED.partition(": ")[2] in problem["error"] and (said["handler"] or allows_itself(subject)):
        # By what was run here it is refused.
        why = "its handler may allow what its weights hold, and is not run"
        if said["handler"]:
            why = f"its handler may allow what its weights hold, and cannot be imported here: {said['handler']}"
        return _Outcome((_not_loaded(why[:_LONGEST_MESSAGE]),))
    member = serialized_file if problem["kind"] == "weights" else model_file
    effect = f"the worker dies: {problem['error'][:_LONGEST_MESSAGE]}"
    return _Outcome((_failed(member, problem["message"][:_LONGEST_MESSAGE], effect),))


def _handler_before(subject: Subject) -> str:
    """Return the handler's module where what it allows decides on the weights, else nothing."""
    name, entry = serialized_file(subject), subject.worker.entry_point
    if name is None or entry is None or entry.module is None or not subject.file("modelFile"):
        return ""
    return entry.module.name if describe(subject, name).refused_globals else ""


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
