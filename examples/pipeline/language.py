"""Say which language a text is in, by its most frequent words."""

import json
from pathlib import Path
from typing import Any


class Language:
    """Answer each text with the language that most of its words are frequent in."""

    def initialize(self, context: Any) -> None:
        """Read the words, which lie beside this file on the server."""
        words = Path(context.system_properties["model_dir"], "words.json")
        self.words: dict[str, list[str]] = json.loads(words.read_text(encoding="utf-8"))

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[dict[str, str]]:
        """Return a language for each request."""
        return [{"language": self.guess(row["body"].lower().split())} for row in data]

    def guess(self, text: list[str]) -> str:
        """Return the language in which most of these words are frequent."""
        return max(self.words, key=lambda language: sum(word in self.words[language] for word in text))
