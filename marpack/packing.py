"""Plan and write in one call, under the archiver's rules for the export path."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from marpack.archive.plan.model import PackOptions, plan_archive
from marpack.archive.plan.plan import Plan
from marpack.archive.result import Progress, WriteResult
from marpack.archive.write.write import write_archive
from marpack.disk.atomic import require_writable_folder
from marpack.errors import CheckError, PlanError, TargetError
from marpack.findings import Finding, Issue

if TYPE_CHECKING:
    from typing import Unpack

CheckMode: TypeAlias = Literal["error", "warn", "off"]
"""What is done where a server would refuse the archive: nothing is packed, it is told, or nobody looks."""

CHECK_MODES: tuple[CheckMode, ...] = get_args(CheckMode)


def pack(
    *,
    export_path: str | os.PathLike[str] = ".",
    force: bool = False,
    digest: bool = False,
    progress: Progress | None = None,
    threads: int | None = None,
    check: CheckMode = "off",
    torch: str | None = None,
    **options: Unpack[PackOptions],
) -> WriteResult:
    """Write ``<export_path>/<model_name>`` with the suffix of the form.

    ``options`` are the arguments of ``plan_archive``, which explains them; ``model_name`` and ``handler`` are
    mandatory. ``force`` replaces an archive that exists, ``digest`` takes SHA-256 sums, and ``progress`` and
    ``threads`` are those of ``write_archive``. ``export_path`` is a folder that exists. ``check`` is
    whether to ask ``marpack.check`` first: ``"warn"`` puts what it says into the result's ``findings``, and
    ``"error"`` raises ``CheckError``, before anything is written, when there is an error among them; ``torch`` is
    the version of the server's, as ``marpack.check`` takes it.
    Raises what they raise; a bad export path is one of the issues of a ``PlanError``.
    """
    require_check_mode(check)
    with reporting(export_path_issues(export_path)):
        plan = plan_archive(**options)
    path = os.path.join(export_path, plan.file_name)
    findings = checked(plan, check, torch=torch)
    result = write_archive(plan, path, force=force, digest=digest, progress=progress, threads=threads)
    return replace(result, findings=findings)


def checked(plan: Plan, mode: CheckMode, *, torch: str | None = None) -> tuple[Finding, ...]:
    """Return what ``marpack.check`` says of a plan; raise ``CheckError`` for errors, if that is the mode."""
    if mode == "off":
        return ()
    from marpack.checks.examine import check

    findings = check(plan, torch=torch)
    refuse(findings, mode)
    return findings


def refuse(findings: Iterable[Finding], mode: CheckMode) -> None:
    """Raise ``CheckError`` for the errors among what ``marpack.check`` says, if that is the mode."""
    if mode == "error" and (errors := [each for each in findings if each.severity == "error"]):
        raise CheckError(errors)


def require_check_mode(check: object) -> None:
    """Raise ``ValueError`` for what is no mode."""
    if check not in CHECK_MODES:
        raise ValueError(f"check is one of {', '.join(CHECK_MODES)}, not {check!r}")


def export_path_issues(export_path: str | os.PathLike[str]) -> list[Issue]:
    """Return what is wrong with the folder that the archive goes to, if anything."""
    try:
        require_writable_folder(os.fspath(export_path))
    except TargetError as error:
        return [Issue(code="export-path", argument="export_path", message=str(error))]
    return []


@contextlib.contextmanager
def reporting(issues: list[Issue]) -> Iterator[None]:
    """Report ``issues`` together with those of a plan that is made in the block."""
    try:
        yield
    except PlanError as error:
        raise PlanError([*error.issues, *issues]) from None
    if issues:
        raise PlanError(issues)
