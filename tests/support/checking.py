"""What ``marpack.check`` finds, in few words."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import marpack

if TYPE_CHECKING:
    from marpack.findings import Finding
    from tests.checks.cases.case import Archive


def codes(what: Any, **options: Any) -> dict[str, str]:
    """Return the severity of what is found, by its code."""
    return {finding.code: finding.severity for finding in marpack.check(what, **options)}


def found(archive: Archive, **options: Any) -> tuple[Finding, ...]:
    """Return what is found in an archive of the cases, as a zip."""
    with marpack.open_archive(io.BytesIO(archive.data("m"))) as opened:
        return marpack.check(opened, **options)


def handler(source: str) -> marpack.ArchivePlan:
    """Return the plan of a model whose handler this is."""
    return marpack.plan_archive(model_name="m", handler={"handler.py": source.encode()})
