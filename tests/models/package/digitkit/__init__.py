"""Name digits. Flattening this package would lose its sub-package: both have an __init__.py."""

from __future__ import annotations

import json
from pathlib import Path

import torch

NAMES = json.loads(Path(__file__).with_name("names.json").read_text(encoding="utf-8"))


def name(scores: torch.Tensor) -> str:
    """Return the German name of the digit with the highest score."""
    return str(NAMES[int(scores.argmax())])
