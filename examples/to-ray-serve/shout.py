"""Answer each text in capital letters."""

from typing import Any


class Shout:
    """Serve no model at all."""

    def initialize(self, context: Any) -> None:
        """Load nothing: there is nothing to load."""

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[dict[str, str]]:
        """Return a text for each request."""
        return [{"shout": row["body"].strip().upper()} for row in data]
