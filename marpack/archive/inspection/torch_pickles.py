"""What an object of ``torch.save`` is: of its pickle the kind, who refuses it, and which torch can read it."""

from __future__ import annotations

from marpack.archive.inspection.kinds import CANNOT, Found, Weights
from marpack.archive.inspection.pickles import Walked
from marpack.archive.inspection.torch_objects import TorchObjects
from marpack.archive.inspection.torch_versions import (
    Readers,
    needs_of,
    numpy_of_names,
    readers_of_names,
    version_text,
)
from marpack.archive.inspection.weights_only import Allowed, allowed


def describe_pickled(walked: Walked, *, legacy: bool = False, container: Readers | None = None) -> Weights:
    """Return what an object of ``torch.save`` is, by what its pickle would make.

    ``container`` is who reads the file that it lies in.
    """
    found: Found = ("pickle", f"a pickle{CANNOT}followed ({walked.problem})", None, ())
    # A legacy file begins with a number, a version and the system.
    if value := walked.values[3 if legacy else 0 :][:1]:
        found = TorchObjects().kind(value[0], walked)
    kind, detail, keys, holds = found
    # torch takes Python 2's names in every protocol.
    imported = sorted({str(name.in_python_3()) for name in walked.imports})
    only = allowed(imported, walked.opcodes)
    refuses: bool | None = only.bounds is None or walked.computed
    if not refuses and walked.end:
        refuses = None if walked.end == "limit" else True
    if refuses is not False:
        only = Allowed(bounds=None, because=(), never=only.never)
    since, until = only.bounds or (None, None)
    readers = readers_of_names(imported).among(container or Readers())
    return Weights(
        kind=kind,
        detail=f"{detail}, in torch's format from before 1.6" if legacy else detail,
        legacy=legacy,
        globals=walked.names,
        globals_complete=walked.complete,
        keys=keys,
        holds=holds,
        weights_only_refuses=refuses,
        refused_globals=only.never,
        weights_only_from=version_text(since),
        weights_only_to=version_text(until),
        weights_only_because=only.because,
        torch_from=version_text(readers.since),
        torch_to=version_text(readers.until),
        torch_because=readers.because,
        torch_needs=needs_of(readers),
        numpy_from=numpy_of_names(imported),
    )
