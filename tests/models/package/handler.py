"""A handler whose work is done by a package that lies in the archive as a folder."""

from __future__ import annotations

from typing import Any

import torch
from digitkit import name
from digitkit.pixels import to_tensor
from ts.torch_handler.base_handler import BaseHandler


class PackagedHandler(BaseHandler):
    """Serve DigitClassifier with the words of digitkit."""

    def preprocess(self, data: list[dict[str, Any]]) -> torch.Tensor:
        return to_tensor([row["body"]["pixels"] for row in data])

    def postprocess(self, data: torch.Tensor) -> list[dict[str, Any]]:
        return [{"class": name(scores), "scores": scores.tolist()} for scores in data]
