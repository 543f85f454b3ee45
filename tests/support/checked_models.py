"""A model in which nothing is wrong, one without a handler's class, and the codes of what is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import marpack

DIGITS = Path(__file__).parents[1] / "models" / "digits"
GOOD: dict[str, Any] = {
    "model_name": "m",
    "handler": DIGITS / "handler.py",
    "model_file": DIGITS / "model.py",
    "serialized_file": DIGITS / "digits.pt",
    "extra_files": DIGITS / "index_to_name.json",
}
NO_CLASS: dict[str, Any] = {"model_name": "m", "handler": {"handler.py": b"x = 1\n"}}


def codes(findings: tuple[marpack.Finding, ...], severity: str = "error") -> list[str]:
    return [finding.code for finding in findings if finding.severity == severity]
