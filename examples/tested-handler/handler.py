"""Count the words of texts."""

from typing import Any


class WordCounter:
    """Answer each text with the number of its words."""

    def initialize(self, context: Any) -> None:
        """Load nothing: there is nothing to load."""

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[dict[str, int]]:
        """Return a number for each request."""
        return [{"words": len(row["body"].split())} for row in data]
