"""Answer {"image": 8 rows of 8 numbers} with the class and the log-probabilities of all."""

from __future__ import annotations

from typing import Any

import torch
from ts.torch_handler.base_handler import BaseHandler


class ImageHandler(BaseHandler):
    """Serve any model of one-channel images."""

    def preprocess(self, data: list[dict[str, Any]]) -> torch.Tensor:
        return torch.tensor([[row["body"]["image"]] for row in data], dtype=torch.float32)

    def postprocess(self, data: torch.Tensor) -> list[dict[str, Any]]:
        return [{"class": int(scores.argmax()), "scores": scores.tolist()} for scores in data]
