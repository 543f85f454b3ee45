"""A handler without a class: the manifest names its function, score.py:predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from model import DigitClassifier

model = DigitClassifier()


def predict(data: list[dict[str, Any]] | None, context: Any) -> list[dict[str, Any]] | None:
    """Load the weights on the first call, which brings no data; afterwards score the images."""
    if data is None:
        weights = Path(context.system_properties["model_dir"], context.manifest["model"]["serializedFile"])
        model.load_state_dict(torch.load(weights))
        model.eval()
        return None
    with torch.inference_mode():
        rows = model(torch.tensor([row["body"]["pixels"] for row in data], dtype=torch.float32))
    return [{"class": int(scores.argmax()), "scores": scores.tolist()} for scores in rows]
