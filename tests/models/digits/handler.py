"""Answer {"pixels": [64 numbers]} with the digit's name and the ten scores."""

from __future__ import annotations

from typing import Any

import torch
from ts.torch_handler.base_handler import BaseHandler


class DigitHandler(BaseHandler):
    """Serve DigitClassifier; BaseHandler loads the model and the names in index_to_name.json."""

    def preprocess(self, data: list[dict[str, Any]]) -> torch.Tensor:
        return torch.tensor([row["body"]["pixels"] for row in data], dtype=torch.float32)

    def postprocess(self, data: torch.Tensor) -> list[dict[str, Any]]:
        return [{"class": self.mapping[str(scores.argmax().item())], "scores": scores.tolist()} for scores in data]
