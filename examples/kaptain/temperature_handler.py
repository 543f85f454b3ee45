"""Answer {"data": degrees Celsius} with degrees Fahrenheit."""

from pathlib import Path
from typing import Any

import torch

from temperature import Thermometer


class TemperatureHandler:
    """Serve a Thermometer."""

    def initialize(self, context: Any) -> None:
        """Load the weights that the trainer has exported."""
        weights = Path(context.system_properties["model_dir"], context.manifest["model"]["serializedFile"])
        self.model = Thermometer()
        self.model.load_state_dict(torch.load(weights))

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[float]:
        """Return a number for each request."""
        celsius = torch.tensor([[float(row["data"])] for row in data])
        with torch.inference_mode():
            return [round(degrees, 1) for [degrees] in self.model(celsius).tolist()]
