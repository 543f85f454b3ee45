"""Say whether a text is glad or sad, by the words in it."""

import json
from pathlib import Path
from typing import Any


class Mood:
    """Answer each text with the sum of what its words weigh."""

    def initialize(self, context: Any) -> None:
        """Read the weights, which lie beside this file on the server."""
        weights = Path(context.system_properties["model_dir"], "weights.json")
        self.weights: dict[str, int] = json.loads(weights.read_text(encoding="utf-8"))

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[dict[str, int]]:
        """Return a number for each request."""
        return [{"mood": sum(self.weights.get(word, 0) for word in row["body"].split())} for row in data]
