"""What ``marpack.check`` finds, in few words."""

from __future__ import annotations

from typing import Any

import marpack


def codes(what: Any, **options: Any) -> dict[str, str]:
    """Return the severity of what is found, by its code."""
    return {finding.code: finding.severity for finding in marpack.check(what, **options)}


def handler(source: str) -> marpack.ArchivePlan:
    """Return the plan of a model whose handler this is."""
    return marpack.plan_archive(model_name="m", handler={"handler.py": source.encode()})
