"""Count the words of texts."""


class WordCounter:
    """Answer each text with the number of its words."""

    def initialize(self, context):
        """Load nothing: there is nothing to load."""

    def handle(self, data, context):
        """Return a number for each request."""
        return [{"words": len(row["body"].split())} for row in data]
