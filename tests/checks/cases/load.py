"""Models that BaseHandler cannot load, which only loading them shows."""

from __future__ import annotations

from pathlib import Path

from tests.checks.cases.case import Archive, Case

DIGITS = Path(__file__).parents[2] / "models" / "digits"
MODEL = (DIGITS / "model.py").read_text("utf-8")


def of(model: str) -> Archive:
    return Archive(
        files={"model.py": model, "digits.pt": (DIGITS / "digits.pt").read_bytes()},
        model={"handler": "base_handler", "modelFile": "model.py", "serializedFile": "digits.pt"},
    )


CASES = [
    Case(
        code="load",
        title="weights of another shape",
        broken=of(MODEL.replace("nn.Linear(128, 10)", "nn.Linear(129, 10)")),
        repaired=of(MODEL),
        fails="worker",
        says=r"Error\(s\) in loading state_dict",
        options={"load": True},
    )
]
