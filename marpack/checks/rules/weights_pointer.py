"""The rule on members that are pointers of Git LFS: what a clone has in place of files that were not fetched."""

from __future__ import annotations

from collections.abc import Iterator

from marpack.archive import git_lfs
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.weights import may_be_read
from marpack.checks.rules.weights_calls import loads_of
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

# No pointer is shorter: its version, the sum and the size.
_SHORTEST = 120
_DIES = "the worker dies: Weights only load failed, or PytorchStreamReader failed"


@rule("git-lfs-pointer", "warning")
def find_pointers(subject: Subject) -> Iterator[Finding]:
    """Fetch what Git LFS keeps elsewhere before it is packed: ``git lfs pull``.

    Where a repository is cloned without Git LFS, or downloaded as an archive, its large files are texts of three
    lines that name them. Whatever reads such a member finds that text: of weights ``torch.load`` says
    ``UnpicklingError: Weights only load failed``, ``torch.jit.load`` ``PytorchStreamReader failed`` [server]. It
    is an error for weights that surely are loaded.
    """
    if not may_be_read(subject):
        return
    loaded = {event.path for event in loads_of(subject) if event.phase != "answer"}
    if subject.worker.loads_model is True:
        loaded.add(subject.file("serializedFile") or "")
    for name, size in subject.names.items():
        if not _SHORTEST <= size < git_lfs.LONGEST_POINTER:
            continue
        whole = git_lfs.pointed_size(subject.read(name) or b"")
        if whole is None:
            continue
        severity: Severity | None = "error" if name in loaded else None
        effect = _DIES if name in loaded else "gives that text to whoever reads it"
        message = f"it is {git_lfs.WHAT} ({whole:,} bytes)"
        yield find_pointers.finding(
            message=message, fix=git_lfs.FIX, effect=effect, member=name, severity=severity
        )


RULES = rules_in(globals())
